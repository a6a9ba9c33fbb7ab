from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pile_builder.errors import InputError
from pile_builder.source import Document, Raw, Reject, Skipped
from pile_builder.sources import opensubtitles
from pile_builder.sources.opensubtitles import OpenSubtitles
from pile_builder.sources.zip_archive import zip_members

SAMPLES = Path(__file__).parents[2] / "samples" / "opensubtitles"


def source(root: Path, *inputs: str, **settings: object) -> OpenSubtitles:
    return OpenSubtitles(OpenSubtitles.Config(inputs=inputs or (".",), root=str(root), **settings))


def records(subtitles: OpenSubtitles) -> Iterator[Raw | Reject | Skipped]:
    for split in subtitles.splits():
        yield from subtitles.read(split)


def documents(subtitles: OpenSubtitles) -> dict[str, Document | Reject]:
    return {one.key: subtitles.extract(one) for one in records(subtitles) if isinstance(one, Raw)}


GOLDEN = {
    "en/1951/43210/3650155": "e1939d5873b75906",
    "en/1951/43210/3650156": "fec0bcedb8ec6e09",
    "en/1951/43211/3650157": "99771021335f3d56",
    "en/0/43215/3650161": "e1939d5873b75906",
    "en/1952/43210/3650155": "4c7ab0027b869b7f",
}


def test_samples() -> None:
    made = documents(source(SAMPLES))
    assert {key: one.rule for key, one in made.items() if isinstance(one, Reject)} == {
        "en/1951/43212/3650158": "truncated",
        "en/1951/43213/3650159": "damaged",
        "en/1951/43214/3650160": "no_text",
    }
    found = {key: one for key, one in made.items() if isinstance(one, Document)}
    assert {key: hashlib.sha256(one.text.encode()).hexdigest()[:16] for key, one in found.items()} == GOLDEN
    assert [one for one in records(source(SAMPLES)) if not isinstance(one, Raw)] == [
        Reject("truncated", "zip cut.zip: File is not a zip file", "cut.zip"),
        Skipped("other_file"),
    ]
    film = found["en/1951/43210/3650155"]
    assert film.text.startswith(
        "There was a ferry once, at the end of the lane.\nIt cost a penny.\n- Where to?\n- To the"
    )
    assert film.text.endswith("It's 5:30 p. m. & we are <late>.\nThe end.")
    assert not any(word in film.text for word in ("an8", "Nobody", "Advertise", "<i>", "00:", "♪", "Drama"))
    assert film.meta == {
        "imdb_id": "tt0043210",
        "subtitle_id": "3650155",
        "language": "en",
        "date": "1951",
        "uploaded": "2009-03-01",
        "genres": ["Drama", "Ferries"],
    }
    # Words of the same film come to the same lines, but for blanks that words do not tell.
    words = found["en/1952/43210/3650155"].text
    assert "".join(words.split()) == "".join(film.text.split())
    assert '"What\'s your name?"\nRuth.' in words and "She laughed (as she always did) and cast off.\n" in words


def test_as_the_pile_did() -> None:
    text = documents(source(SAMPLES, compat="pile-2020"))["en/1951/43210/3650155"].text
    assert '"It cost a penny." "Where to?" "To the other side." "—There is' in text and "\n" not in text
    assert text.endswith('"Sync and corrections by nobody" "www.ferries.example"')


def test_ranges_read_every_member_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(records(source(SAMPLES)))
    monkeypatch.setattr(opensubtitles, "RANGE_BYTES", 900)
    assert len(list(source(SAMPLES).splits())) > 10
    assert list(records(source(SAMPLES))) == whole
    assert list(records(source(SAMPLES, "words.zip", "en.zip", "cut.zip"))) == whole


def test_unpacked_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(SAMPLES / "en.zip") as archive:
        archive.extractall(tmp_path)
    zipped = documents(source(SAMPLES, "en.zip"))
    unpacked = documents(source(tmp_path))
    assert {key: getattr(one, "text", "") for key, one in unpacked.items()} == {
        key: getattr(one, "text", "") for key, one in zipped.items()
    }


def test_hostile_archives(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../../etc/1.xml", bytes(100 << 20))
        archive.writestr("b.xml", b"<a/>" * 1000)
    with path.open("rb") as stored:
        members = zip_members(stored, "a.zip")
        bomb = next(members)
        for limit, rule in ((1 << 20, "too_large"), (1 << 30, "bomb")):
            with pytest.raises(InputError, match=rule):
                bomb.read(limit)
        assert next(members).read() == b"<a/>" * 1000
    data = bytearray(path.read_bytes())
    at = data.rfind(b"b.xml", 0, len(data) - 100)
    data[at + 6 : at + 12] = b"damage"
    path.write_bytes(data)
    assert [one.rule for one in records(source(tmp_path)) if isinstance(one, Reject)] == ["too_large", "damaged"]


def test_no_entities() -> None:
    bomb = b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa">]><document>' + b"<s>One &a; two three.</s>" * 20 + b"</document>"
    made = source(SAMPLES).extract(Raw("a", bomb))
    assert isinstance(made, Document) and "aaaa" not in made.text
