"""HTML and XHTML whose every part is wanted (a book's page, a post, a mail) to plain text.

Paragraphs stand between blank lines, items have marks, cells bars, preformatted text its lines. The walk is iterative
and bounded; no entities, no network.
"""

from __future__ import annotations

import re
from html.entities import html5
from itertools import islice

from lxml import etree

from pile_builder.errors import InputError

MAX_ELEMENTS = 500_000
"""Most elements of a page (seen: 15,000)."""
HEAD_BYTES = 1 << 16
"""Declarations that a lenient parser must not see are looked for in so much of a page."""
EPUB_TYPE = "{http://www.idpf.org/2007/ops}type"

_SKIPPED = frozenset(
    ["head", "script", "style", "nav", "template", "svg", "audio", "video", "iframe", "object", "form", "button", "map"]
)
_SKIPPED_TYPES = frozenset(["pagebreak", "toc", "loi", "lot", "landmarks", "page-list", "backlink"])
_SKIPPED_ROLES = frozenset(["doc-backlink", "doc-pagebreak", "doc-toc"])
_BLOCKS = frozenset(
    {
        "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt",
        "fieldset", "figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr",
        "li", "main", "ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "ul",
    }
)  # fmt: skip
_SEPARATOR = "* * *"
_SPACE, _CELL, _LINE, _BLOCK = "\x1c\x1d\x1e\x1f"
"""Marks while a page is put together, taken out of its text. Python counts them as white space: mind `strip`."""
_INVISIBLE = {ord(sign): None for sign in "\xad\u200b\u2060\ufeff\x1c\x1d\x1e\x1f"}
_SPACES = {ord(sign): " " for sign in "\xa0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f"}
_CLEAN = _INVISIBLE | _SPACES
_REFERENCE = re.compile(rb"&([A-Za-z_:][A-Za-z0-9_.:-]{0,63});")
_XML_REFERENCES = (b"amp", b"lt", b"gt", b"quot", b"apos")
_DECLARATIONS = re.compile(rb"<!DOCTYPE[^>\[]{0,1000}(?:\[[^\]]{0,20000}\][^>]{0,100})?>|<\?xml[^>]{0,1000}\?>", re.I)
_CONTROLS = bytes([*range(9), 11, 12, *range(14, 32)])


def parse_page(content: bytes) -> etree._Element | None:
    """A page's tree: as XML where it is well-formed, else as HTML; None where there is nothing in it.

    Entities of HTML become characters; those that the page declares for itself vanish.
    """
    content = numbered_entities(content)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        encoding = re.search(rb"(?:charset|encoding)=[\"']?([\w-]+)", content[:1024])
        # The HTML parser reads an internal subset as text, and the marks used here are control characters.
        content = _DECLARATIONS.sub(b"", content[:HEAD_BYTES]) + content[HEAD_BYTES:]
    return _parse_html(content, encoding[1].decode() if encoding else "utf-8")


def _lenient_parser(encoding: str) -> etree.HTMLParser:
    """libxml2's parser of HTML; UTF-8 in the place of an encoding that it does not know."""
    try:
        return etree.HTMLParser(
            no_network=True, huge_tree=False, remove_comments=True, remove_pis=True, encoding=encoding
        )
    except LookupError:
        return _lenient_parser("utf-8")


def numbered_entities(content: bytes) -> bytes:
    """Markup with HTML's named entities as numbers, which need no declaration; unknown names vanish."""
    return _REFERENCE.sub(_numbered, content)


def page_text(page: etree._Element) -> str:
    """Text of a page, paragraphs separated by blank lines.

    Raises:
        InputError: `too_large`: more than `MAX_ELEMENTS` elements.
    """
    walk = _Walk()
    for count, (event, element) in enumerate(etree.iterwalk(page, events=("start", "end"))):
        if count > 2 * MAX_ELEMENTS:
            raise InputError("too_large", f"a page with more than {MAX_ELEMENTS:,} elements")
        if event == "start":
            walk.enter(element)
        else:
            walk.leave(element)
    return _laid_out("".join(walk.parts))


def html_text(markup: str) -> str:
    """Text of an HTML fragment or page, paragraphs separated by blank lines; empty if there is none.

    Raises:
        InputError: `too_large`, as `page_text`.
    """
    page = parse_markup(markup)
    return page_text(page) if page is not None else ""


def parse_markup(markup: str) -> etree._Element | None:
    """The tree of an HTML fragment or page whatever encoding it declares, for changes before `page_text`."""
    return _parse_html(markup.encode("utf-8", "replace"), "utf-8")


def local_name(element: etree._Element) -> str:
    """An element's name without namespace, lower case."""
    return str(element.tag).rpartition("}")[2].lower()


def epub_types(element: etree._Element) -> frozenset[str]:
    """The values of an element's `epub:type`, which the HTML parser leaves without namespace."""
    return frozenset((element.get(EPUB_TYPE) or element.get("epub:type") or "").split())


class _Walk:
    """What is known on the way through a page: text so far, depth of what is skipped or preformatted, item numbers."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._skipped = 0
        self._preformatted = 0
        self._numbers: list[int | None] = []
        self._closings: list[str] = []

    def enter(self, element: etree._Element) -> None:
        name = local_name(element)
        if self._skipped or _is_skipped(element, name):
            self._skipped += 1
            return
        self._preformatted += name == "pre"
        opening, closing = self._marks(element, name)
        self._closings.append(closing)
        self.parts.append(opening)
        self._add(element.text)
        if name in ("ol", "ul"):
            self._numbers.append(_number(element.get("start"), 1) if name == "ol" else None)

    def leave(self, element: etree._Element) -> None:
        if self._skipped:
            self._skipped -= 1
        else:
            name = local_name(element)
            self._preformatted -= name == "pre"
            if name in ("ol", "ul"):
                self._numbers.pop()
            self.parts.append(self._closings.pop())
        if not self._skipped:
            self._add(element.tail)

    def _add(self, text: str | None) -> None:
        if text:
            text = text.translate(_CLEAN)
            if self._preformatted:
                self.parts.append(text.expandtabs(4).replace(" ", _SPACE).replace("\n", _LINE))
            else:
                self.parts.append(re.sub(r"[ \t\r\n\f]+", " ", text))

    def _marks(self, element: etree._Element, name: str) -> tuple[str, str]:
        """What stands before and after an element's text."""
        if name in ("br", "tr"):
            return _LINE, ""
        if name in ("td", "th"):
            return _CELL, ""
        if name == "hr":
            return _BLOCK + _SEPARATOR, _BLOCK
        if name == "li":
            return _BLOCK + self._item_mark(element), _BLOCK
        if name == "a" and _is_note_reference(element):
            return "[", "]"
        return (_BLOCK, _BLOCK) if name in _BLOCKS else ("", "")

    def _item_mark(self, element: etree._Element) -> str:
        """`[3] ` before a numbered note, `3. ` before another numbered item, `- ` before a bullet."""
        number = self._numbers[-1] if self._numbers else None
        if number is None:
            return "- "
        number = _number(element.get("value"), number)
        self._numbers[-1] = number + 1
        parent = element.getparent()
        section = parent.getparent() if parent is not None else None
        types = epub_types(element) | (epub_types(section) if section is not None else frozenset())
        is_note = types & {"endnote", "footnote", "rearnote", "endnotes", "footnotes", "rearnotes"}
        return f"[{number}] " if is_note else f"{number}. "


def _parse_html(content: bytes, encoding: str) -> etree._Element | None:
    parser = _lenient_parser(encoding)
    content = content.translate(None, _CONTROLS)
    try:
        return etree.fromstring(content, parser) if content.strip() else None
    except (etree.XMLSyntaxError, LookupError):
        return None


def _numbered(reference: re.Match[bytes]) -> bytes:
    if reference[1] in _XML_REFERENCES:
        return reference[0]
    return "".join(f"&#{ord(sign)};" for sign in html5.get(f"{reference[1].decode()};", "")).encode()


def _is_skipped(element: etree._Element, name: str) -> bool:
    if name in _SKIPPED or element.get("hidden") is not None:
        return True
    return bool(_SKIPPED_TYPES & epub_types(element)) or element.get("role") in _SKIPPED_ROLES


def _is_note_reference(element: etree._Element) -> bool:
    label = "".join(map(str, islice(element.itertext(), 20))).strip()
    if not label or label[0] in "[(":
        return False
    if "noteref" in epub_types(element) or element.get("role") == "doc-noteref":
        return True
    parent = element.getparent()
    is_raised = any(local_name(child) == "sup" for child in element) or (
        parent is not None and local_name(parent) == "sup"
    )
    return is_raised and label.isdecimal() and len(label) < 5


def _number(text: str | None, default: int) -> int:
    return int(text) if text and re.fullmatch(r"[0-9]{1,6}", text) else default


def _laid_out(marked: str) -> str:
    blocks: list[str] = []
    for block in marked.split(_BLOCK):
        lines = [_row(line) if _CELL in line else re.sub(" {2,}", " ", line).strip(" ") for line in block.split(_LINE)]
        text = "\n".join(line.replace(_SPACE, " ").rstrip() for line in lines).strip("\n")
        if text.strip():
            blocks.append(text)
    text = "\n\n".join(blocks)
    # An item's mark goes in front of its first paragraph; separators never pile up.
    text = re.sub(r"(^|\n\n)(\[\d+\]|\d+\.|-)\n\n", r"\1\2 ", text)
    return re.sub(r"(?:\* \* \*\n\n)+(?=\* \* \*)", "", text).strip("\n")


def _row(line: str) -> str:
    return " | ".join(cell.strip(" ") for cell in line.split(_CELL) if cell.strip(" "))
