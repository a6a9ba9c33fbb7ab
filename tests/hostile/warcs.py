"""WARC and HTTP framing that lies."""

import gzip
import zlib

from tests.hostile.cases import Case
from tests.hostile.made import STORY, html, html_response, page, response, warc_record

GOOD = html_response(STORY * 2, "http://a.example/good")
BODY = html(STORY * 2)
BLOCK = response(BODY)


def _length(said: str | None, extra: bytes = b"") -> bytes:
    return warc_record(BLOCK, "http://a.example/lie", length=said, extra=extra)


def _chunked(body: bytes) -> bytes:
    return page(body, "http://a.example/chunked", headers=["Transfer-Encoding: chunked"])


def _coded(body: bytes, coding: str) -> bytes:
    return page(body, "http://a.example/coded", headers=[f"Content-Encoding: {coding}"])


CASES = [
    Case("common_crawl", "length-negative.warc", GOOD + _length("-5") + GOOD.replace(b"/good", b"/2"), 2, "damaged"),
    Case("common_crawl", "length-none.warc", GOOD + _length("") + GOOD.replace(b"/good", b"/2"), 2, "damaged"),
    Case("common_crawl", "length-text.warc", GOOD + _length("many"), 1, "damaged"),
    Case("common_crawl", "length-plus.warc", GOOD + _length("+10"), 1, "damaged"),
    Case("common_crawl", "length-huge.warc", GOOD + _length("9" * 18), 1, "truncated"),
    Case("common_crawl", "length-longer-than-digits.warc", GOOD + _length("9" * 5000), 1, "damaged"),
    Case(
        "common_crawl",
        "length-short.warc",
        GOOD + _length("30") + GOOD.replace(b"/good", b"/2"),
        2,
        "damaged",
        "not_html",
    ),
    Case(
        "common_crawl",
        "length-swallows-next.warc",
        _length("2600") + GOOD.replace(b"/good", b"/2") + GOOD,
        1,
        "damaged",
    ),
    Case("common_crawl", "length-twice.warc", _length("99999", b"Content-Length: %d\r\n" % len(BLOCK)) + GOOD, 2),
    Case("common_crawl", "length-unicode-digits.warc", GOOD + _length("١٢٣"), 1, "damaged"),
    Case(
        "common_crawl",
        "record-64m.warc",
        lambda: warc_record(response(b"x" * (65 << 20)), "http://a.example/big") + GOOD,
        1,
        "too_large",
    ),
    Case(
        "common_crawl",
        "header-2m.warc",
        lambda: GOOD + _length(str(len(BLOCK)), b"X: " + b"y" * (2 << 20) + b"\r\n"),
        1,
        "damaged",
    ),
    Case(
        "common_crawl",
        "header-100k-fields.warc",
        lambda: _length(str(len(BLOCK)), b"".join(b"X%d: y\r\n" % n for n in range(90_000))) + GOOD,
        2,
    ),
    Case(
        "common_crawl",
        "header-continued.warc",
        lambda: _length(str(len(BLOCK)), b"X: y\r\n" + b" z\r\n" * 250_000) + GOOD,
        2,
    ),
    Case(
        "common_crawl",
        "http-header-continued.warc",
        lambda: (
            warc_record(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX: y\r\n" + b" z\r\n" * 250_000 + b"\r\n" + BODY,
                "http://a.example/c",
            )
            + GOOD
        ),
        2,
    ),
    Case("common_crawl", "header-nul.warc", GOOD + _length(str(len(BLOCK)), b"X\0Y: \0\x1b[31m\r\n"), 2),
    Case("common_crawl", "header-no-end.warc", GOOD + b"WARC/1.0\r\nWARC-Type: response\r\n", 1, "truncated"),
    Case("common_crawl", "header-lines-only.warc", GOOD + b"WARC/1.0\r\n" * 5000, 1, "truncated"),
    Case("common_crawl", "version-99.warc", GOOD.replace(b"WARC/1.0", b"WARC/99.99"), 1),
    Case("common_crawl", "newlines-bare.warc", GOOD.replace(b"\r\n", b"\n", 8), 1),
    Case("common_crawl", "garbage-before.warc", b"garbage\n" * 1000 + GOOD, 1, "damaged"),
    Case(
        "common_crawl",
        "garbage-between.warc",
        GOOD + b"garbage" * 9999 + b"\n" + GOOD.replace(b"/good", b"/2"),
        2,
        "damaged",
    ),
    Case("common_crawl", "blank-lines.warc", lambda: b"\r\n" * 3_000_000 + GOOD, 1),
    Case("common_crawl", "blank-lines.warc.gz", lambda: gzip.compress(b"\n" * (30 << 20), 1) + gzip.compress(GOOD), 1),
    Case("common_crawl", "garbage-only.warc", b"\xde\xad\xbe\xef" * 5000, 0, "not_warc"),
    Case(
        "common_crawl",
        "arc.warc",
        b"filedesc://x.arc 0.0.0.0 20040101000000 text/plain 76\n1 0 InternetArchive\n",
        0,
        "not_warc",
    ),
    Case("common_crawl", "whole-gzip.warc.gz", gzip.compress(GOOD + GOOD.replace(b"/good", b"/2")), 2),
    Case("common_crawl", "gzip-cuts-records.warc.gz", gzip.compress(GOOD[:700]) + gzip.compress(GOOD[700:]), 1),
    Case("common_crawl", "same-record-500-times.warc", lambda: GOOD * 500, 500),
    Case(
        "common_crawl",
        "revisit-loop.warc",
        warc_record(
            b"",
            "http://a.example/r",
            "revisit",
            extra=b"WARC-Refers-To: <urn:uuid:1>\r\nWARC-Refers-To-Target-URI: http://a.example/r\r\n",
        )
        * 50
        + GOOD,
        1,
        skipped="revisit*50",
    ),
    Case(
        "common_crawl", "continuation.warc", warc_record(BLOCK, kind="continuation") + GOOD, 1, skipped="continuation"
    ),
    Case(
        "common_crawl", "type-strange.warc", warc_record(BLOCK, kind="../../x\x1b[1m") + GOOD, 1, skipped="other_type"
    ),
    Case("common_crawl", "type-none.warc", GOOD.replace(b"WARC-Type: response\r\n", b""), 0, skipped="other_type"),
    Case(
        "common_crawl",
        "conversion-binary.warc.wet",
        warc_record(bytes(range(256)) * 40, kind="conversion", content_type="text/plain"),
        0,
        "undecodable",
    ),
    Case("common_crawl", "conversion-html.warc.wet", warc_record(BODY, kind="conversion", content_type="text/html"), 1),
    Case("common_crawl", "date-strange.warc", GOOD.replace(b"2024-01-01T00:00:00Z", b"99999-99-99T{{7*7}}"), 1),
    Case("common_crawl", "id-none.warc", GOOD.replace(b"WARC-Record-ID", b"X-ID") * 3, 3),
    Case(
        "common_crawl",
        "status-huge.warc",
        warc_record(response(BODY, status="HTTP/1.1 99999999999 OK")),
        skipped="not_html",
    ),
    Case(
        "common_crawl",
        "status-repeated.warc",
        lambda: warc_record(b"HTTP/1.1 200 OK\r\n" * 50_000 + b"Content-Type: text/html\r\n\r\n" + BODY),
        1,
    ),
    Case("common_crawl", "status-wide.warc", lambda: warc_record(b"HTTP " * 100_000 + b"200\r\n\r\n" + BODY), 1),
    Case("common_crawl", "http-none.warc", warc_record(BODY), 1),
    Case("common_crawl", "http-empty.warc", warc_record(b""), 0, skipped="not_html"),
    Case(
        "common_crawl",
        "http-headers-only.warc",
        warc_record(b"HTTP/1.1 200 OK\r\nContent-Type: text/html"),
        0,
        "no_text",
    ),
    Case("common_crawl", "chunk-size-lie.warc", _chunked(b"ffffffff\r\n" + BODY), 1),
    Case("common_crawl", "chunk-negative.warc", _chunked(b"-5\r\n" + BODY), 1),
    Case("common_crawl", "chunk-none.warc", _chunked(BODY), 1),
    Case("common_crawl", "chunk-empty.warc", _chunked(b"0\r\n\r\n"), 0, "no_text"),
    Case(
        "common_crawl",
        "chunk-of-one.warc",
        lambda: _chunked(b"".join(b"1\r\n%c\r\n" % byte for byte in BODY * 50) + b"0\r\n\r\n"),
        1,
    ),
    Case(
        "common_crawl",
        "chunk-extension.warc",
        lambda: _chunked(b"5;" + b"x" * 5_000_000 + b"\r\n<html\r\n0\r\n\r\n"),
        0,
        "no_text",
    ),
    Case("common_crawl", "chunk-spaces.warc", lambda: _chunked(b" " * 3_000_000 + b"5\r\n" + BODY), 1),
    Case("common_crawl", "gzip-body-bomb.warc", lambda: _coded(gzip.compress(bytes(300 << 20)), "gzip"), 0, "bomb"),
    Case(
        "common_crawl",
        "gzip-body-chain.warc",
        lambda: _coded(
            gzip.compress(gzip.compress(gzip.compress(BODY, mtime=0), mtime=0), mtime=0), "gzip, gzip, gzip"
        ),
        0,
        "undecodable",
    ),
    Case("common_crawl", "gzip-body-cut.warc", _coded(gzip.compress(BODY)[:-9], "gzip"), 0, "truncated"),
    Case("common_crawl", "gzip-body-lie.warc", _coded(BODY, "gzip"), 1),
    Case(
        "common_crawl",
        "deflate-body-bomb.warc",
        lambda: _coded(zlib.compress(bytes(300 << 20)), "deflate"),
        0,
        "too_large",
    ),
    Case("common_crawl", "deflate-body-cut.warc", _coded(zlib.compress(BODY)[:-9], "deflate"), 0, "truncated"),
    Case("common_crawl", "deflate-body-noise.warc", _coded(b"\xff\xfe\xfd" * 99, "deflate"), 0, "no_text"),
    Case("common_crawl", "brotli-body-noise.warc", _coded(b"\xff\xfe\xfd" * 99, "br"), 0, "damaged"),
    Case("common_crawl", "brotli-body-cut.warc", _coded(b"\x1b\x00\x80", "br"), 0, "damaged"),
    Case("common_crawl", "coding-unknown.warc", _coded(BODY, "x-../../etc"), 1),
]
