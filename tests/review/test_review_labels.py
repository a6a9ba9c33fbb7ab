"""Labels are on disk at once, the last of a reviewer counts, and a line cut short harms no other."""

from pathlib import Path

import pytest

from pile_builder.errors import PileError
from pile_builder.review.labels import FILE, Decision, Labels, last_labels, now, parse_labels
from pile_builder.storage import Store


def decision(identity: str, label: str | None, by: str = "ana", comment: str = "") -> Decision:
    return Decision(f"web:{identity}", "web", label, comment, by, now(), 1)


def test_the_last_decision_counts_and_history_stays(tmp_path: Path):
    labels = Labels(Store(str(tmp_path)))
    for label in ("keep", "bad", None, "bad"):
        labels.add(decision("1", label))
    labels.add(decision("1", "keep", "ben"))
    labels.add(decision("2", "keep"))
    labels.add(decision("2", None, comment="unsure"))
    again = Labels(Store(str(tmp_path)))
    assert [one.label for one in again.history] == ["keep", "bad", None, "bad", "keep", "keep", None]
    assert again.history == labels.history
    assert {pair: one.label for pair, one in last_labels(again.history).items()} == {
        ("web:1", "ana"): "bad",
        ("web:1", "ben"): "keep",
    }
    assert again.of("ana")["web:2"].comment == "unsure"


def test_a_torn_line_is_counted_and_the_next_one_is_whole(tmp_path: Path):
    store = Store(str(tmp_path))
    labels = Labels(store)
    labels.add(decision("1", "keep"))
    labels.add(decision("2", "keep"))
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:-20])
    torn = Labels(store)
    assert [one.id for one in torn.history] == ["web:1"]
    assert torn.damaged == 1
    torn.add(decision("3", "bad"))
    assert [one.id for one in Labels(store).history] == ["web:1", "web:3"]
    assert Labels(store).damaged == 1


@pytest.mark.parametrize(
    "line", [b"[1]", b"{}", b"\xff", b'{"id":1,"source":"","label":"","comment":"","by":"","when":"","seed":1}']
)
def test_lines_that_are_no_decisions_are_counted(tmp_path: Path, line: bytes):
    (tmp_path / "review").mkdir()
    (tmp_path / FILE).write_bytes(line + b"\n\n")
    labels = Labels(Store(str(tmp_path)))
    assert (labels.history, labels.damaged) == ([], 1)


def test_two_reviewers_append_to_one_file(tmp_path: Path):
    first, second = Labels(Store(str(tmp_path))), Labels(Store(str(tmp_path)))
    for number in range(20):
        first.add(decision(str(number), "keep", "ana"))
        second.add(decision(str(number), "bad", "ben"))
    assert len(last_labels(Labels(Store(str(tmp_path))).history)) == 40


def test_lists_of_labels():
    assert parse_labels("keep, wrong language ,") == ("keep", "wrong language")
    for words in ("", ",", "a,a", "a" * 41, ",".join("abcdefghij")):
        with pytest.raises(PileError, match="--labels: expected 1 to 9 different labels"):
            parse_labels(words)


def test_labels_are_kept_on_this_machine_only():
    with pytest.raises(PileError, match="expected a folder of this machine"):
        Labels(Store("s3://bucket/corpus"))
