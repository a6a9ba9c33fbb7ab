"""Build `samples/books/` from the readable originals: Gutenberg-format text files and EPUBs, byte for byte the same.

    python samples/make_books.py

An original is a block of `Field: value` lines and a body: `# ` headings, paragraphs of one line, `> ` lines of verse,
`[^1]` note references and `[^1]: ` notes.
"""

from __future__ import annotations

import re
import textwrap
import zipfile
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
ORIGINALS = HERE / "originals" / "books"
TARGET = HERE / "books"

HEADER = """The Project Gutenberg eBook of {title}, by {author}

This is a small book in the layout of a Project Gutenberg file. It was
written for the tests of a program and may be used for anything.


Title: {title_lines}

Author: {author}

Release Date: {date} [EBook #{number}]

Language: {language}

Character set encoding: {encoding}

*** START OF THE PROJECT GUTENBERG EBOOK {upper} ***




Produced by Nobody in Particular and the Online Distributed
Proofreading Team of a sample directory.




{upper}

by

{author}
"""
FOOTER = """



End of the Project Gutenberg EBook of {title}, by {author}

*** END OF THE PROJECT GUTENBERG EBOOK {upper} ***

***** This file should be named {name} *****

Here follows, in a real file, the full licence of Project Gutenberg. None
of these words belong to the book, and none of them may reach a document.
"""

PAGE = """<?xml version="1.0" encoding="utf-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" xml:lang="en">
<head><title>{title}</title></head>
<body epub:type="{kind}">
{body}
</body>
</html>
"""
CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="book/package.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""
PACKAGE = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">{identifier}</dc:identifier>
<dc:title>{title}</dc:title>
<dc:creator>{author}</dc:creator>
<dc:language>en</dc:language>
<dc:date>{date}</dc:date>
<dc:rights>Dedicated to the public domain under CC0 (https://creativecommons.org/publicdomain/zero/1.0/).</dc:rights>
</metadata>
<manifest>
{items}
</manifest>
<spine>
{references}
</spine>
</package>
"""


def main() -> None:
    """Write every sample."""
    TARGET.mkdir(parents=True, exist_ok=True)
    write_text("tide_tables", "90001.txt", "ASCII")
    write_text("clockmender", "90002-8.txt", "ISO-8859-1")
    write_text("walking_home", "90003-0.txt", "UTF-8")
    write_epub("tide_tables", "the-keeper-of-the-tide-tables.epub", "https://books.example/tide-tables", "2019-11-20")
    write_epub("bread", "a-plain-account-of-bread.epub", "https://books.example/bread", "2021-05-02")


def write_text(original: str, name: str, encoding: str) -> None:
    """One Gutenberg-format file, hard-wrapped at 70 columns, CRLF."""
    fields, blocks = _read(original)
    values = {key.lower(): value for key, value in fields.items()}
    values |= {"upper": values["title"].upper(), "encoding": encoding, "name": name}
    values["title_lines"] = values["title"].replace(": ", "\n       ", 1)
    parts = [HEADER.format(**values)]
    for block in blocks:
        if block.startswith("# "):
            parts.append(f"\n\n{block[2:]}\n\n")
        elif block.startswith(">"):
            parts.append("".join(f"    {line[1:].strip()}".rstrip() + "\n" for line in block.split("\n")))
        else:
            parts.append(textwrap.fill(block, 70, break_long_words=False, break_on_hyphens=False) + "\n")
    text = "\n".join(parts) + FOOTER.format(**values)
    mark = "\ufeff" if encoding == "UTF-8" else ""
    (TARGET / name).write_bytes((mark + text.replace("\n", "\r\n")).encode(encoding))


def write_epub(original: str, name: str, identifier: str, date: str) -> None:
    """One EPUB 3 with a title page, a navigation page, a page per chapter, notes and a colophon."""
    fields, blocks = _read(original)
    title, author = escape(fields["Title"]), escape(fields["Author"])
    pages = {
        "title": _page(
            title, "frontmatter", f'<section epub:type="titlepage"><h1>{title}</h1><p>By {author}</p></section>'
        )
    }
    chapters = _chapters(blocks)
    links = "".join(
        f'<li><a href="c{number}.xhtml">{escape(heading)}</a></li>' for number, (heading, _) in enumerate(chapters)
    )
    nav = _page("Contents", "frontmatter", f'<nav epub:type="toc"><h2>Contents</h2><ol>{links}</ol></nav>')
    for number, (heading, body) in enumerate(chapters):
        pages[f"c{number}"] = _chapter_page(heading, body)
    colophon = '<section epub:type="colophon"><h2>Colophon</h2><p>Set by a script, for a test.</p></section>'
    pages["colophon"] = _page("Colophon", "backmatter", colophon)
    media = 'media-type="application/xhtml+xml"'
    items = [f'<item id="{page}" href="{page}.xhtml" {media}/>' for page in pages]
    items.append(f'<item id="nav" href="nav.xhtml" {media} properties="nav"/>')
    package = PACKAGE.format(
        identifier=identifier, title=title, author=author, date=date, items="\n".join(items),
        references="\n".join(f'<itemref idref="{page}"/>' for page in ["title", "nav", *list(pages)[1:]]),
    )  # fmt: skip
    with zipfile.ZipFile(TARGET / name, "w") as archive:
        _add(archive, "mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        _add(archive, "META-INF/container.xml", CONTAINER)
        _add(archive, "book/package.opf", package)
        _add(archive, "book/nav.xhtml", nav)
        for page, content in pages.items():
            _add(archive, f"book/{page}.xhtml", content)


def _add(archive: zipfile.ZipFile, name: str, content: str, method: int = zipfile.ZIP_DEFLATED) -> None:
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.compress_type = method
    info.external_attr = 0o644 << 16
    archive.writestr(info, content.encode())


def _read(original: str) -> tuple[dict[str, str], list[str]]:
    head, _, body = (ORIGINALS / f"{original}.txt").read_text(encoding="utf-8").partition("\n\n")
    fields = dict(line.split(": ", 1) for line in head.split("\n"))
    return fields, [block for block in body.strip("\n").split("\n\n") if block]


def _chapters(blocks: list[str]) -> list[tuple[str, list[str]]]:
    chapters: list[tuple[str, list[str]]] = []
    for block in blocks:
        if block.startswith("# "):
            chapters.append((block[2:], []))
        else:
            chapters[-1][1].append(block)
    return chapters


def _chapter_page(heading: str, blocks: list[str]) -> str:
    if blocks[0].startswith("[^"):
        notes = [line.split(": ", 1)[1] for line in blocks[0].split("\n")]
        back = '<a href="c1.xhtml" epub:type="backlink">\u21a9</a>'
        items = "".join(
            f'<li id="note-{number}" epub:type="endnote"><p>{escape(note)} {back}</p></li>'
            for number, note in enumerate(notes, 1)
        )
        return _page(
            heading, "backmatter", f'<section epub:type="endnotes"><h2>{escape(heading)}</h2><ol>{items}</ol></section>'
        )
    body = "\n".join(_verse(block) if block.startswith(">") else f"<p>{_inline(block)}</p>" for block in blocks)
    return _page(heading, "bodymatter", f'<section epub:type="chapter"><h2>{escape(heading)}</h2>\n{body}\n</section>')


def _inline(text: str) -> str:
    reference = r'<a href="c5.xhtml#note-\1" epub:type="noteref">\1</a>'
    return re.sub(r"\[\^(\d+)\]", reference, escape(text, quote=False))


def _verse(block: str) -> str:
    stanzas = "\n".join(line[1:].strip() for line in block.split("\n")).split("\n\n")
    lines = [
        "<br/>".join(f"<span>{escape(line, quote=False)}</span>" for line in stanza.split("\n")) for stanza in stanzas
    ]
    return '<blockquote epub:type="z3998:poem">' + "".join(f"<p>{stanza}</p>" for stanza in lines) + "</blockquote>"


def _page(title: str, kind: str, body: str) -> str:
    return PAGE.format(title=escape(title), kind=kind, body=body)


if __name__ == "__main__":
    main()
