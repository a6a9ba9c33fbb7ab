"""Common Crawl as a source: what records become, hostile archives and pages, block lists, real archives if given."""

import gzip
import io
import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from fastwarc.stream_io import Lz4Writer
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.errors import InputError, ManifestError
from pile_builder.source import Document, Raw, Reject, Skipped
from pile_builder.sources.common_crawl import CommonCrawl, CommonCrawlConfig
from pile_builder.sources.common_crawl.warc import Record, decode_body, parse_http, read_records

ROOT = Path(__file__).parents[2]
DATE = "2020-01-01T00:00:00Z"
SENTENCES = "A long enough paragraph of plain English text stands here so that every extractor keeps it. " * 6
PAGE = (
    f"<html><head><title>T</title></head><body><article><h1>T</h1><p>{SENTENCES}</p></article></body></html>".encode()
)


def record(kind="response", url="http://a.example/1", block=b"", content_type="application/http", eol=b"\r\n", **extra):
    fields = {"WARC-Type": kind, "WARC-Target-URI": url, "WARC-Date": DATE, "Content-Type": content_type}
    fields |= {name.replace("_", "-"): value for name, value in extra.items()}
    fields.setdefault("Content-Length", str(len(block)))
    lines = [b"WARC/1.0", *(f"{name}: {value}".encode() for name, value in fields.items() if value is not None)]
    return eol.join(lines) + eol * 2 + block + eol * 2


def http(body=PAGE, head=b"HTTP/1.1 200 OK\r\nContent-Type: text/html"):
    return head + b"\r\n\r\n" + body


def source(root, *inputs, **config):
    return CommonCrawl(CommonCrawlConfig(inputs=inputs or (".",), root=str(root), **config))


def test_libraries_that_make_the_text_are_named():
    assert source(".").text_libraries() == ("justext", "lxml", "resiliparse", "selectolax", "trafilatura")
    assert source(".", fallback=False).text_libraries() == ("resiliparse", "selectolax")
    assert source(".", extractor="resiliparse").text_libraries() == ("resiliparse",)


def read(root, *inputs, **config):
    plugin = source(root, *inputs, **config)
    return [item for split in plugin.splits() for item in plugin.read(split)]


def read_bytes(tmp_path, data, name="x.warc", **config):
    (tmp_path / name).write_bytes(data)
    return read(tmp_path, **config)


def kinds(items):
    return Counter(
        "raw" if isinstance(item, Raw) else item.kind if isinstance(item, Skipped) else f"!{item.rule}"
        for item in items
    )


@pytest.fixture(scope="module")
def sample():
    plugin = source(ROOT, "samples/common_crawl")
    return plugin, [item for split in plugin.splits() for item in plugin.read(split)]


def test_sample_books(sample):
    assert kinds(sample[1]) == {
        "raw": 40,
        "!excluded_domain": 1,
        "request": 36,
        "metadata": 12,
        "warcinfo": 3,
        "revisit": 4,
        "http_status": 4,
        "not_html": 4,
    }


def test_sample_texts(sample):
    plugin, items = sample
    documents = {item.key: plugin.extract(item) for item in items if isinstance(item, Raw)}
    assert all(isinstance(document, Document) for document in documents.values())
    assert len(documents) == 40
    leaf_mould = documents["http://tidewaterallotments.example/notes/leaf-mould.html 2021-03-04T05:00:00Z"]
    assert leaf_mould.text.startswith("Making leaf mould without a machine\n\nLeaf mould is the one thing")
    assert leaf_mould.text.endswith("who is delighted that somebody wants them.")
    assert "garden sheds" not in leaf_mould.text
    assert "Privacy" not in leaf_mould.text
    assert leaf_mould.meta == {
        "url": "http://tidewaterallotments.example/notes/leaf-mould.html",
        "date": "2021-03-04T05:00:00Z",
        "title": "Making leaf mould without a machine - tidewaterallotments.example",
        "language": "en",
    }
    text = "\n".join(document.text for document in documents.values())
    for word in (
        "naïve",
        "“sally”",
        "喫茶店",
        "Küchenabfälle",
        "délaie",
        "pszczoły",
        "велосипеда",
        "días",
        "The heron",
    ):
        assert word in text
    assert "\ufffd" not in text


def test_sample_is_what_its_script_makes(tmp_path, monkeypatch):
    import importlib.util

    spec = importlib.util.spec_from_file_location("make_common_crawl", ROOT / "samples" / "make_common_crawl.py")
    script = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "make_common_crawl", script)
    spec.loader.exec_module(script)
    pages = script.read_pages()
    made = b"".join(script.warc("CC-MAIN-20210304050000-00000.warc.gz", pages[: len(pages) // 2], 0))
    kept = gzip.decompress((ROOT / "samples/common_crawl/CC-MAIN-20210304050000-00000.warc.gz").read_bytes())
    assert made == kept


def test_previews_are_article_text(sample):
    plugin, items = sample
    previews = {item.key: plugin.preview(item) for item in items if isinstance(item, Raw)}
    found = next(text for key, text in previews.items() if "verge-escapement" in key)
    assert found.startswith("The verge is the oldest escapement")
    assert all(previews.values())


def test_order_of_calls_changes_nothing(sample):
    plugin, items = sample
    raws = [item for item in items if isinstance(item, Raw)][:12]
    forward = [(plugin.preview(raw), plugin.extract(raw)) for raw in raws]
    backward = [(plugin.extract(raw), plugin.preview(raw)) for raw in reversed(raws)]
    assert forward == [(text, document) for document, text in reversed(backward)]


@pytest.mark.parametrize("extractor", ["trafilatura", "resiliparse", "justext"])
def test_extractors(extractor, tmp_path):
    (raw,) = read_bytes(tmp_path, record(block=http()))
    document = source(tmp_path, extractor=extractor).extract(raw)
    assert SENTENCES.strip()[:200] in document.text


def test_missing_extra_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "justext", None)
    with pytest.raises(ManifestError, match=r"pip install 'pile-builder\[compat\]'"):
        source(tmp_path, extractor="justext")


def test_same_url_twice_gets_two_stable_keys(tmp_path):
    one, two = (record(block=http(), WARC_Record_ID=f"<urn:uuid:{number}>") for number in (1, 2))
    keys = [raw.key for raw in read_bytes(tmp_path, one + two + two)]
    assert keys[0] == f"http://a.example/1 {DATE}"
    assert len(set(keys)) == 3
    assert keys == [raw.key for raw in read(tmp_path)]


def test_path_lists_become_one_split_a_line(tmp_path):
    lines = "crawl-data/b.warc.gz\n\n# comment\ncrawl-data/a.warc.gz\n"
    (tmp_path / "warc.paths.gz").write_bytes(gzip.compress(lines.encode()))
    splits = list(source(tmp_path, "warc.paths.gz").splits())
    assert [split.name for split in splits] == ["crawl-data/a.warc.gz", "crawl-data/b.warc.gz"]
    assert splits[0].files[0].url == "https://data.commoncrawl.org/crawl-data/a.warc.gz"
    (tmp_path / "mirror" / "crawl-data").mkdir(parents=True)
    for name in "ab":
        (tmp_path / "mirror" / "crawl-data" / f"{name}.warc.gz").write_bytes(gzip.compress(record(block=http())))
    assert kinds(read(tmp_path, "warc.paths.gz", prefix="mirror")) == {"raw": 2}


@pytest.mark.parametrize(
    ("head", "body", "outcome"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html", PAGE, "raw"),
        (b"HTTP/1.1 HTTP/1.1 200 OK\r\nContent-Type: text/html", PAGE, "raw"),
        (b"HTTP/1.1 200 OK\r\nHTTP/1.0 200 OK\r\nContent-Type: text/html", PAGE, "raw"),
        (b"HTTP/1.0 203\r\ncontent-type:application/xhtml+xml", PAGE, "raw"),
        (b"HTTP/1.1 200 OK\r\nServer: x", PAGE, "raw"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream", b" <!doctype  HTML>" + PAGE, "raw"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html", b"%PDF-1.4 ...", "not_html"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json", b"{}", "not_html"),
        (b"HTTP/1.1 200 OK", b"no markup at all", "not_html"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html", PAGE, "http_status"),
        (b"HTTP/1.1 0 No Content", b"", "http_status"),
        (b"HTTP/1.1 304 Not Modified", b"", "http_status"),
    ],
)
def test_which_responses_are_read(tmp_path, head, body, outcome):
    assert kinds(read_bytes(tmp_path, record(block=http(body, head)))) == {outcome: 1}


def test_every_cut_of_an_archive_is_noticed(tmp_path):
    pieces = [record(url=f"http://a.example/{number}", block=http()) for number in range(3)]
    packed = [gzip.compress(piece) for piece in pieces]
    whole = b"".join(packed)
    ends = {sum(map(len, packed[:count])): count for count in range(4)}
    for cut in [*range(1, len(whole), 37), *ends]:
        if cut:
            counted = kinds(read_bytes(tmp_path, whole[:cut], "x.warc.gz"))
            assert counted == ({"raw": ends[cut]} if cut in ends else counted)
            assert cut in ends or counted["!truncated"] + counted["!damaged"] + counted["!not_warc"] == 1
    plain = b"".join(pieces)
    for cut in range(len(pieces[0]) + 20, len(pieces[0]) + len(pieces[1]) - 4, 41):
        assert kinds(read_bytes(tmp_path, plain[:cut], "x.warc.gz")) == {"raw": 1, "!truncated": 1}


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (record(block=http(), eol=b"\n"), {"raw": 1}),
        (b"\r\n\n" + record(block=http()), {"raw": 1}),
        (b"left over\r\n" + record(block=http()), {"!damaged": 1, "raw": 1}),
        (
            record(block=http(), Content_Length=60) + record(url="http://b.example/"),
            {"!damaged": 1, "raw": 1, "not_html": 1},
        ),
        (record(block=http(), Content_Length=None) + record(block=http()), {"!damaged": 1, "raw": 1}),
        (record(block=http(), Content_Length=-5) + record(block=http()), {"!damaged": 1, "raw": 1}),
        (record(block=http(), Content_Length=10**12), {"!truncated": 1}),
        (record(block=http(), url=""), {"!no_url": 1}),
        (record("conversion", block=b"text", content_type="text/plain"), {"raw": 1}),
        (record("strange"), {"other_type": 1}),
        (record("response", "dns:a.example", b"127.0.0.1", "text/dns"), {"not_html": 1}),
        (record(block=PAGE, content_type="text/html; charset=utf-8"), {"raw": 1}),
        (b"filedesc://x.arc 0.0.0.0 20200101 text/plain 9\n1 0 x\n\n", {"!not_warc": 1}),
        (b"%PDF-1.4\n" + b"x" * 200_000, {"!not_warc": 1}),
        (b"WARC/1.0\r\nX: " + b"x" * (3 << 20), {"!damaged": 1}),
        (b"WARC/1.0\r\n" + b"X: y\r\n" * (1 << 18), {"!damaged": 1}),
        (b"", {}),
    ],
)
def test_archives_out_of_shape(tmp_path, data, outcome):
    assert kinds(read_bytes(tmp_path, data)) == outcome


def test_lz4_and_its_end(tmp_path):
    buffer = io.BytesIO()
    with Lz4Writer(buffer) as out:
        out.write(record(block=http()) * 3)
    data = buffer.getvalue()
    assert kinds(read_bytes(tmp_path, data, "x.warc.lz4"))["raw"] == 3
    assert "!truncated" in kinds(read_bytes(tmp_path, data[:-20], "x.warc.lz4"))


def test_large_records_are_passed_over_in_pieces():
    class Endless(io.RawIOBase):
        def __init__(self):
            self.left = [record(block=b"", Content_Length=200 << 20)[:-4]]
            self.left += [bytes(1 << 20)] * 200 + [b"\r\n\r\n"]
            self.largest = 0

        def readable(self):
            return True

        def readinto(self, view):
            if not self.left:
                return 0
            self.largest = max(self.largest, len(view))
            part = self.left[0][: len(view)]
            self.left[0] = self.left[0][len(view) :]
            if not self.left[0]:
                self.left.pop(0)
            view[: len(part)] = part
            return len(part)

    stream = Endless()
    (found,) = read_records(io.BufferedReader(stream), "x", frozenset({"response"}))
    assert isinstance(found, Record)
    assert found.block is None
    assert stream.largest <= 1 << 20


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=300), st.integers(0, 2**32))
def test_mutilated_archives_never_raise(noise, seed):
    random_choice = random.Random(seed)
    data = bytearray(record(block=http(b"<p>x")) * 2 + record("request", block=b"GET /"))
    for _ in range(3):
        at = random_choice.randrange(len(data))
        data[at : at + random_choice.randrange(9)] = noise[: random_choice.randrange(1 + len(noise))]
    try:
        found = list(read_records(io.BytesIO(bytes(data)), "x", frozenset({"response"})))
    except InputError as error:
        found = [Reject(error.rule)]
    assert found
    for item in found:
        if isinstance(item, Record) and item.block is not None:
            decode_body(parse_http(item.block))


@pytest.mark.parametrize("tag", ["div", "b", "ul><li", "table><tr><td", "DIV class=x"])
def test_deep_pages_are_rejected_quickly(tmp_path, tag):
    page = f"<body>{f'<{tag}>' * 30_000}<p>{SENTENCES}".encode()
    plugin = source(tmp_path)
    start = time.process_time()
    raw = Raw("k", page, "text/html")
    assert plugin.preview(raw)
    assert plugin.extract(raw).rule == "too_deep"
    assert time.process_time() - start < 2


def test_hostile_pages_end_as_rejects(tmp_path):
    plugin = source(tmp_path)
    rules = {
        "no_text": [b"", b"<", b"<html></html>", b"<!-- " + b"x" * 100_000],
        "too_large": [b"<p>a</p>" * 200_000],
        "undecodable": [random.Random(1).randbytes(5000)],
    }
    for rule, bodies in rules.items():
        for body in bodies:
            raw = Raw("k", body, "text/html; charset=utf-8")
            plugin.preview(raw)
            assert plugin.extract(raw).rule == rule


def test_surrogate_references_do_not_survive(tmp_path):
    page = PAGE.replace(b"A long", b"&#xD800;&#0; \x00A long").replace(b"<title>T", b"<title>&#xDFFF;T")
    document = source(tmp_path).extract(Raw("k", page, "text/html"))
    document.text.encode()
    document.meta["title"].encode()
    assert "\0" not in document.text


def test_block_lists(tmp_path):
    (tmp_path / "domains").write_text("# a list\nbad.example\n*.worse.example\n")
    (tmp_path / "urls.gz").write_bytes(gzip.compress(b"www.a.example/1/\n"))
    urls = [
        "http://x.bad.example/",
        "http://worse.example/",
        "http://a.example/1",
        "https://gist.github.com/",
        "http://ok.example/",
    ]
    (tmp_path / "x.warc").write_bytes(b"".join(record(url=url, block=http()) for url in urls))
    config = {"domain_blocklist": ("domains",), "url_blocklist": ("urls.gz",)}
    items = read(tmp_path, "x.warc", **config)
    assert [getattr(item, "rule", "") for item in items] == [
        *("domain_blocklist", "domain_blocklist", "url_blocklist", "excluded_domain", "")
    ]
    assert [file.name for file in source(tmp_path, "x.warc", **config).list_files()] == ["domains", "urls.gz"]
    with pytest.raises(ManifestError):
        source(tmp_path, "x.warc", domain_blocklist=("missing",)).list_files()


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="needs PILE_DATA")
def test_real_archives():
    folder = Path(os.environ["PILE_DATA"]) / "web-archives"
    plugin = source(folder, fast=True, exclude_domains=())
    plugin.patterns = ("*",)
    items = [item for split in plugin.splits() for item in plugin.read(split)]
    counted = kinds(items)
    assert counted["raw"] > 650
    assert counted["!not_warc"] == 8
    assert counted["!truncated"] >= 5
    raws = [item for item in items if isinstance(item, Raw)]
    results = [plugin.extract(raw) for raw in raws[:: len(raws) // 20]]
    assert sum(isinstance(result, Document) for result in results) > 17

    pair = read(
        folder / "commoncrawl__whirlwind-python", "whirlwind.warc.gz", "whirlwind.warc.wet.gz", exclude_domains=()
    )
    page, text = (item for item in pair if isinstance(item, Raw))
    assert page.key == text.key
    words = set(plugin.extract(page).text.split())
    assert len(words & set(plugin.extract(text).text.split())) > 0.9 * len(words)
