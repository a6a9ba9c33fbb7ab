"""The patent source on its samples, on damaged and hostile files, and on real patents where they are at hand."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from pile_builder.source import Document, Raw, Reject, Skipped
from pile_builder.sources.uspto import Uspto, aps, records, xml
from pile_builder.sources.uspto.patent import SUMMARY, Block, background
from pile_builder.sources.uspto.records import patent_number, split_patents

SAMPLES = Path(__file__).parents[2] / "samples" / "uspto"
ORIGINALS = Path(__file__).parents[2] / "samples" / "originals" / "uspto"


def source(root: Path = SAMPLES, inputs: tuple[str, ...] = (".",), **config: object) -> Uspto:
    return Uspto(Uspto.Config(inputs=inputs, root=str(root), **config))


def read(made: Uspto) -> list[Raw | Reject | Skipped]:
    return [record for split in made.splits() for record in made.read(split)]


def extracted(made: Uspto) -> dict[str, Document | Reject]:
    found = read(made)
    results = {one.key: made.extract(one) for one in found if isinstance(one, Raw)}
    return results | {one.key: one for one in found if isinstance(one, Reject)}


def rules(found: dict[str, Document | Reject]) -> dict[str, str]:
    return {key: one.rule for key, one in found.items() if isinstance(one, Reject)}


def test_samples() -> None:
    found = extracted(source())
    assert rules(found) == {
        "US10990003": "damaged",
        "US10990004": "truncated",
        "USD240002": "no_background",
        "USD990002": "no_background",
        "ipg200114.zip": "truncated",
    }
    documents = {key: one for key, one in found.items() if isinstance(one, Document)}
    assert {key: hashlib.sha256(one.text.encode()).hexdigest()[:16] for key, one in documents.items()} == {
        "US10990001": "6c718852e0a8b28d",
        "US3999001": "53c7f6179d7a35db",
        "US3999003": "dd8e762fb1337dfe",
        "US6999001": "3dd14d0ae6f0292f",
    }
    assert documents["US3999001"].text.startswith(
        "# Kettle with a lid that stays on\n\n## BACKGROUND OF THE INVENTION\n\nKettles boil at 100° C., and their "
        "lids fall off when H~2~O is poured out at an angle α of more than 10^2^ degrees.\n\n## DESCRIPTION OF "
        "THE PRIOR ART\n\n"
    )
    assert documents["US3999001"].meta == {
        "title": "Kettle with a lid that stays on",
        "number": "3999001",
        "date": "1976-01-06",
        "classification": ["A47J 27/21"],
        "url": "https://patents.google.com/patent/US3999001",
        "license": "LicenseRef-PublicDomain-US",
    }
    assert "A whistle of radius r~1~, shown in FIG. 1, is “shrill” — everybody" in documents["US6999001"].text
    modern = documents["US10990001"]
    assert "$ΔT = \\frac{P}{C}$ degrees a second. Three" in modern.text
    assert modern.text.endswith("Three remedies are known:\n\n- a fuse,\n- a bimetal of Cu~2~Zn,\n- patience.\n\n"
                                "TABLE 1\n| Remedy | Price |\n|---|---|\n| fuse | 1 |")  # fmt: skip
    assert "license" not in modern.meta and modern.meta["kind"] == "B2"
    everything = "".join(one.text for one in documents.values())
    for passage in ("abstract", "bayonet", "continuation", "SUMMARY", "claim", "Never", "Nobody"):
        assert passage not in everything
    assert Skipped("sequence_listing") in read(source())


def test_whole_descriptions() -> None:
    found = extracted(source(part="description"))
    assert "## SUMMARY\n\nThe kettle weighs itself." in found["US10990001"].text
    assert "subject to copyright protection. The scale is [formula]." in found["US10990001"].text
    assert found["US3999001"].text.endswith("## DETAILED DESCRIPTION\n\nThe bayonet 10 turns in a slot 12.")
    assert "another application" not in found["US6999001"].text


def test_as_the_pile_did() -> None:
    found = extracted(source(compat="pile-2020"))
    assert found["US3999001"].text == (
        "Kettles boil at 100.degree. C., and their lids fall off when H.sub.2 O is poured out at an angle .alpha. of "
        "more than 10.sup.2 degrees."
    )
    assert found["US6999001"].text.endswith("everybody says so.\nTwo whistles a third apart sound better than one.")
    assert "url" not in found["US6999001"].meta


def test_keys_do_not_depend_on_order_or_packaging() -> None:
    zips = ("pg020101.zip", "ipg200107.zip", "pftaps19760106_wk01.zip")
    forward, backward = (list(extracted(source(inputs=names))) for names in (zips, zips[::-1]))
    loose = [one.key for one in read(source(ORIGINALS)) if isinstance(one, Raw)]
    assert forward == backward == loose == sorted(set(loose), key=loose.index)


@pytest.mark.parametrize("name", ["pftaps19760106_wk01.txt", "pg020101.xml", "ipg200107.xml"])
def test_splitting_does_not_depend_on_chunks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = (ORIGINALS / name).read_bytes()
    whole = list(split_patents(io.BytesIO(data)))
    assert b"".join(whole) in data and len(whole) == data.count(b"\nPATN") + len(data.split(b"<?xml ")) - 1
    for size in (1, 50, 333):
        monkeypatch.setattr(records, "CHUNK_BYTES", max(size, 30) if size > 1 else 17)
        assert list(split_patents(io.BytesIO(data))) == whole


def test_large_patents_are_counted_and_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "CHUNK_BYTES", 100)
    data = b"PATN\nWKU  039990018\nBSUM\nPAR  " + b"a " * 2_000 + b"\nPATN\nWKU  039990034\n"
    large, small = split_patents(io.BytesIO(data), limit=500)
    assert large == data.rindex(b"PATN") and patent_number(small) == "3999003"


def test_declarations_and_comments_without_end() -> None:
    assert len(list(split_patents(io.BytesIO(b"<?xml " * 100_000)))) < 200
    assert len(list(split_patents(io.BytesIO(b"<?xml " + b"<!-- " * 500_000)))) == 0
    assert list(split_patents(io.BytesIO(b"<?xml ?><!-- <!DOCTYPE x> --><a/>"))) == [
        b"<?xml ?><!-- <!DOCTYPE x> --><a/>"
    ]


def test_sgml_of_2001() -> None:
    record = (
        b'<!DOCTYPE PATDOC PUBLIC "-//USPTO//DTD ST.32 US PATENT GRANT V2.4 2000-09-20//EN">\n<PATDOC><SDOBI>'
        b"<B100><B110><DNUM><PDAT>06166001</PDAT></DNUM></B110></B100></SDOBI><SDODE><BRFSUM><CITED-BY-OTHER><BTEXT><PARA>"
        b"<PTEXT><PDAT>Kettles &amp; pots.</PDAT></PTEXT></PARA></BTEXT></BRFSUM></SDODE></PATDOC>\n"
    )
    assert list(split_patents(io.BytesIO(record * 2))) == [record, record]
    assert patent_number(record) == "6166001"
    patent = xml.parse(record)
    assert patent is not None and [block.text for block in patent.blocks] == ["Kettles & pots."]


def test_where_a_background_begins_and_ends() -> None:
    def chosen(*lines: str) -> list[str]:
        """Blocks of lines: headings in capitals."""
        return [one.text for one in background([Block(line, int(line.isupper()), SUMMARY) for line in lines])]

    assert chosen("FIELD", "a", "PRIOR ART", "b", "SUMMARY", "c") == ["FIELD", "a", "PRIOR ART", "b"]
    assert chosen("BACKGROUND", "FIELD OF THE INVENTION", "a", "RELATED ART", "b", "OBJECTS", "c")[-1] == "b"
    assert chosen("RELATED APPLICATIONS", "x", "BACKGROUND OF THE INVENTION", "a", "BRIEF SUMMARY") == [
        "BACKGROUND OF THE INVENTION", "a",
    ]  # fmt: skip
    assert chosen("a", "b") == ["a", "b"]
    assert chosen("SUMMARY OF THE INVENTION", "a") == []
    assert chosen("BACKGROUND", "This application is a continuation of Ser. No. 1.", "a") == ["BACKGROUND", "a"]


def test_codes_of_signs() -> None:
    text = "PATN\nWKU  039990018\nBSUM\n"
    text += "PAR  10.sup.-3 to 20.mu.m, C.sub.1.5 and CO.sub.2, about .+-.5.degree.; x.sup.(a+b).\n"
    [block] = aps.parse(text.encode()).blocks
    assert block.text == "10^-3^ to 20μm, C~1.5~ and CO~2~, about ±5°; x^(a+b)^."


def test_hostile_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../etc/ipg.xml", (ORIGINALS / "pg020101.xml").read_bytes())
        archive.writestr("pictures.tif", b"II")
        archive.writestr("bomb.xml", bytes(60 << 20))
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 and nothing else")
    damaged = bytearray((SAMPLES / "pg020101.zip").read_bytes())
    damaged[200:240] = b"\xff" * 40
    (tmp_path / "c.zip").write_bytes(bytes(damaged))
    deep = (ORIGINALS / "pg020101.xml").read_bytes().replace(b"<BRFSUM>", b"<BRFSUM>" + b"<BTEXT>" * 120)
    (tmp_path / "d.xml").write_bytes(
        deep.replace(b"</BRFSUM>", b"</BTEXT>" * 120 + b"</BRFSUM>").replace(b"6999001", b"6999009")
    )
    bomb = b'<!DOCTYPE PATDOC [<!ENTITY a "aaaa">]><PATDOC><B110><DNUM><PDAT>06999008</PDAT></DNUM></B110>&a;</PATDOC>'
    (tmp_path / "e.xml").write_bytes(bomb)
    (tmp_path / "f.txt").write_bytes(b"\x00\xff" * 1000)
    assert rules(extracted(source(tmp_path))) == {
        "US6999008": "no_background",
        "US6999009": "too_large",
        "a.zip": "bomb",
        "b.zip": "truncated",
        "c.zip": "damaged",
        "f.txt": "damaged",
    }


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="needs real inputs in PILE_DATA")
def test_real_patents() -> None:
    found = extracted(source(Path(os.environ["PILE_DATA"]), ("uspto",)))
    assert Counter(rules(found).values()) == {"no_background": 21, "damaged": 3}
    assert all(key.startswith(("USD", "uspto/eras/c")) for key in rules(found))
    documents = [one for one in found.values() if isinstance(one, Document)]
    assert len(documents) == 146
    # The Pile's mean is 4.08 KiB.
    assert 3_700 < sum(len(one.text) for one in documents) / 146 < 4_200
    assert sum("BACKGROUND" in one.text.upper() for one in documents) > 125
