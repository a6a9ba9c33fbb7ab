"""An opinion's text out of the forms that CourtListener and the Caselaw Access Project keep it in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lxml import etree

from pile_builder.sources.markup import local_name, page_text, parse_markup
from pile_builder.sources.pages import trimmed, without_furniture

FORMS = ("html_with_citations", "html_columbia", "html_lawbox", "xml_harvard", "html_anon_2020", "html", "plain_text")
"""Columns that hold an opinion, best first: the first that is not empty is taken."""
PILE_FORMS = (
    "plain_text",
    "html",
    "html_lawbox",
    "html_columbia",
    "html_anon_2020",
    "html_with_citations",
    "xml_harvard",
)
"""In the order of the Pile's loop, which never broke off, so that the last one was taken."""

_FAILED = "Unable to extract the content from this file"
_PAGE_MARKS = frozenset(["page-number", "pagenumber", "page_number"])
_PAGE_CLASSES = frozenset(["star-pagination", "page-number", "pagenumber", "num"])
_BLOCKS = frozenset(
    ["attorneys", "author", "casebody", "citation", "citation_line", "correction", "court", "date", "decisiondate",
     "disposition", "docketnumber", "footnote", "footnote_body", "headnotes", "history", "judges", "opinion",
     "opinion_byline", "otherdate", "parties", "posture", "reporter_caption", "seealso", "summary", "syllabus"]
)  # fmt: skip
"""Elements of the older forms that stand on lines of their own."""
_MARKS = frozenset(["footnotemark", "footnote_reference", "footnote_number"])
MIN_NUMBERED, MIN_NUMBERED_SHARE = 10, 0.6
"""Least lines with a number, and least share of them on a page, in a column of line numbers."""
MAX_MARK = 20
"""Longest mark of a page, in characters; what is longer was never closed."""

_CITED = r"\d{1,4} [A-Z][\w.'’ ]{1,25} \d{1,5}"
_CITED_PAGE = rf"\[{_CITED}(?: ?, ?{_CITED})*\]"
"""Where a page of a reporter begins, as `[698 S.E.2d 427]`."""
_EMPTY = re.compile(r"<([a-z][\w-]*)((?:\s[^<>]*)?)/>", re.I)
_VOID = frozenset(["br", "hr", "img", "input", "link", "meta", "col"])
_NUMBERED = re.compile(r"^ {0,8}(\d{1,2})(?: {1,8}|$)")


def opinion_text(fields: Mapping[str, Any]) -> tuple[str, str]:
    """Text and form of an opinion; both empty where every form is.

    Raises:
        InputError: `too_large`: an opinion with too many elements.
    """
    for form in FORMS:
        content = str(fields.get(form) or "")
        if not content.strip() or _FAILED in content:
            continue
        text = plain_text(content) if form == "plain_text" else markup_text(content)
        if text:
            return text, form
    return "", ""


def pile_text(fields: Mapping[str, Any]) -> tuple[str, str]:
    """As the Pile: all text nodes of the last form that is not empty."""
    form = ""
    for each in PILE_FORMS:
        content = str(fields.get(each) or "")
        if content and _FAILED not in content:
            form = each
    page = parse_markup(str(fields[form])) if form else None
    return ("".join(map(str, page.itertext())), form) if page is not None else ("", "")


def markup_text(content: str) -> str:
    """Text of an HTML or XML form: marks of pages go, notes keep their number in brackets.

    Raises:
        InputError: `too_large`.
    """
    # In XML an empty element has no end tag, in HTML it would go on to the end.
    content = _EMPTY.sub(
        lambda found: found[0] if found[1].lower() in _VOID else f"<{found[1]}{found[2]}></{found[1]}>", content
    )
    # Scanned books were stored with soft hyphens where a line ended.
    content = re.sub(r"(?:\u00ad|&#173;|&shy;)-?\s*", "", content)
    page = parse_markup(content)
    if page is None:
        return ""
    for element in list(page.iter()):
        if isinstance(element.tag, str):
            _mend(element)
    # A mark between paragraphs may part a sentence; else it goes with the blank line behind it.
    text = re.sub(rf"(?<=[a-z,;])\n\n{_CITED_PAGE}\n\n", " ", page_text(page))
    text = re.sub(rf"^{_CITED_PAGE}(?:\n\n| )|(?<=\n\n){_CITED_PAGE}(?:\n\n| )| {_CITED_PAGE}", "", text)
    return re.sub(r"\n\n[-–—_ ]{5,}$", "", text)


def plain_text(content: str) -> str:
    """Text that was taken from a PDF with its layout: heads and feet of pages go, and columns of line numbers.

    Lines stay as they are: joining them would ruin captions and tables. Indents are cut to the least common one and to
    8 blanks.
    """
    content = content.replace("\r\n", "\n").replace("\r", "\n").expandtabs(8)
    pages = [[line.rstrip() for line in page.split("\n")] for page in content.split("\f")]
    pages = [_without_line_numbers(trimmed(page)) for page in pages]
    pages = without_furniture([page for page in pages if page])
    lines = [line for page in pages for line in page]
    indent = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    text = "\n".join(re.sub(r"^ {9,}", " " * 8, line[indent:]) for line in lines)
    return re.sub(r"\n{4,}", "\n\n\n", text).strip("\n")


def _mend(element: etree._Element) -> None:
    name = local_name(element)
    if name in _PAGE_MARKS or (_PAGE_CLASSES & set((element.get("class") or "").split()) and name in ("span", "a")):
        _cut(element)
    elif name in _MARKS:
        label = "".join(map(str, element.itertext())).strip("[]() \n")
        for child in list(element):
            element.remove(child)
        element.tag, element.text = "span", f"[{label}]" if label else ""
        if name == "footnote_number" and element.text:
            element.text += " "
    elif name == "footnote" and (label := (element.get("label") or "").strip("[]() \n")):
        first = next((child for child in element if local_name(child) == "p"), element)
        # Most notes begin with their label already.
        text = re.sub(rf"^[\[(]?{re.escape(label)}[\])]?(?!\w)\.?\s*", "", (first.text or "").lstrip())
        first.text = f"[{label}] {text}"
        element.tag = "div"
    elif name in _BLOCKS:
        element.tag = "div"


def _cut(element: etree._Element) -> None:
    """Take an element out and leave what follows it."""
    parent, before = element.getparent(), element.getprevious()
    if parent is None:
        return
    if len("".join(map(str, element.itertext()))) > MAX_MARK:
        return
    tail = element.tail or ""
    if before is not None:
        before.tail = (before.tail or "") + tail
    else:
        parent.text = (parent.text or "") + tail
    parent.remove(element)


def _without_line_numbers(page: list[str]) -> list[str]:
    """A page without the numbers down its margin (pleading paper), if they are there: 1, 2, 3 ... on most lines."""
    numbers = [int(found[1]) if (found := _NUMBERED.match(line)) else None for line in page]
    seen = [number for number in numbers if number is not None]
    is_column = len(seen) >= max(MIN_NUMBERED, MIN_NUMBERED_SHARE * sum(map(bool, page)))
    if not is_column or seen != list(range(seen[0], seen[0] + len(seen))) or seen[0] > 2:
        return page
    return [_NUMBERED.sub("", line) if number is not None else line for line, number in zip(page, numbers, strict=True)]
