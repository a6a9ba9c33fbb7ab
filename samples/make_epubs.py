"""The EPUBs of `samples/books/`: version 3 with endnotes or asides, version 2 with a guide, two that are refused."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from html import escape
from pathlib import Path

from original import Original, read

PAGE = """<?xml version="1.0" encoding="utf-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" xml:lang="en">
<head><title>{title}</title></head>
<body epub:type="{kind}">
{body}
</body>
</html>
"""
OLD_PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
<head><title>{title}</title><style type="text/css">p {{ text-indent: 1em }}</style></head>
<body>
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
<package xmlns="http://www.idpf.org/2007/opf" version="{version}" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">{identifier}</dc:identifier>
<dc:title>{title}</dc:title>
<dc:creator>{author}</dc:creator>
<dc:language>en</dc:language>
<dc:date>{date}</dc:date>
<dc:rights>{rights}</dc:rights>
</metadata>
<manifest>
{items}
</manifest>
<spine{toc}>
{references}
</spine>{guide}
</package>
"""
GUIDE = """
<guide>
<reference type="title-page" title="Title" href="title.xhtml"/>
<reference type="toc" title="Contents" href="contents.xhtml"/>
</guide>"""
NCX = """<?xml version="1.0" encoding="utf-8"?>
<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/" version="2005-1">
<head><meta name="dtb:uid" content="{identifier}"/></head>
<docTitle><text>{title}</text></docTitle>
<navMap>
{points}
</navMap>
</ncx>
"""
LOCK = """<?xml version="1.0"?>
<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" xmlns:enc="http://www.w3.org/2001/04/xmlenc#">
<enc:EncryptedData><enc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes256-cbc"/></enc:EncryptedData>
</encryption>
"""
CC0 = "Dedicated to the public domain under CC0 (https://creativecommons.org/publicdomain/zero/1.0/)."
CC_BY = "Licensed under https://creativecommons.org/licenses/by/4.0/"
MEDIA = 'media-type="application/xhtml+xml"'


def write_epubs(target: Path) -> None:
    """Write every EPUB into the folder `target`."""
    write(target, "the-keeper-of-the-tide-tables", modern(read("tide_tables"), "tide-tables", "2019-11-20"))
    write(target, "a-plain-account-of-bread", modern(read("bread"), "bread", "2021-05-02"))
    umbrella = read("seventh_umbrella")
    write(target, "the-seventh-umbrella", modern(umbrella, "seventh-umbrella", umbrella.fields["Date"]))
    weather = read("weather_glass")
    write(target, "the-weather-glass", modern(weather, "weather-glass", weather.fields["Date"], has_asides=True))
    write(target, "the-penny-ferry", old(read("penny_ferry"), "penny-ferry"))
    locked = modern(read("bread"), "locked", "2021-05-02")
    write(target, "a-locked-account-of-bread", {**locked, "META-INF/encryption.xml": LOCK})
    # A download that broke off has lost the directory at the end of the archive.
    whole = (target / "the-penny-ferry.epub").read_bytes()
    (target / "half-a-penny-ferry.epub").write_bytes(whole[: len(whole) // 2])


def modern(original: Original, name: str, date: str, *, has_asides: bool = False) -> dict[str, str]:
    """Members of an EPUB 3: a title page, a navigation page, a page per chapter, notes and a colophon.

    Notes stand on a page of their own, or as asides under the chapter that refers to them; books with asides list
    their pages in the manifest from last to first.
    """
    title, author = escape(original.fields["Title"]), escape(original.fields["Author"])
    front = f'<section epub:type="titlepage"><h1>{title}</h1><p>By {author}</p></section>'
    pages = {"title": _page(title, "frontmatter", front)}
    chapters = _chapters(original.blocks)
    links = "".join(
        f'<li><a href="c{number}.xhtml">{escape(heading)}</a></li>' for number, (heading, _) in enumerate(chapters)
    )
    nav = _page("Contents", "frontmatter", f'<nav epub:type="toc"><h2>Contents</h2><ol>{links}</ol></nav>')
    for number, (heading, body) in enumerate(chapters):
        pages[f"c{number}"] = _chapter_page(heading, body, "" if has_asides else "c5.xhtml")
    colophon = '<section epub:type="colophon"><h2>Colophon</h2><p>Set by a script, for a test.</p></section>'
    pages["colophon"] = _page("Colophon", "backmatter", colophon)
    items = [f'<item id="{page}" href="{page}.xhtml" {MEDIA}/>' for page in pages]
    items.append(f'<item id="nav" href="nav.xhtml" {MEDIA} properties="nav"/>')
    package = PACKAGE.format(
        version="3.0", identifier=f"https://books.example/{name}", title=title, author=author, date=date,
        rights=CC0, items="\n".join(reversed(items) if has_asides else items), toc="", guide="",
        references="\n".join(f'<itemref idref="{page}"/>' for page in ["title", "nav", *list(pages)[1:]]),
    )  # fmt: skip
    return {
        "META-INF/container.xml": CONTAINER,
        "book/package.opf": package,
        "book/nav.xhtml": nav,
        **{f"book/{page}.xhtml": content for page, content in pages.items()},
    }


def old(original: Original, name: str) -> dict[str, str]:
    """Members of an EPUB 2: XHTML 1.1, contents as a page and as NCX, a guide, an odd order, an advertisement."""
    fields = original.fields
    title, author = escape(fields["Title"]), escape(fields["Author"])
    chapters = _chapters(original.blocks)
    pages = {
        f"chapter{number}": _old_page(heading, _old_body(heading, body))
        for number, (heading, body) in enumerate(chapters)
    }
    order = list(pages)
    listed = "".join(
        f'<p><a href="{page}.xhtml">{escape(heading)}</a></p>'
        for page, (heading, _) in zip(order, chapters, strict=True)
    )
    pages["contents"] = _old_page("Contents", f"<h2>Contents</h2>{listed}")
    pages["title"] = _old_page(title, f"<h1>{title}</h1><p>by {author}</p>")
    pages["advertisement"] = _old_page("By the same", "<p>Order forms are to be had of the parish clerk.</p>")
    items = [f'<item id="{page}" href="{page}.xhtml" {MEDIA}/>' for page in sorted(pages)]
    items.append('<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>')
    references = [f'<itemref idref="{page}"/>' for page in ["title", "contents", *order]]
    identifier = f"https://books.example/{name}"
    points = "\n".join(
        f'<navPoint id="p{number}" playOrder="{number}"><navLabel><text>{escape(heading)}</text></navLabel>'
        f'<content src="{page}.xhtml"/></navPoint>'
        for number, (page, (heading, _)) in enumerate(zip(order, chapters, strict=True), 1)
    )
    package = PACKAGE.format(
        version="2.0", identifier=identifier, title=title, author=author, date=fields["Date"], rights=CC_BY,
        items="\n".join(items), toc=' toc="ncx"', guide=GUIDE,
        references="\n".join([*references, '<itemref idref="advertisement" linear="no"/>']),
    )  # fmt: skip
    return {
        "META-INF/container.xml": CONTAINER,
        "book/package.opf": package,
        "book/toc.ncx": NCX.format(identifier=identifier, title=title, points=points),
        **{f"book/{page}.xhtml": content for page, content in pages.items()},
    }


def write(target: Path, name: str, members: Mapping[str, str]) -> None:
    """Zip an EPUB's members, the media type first."""
    with zipfile.ZipFile(target / f"{name}.epub", "w") as archive:
        _add(archive, "mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        for member, content in members.items():
            _add(archive, member, content)


def _add(archive: zipfile.ZipFile, name: str, content: str, method: int = zipfile.ZIP_DEFLATED) -> None:
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.compress_type = method
    info.external_attr = 0o644 << 16
    archive.writestr(info, content.encode())


def _chapters(blocks: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    chapters: list[tuple[str, list[str]]] = []
    for block in blocks:
        if block.startswith("# "):
            chapters.append((block[2:], []))
        else:
            chapters[-1][1].append(block)
    return chapters


def _chapter_page(heading: str, blocks: list[str], notes_page: str) -> str:
    if blocks[0].startswith("[^"):
        back = '<a href="c1.xhtml" epub:type="backlink">\u21a9</a>'
        items = "".join(
            f'<li id="note-{number}" epub:type="endnote"><p>{escape(note)} {back}</p></li>'
            for number, note in _notes(blocks[0])
        )
        body = f'<section epub:type="endnotes"><h2>{escape(heading)}</h2><ol>{items}</ol></section>'
        return _page(heading, "backmatter", body)
    body = "\n".join(_paragraph(block, notes_page) for block in blocks)
    return _page(heading, "bodymatter", f'<section epub:type="chapter"><h2>{escape(heading)}</h2>\n{body}\n</section>')


def _paragraph(block: str, notes_page: str) -> str:
    if block.startswith(">"):
        return _verse(block)
    if block.startswith("[^"):
        return "\n".join(
            f'<aside id="note-{number}" epub:type="footnote"><p>{number}. {escape(note, quote=False)}</p></aside>'
            for number, note in _notes(block)
        )
    reference = rf'<a href="{notes_page}#note-\1" epub:type="noteref">\1</a>'
    text = re.sub(r"\[\^(\d+)\]", reference, escape(block, quote=False))
    return f"<p>{_emphasised(text)}</p>"


def _notes(block: str) -> list[tuple[str, str]]:
    return re.findall(r"^\[\^(\d+)\]: (.*)$", block, re.M)


def _emphasised(markup: str) -> str:
    return re.sub(r"_([^_]+)_", r"<em>\1</em>", markup)


def _verse(block: str) -> str:
    stanzas = "\n".join(line[1:].strip() for line in block.split("\n")).split("\n\n")
    lines = [
        "<br/>".join(f"<span>{escape(line, quote=False)}</span>" for line in stanza.split("\n")) for stanza in stanzas
    ]
    return '<blockquote epub:type="z3998:poem">' + "".join(f"<p>{stanza}</p>" for stanza in lines) + "</blockquote>"


def _page(title: str, kind: str, body: str) -> str:
    return PAGE.format(title=escape(title), kind=kind, body=body)


def _old_page(title: str, body: str) -> str:
    return OLD_PAGE.format(title=escape(title), body=body)


def _old_body(heading: str, blocks: list[str]) -> str:
    parts = [f"<h2>{escape(heading)}</h2>"]
    for block in blocks:
        if block.startswith("|"):
            rows = [re.split(r" {2,}", line[2:].strip()) for line in block.split("\n")]
            cells = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
            parts.append(f"<table>\n{cells}\n</table>")
        elif block.startswith("[^"):
            parts += [
                f'<p class="note"><a name="n{number}"></a>[{number}] {escape(note)}</p>'
                for number, note in _notes(block)
            ]
        elif block == "***":
            parts.append("<hr/>")
        else:
            text = re.sub(r"\[\^(\d+)\]", r'<a href="#n\1"><sup>\1</sup></a>', escape(block, quote=False))
            parts.append(f"<p>{_emphasised(text)}</p>".replace("\u2014", "&mdash;"))
    return "\n".join(parts)
