from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pile_builder.source import Document, Raw, Reject, Skipped
from pile_builder.sources.europarl import Europarl

SAMPLES = Path(__file__).parents[2] / "samples" / "europarl"


def source(root: Path, *inputs: str, **settings: object) -> Europarl:
    return Europarl(Europarl.Config(inputs=inputs or (".",), root=str(root), **settings))


def records(debates: Europarl) -> Iterator[Raw | Reject | Skipped]:
    for split in debates.splits():
        yield from debates.read(split)


def documents(debates: Europarl) -> dict[str, Document | Reject]:
    return {one.key: debates.extract(one) for one in records(debates) if isinstance(one, Raw)}


GOLDEN = {
    "de/ep-00-01-17-001": "cc6b7493d389d77d",
    "en/ep-00-01-17-001": "568356763661f783",
    "en/ep-96-04-15": "568356763661f783",
    "en/ep-05-06-07-008": "568356763661f783",
}


def test_samples() -> None:
    made = documents(source(SAMPLES))
    assert {key: one.rule for key, one in made.items() if isinstance(one, Reject)} == {
        "en/ep-11-02-01-001": "too_short",
        "de/ep-11-02-01-002": "undecodable",
    }
    found = {key: one for key, one in made.items() if isinstance(one, Document)}
    assert {key: hashlib.sha256(one.text.encode()).hexdigest()[:16] for key, one in found.items()} == GOLDEN
    others = [one for one in records(source(SAMPLES)) if not isinstance(one, Raw)]
    assert [one.rule if isinstance(one, Reject) else one.kind for one in others] == [
        "truncated",
        "directory",
        "other_file",
    ]
    debate = found["en/ep-00-01-17-001"]
    assert debate.meta == {"language": "en", "date": "2000-01-17"}
    assert found["en/ep-96-04-15"].meta["date"] == "1996-04-15"
    assert debate.text.startswith("Resumption of the ferry\n\nPresident\nI declare resumed the session")
    assert "still there.\n(Applause)\n\nEllerby (WEND)\n(DE) Mr President, a rope" in debate.text
    assert "\n\nI have finished.\n\nTolls\n\nPresident\nThe toll" in debate.text
    # Line ends and emphasis of the file change nothing.
    assert found["en/ep-96-04-15"].text == found["en/ep-05-06-07-008"].text == debate.text


def test_as_the_pile_did() -> None:
    made = documents(source(SAMPLES, compat="pile-2020"))
    assert made["en/ep-96-04-15"].rule == "unknown_tag"
    text = made["en/ep-00-01-17-001"].text
    assert text.startswith("Resumption of the ferry\nPresident\nI declare") and "water.\n\nYou will" in text
    assert "Ellerby (WEND).\n(DE) Mr President" in text and "<" not in text


def test_unpacked_and_order(tmp_path: Path) -> None:
    packed = documents(source(SAMPLES, "europarl.tgz"))
    with tarfile.open(SAMPLES / "europarl.tgz") as archive:
        archive.extractall(tmp_path, filter="data")
    unpacked = documents(source(tmp_path))
    assert {key: getattr(one, "text", None) for key, one in unpacked.items()} == {
        key: getattr(one, "text", None) for key, one in packed.items()
    }
    again = documents(source(SAMPLES, "txt", "europarl.tgz", "cut.tgz"))
    assert list(again) == list(documents(source(SAMPLES)))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ('<SPEAKER ID=3 LANGUAGE="FR" NAME=Dupont>\nBonjour !\n<P>\nNon ; oui.', "Dupont\nBonjour !\n\nNon ; oui."),
        ("<SPEAKER ID=3>\na < b <P> c <BRK>d\n\n\ne", "a < b\n\nc\n\nd\n\ne"),
        ('<CHAPTER ID="(1)">\n<SPEAKER ID=1 NAME="A">\n<SPEAKER ID=2 NAME="B">\nc', "B\nc"),
    ],
)
def test_tags(file: str, text: str) -> None:
    made = source(SAMPLES).extract(Raw("a", (file + "\n\n" + "x" * 200).encode()))
    assert isinstance(made, Document) and made.text == text + "\n\n" + "x" * 200
