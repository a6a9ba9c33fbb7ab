"""A JATS article to Markdown: title, abstract, sections, lists, tables, formulas, captions, footnotes, appendices."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lxml import etree

from pile_builder.errors import InputError
from pile_builder.sources.markup import local_name
from pile_builder.sources.pubmed_central.boilerplate import (
    ABSTRACTS_SKIPPED,
    BOILERPLATE,
    NOTES_SKIPPED,
    STATEMENT,
)
from pile_builder.sources.xml_inline import (
    MAX_DEPTH,
    NO_FORMULA,
    Style,
    formula,
    inline_text,
    laid_out,
    nodes,
    plain,
)
from pile_builder.sources.xml_tables import table_rows

_SKIPPED = frozenset(
    ["ack", "bio", "contrib-group", "aff", "author-notes", "counts", "graphic", "inline-graphic", "kwd-group", "label",
     "media", "object-id", "permissions", "related-article", "related-object", "sec-meta", "subtitle",
     "supplementary-material", "title", "alt-text", "long-desc", "attrib", "x", "processing-meta", "index", "toc"]
)  # fmt: skip
_BLOCKS = frozenset(
    ["array", "boxed-text", "chem-struct-wrap", "code", "def-list", "disp-formula", "disp-formula-group", "disp-quote",
     "fig", "fig-group", "graphic", "list", "media", "preformat", "speech", "statement", "supplementary-material",
     "table-wrap", "table-wrap-group", "verse-group", "p", "sec", "fn-group", "ref-list", "app", "app-group",
     "glossary", "notes", "ack", "table"]
)  # fmt: skip


def article_text(article: etree._Element, style: Style) -> str:
    """Text of an `article` element, blocks separated by blank lines.

    Raises:
        InputError: `too_large`: nested too deeply.
    """
    return "\n\n".join(block for block in _Walk(style).article(article) if block)


class _Walk:
    def __init__(self, style: Style) -> None:
        self._style = style

    def article(self, article: etree._Element) -> Iterator[str]:
        if not self._style.pandoc:
            yield from self._front(article)
        for part in article:
            if local_name(part) == "body":
                yield from self._children(part, 2, 0)
        for name in ("back", "floats-group", "floats-wrap"):
            for part in article.iterchildren(f"{{*}}{name}"):
                yield from self._children(part, 2, 0)

    def _front(self, article: etree._Element) -> Iterator[str]:
        title = article.find("./{*}front/{*}article-meta/{*}title-group/{*}article-title")
        if title is not None and (text := title_text(title)):
            yield f"# {text}"
        for abstract in article.iterfind("./{*}front/{*}article-meta/{*}abstract"):
            if abstract.get("abstract-type") in ABSTRACTS_SKIPPED:
                continue
            blocks = list(self._children(abstract, 3, 0))
            if blocks:
                yield self._heading(abstract, 2) or "## Abstract"
                yield from blocks

    def _children(self, parent: etree._Element, level: int, depth: int) -> Iterator[str]:
        if depth > MAX_DEPTH:
            raise InputError("too_large", f"elements nested deeper than {MAX_DEPTH}")
        for child in parent:
            yield from self._block(child, level, depth + 1)

    def _block(self, element: etree._Element, level: int, depth: int) -> Iterator[str]:
        name = local_name(element) if isinstance(element.tag, str) else ""
        if not name or (name in _SKIPPED and not (self._style.pandoc and name == "ack")):
            return
        if name in ("sec", "app", "glossary", "notes", "ack"):
            yield from self._section(element, level, depth)
        elif name == "fn-group":
            yield from self._notes(element, depth)
        elif name == "ref-list":
            yield from self._references(element, level)
        elif name in ("fig", "table-wrap", "boxed-text", "chem-struct-wrap"):
            yield from self._float(element, name, level, depth)
        elif name in ("table", "array") and (rows := table_rows(element, self._style)):
            yield rows
        elif name == "list":
            yield self._list(element, depth)
        elif name == "def-list":
            yield from self._definitions(element)
        elif name == "disp-formula":
            yield self._formula(element, depth)
        elif name in ("preformat", "code"):
            yield "```\n" + "".join(map(str, element.itertext())).strip("\n") + "\n```"
        elif name in ("disp-quote", "verse-group"):
            yield from self._quote(element, name, level, depth)
        elif name == "statement":
            heading = self._heading(element, 0)
            yield from _led(
                f"{heading}." if heading and heading[-1].isalnum() else heading, self._children(element, level, depth)
            )
        else:
            yield from self._flow(element, level, depth)

    def _flow(self, element: etree._Element, level: int, depth: int) -> Iterator[str]:
        """A paragraph, cut where blocks stand in it; or a container of blocks."""
        text = plain(element.text, self._style)
        for child in element:
            if isinstance(child.tag, str) and local_name(child) in _BLOCKS:
                yield laid_out(text, self._style)
                yield from self._block(child, level, depth + 1)
                text = plain(child.tail, self._style)
            else:
                text += nodes([child], self._style, depth + 1)
        yield laid_out(text, self._style)

    def _section(self, element: etree._Element, level: int, depth: int) -> Iterator[str]:
        title = element.find("./{*}title")
        name = inline_text(title, Style()).strip("*") if title is not None else ""
        is_notes = local_name(element) == "notes" and not name
        if not self._style.pandoc and (is_notes or BOILERPLATE.fullmatch(name) or _is_supplement(element)):
            return
        blocks = [block for block in self._children(element, level + 1, depth) if block]
        if blocks:
            yield self._heading(element, level)
            yield from blocks

    def _heading(self, element: etree._Element, level: int) -> str:
        """Label and title of an element as a heading of some level, 0 for none."""
        parts = [element.find("./{*}label"), element.find("./{*}title")]
        text = " ".join(filter(None, (inline_text(part, self._style) for part in parts if part is not None)))
        if not level or not text:
            return text
        if not self._style.pandoc:
            # A heading is not bold or italic as a whole.
            text = re.sub(r"^(\*{1,2})([^*]+)\1$", r"\2", text)
            return f"{'#' * min(level, 6)} {text}"
        text += f" {{#{element.get('id')}}}" if element.get("id") else ""
        return f"{text}\n{'=-'[level - 2] * len(text)}" if level < 4 else f"{'#' * min(level - 1, 6)} {text}"

    def _float(self, element: etree._Element, name: str, level: int, depth: int) -> Iterator[str]:
        if name == "boxed-text" and element.find("./{*}caption") is None:
            yield from self._section(element, level, depth)
            return
        yield self._caption(element)
        caption = element.find("./{*}caption")
        for child in element:
            if child is caption or not isinstance(child.tag, str):
                continue
            if local_name(child) == "table-wrap-foot":
                yield from self._foot(child, depth)
            elif local_name(child) == "alternatives":
                tables = child.findall("./{*}table")
                yield from (table_rows(table, self._style) for table in tables[:1])
            else:
                yield from self._block(child, level + 1, depth + 1)

    def _caption(self, element: etree._Element) -> str:
        """`Figure 1. Title. Text.` in one paragraph; nothing where there is a label alone."""
        label, caption = element.find("./{*}label"), element.find("./{*}caption")
        if caption is None:
            return ""
        texts = [inline_text(part, self._style) for part in caption if isinstance(part.tag, str)]
        texts = [text for text in texts if text and not re.fullmatch(r"\(?(?:DOCX?|XLSX?|PDF|TIFF?|EPS)\)?", text)]
        if self._style.pandoc:
            return "\n\n".join([f"###### {texts[0]}", *texts[1:]]) if texts else ""
        if label is not None and texts and (name := inline_text(label, self._style)):
            texts.insert(0, name)
        texts = [
            f"{text}." if text[-1].isalnum() and index + 1 < len(texts) else text for index, text in enumerate(texts)
        ]
        return " ".join(texts)

    def _foot(self, foot: etree._Element, depth: int) -> Iterator[str]:
        lines = []
        for child in foot:
            lines += [block for block in self._note(child, depth) if block]
        yield "\n".join(lines)

    def _note(self, element: etree._Element, depth: int) -> Iterator[str]:
        label = element.find("./{*}label") if isinstance(element.tag, str) else None
        blocks = (block for block in self._flow_or_children(element, depth) if block)
        yield from _led(inline_text(label, self._style) if label is not None else "", blocks)

    def _flow_or_children(self, element: etree._Element, depth: int) -> Iterator[str]:
        if not isinstance(element.tag, str):
            return
        if local_name(element) in ("fn", "fn-group"):
            yield from self._children(element, 6, depth + 1)
        else:
            yield from self._block(element, 6, depth + 1)

    def _notes(self, group: etree._Element, depth: int) -> Iterator[str]:
        title = group.find("./{*}title")
        if title is not None and BOILERPLATE.fullmatch(inline_text(title, Style())):
            return
        for note in group.iterchildren("{*}fn"):
            text = " ".join(map(str, note.itertext())).strip()
            if note.get("fn-type") not in NOTES_SKIPPED and not STATEMENT.match(text):
                yield from self._note(note, depth)

    def _references(self, element: etree._Element, level: int) -> Iterator[str]:
        if not self._style.references or self._style.pandoc:
            return
        lines = []
        for reference in element.iter("{*}ref"):
            label = reference.find("./{*}label")
            number = inline_text(label, self._style).strip("[].") if label is not None else ""
            cited = [child for child in reference if isinstance(child.tag, str) and child is not label]
            text = " ".join(_citation(child, self._style) for child in cited)
            lines.append(f"[{number}] {text}" if number else f"- {text}")
        if lines:
            yield self._heading(element, level) or f"{'#' * level} References"
            yield "\n".join(lines)

    def _list(self, element: etree._Element, depth: int) -> str:
        items = []
        kind = element.get("list-type") or "bullet"
        for number, item in enumerate(element.iterchildren("{*}list-item"), 1):
            label = item.find("./{*}label")
            mark = inline_text(label, self._style) if label is not None else ""
            mark = mark or (f"{number}." if kind == "order" else "-")
            mark = "-" if mark in ("•", "·", "–", "—", "○", "▪", "■", "●") else mark
            blocks = [block for block in self._children(item, 6, depth + 1) if block]
            if blocks:
                items.append("\n".join(_led(mark, iter(["\n".join(blocks).replace("\n", "\n  ")]))))
        return "\n".join(items)

    def _definitions(self, element: etree._Element) -> Iterator[str]:
        title = element.find("./{*}title")
        if title is not None:
            yield inline_text(title, self._style)
        lines = []
        for item in element.iter("{*}def-item"):
            term = item.find("./{*}term")
            texts = [inline_text(one, self._style) for one in item.iterchildren("{*}def")]
            lines.append(f"{inline_text(term, self._style) if term is not None else ''}: {' '.join(texts)}".strip(": "))
        yield "\n".join(lines)

    def _formula(self, element: etree._Element, depth: int) -> str:
        label = element.find("./{*}label")
        number = f" {inline_text(label, self._style)}" if label is not None else ""
        if label is not None and element.find(".//{*}math") is None and element.find(".//{*}tex-math") is None:
            # Only the formula's own text: its number is written once.
            text = plain(element.text, self._style) + nodes(
                [child for child in element if child is not label], self._style, depth + 1
            ) + plain(label.tail, self._style)  # fmt: skip
            return (laid_out(text, self._style) or NO_FORMULA) + number
        text = laid_out(formula(element, self._style, depth), self._style)
        text = f"${text}$" if text.startswith("$") and text.endswith("$") else text
        return text + number if text else ""

    def _quote(self, element: etree._Element, name: str, level: int, depth: int) -> Iterator[str]:
        if name == "verse-group":
            blocks = ["\n".join(inline_text(line, self._style) for line in element.iter("{*}verse-line"))]
        else:
            blocks = list(self._flow(element, level, depth))
        for block in blocks:
            if block:
                yield "> " + block.replace("\n", "\n> ")


def title_text(title: etree._Element) -> str:
    """A title without its footnote marks."""
    return re.sub(r"\s*\^[*†‡§¶\d,]+\^$", "", inline_text(title, Style()))


def _citation(element: etree._Element, style: Style) -> str:
    """A reference's text; where its parts stand without punctuation, commas between them."""
    if local_name(element) != "element-citation":
        return inline_text(element, style)
    names = [
        " ".join(filter(None, (name.findtext("./{*}surname"), name.findtext("./{*}given-names"))))
        for name in element.iter("{*}name")
    ]
    rest = [
        inline_text(child, style) for child in element if local_name(child) not in ("person-group", "name", "pub-id")
    ]
    return ". ".join(filter(None, (", ".join(names), ", ".join(filter(None, rest))))) + "."


def _is_supplement(section: etree._Element) -> bool:
    if section.get("sec-type") in ("supplementary-material", "display-objects", "ref-list"):
        return section.get("sec-type") != "display-objects"
    content = [local_name(child) for child in section if isinstance(child.tag, str)]
    rest = [name for name in content if name not in ("title", "label")]
    return bool(rest) and all(name == "supplementary-material" for name in rest)


def _led(mark: str, blocks: Iterable[str]) -> Iterator[str]:
    """Blocks with a mark in front of the first."""
    for number, block in enumerate(blocks):
        yield f"{mark} {block}".strip() if number == 0 else block
