"""Intervals and kappa against published values; who and what is counted."""

from pathlib import Path

import orjson
import pytest
from scipy.stats import binomtest

from pile_builder.audit.intervals import wilson
from pile_builder.review.draw import draw
from pile_builder.review.labels import Decision, Labels, last_labels
from pile_builder.review.rates import REPORT, kappa, report, write_report
from pile_builder.storage import Store


def decision(identity: str, label: str, by: str = "ana", source: str = "web") -> Decision:
    return Decision(identity, source, label, "", by, "2026-01-01T00:00:00+00:00", 1)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_as_published(count: int, total: int, low: float, high: float):
    assert wilson(count, total) == pytest.approx((low, high), abs=5e-5)
    assert wilson(total - count, total) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_wilson_intervals_as_scipy_has_them():
    for total in (1, 2, 7, 50, 1000):
        for count in {0, 1, total // 3, total}:
            theirs = binomtest(count, total).proportion_ci(method="wilson")
            assert wilson(count, total) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_kappa_as_in_a_textbook():
    # 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: observed 0.7, by chance 0.5.
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert kappa(pairs) == pytest.approx(0.4)
    assert kappa([("y", "y")] * 5) is None
    assert kappa([]) is None
    assert kappa([("y", "n"), ("n", "y")]) == -1


def test_a_document_counts_once_with_the_label_of_most_reviewers():
    history = [
        decision("1", "keep", "ana"),
        decision("1", "bad", "ben"),
        decision("1", "keep", "eva"),
        decision("2", "keep", "ana"),
        decision("2", "bad", "ben"),
        decision("3", "new", "ana", "forum"),
        decision("gone", "bad", "ana"),
    ]
    found = report(last_labels(history), ["keep", "bad"], {"1", "2", "3"}, 1)
    assert found["labels"] == ["keep", "bad", "new"]
    web = found["sources"]["web"]
    assert web["documents"] == 2
    assert {label: rate["count"] for label, rate in web["rates"].items()} == {"keep": 1, "bad": 1, "new": 0}
    assert web["rates"]["keep"]["share"] == 0.5
    assert found["sources"]["forum"]["rates"]["new"]["high"] == 1
    assert found["reviewers"]["ana"]["documents"] == 3
    assert found["reviewers"]["ana"]["agreement"]["ben"] == {"documents": 2, "same": 0, "kappa": 0.0}
    assert found["reviewers"]["eva"]["agreement"]["ana"] == {"documents": 1, "same": 1, "kappa": None}
    assert found["left_out"] == {"not_in_corpus": 1, "damaged_lines": 1}


def test_the_report_leaves_out_what_the_corpus_does_not_hold(out: Path):
    store = Store(str(out))
    labels = Labels(store)
    one = draw(store, 1, 1, ["web"])[0]
    labels.add(decision(one.identity, "keep"))
    labels.add(decision("web:00000000000000000000", "bad"))
    found = write_report(store, labels, ["keep"])
    assert found == orjson.loads((out / REPORT).read_bytes())
    assert found["sources"]["web"]["documents"] == 1
    assert found["left_out"]["not_in_corpus"] == 1
