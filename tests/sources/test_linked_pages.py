from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from pile_builder.errors import ManifestError
from pile_builder.input_files import InputFile
from pile_builder.source import Document, Raw, Reject, Skipped
from pile_builder.sources.common_crawl import links as links_module
from pile_builder.sources.common_crawl.links import LinkedPages, read_links, summed
from pile_builder.sources.common_crawl.urls import hashed, url_key
from tests.hostile.made import STORY, html_response
from tests.sources.records import records

URLS = [f"http://www.harbour.example/{name}" for name in ("liked", "loathed", "summed", "unknown")]


def crawl(root: Path) -> list[str]:
    """An archive of a page a URL, each a gzip member; the index lines of them, in the order of `URLS`."""
    lines, at = [], 0
    (root / "crawl-data").mkdir()
    with (root / "crawl-data" / "a.warc.gz").open("wb") as out:
        for number, url in enumerate(URLS):
            member = gzip.compress(html_response(STORY * 2, url))
            place = {"filename": "crawl-data/a.warc.gz", "offset": str(at), "length": str(len(member))}
            lines.append(
                f"example,harbour)/{number} 20200101000000 " + json.dumps({"url": url, "status": "200", **place})
            )
            out.write(member)
            at += len(member)
    return lines


def linked(root: Path, lines: list[str], **options: object) -> list[Raw | Reject | Skipped]:
    (root / "cdx-00000.gz").write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    posts = [(URLS[0], 3), (URLS[1], -5), (URLS[1], 7), (URLS[2], 1), (URLS[2].replace("http://www.", "https://"), 2)]
    submissions = [{"url": url, "score": score} for url, score in posts] + [{"selftext": "no link"}, {"url": 7}]
    (root / "RS_2020-01").write_text("".join(json.dumps(one) + "\n" for one in submissions) + "not JSON\n")
    config = LinkedPages.Config(inputs=("cdx-*",), links=("RS_*",), root=str(root), prefix="", **options)
    return list(records(LinkedPages(config)))


def test_liked_pages_are_fetched(tmp_path: Path) -> None:
    found = linked(tmp_path, crawl(tmp_path))
    raws = [one for one in found if isinstance(one, Raw)]
    assert [one.meta["url"] for one in raws] == [URLS[0], URLS[2]]
    assert isinstance(LinkedPages(LinkedPages.Config(inputs=(), links=())).extract(raws[0]), Document)
    assert [one for one in found if isinstance(one, Skipped)] == [Skipped("not_linked", 2)]
    assert sum(isinstance(one, Raw) for one in linked(tmp_path, ["x"], min_score=4)) == 0


def test_captures_that_are_not_fetched(tmp_path: Path) -> None:
    first, second, *_ = crawl(tmp_path)
    lines = [first.replace('"200"', '"404"'), first, first, "no line of an index"]
    lines += [first.replace("crawl-data", "../etc"), first.replace("crawl-data", "/etc")]
    liked = second.replace(URLS[1], URLS[2])
    lines += [liked.replace('"length": "', f'"length": "{"9" * count}') for count in (7, 20)]
    found = linked(tmp_path, lines)
    assert Counter(one.rule if isinstance(one, Reject) else getattr(one, "kind", "raw") for one in found) == {
        "http_status": 1, "raw": 1, "again": 1, "damaged": 4, "too_large": 1
    }  # fmt: skip


def test_a_damaged_record_costs_itself(tmp_path: Path) -> None:
    lines = crawl(tmp_path)
    content = bytearray((tmp_path / "crawl-data" / "a.warc.gz").read_bytes())
    content[60:80] = bytes(20)
    (tmp_path / "crawl-data" / "a.warc.gz").write_bytes(content)
    found = linked(tmp_path, lines)
    assert [(one.rule, one.key) for one in found if isinstance(one, Reject)] == [("damaged", URLS[0])]
    assert sum(isinstance(one, Raw) for one in found) == 1


def test_sums_are_those_of_a_dictionary(monkeypatch: pytest.MonkeyPatch) -> None:
    links = [(f"http://a.example/{number % 17}", number % 5 - 1) for number in range(200)]
    expected: Counter[int] = Counter()
    for url, score in links:
        expected[hashed(url_key(url))] += score
    monkeypatch.setattr(links_module, "MERGE_LINKS", 7)
    hashes, sums = summed(links)
    assert dict(zip(hashes.tolist(), sums.tolist(), strict=True)) == dict(expected)


def test_lists_of_links(tmp_path: Path) -> None:
    def read(name: str, content: str) -> list[tuple[str, int]]:
        (tmp_path / name).write_text(content)
        return list(read_links(InputFile(name, str(tmp_path / name), len(content)), 3))

    assert read("a.csv", 'score,url,title\n12,http://a.example/,"two\nlines"\nx,http://b.example,\n') == [
        ("http://a.example/", 12)
    ]
    assert read("a.txt", "http://a.example/\n\n") == [("http://a.example/", 3)]
    with pytest.raises(ManifestError, match="expected columns url and score, there are points, link"):
        read("b.csv", "points,link\n1,http://a.example\n")


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="needs PILE_DATA")
def test_real_submissions() -> None:
    root = Path(os.environ["PILE_DATA"]) / "openwebtext2"
    counts = {
        path.name: sum(1 for _ in read_links(InputFile(path.name, str(path), 1), 3)) for path in root.glob("*.csv")
    }
    assert counts == {"Economics.csv": 1000, "inthenews.csv": 1000, "news.csv": 999, "technology.csv": 1000}
