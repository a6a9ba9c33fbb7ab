from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pile_builder.errors import InputError, ManifestError
from pile_builder.source import Document, Raw, Reject, Skipped
from pile_builder.sources import pdf
from pile_builder.sources.pages import paragraphs, without_furniture
from pile_builder.sources.philpapers import PhilPapers, paper_text, pile_text

SAMPLES = Path(__file__).parents[2] / "samples" / "philpapers"


def papers(root: Path, *inputs: str, **settings: object) -> PhilPapers:
    source = PhilPapers(PhilPapers.Config(inputs=inputs or (".",), root=str(root), **settings))
    tables = source.side_tables()
    source.bind_tables({name: dict(source.read_table(name, files)).get for name, files in tables.items()})
    return source


def records(source: PhilPapers) -> Iterator[Raw | Reject | Skipped]:
    for split in source.splits():
        yield from source.read(split)


def test_samples() -> None:
    source = papers(SAMPLES, records=("oai",))
    made = {raw.key: source.extract(raw) for raw in records(source) if isinstance(raw, Raw)}
    assert {key: one.rule for key, one in made.items() if isinstance(one, Reject)} == {
        "HALWDR": "deleted",
        "ORMCUT": "damaged",
        "ORMGON-3": "too_short",
        "ORMWEB": "not_pdf",
        "PELLCK": "encrypted",
    }
    found = {key: one for key, one in made.items() if isinstance(one, Document)}
    digests = {key: hashlib.sha256(document.text.encode()).hexdigest()[:16] for key, document in found.items()}
    assert digests == {
        "HALOTM-1": "f0ec319f5c925b13",
        "PELUDW-2": "4efee1d18c9499a0",
    }
    tides = found["HALOTM-1"]
    assert tides.meta == {
        "url": "https://philarchive.org/rec/HALOTM-1",
        "title": "On the Measure of Tides",
        "authors": ["Hale, Lucy"],
        "date": "2024",
        "language": "en",
        "license": "CC-BY-4.0",
        "pages": 3,
    }
    assert tides.text.startswith("On the Measure of Tides\n\nLucy Hale\n\nWhether a tide gauge measures")
    original = (SAMPLES.parent / "originals" / "philpapers" / "HALOTM-1.txt").read_text().replace("# ", "")
    assert " ".join(tides.text.split()) == " ".join(original.split())
    assert len(tides.text.split("\n\n")) == len(original.split("\n\n")) + 1
    assert found["PELUDW-2"].meta["license"] == "NOASSERTION"
    assert found["PELUDW-2"].meta["rights"] == "All rights kept"
    assert found["PELUDW-2"].meta["date"] == "2025-11-02"


def test_without_records_and_in_a_tar(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "papers.tar", "w") as archive:
        archive.add(SAMPLES, "papers")
    source = papers(tmp_path)
    found = list(records(source))
    assert Skipped("directory") in found and Skipped("other_file") in found
    [raw] = [one for one in found if isinstance(one, Raw) and one.key == "HALOTM-1"]
    document = source.extract(raw)
    assert document.meta == {"url": "https://philarchive.org/rec/HALOTM-1", "license": "NOASSERTION", "pages": 3}


def test_compat() -> None:
    pages = [
        "Lucy Hale 1\nThe “wave” is self-\nevident and ef\u00ad\nﬁcient\n\n(cid:38)(cid:82) abc\n\n"
        "1 2 3 4 5 a\n\n12 The end 12"
    ]
    assert pile_text(pages) == 'Lucy Hale 1 The "wave" is selfevident and efficient\n\nThe end'
    source = papers(SAMPLES, compat="pile-2020")
    [raw] = [one for one in records(source) if isinstance(one, Raw) and one.key == "HALOTM-1"]
    assert source.extract(raw).text.startswith("Lucy Hale 1 On the Measure")


def test_pages_and_paragraphs() -> None:
    bodies = ["Once there were none.", "Then came the Penny,", "as the board wished", "and nobody else did, yet."]
    pages = [
        [
            f"{12 + at} OF FERRIES" if at % 2 else f"ELLERBY {12 + at}",
            body,
            "A line as long as one on this page.",
            body[::-1],
        ]
        for at, body in enumerate(bodies)
    ]
    assert [page[0] for page in without_furniture(pages)] == bodies
    assert all(page[-1] == body[::-1] for page, body in zip(without_furniture(pages), bodies, strict=True))
    assert without_furniture([["12 ferries came."]]) == [["12 ferries came."]]
    lines = [
        "A line that is full here and bro-",
        "ken, and Anglo-",
        "Saxon to its full length, as is",
        "this. 1 Not a heading, I say.",
        "2. Heading",
        "- an item",
    ]
    assert paragraphs([lines]) == [
        "A line that is full here and broken, and Anglo-Saxon to its full length, as is this. 1 Not a heading, I say.",
        "2. Heading",
        "- an item",
    ]


def test_what_is_no_text_goes() -> None:
    page = [
        "Some words that are text, as they go on.",
        "© 2020 The Author",
        "1. Intro . . . . . . . 7",
        "- \ue001\ue002\ue003 ab",
        "- x = 1 + 2 / 3 - 4",
    ]
    assert paper_text(["\n".join(page)]) == "Some words that are text, as they go on."


def test_a_missing_library_is_told_before_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "find_spec", lambda name: None)
    with pytest.raises(ManifestError, match=r"pile-builder\[pdf\]"):
        papers(SAMPLES).splits()


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    data = (SAMPLES / "HALOTM-1.pdf").read_bytes()
    monkeypatch.setattr(pdf, "MAX_CHARACTERS", 1_000)
    with pytest.raises(InputError, match="characters"):
        pdf.pdf_pages(data)
    monkeypatch.setattr(pdf, "MAX_PAGES", 2)
    with pytest.raises(InputError, match="3 pages"):
        pdf.pdf_pages(data)


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="PILE_DATA is not set")
def test_real_records() -> None:
    folder = Path(os.environ["PILE_DATA"]) / "philpapers" / "oai-pmh"
    source = PhilPapers(PhilPapers.Config(inputs=("x",), root=str(folder), records=("ListRecords?.xml",)))
    table = list(source.read_table("records", source.side_tables()["records"]))
    assert [key for key, _ in table][:2] == ["1585310", "1585322"]
    assert table[0][1] == {"deleted": True} and table[1][1]["authors"] == ["John Doe"]
    broken = PhilPapers(PhilPapers.Config(inputs=("x",), root=str(folder), records=("ListRecordsBroken.xml",)))
    with pytest.raises(InputError):
        list(broken.read_table("records", broken.side_tables()["records"]))
