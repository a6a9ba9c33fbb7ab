"""Privacy spans as columns: stand-ins, counts, and samples that give nothing away."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.annotate.privacy import (
    EMAILS,
    IPV4_ADDRESSES,
    IPV6_ADDRESSES,
    KINDS,
    PHONES,
    Kind,
    masked_samples,
    privacy_batch,
)
from pile_builder.document import SPANS
from pile_builder.spans import apply_spans
from pile_builder.text.column import from_strings

KEY = "AKIA2R7HQWXZ5KLMNPQT"
PRIVATE = [
    *("ann@site.org", "BOB@mail.test-site.co.uk", "84.17.203.9", "2001:470:1f0b:9::1e", "(713) 853-1234"),
    *("+44 20 7946 1958", "713\xa0853\u20111234", KEY, "ghp_" + "aB3dE5gH9" * 4),
]
PIECES = st.sampled_from([*PRIVATE, ",", "\n", "é", "語", "words", "-", "1", "call"])
TEXTS = st.lists(PIECES, max_size=16).map(" ".join)


def rewritten(texts: list[str]) -> list[str]:
    column = from_strings(texts)
    left: list[str] = apply_spans(column, privacy_batch(column).column("spans")).to_arrow().to_pylist()
    return left


def test_each_kind_has_its_stand_in() -> None:
    allowed = [EMAILS, EMAILS, IPV4_ADDRESSES, IPV6_ADDRESSES, PHONES, PHONES, PHONES]
    allowed += [("<AWS_ACCESS_KEY>",), ("<GITHUB_TOKEN>",)]
    for text, stand_ins in zip(PRIVATE, allowed, strict=True):
        assert rewritten([f"é {text}, ok"])[0] in [f"é {stand_in}, ok" for stand_in in stand_ins]


def test_an_address_has_one_stand_in() -> None:
    people = [f"p{number}@site.org" for number in range(40)]
    first = rewritten(people)
    assert set(first) == set(EMAILS)
    assert rewritten([" ".join(people)])[0].split() == first
    assert rewritten([person.upper() for person in people]) == first
    assert rewritten(["713-853-1234"]) == rewritten(["(713) 853 1234"])


def test_columns_and_counts() -> None:
    texts = [f"{KEY} ann@site.org bob@site.org", "", "nothing", "84.17.203.9"]
    batch = privacy_batch(from_strings(texts))
    assert batch.schema.names == ["spans", *(f"privacy.{kind}" for kind in KINDS)]
    assert batch.column("spans").type == SPANS
    assert batch.select([f"privacy.{kind}" for kind in KINDS]).to_pylist() == [
        {"privacy.email": 2, "privacy.ip": 0, "privacy.phone": 0, "privacy.secret": 1},
        {"privacy.email": 0, "privacy.ip": 0, "privacy.phone": 0, "privacy.secret": 0},
        {"privacy.email": 0, "privacy.ip": 0, "privacy.phone": 0, "privacy.secret": 0},
        {"privacy.email": 0, "privacy.ip": 1, "privacy.phone": 0, "privacy.secret": 0},
    ]
    assert batch.schema.field("privacy.email").type == pa.int32()
    assert [span["rule"] for span in batch.column("spans").to_pylist()[0]] == ["privacy.secret", *["privacy.email"] * 2]
    assert privacy_batch(from_strings([])).num_rows == 0


def test_only_wanted_kinds_are_found() -> None:
    column = from_strings([" ".join(PRIVATE)])
    whole = privacy_batch(column)
    for kind in KINDS:
        batch = privacy_batch(column, [kind])
        assert batch.schema.names == ["spans", f"privacy.{kind}"]
        assert batch.column(f"privacy.{kind}") == whole.column(f"privacy.{kind}")
    assert privacy_batch(column, ["phone", "email"]).equals(privacy_batch(column, ["email", "phone", "email"]))
    unknown: Kind = "name"  # type: ignore[assignment]
    with pytest.raises(ValueError, match="unknown kind of private text 'name'; known are email, ip, phone, secret"):
        privacy_batch(column, [unknown])


@settings(deadline=None, max_examples=200)
@given(st.lists(TEXTS, max_size=4))
def test_replacing_twice_is_replacing_once(texts: list[str]) -> None:
    column = from_strings(texts)
    for spans in privacy_batch(column).column("spans").to_pylist():
        assert all(before["end"] <= after["start"] for before, after in pairwise(spans))
    once = rewritten(texts)
    assert rewritten(once) == once


@settings(deadline=None, max_examples=200)
@given(st.lists(TEXTS, min_size=1, max_size=3), st.integers(0, 4))
def test_samples_show_nothing_private(texts: list[str], limit: int) -> None:
    column = from_strings(texts)
    batch = privacy_batch(column)
    samples = masked_samples(column, batch, limit)
    matches = [
        text.encode()[span["start"] : span["end"]].decode()
        for text, spans in zip(texts, batch.column("spans").to_pylist(), strict=True)
        for span in spans
    ]
    for kind in KINDS:
        in_all = sum(batch.column(f"privacy.{kind}").to_pylist())
        assert sum(sample["kind"] == kind for sample in samples) == min(limit, in_all)
    for sample in samples:
        assert len(sample["before"]) <= 30
        assert len(sample["after"]) <= 30
        assert not any(match in part for match in matches for part in sample.values())


def test_samples() -> None:
    texts = [f"Écrivez à ann@site.org ou bob@site.org; {KEY}", "Ring (713) 853-1234 – or not, as you like it best."]
    column = from_strings(texts)
    assert masked_samples(column, privacy_batch(column), 1) == [
        {"kind": "email", "match": "a**********g", "before": "Écrivez à ", "after": " ou ************; ************"},
        {"kind": "secret", "match": "AKIA***", "before": "************ ou ************; ", "after": ""},
        {"kind": "phone", "match": "(************4", "before": "Ring ", "after": " – or not, as you like it best"},
    ]
