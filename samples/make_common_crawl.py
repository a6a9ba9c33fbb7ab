"""Build samples/common_crawl and samples/openwebtext2_links from the readable originals: WARC, WET, an index, links.

Run it from anywhere; the same bytes come out every time (for one version of zlib).
"""

from __future__ import annotations

import gzip
import hashlib
import html
import json
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ORIGINALS = HERE / "originals" / "common_crawl"
DATE = "2021-03-04T05:{minute:02d}:{second:02d}Z"


@dataclass(frozen=True)
class Page:
    """One original: its address, its title, how it is encoded (`none`: utf-8, undeclared), and how it is laid out."""

    url: str
    title: str
    charset: str
    language: str
    layout: str
    paragraphs: tuple[str, ...]


def main() -> None:
    """Write every sample."""
    target = HERE / "common_crawl"
    target.mkdir(exist_ok=True)
    pages = read_pages()
    half = len(pages) // 2
    for name, part, start in (("00000", pages[:half], 0), ("00001", pages[half:], half)):
        path = target / f"CC-MAIN-20210304050000-{name}.warc.gz"
        path.write_bytes(b"".join(gzip.compress(record, mtime=0) for record in warc(path.name, part, start)))
    path = target / "CC-MAIN-20210304050000-00000.warc.wet.gz"
    path.write_bytes(b"".join(gzip.compress(record, mtime=0) for record in wet(path.name)))
    write_linked(HERE / "openwebtext2_links", pages[:6])


def write_linked(target: Path, pages: list[Page]) -> None:
    """A WARC file, the part of the index that names its pages, and submissions that link to some of them."""
    name = "crawl-data/CC-MAIN-2021-10/00000.warc.gz"
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    archive, index = bytearray(), []
    for number, page in enumerate(pages):
        message = response(page, number)
        packed = gzip.compress(record("response", page.url, message, "application/http; msgtype=response"), mtime=0)
        host, _, path = page.url.partition("://")[2].partition("/")
        surt = f"{','.join(reversed(host.split('.')))})/{path}"
        place = {"url": page.url, "status": "404" if number == 5 else "200", "filename": name}
        place |= {"offset": str(len(archive)), "length": str(len(packed))}
        index.append(f"{surt} 20210304050000 {json.dumps(place)}\n")
        archive += packed
    # The fourth member is damaged; a line of the index is none.
    at = int(json.loads(index[3].split(" ", 2)[2])["offset"]) + 60
    archive[at : at + 20] = bytes(20)
    (target / name).write_bytes(archive)
    lines = "".join([*sorted(index), "no line of an index\n"])
    (target / "cdx-00000.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))
    scores = [(0, 12), (1, 2), (1, 3), (2, -4), (3, 7), (4, 3), (5, 40)]
    posts = [{"url": pages[number].url, "score": score, "subreddit": "harbours"} for number, score in scores]
    posts.append({"selftext": "a post without a link", "score": 9})
    (target / "RS_2021-03.jsonl").write_text("".join(f"{json.dumps(post)}\n" for post in posts), encoding="utf-8")


def read_pages() -> list[Page]:
    """The originals in their order."""
    pages = []
    for fields, body in entries(ORIGINALS / "pages.txt"):
        url, title, charset, language, layout = fields
        pages.append(Page(url, title, charset, language, layout, tuple(body.split("\n\n"))))
    return pages


def entries(path: Path) -> Iterator[tuple[list[str], str]]:
    """Header fields and body of each entry of an originals file."""
    for entry in path.read_text(encoding="utf-8").split("@@ ")[1:]:
        header, _, body = entry.partition("\n")
        yield [field.strip() for field in header.split(" | ")], body.strip()


def warc(name: str, pages: list[Page], start: int) -> Iterator[bytes]:
    """Records of a WARC file: warcinfo, then request, response and metadata of every page, and a few odd ones."""
    yield record("warcinfo", name, b"software: handmade\r\nformat: WARC File Format 1.0\r\n", "application/warc-fields")
    for number, page in enumerate(pages, start):
        date = DATE.format(minute=number // 6, second=number % 6 * 10)
        host, _, path = page.url.partition("://")[2].partition("/")
        get = f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: sample/1.0\r\n\r\n".encode()
        yield record("request", page.url, get, "application/http; msgtype=request", date)
        yield record("response", page.url, response(page, number), "application/http; msgtype=response", date)
        if number % 3 == 0:
            yield record("metadata", page.url, b"fetchTimeMs: 212\r\n", "application/warc-fields", date)
        if number % 9 == 4:
            not_modified = b"HTTP/1.1 304 Not Modified\r\n\r\n"
            yield record(
                "revisit", page.url, not_modified, "application/http; msgtype=response", "2021-03-05T00:00:00Z"
            )
    for status, kind, path, body in (
        ("404 Not Found", "text/html", "gone", b"<html><body><p>There is nothing here any more.</p></body></html>"),
        ("301 Moved Permanently", "text/html", "old", b""),
        ("200 OK", "image/gif", "dot.gif", b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff;"),
        ("200 OK", "text/plain", "robots.txt", b"User-agent: *\nDisallow: /private\n"),
    ):
        message = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n\r\n".encode() + body
        url = f"http://odds-and-ends-{name[-10]}.example/{path}"
        yield record("response", url, message, "application/http; msgtype=response", "2021-03-04T06:00:00Z")


def wet(name: str) -> Iterator[bytes]:
    """Records of a WET file."""
    yield record("warcinfo", name, b"Software-Info: handmade\r\n", "application/warc-fields")
    for number, (fields, body) in enumerate(entries(ORIGINALS / "text.txt")):
        date = DATE.format(minute=40, second=number)
        language = f"WARC-Identified-Content-Language: {fields[1]}\r\n"
        yield record("conversion", fields[0], (body + "\n").encode(), "text/plain", date, language)


def record(
    kind: str, name: str, block: bytes, content_type: str, date: str = "2021-03-04T05:00:00Z", extra: str = ""
) -> bytes:
    """One WARC record; its id is a hash of what it holds."""
    identity = uuid.UUID(bytes=hashlib.sha256(f"{kind} {name} {date}".encode() + block).digest()[:16])
    about = f"WARC-Filename: {name}" if kind == "warcinfo" else f"WARC-Target-URI: {name}"
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Date: {date}\r\nWARC-Record-ID: <urn:uuid:{identity}>\r\n{about}\r\n"
        f"{extra}Content-Type: {content_type}\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def response(page: Page, number: int) -> bytes:
    """The HTTP message: charset in the header or in the page, and now and then a content or transfer coding."""
    in_header = number % 2 == 0 and page.charset != "none"
    body = markup(page, declare=not in_header and page.charset != "none").encode(
        "utf-8" if page.charset == "none" else page.charset, "xmlcharrefreplace"
    )
    head = "HTTP/1.1 200 OK\r\nServer: sample\r\nContent-Type: text/html"
    head += f"; charset={page.charset}\r\n" if in_header else "\r\n"
    if number % 10 == 1:
        head += "Content-Encoding: gzip\r\n"
        # Not by gzip, whose header differs between versions of Python.
        body = zlib.compress(body, 9, wbits=31)
    elif number % 10 == 5:
        head += "Content-Encoding: gzip\r\n"
    elif number % 10 == 8:
        head += "Transfer-Encoding: chunked\r\n"
        cut = len(body) // 3
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:cut], body[cut:], b""))
    return f"{head}\r\n".encode() + body


def markup(page: Page, *, declare: bool) -> str:
    """A page with navigation, advertisement and footer around the text, in one of several layouts."""
    meta = f'<meta http-equiv="Content-Type" content="text/html; charset={page.charset}">' if declare else ""
    paragraphs = [f"<p>{html.escape(text, quote=False)}</p>" for text in page.paragraphs]
    site = page.url.split("/")[2]
    title = html.escape(page.title, quote=False)
    head = f"<head>{meta}<title>{title} - {site}</title><style>.ad {{ float: right }}</style></head>"
    menu = "".join(f'<li><a href="/{word.lower()}">{word}</a></li>' for word in ("Home", "About", "Archive", "Contact"))
    footer = f"<p>Copyright 2021 {site}. All rights reserved. <a href='/privacy'>Privacy policy</a></p>"
    script = '<script>if (window.top < window.self) { document.title = "<b>framed</b>"; }</script>'
    if page.layout == "plain":
        text = "\n".join(paragraphs)
        links = f"<ul>{menu}</ul><hr>"
        return f"<html>{head}<body bgcolor=#ffffff>{links}<h1>{title}</h1>\n{text}\n<hr>{footer}</body></html>"
    if page.layout == "forum":
        posts = "\n".join(
            f'<div class="post"><div class="author">member{index}</div><div class="body">{text}</div></div>'
            for index, text in enumerate(paragraphs)
        )
        text = f'<div id="topic"><h2>{title}</h2>\n{posts}</div>'
    elif page.layout == "table":
        dates = "<table><tr><th>Item</th><th>Resolved</th></tr><tr><td>1</td><td>yes</td></tr></table>"
        text = f"<main><h1>{title}</h1>{dates}\n" + "\n".join(paragraphs) + "</main>"
    else:
        advertisement = (
            '<div class="ad"><a href="http://ads.example/?id=7">Save 20 % on garden sheds this week!</a></div>'
        )
        middle = len(paragraphs) // 2
        inner = "\n".join((*paragraphs[:middle], advertisement, *paragraphs[middle:]))
        text = f'<article class="{page.layout}"><h1>{title}</h1>\n{inner}\n</article>'
    nav = f'<header><nav><ul class="menu">{menu}</ul></nav></header>'
    links = '<ul><li><a href="/1">Ten more</a></li><li><a href="/2">Top</a></li></ul>'
    related = f"<aside><h3>You may also like</h3>{links}</aside>"
    return (
        f'<!DOCTYPE html>\n<html lang="{page.language}">{head}<body>{nav}{script}\n{text}\n{related}'
        f"<footer>{footer}</footer></body></html>"
    )


if __name__ == "__main__":
    main()
