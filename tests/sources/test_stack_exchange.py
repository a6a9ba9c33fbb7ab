from __future__ import annotations

import hashlib
import os
from collections import Counter
from pathlib import Path

import py7zr
import pytest

from pile_builder.errors import ManifestError
from pile_builder.source import Fragment
from pile_builder.sources import seven_zip, stack_exchange
from pile_builder.sources.stack_exchange import StackExchange
from tests.sources.joined import joined

SAMPLES = Path(__file__).parents[2] / "samples" / "stack_exchange"
FERRIES = "ferries.stackexchange.com"
ROW = '<row Id="{}" PostTypeId="{}" CreationDate="2020-01-01T00:00:00.000" Score="{}" Body="{}" {}/>'


def site(root: Path, *inputs: str, **settings: object) -> StackExchange:
    return StackExchange(StackExchange.Config(inputs=inputs or (".",), root=str(root), **settings))


def write_posts(folder: Path, *rows: str) -> None:
    folder.mkdir()
    (folder / "Posts.xml").write_text("\n".join(['<?xml version="1.0"?>', "<posts>", *rows, "</posts>"]) + "\n")


def test_samples() -> None:
    found = joined(site(SAMPLES))
    digests = {key: hashlib.sha256(one.text.encode()).hexdigest()[:16] for key, one in found.documents.items()}
    assert digests == {
        f"{FERRIES}:1": "9ab49f6fc8d787a1",
        f"{FERRIES}:15": "6790c1d4aafdb1ed",
        f"{FERRIES}:5": "4e34ad60b37ae8fa",
        "lanterns.stackexchange.com:1": "a3abd2b473243350",
        f"meta.{FERRIES}:5": "4e34ad60b37ae8fa",
    }
    assert set(found.rejects) == {
        ("knots.stackexchange.com-Posts.7z", "damaged"),
        ("lanterns.stackexchange.com/Posts.xml.bz2", "truncated"),
        ("lanterns.stackexchange.com/Posts.xml.bz2@1106", "damaged"),
        *((f"{FERRIES}/Posts.xml@{place}", "damaged") for place in (4799, 4884, 4995, 5047)),
        (f"{FERRIES}:10", "low_score"),
        (f"{FERRIES}:12", "no_answer"),
        (f"{FERRIES}:17", "no_text"),
        (f"{FERRIES}:99", "orphan"),
    }
    assert found.skipped == {"tag_wiki": 1}
    ferry = found.documents[f"{FERRIES}:1"]
    assert ferry.meta == {
        "title": "Why does my ferry timetable lose a minute every 10^3 crossings?",
        "url": f"https://{FERRIES}/questions/1",
        "date": "2010-09-14T08:12:31.403",
        "license": "CC-BY-SA-2.5 AND CC-BY-SA-3.0",
        "tags": ["timetables", "rounding"],
        "score": 12,
        "answers": [7, 2],
        "question_id": 1,
        "site": FERRIES,
    }
    assert "after about 10^3 rows" in ferry.text.lower() and "better clock" not in ferry.text
    assert "\n\ndef arrival(start, minutes):\n    # 7.5 minutes a crossing\n    return" in ferry.text
    assert "show minutes.[1] The sum is $\\sum_{i=1}^{n} 450$" in ferry.text
    knots = found.documents[f"{FERRIES}:5"]
    assert knots.text.startswith("Q:\n\nWhich knot holds a List<Rope> of different widths?\n\nTwo ropes")
    assert knots.meta["tags"] == ["knots", "rope"] and "splice" not in knots.text
    assert found.documents[f"meta.{FERRIES}:5"].text == knots.text
    assert "flags | meaning\nred, red, white | tide is late" in found.documents[f"{FERRIES}:15"].text


def test_options() -> None:
    one = joined(site(SAMPLES, FERRIES, min_score=2, max_answers=1)).documents
    assert one[f"{FERRIES}:10"].text.endswith("\n\nA:\n\nThey know the smell of it.")
    assert one[f"{FERRIES}:5"].meta["answers"] == [9]
    every = joined(site(SAMPLES, FERRIES, unanswered=True)).documents
    assert every[f"{FERRIES}:12"].text == "Q:\n\nHow long does a lantern burn?\n\nWith half a pint of oil."


def test_as_the_pile_did() -> None:
    found = joined(site(SAMPLES, FERRIES, compat="pile-2020"))
    assert (f"{FERRIES}:15", "answer_count") in found.rejects
    assert "\n\n7.5 becomes 7,\ntwice 7 is 14" in found.documents[f"{FERRIES}:1"].text
    assert "\n\nKeep seconds and show minutes.1 The sum" in found.documents[f"{FERRIES}:1"].text


@pytest.mark.parametrize("size", [61, 1_000, 5_096, 5_107])
def test_ranges_of_bytes_give_the_same(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = joined(site(SAMPLES, FERRIES))
    monkeypatch.setattr(stack_exchange, "RANGE_BYTES", size)
    parts = joined(site(SAMPLES, FERRIES))
    assert len(list(site(SAMPLES, FERRIES).splits())) == -(-(SAMPLES / FERRIES / "Posts.xml").stat().st_size // size)
    assert parts.documents == whole.documents
    assert sorted(parts.rejects) == sorted(whole.rejects)


def test_names_of_sites(tmp_path: Path) -> None:
    write_posts(tmp_path / "stackoverflow.com-Posts")
    write_posts(tmp_path / "beer")
    assert [split.group for split in site(tmp_path).splits()] == ["beer", "stackoverflow.com"]
    (named,) = site(tmp_path / "beer").splits()
    assert (named.name, named.group) == ("Posts.xml", "beer")
    with pytest.raises(ManifestError, match=r"expected posts.*another table"):
        list(site(SAMPLES, f"{FERRIES}-Users.7z").splits())
    (tmp_path / "beer.7z").write_bytes(b"")
    with pytest.raises(ManifestError, match=r"of the site beer: beer.7z and beer/Posts.xml"):
        list(site(tmp_path).splits())


def test_rows_of_other_shapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_exchange, "MAX_RECORD_BYTES", 5_000)
    write_posts(
        tmp_path / "beer",
        ROW.format(1, 1, 1, "w" * 6_000, 'Title="t"'),
        ROW.format(2, 2, 1, "hops &amp;amp; malt x&lt;sup&gt;2&lt;/sup&gt; 1&lt;sup&gt;st&lt;/sup&gt;", 'ParentId="3"'),
        ROW.format(3, 1, 1, "Which&#x1;?", 'Title="Hops" AcceptedAnswerId="2"'),
        ROW.format(4, 2, 9, "&lt;div", 'ParentId="3"'),
        ROW.format(5, 1, 1, "&x;", 'Title="t"'),
        ROW.format(6, 9, 1, "?", ""),
    )
    found = joined(site(tmp_path))
    assert found.rules == {"too_large": 1, "damaged": 1} and found.skipped == {"other_post": 1}
    assert found.documents["beer:3"].text == "Q:\n\nHops\n\nWhich?\n\nA:\n\nhops & malt x^2 1st"
    assert "url" not in found.documents["beer:3"].meta


@pytest.mark.parametrize("rule", ["encrypted", "bomb", "no_member", "damaged"])
def test_bad_archives(rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seven_zip, "RATIO_FREE_BYTES", 1 << 16)
    path = tmp_path / "beer.7z"
    with py7zr.SevenZipFile(path, "w", password="hops" if rule == "encrypted" else None) as archive:
        content = os.urandom(9_000) if rule != "bomb" else b" " * 1_000_000 + b"\n"
        archive.writestr(content, "Posts.xml" if rule != "no_member" else "Users.xml")
    if rule == "damaged":
        data = bytearray(path.read_bytes())
        data[3_000] ^= 255
        path.write_bytes(data)
    assert ("beer.7z", rule) in joined(site(tmp_path)).rejects


def test_an_archive_is_read_no_further_than_wanted(tmp_path: Path) -> None:
    path = tmp_path / "beer.7z"
    with py7zr.SevenZipFile(path, "w", filters=[{"id": py7zr.FILTER_COPY}]) as archive:
        archive.writestr(os.urandom(30_000_000), "Posts.xml")
    with path.open("rb") as stored, seven_zip.open_member(stored, "Posts.xml", "beer.7z") as stream:
        assert len(stream.read(10)) == 10
        assert stored.tell() < 20_000_000
    with path.open("rb") as stored, seven_zip.open_member(stored, "Posts.xml", "beer.7z") as stream:
        assert sum(len(part) for part in iter(lambda: stream.read(1 << 20), b"")) == 30_000_000


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="real data is not at hand")
def test_real_sites() -> None:
    source = site(Path(os.environ["PILE_DATA"]), "stack_exchange")
    found = joined(source)
    assert len(found.documents) == 1_058
    assert found.rules == {"low_score": 155, "no_answer": 62}
    assert found.skipped == {"tag_wiki": 430, "site_text": 3}
    sizes = [len(document.text.encode()) for document in found.documents.values()]
    assert 2_000 < sum(sizes) / len(sizes) < 3_000
    assert not any("<p>" in document.text or "&lt;" in document.text for document in found.documents.values())
    kinds = Counter(
        one.order[0] for split in source.splits() for one in source.read(split) if isinstance(one, Fragment)
    )
    assert kinds == {"1": 1_275, "2": 2_632}
