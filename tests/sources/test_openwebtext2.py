from __future__ import annotations

from pathlib import Path

import pytest

from pile_builder.source import Raw, Reject
from pile_builder.sources.openwebtext2 import OpenWebText2
from tests.sources.records import digest, records, rejects

SAMPLES = Path(__file__).parents[2] / "samples" / "openwebtext2"
ALMANAC = "https://almanac.example/"


def pages(**options: object) -> OpenWebText2:
    return OpenWebText2(OpenWebText2.Config(inputs=(".",), root=str(SAMPLES), **options))


def test_samples() -> None:
    source = pages()
    raws = {one.key.removeprefix(ALMANAC): one for one in records(source) if isinstance(one, Raw)}
    made = {key: source.extract(raw) for key, raw in raws.items()}
    assert isinstance(empty := made.pop("empty"), Reject) and empty.rule == "no_text"
    assert {key: digest(document) for key, document in made.items()} == {
        "harbour-clock": "82c359cae147632f",
        "waage": "545d1b33fc2ccf06",
        "lamps": "73b590c6814863f6",
        "gingerbread": "91f6a1d075f6a992",
    }
    assert raws["harbour-clock"].meta == {
        "title": "The harbour clock",
        "url": f"{ALMANAC}harbour-clock",
        "language": "en",
        "score": 42,
        "reddit_ids": ["t3_00", "t3_01"],
    }
    assert "a matter of opinion.\n\nIt was" in made["lamps"].text and "Advertisement" in raws["lamps"].payload.decode()
    assert rejects(source) == {f"{ALMANAC}splice": "low_score"}


@pytest.mark.parametrize(("least", "kept"), [(0, 6), (3, 5), (5, 3), (100, 2)])
def test_least_score(least: int, kept: int) -> None:
    assert sum(isinstance(one, Raw) for one in records(pages(min_score=least))) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("A.\n\nAdvertisement\n\nB.", "A.\n\nB."),
        ("A.\n  Advertisement\t\nB.", "A.\nB."),
        ("Advertisement\nAdvertisement\n\nA.\n\nAdvertisement", "A."),
        ("An Advertisement\nAdvertisements\nAdvertisement: no", "An Advertisement\nAdvertisements\nAdvertisement: no"),
    ],
)
def test_advertisements(text: str, kept: str) -> None:
    assert pages().extract(Raw("a", text.encode())).text == kept
