"""Pages of Common Crawl as pure functions: HTTP messages and codings, charsets, nesting, previews, addresses."""

import gzip
import io
import zlib

import pytest
from fastwarc.stream_io import BrotliWriter
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.errors import InputError
from pile_builder.sources.common_crawl.charset import codec_of, decode
from pile_builder.sources.common_crawl.html import MAX_DEPTH, language_of, nesting, preview, title_of
from pile_builder.sources.common_crawl.urls import HashedSet, host_of, in_domains, url_key
from pile_builder.sources.common_crawl.warc import Message, decode_body, parse_http

SENTENCES = "A long enough paragraph of plain English text stands here so that every extractor keeps it. " * 6
PAGE = (
    f"<html><head><title>T</title></head><body><article><h1>T</h1><p>{SENTENCES}</p></article></body></html>".encode()
)


def test_messages_out_of_shape():
    assert parse_http(PAGE) == Message(None, {}, PAGE)
    assert parse_http(b"") == Message(None, {}, b"")
    assert parse_http(b"HTTP/1.1 200 OK\nA: 1\n b\nA: 2\n\nx") == Message(200, {"a": "1 b"}, b"x")
    assert parse_http(b"HTTP/1.1 200 OK\r\nA: 1\r\n<html>\r\n\r\nx").body == b"<html>\r\n\r\nx"
    assert parse_http(b"HTTP/1.1 200 OK") == Message(200, {}, b"")


def compressed(writer, data):
    buffer = io.BytesIO()
    with writer(buffer) as out:
        out.write(data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-encoding": "gzip"}, gzip.compress(PAGE)),
        ({"content-encoding": "gzip"}, PAGE),
        ({"content-encoding": "deflate"}, zlib.compress(PAGE)),
        ({"content-encoding": "deflate"}, zlib.compress(PAGE)[2:-4]),
        ({"content-encoding": "deflate"}, PAGE),
        ({"content-encoding": "br"}, compressed(BrotliWriter, PAGE)),
        ({"content-encoding": "br"}, PAGE),
        (
            {"transfer-encoding": "chunked"},
            b"5\r\n" + PAGE[:5] + b"\r\n%x;x=y\r\n" % len(PAGE[5:]) + PAGE[5:] + b"\r\n0\r\n\r\n",
        ),
        ({"transfer-encoding": "chunked"}, b"%x\r\n" % (len(PAGE) + 9) + PAGE),
        ({"transfer-encoding": "chunked"}, PAGE),
        ({"transfer-encoding": "chunked", "content-encoding": "gzip"}, gzip.compress(PAGE)),
        ({}, gzip.compress(PAGE)),
    ],
)
def test_codings_claimed_and_real(headers, body):
    assert decode_body(Message(200, headers, body)) == PAGE


def test_text_that_begins_with_a_hexadecimal_line_is_no_chunk():
    text = b"add\nsome flour and then wait\n" * 300
    assert decode_body(Message(200, {"transfer-encoding": "chunked"}, text)) == text


@pytest.mark.parametrize(
    ("headers", "body", "rule"),
    [
        ({"content-encoding": "gzip"}, gzip.compress(PAGE)[:-9], "truncated"),
        ({"content-encoding": "deflate"}, zlib.compress(PAGE)[:-9], "truncated"),
        ({"content-encoding": "br"}, b"\x8b\xff\x00 not brotli", "damaged"),
        ({"content-encoding": "gzip"}, gzip.compress(bytes(2_000_000)), "too_large"),
        ({"content-encoding": "deflate"}, zlib.compress(bytes(2_000_000)), "too_large"),
        ({"content-encoding": "br"}, compressed(BrotliWriter, bytes(2_000_000)), "too_large"),
    ],
)
def test_bodies_that_cannot_be_expanded(headers, body, rule):
    with pytest.raises(InputError) as caught:
        decode_body(Message(200, headers, body), limit=1_000_000)
    assert caught.value.rule == rule


def page_in(charset, text, declared="", codec=""):
    meta = f'<meta charset="{declared}">' if declared else ""
    return f"<html><head>{meta}</head><body>{text}</body></html>".encode(codec or charset)


GREEK = "Καλημέρα σας, πώς είστε σήμερα; Ο ήλιος λάμπει πάνω από το λιμάνι και οι ψαράδες γυρίζουν. " * 5
JAPANESE = "今日は天気がよいので、港まで歩いて行きました。漁師たちが帰ってくるところでした。" * 8


@pytest.mark.parametrize(
    ("body", "media_type", "codec"),
    [
        (page_in("utf-8", "é " * 9), "text/html", "utf-8"),
        (page_in("utf-8-sig", "é"), "text/html; charset=iso-8859-1", "utf-8"),
        (page_in("utf-16", "é"), "text/html; charset=utf-8", "utf-16-le"),
        (page_in("cp1252", "“café”"), "text/html; charset=ISO-8859-1", "cp1252"),
        (page_in("cp1252", "“café”", "latin1"), "text/html", "cp1252"),
        (page_in("cp1252", "“café” naïve"), "text/html; charset=utf-8", "cp1252"),
        (page_in("utf-8", "“café” naïve"), "text/html; charset=iso-8859-1", "utf-8"),
        (page_in("iso-8859-7", GREEK, "iso-8859-7"), "text/html", "iso8859-7"),
        (page_in("iso-8859-7", GREEK, "utf-8"), "text/html; charset=ISO-8859-7", "iso8859-7"),
        (page_in("cp932", JAPANESE + "①", "x-sjis"), "text/html", "cp932"),
        (page_in("euc-jp", JAPANESE, "utf-16"), "text/html", "euc_jp"),
        (page_in("gb18030", "漢字 " * 50, "gb2312"), "text/html; charset=nonsense", "gb18030"),
        (b'<?xml version="1.0" encoding="koi8-r"?>' + page_in("koi8-r", "Цепь " * 9), "text/html", "koi8-r"),
    ],
)
def test_charsets(body, media_type, codec):
    text, won = decode(body, media_type)
    assert won == codec
    assert "\ufffd" not in text


def test_a_few_bad_bytes_do_not_change_the_charset():
    body = page_in("utf-8", GREEK) + b"\xff"
    text, won = decode(body, "text/html")
    assert won == "utf-8"
    assert GREEK.strip() in text


@settings(deadline=None)
@given(st.binary(max_size=2000), st.sampled_from(["", "text/html; charset=utf-16", "text/html; charset=shift_jis"]))
def test_decoding_gives_valid_text_or_nothing(body, media_type):
    result = decode(body, media_type)
    if result is not None:
        result[0].encode()
        assert "\0" not in result[0]


def test_labels_mean_what_the_web_means():
    assert [
        codec_of(label) for label in ("latin-1", "ASCII", "gb2312", "KS_C_5601-1987", "windows-31j", "klingon")
    ] == [*("cp1252", "cp1252", "gb18030", "cp949", "cp932", "")]


def test_nesting_follows_tags():
    assert nesting("<div>" * 40 + "</div>" * 40) == 40
    assert nesting("<div><p>x<p>y<br><img></div>" * 500) == 1
    assert nesting("<div></b>" * 300) == 300
    assert nesting("<html><script>for(i=0;i<n;i++)</script>" * 400) == 0
    assert nesting("<g><path d='M0 0'/></g>" * 400) <= MAX_DEPTH
    assert nesting("") == 0


def test_title_language_and_preview():
    page = "<html class=x lang='en-GB'><title>\n A &amp;\tB</title><p>x"
    assert (title_of(page), language_of(page)) == ("A & B", "en-GB")
    assert (title_of(""), language_of("<html data-lang=fr>")) == ("", "")
    menu = "".join(f"<li><a>Menü {number}</a></li>" for number in range(50))
    code = "<script>" + "var a = 'English words in a script'; " * 20 + "</script>"
    assert preview(f"<body>{menu}{code}<p>{SENTENCES}</p>") == " ".join(SENTENCES.split())[:1200]
    assert preview("<p>short<p>text") == "short text"


def test_addresses():
    assert host_of("https://User:pw@WWW.Example.org.:8080/x?y#z") == "www.example.org"
    assert host_of("dns:example.org") == ""
    assert in_domains("a.b.example.org", frozenset({"example.org"}))
    assert not in_domains("notexample.org", HashedSet(["example.org"]))
    keys = {url_key(url) for url in ("http://www.a.example:80/b/", "https://A.example/b#c", "a.example/b")}
    assert keys == {"a.example/b"}
