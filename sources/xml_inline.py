"""Running text of JATS and what is like it (PubMed, patents): emphasis, formulas, links, citations of a paragraph."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import unescape

from lxml import etree

from pile_builder.errors import InputError
from pile_builder.sources.markup import local_name
from pile_builder.sources.mathml import tex_of_latex, tex_of_mathml

MAX_DEPTH = 80
"""Deepest nesting of elements (seen: 15)."""
NO_FORMULA = "[formula]"
"""Stands where a formula is given as a picture only."""
XLINK = "{http://www.w3.org/1999/xlink}href"

_OPEN, _CLOSE = "\x01", "\x02"
"""Around a citation by number until the paragraph is laid out; XML has no such characters."""
_MARKS = {"italic": "*", "i": "*", "bold": "**", "b": "**", "sup": "^", "sub": "~", "monospace": "`"}
"""Of JATS, and of the few elements that PubMed's abstracts have."""
_SILENT = frozenset(
    ["inline-graphic", "graphic", "media", "inline-supplementary-material", "object-id", "index-term", "alt-text",
     "long-desc", "private-char", "target", "supplementary-material"]
)  # fmt: skip
_INVISIBLE = re.compile("[\xad\u200b\u2060\ufeff]")
_NUMBERS = re.compile(r"[\[(]?[\s,;\d–−‐-]*\d[a-z]?[\])]?")
_YEAR = re.compile(r"[\[(]?(?:1[5-9]|20)\d\d[a-z]?[\])]?")
_CITATION = f"{_OPEN}[^{_CLOSE}]*{_CLOSE}"
_JOINT = r"(?:\s|[,;–−‐-]|and|&)*"
_CITATIONS = f"{_JOINT}{_CITATION}(?:{_JOINT}{_CITATION})*{_JOINT}"
_NAMED = re.compile(
    rf"(\b(?:in|by|of|from|see|to|and|with|also|e\.g\.\*?,?|refs?\.?|references?)\s*)([\[(]?)"
    rf"({_CITATION}(?:{_JOINT}{_CITATION})*)([\])]?)", re.I
)  # fmt: skip
_RAISED = re.compile(rf"\s?\^{_CITATIONS}\^")
_BRACKETED = re.compile(rf"\s?[\[(]{_CITATIONS}[\])]")
_BARE = re.compile(rf"\s?{_CITATION}(?:[\s,;–−‐-]*{_CITATION})*")
_PANDOC = str.maketrans(
    {"–": "--", "—": "---", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "..."}
    | {sign: f"\\{sign}" for sign in "\\[]*_<>~^`$@'\""}
)


@dataclass(frozen=True, slots=True)
class Style:
    """How text is laid out.

    Attributes:
        references: citations by number stay (`[12]`), and the list of references comes at the end.
        pandoc: as pandoc's Markdown: citations `[@id]`, links and headings with ids, special characters escaped.
    """

    references: bool = False
    pandoc: bool = False


def inline_text(element: etree._Element, style: Style) -> str:
    """The running text of an element, on one line.

    Raises:
        InputError: `too_large`: nested deeper than `MAX_DEPTH`.
    """
    return laid_out(inner(element, style, 0), style)


def laid_out(text: str, style: Style) -> str:
    """Text with white space collapsed and citations by number resolved."""
    if style.pandoc:
        return " ".join(re.split(r"[ \t\r\n]+", text)).strip(" ")
    text = re.sub(r"\s+", " ", _INVISIBLE.sub("", text))
    if _OPEN in text:
        text = _NAMED.sub(_named, text)
        for pattern in (_RAISED, _BRACKETED, _BARE):
            text = pattern.sub("", text)
        text = re.sub(r"(?<=[\[(])[,;] ?|[,;] ?(?=[\])])", "", text)
    return text.strip()


def inner(element: etree._Element, style: Style, depth: int) -> str:
    """Text of an element's content, not yet laid out."""
    return plain(element.text, style) + nodes(element, style, depth)


def nodes(elements: Iterable[etree._Element], style: Style, depth: int) -> str:
    """Text of some siblings and of what follows each, not yet laid out."""
    if depth > MAX_DEPTH:
        raise InputError("too_large", f"elements nested deeper than {MAX_DEPTH}")
    return "".join(_element(child, style, depth) + plain(child.tail, style) for child in elements)


def plain(text: str | None, style: Style) -> str:
    """Characters of the file as they come out."""
    return (text.translate(_PANDOC) if style.pandoc else text) if text else ""


def formula(element: etree._Element, style: Style, depth: int) -> str:
    """A formula without dollar signs if it is given as LaTeX or MathML, else what text there is, or a stand-in."""
    found = next(element.iter("{*}tex-math"), None)
    if found is not None and (tex := tex_of_latex("".join(map(str, found.itertext())))):
        return f"${tex}$"
    found = next(element.iter("{*}math"), None)
    if found is not None and (tex := tex_of_mathml(found)):
        return f"${tex}$"
    text = inner(element, style, depth + 1) if next(element.iter("{*}math", "{*}tex-math"), None) is None else ""
    if text.strip():
        return text
    return NO_FORMULA if next(element.iter("{*}inline-graphic", "{*}graphic"), None) is not None else ""


def _element(element: etree._Element, style: Style, depth: int) -> str:
    if not isinstance(element.tag, str):
        known = unescape(element.text or "") if isinstance(element, etree._Entity) else ""
        return "" if known.startswith("&") else known
    name = local_name(element)
    if name in _SILENT:
        return ""
    if name in _MARKS:
        return _marked(inner(element, style, depth + 1), _MARKS[name])
    if name == "xref":
        return _reference(element, style, depth)
    if name in ("inline-formula", "disp-formula", "dispformula", "math", "tex-math", "chem-struct", "alternatives"):
        return formula(element, style, depth)
    if name == "break":
        return " "
    if name in ("ext-link", "uri", "email") and not element.text and not len(element):
        return plain(element.get(XLINK), style)
    if name == "fn":
        return f" [Footnote: {inner(element, style, depth + 1).strip()}]"
    text = inner(element, style, depth + 1)
    return f" {text} " if name in ("p", "title", "label") else text


def _marked(text: str, mark: str) -> str:
    body = text.strip()
    if not body or (mark in "^~" and mark in body):
        return text
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{before}{mark}{body}{mark}{after}"


def _reference(element: etree._Element, style: Style, depth: int) -> str:
    text = inner(element, style, depth + 1)
    kind, target = element.get("ref-type"), element.get("rid") or ""
    if style.pandoc:
        cited = " ".join(f"[@{one}]" for one in target.split()) if kind == "bibr" else ""
        return cited or (f'[{text}](#{target}){{ref-type="{kind}"}}' if text.strip() else "")
    bare = text.replace("^", "").replace("*", "").strip()
    if kind == "bibr" and _NUMBERS.fullmatch(bare) and not _YEAR.fullmatch(bare):
        number = bare.strip("[]()")
        return f"[{number}]" if style.references and "[" in text else text if style.references else (
            f"{_OPEN}{number}{_CLOSE}"
        )  # fmt: skip
    return f"^{bare}^" if kind == "table-fn" and bare and "^" not in text else text


def _named(found: re.Match[str]) -> str:
    """A citation that the sentence needs (`as shown in [12]`) stays, in brackets."""
    numbers = re.sub(f"[{_OPEN}{_CLOSE}]", "", found[3])
    return f"{found[1]}({numbers})" if found[2] == "(" else f"{found[1]}[{numbers}]"
