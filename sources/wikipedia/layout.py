"""Text of a page whose templates, links and tables are resolved: tags, headings, lists and paragraphs laid out."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

BREAK, CELL = "\x04", "\x06"
"""A line's end inside a paragraph, and what stands before a cell."""

_PARAGRAPHS = "p|div|blockquote|center|table|ul|ol|dl|caption|h1|h2|h3|h4|h5|h6|section|article|hr"
_PLAIN = (
    "b|i|u|s|em|strong|small|big|span|font|tt|code|kbd|samp|var|cite|abbr|bdi|bdo|del|ins|strike|q|dfn|mark|ruby|rb|rt|rp|rtc"
    "|sup|sub|a|thead|tbody|tfoot|colgroup|col|data|time|wbr|noinclude|onlyinclude|includeonly|nowiki|ref|references|gallery"
    "|poem|pre|math|source|syntaxhighlight|ce|chem|templatestyles|img|section|score|timeline|imagemap|mapframe"
)
_TAG = re.compile(rf"</?({_PARAGRAPHS}|{_PLAIN}|br|tr|td|th|li|dd|dt)(?=[\s/>])[^<>]{{0,1000}}>", re.I)
_REPLACED = dict.fromkeys(_PARAGRAPHS.split("|"), "\n\n") | {"br": BREAK, "tr": BREAK, "td": CELL, "th": CELL}
_RAISED = re.compile(r"(.?)<su([bp])(?:\s[^<>]{0,200})?>([^<\n]{0,200})</su\2\s*>", re.I | re.S)
_SUPERSCRIPT = str.maketrans("0123456789+-−=()nhwj", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿʰʷʲ")
_SUBSCRIPT = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_EMPTY_BRACKETS = re.compile(r"[ \t]?[(（\[][ \t,;:/·–-]{0,20}[)）\]]")
_OPEN_BRACKET = re.compile(r"([(（])[ \t]*(?:[,;:/][ \t]*){1,20}")
_CLOSE_BRACKET = re.compile(r"(?:[ \t]*[,;:/]){1,20}[ \t]*(?=[)）])")
_BEFORE_COMMA = re.compile(r"(?<=[^\s|])[ \t]+(?=[,.)](?:[\s,.)]|$))")
_INVISIBLE = {ord(sign): None for sign in "\xad\u2060\ufeff"} | {
    ord(sign): " " for sign in "\xa0\u2002\u2003\u2009\u200a\u202f"
}


@dataclass(slots=True)
class _Block:
    """A heading (level 1 to 6), an item of a list, or a paragraph (level 0)."""

    text: str
    level: int = 0
    is_item: bool = False


def laid_out(text: str, dropped: frozenset[str]) -> str:
    """Blocks separated by blank lines, items of a list on lines of their own.

    Args:
        text: a page without templates, links and tables.
        dropped: headings, lower case, that go together with their sections; a heading with nothing below goes anyway.
    """
    if "<" in text:
        text = _RAISED.sub(_raised, text)
        text = _TAG.sub(_replaced, text)
    blocks = _without_empty(_without_sections(_blocks(text), dropped))
    parts: list[str] = []
    for before, block in zip([None, *blocks], blocks, strict=False):
        if before is not None:
            parts.append("\n" if before.is_item and block.is_item else "\n\n")
        parts.append(block.text)
    return "".join(parts)


def _replaced(tag: re.Match[str]) -> str:
    name = tag[1].lower()
    if name in ("li", "dd", "dt"):
        is_end = tag[0][1] == "/"
        return "\n" if is_end else "\n* " if name == "li" else "\n"
    if name in ("tr", "td", "th") and tag[0][1] == "/":
        return ""
    return _REPLACED.get(name, "")


def _raised(tag: re.Match[str]) -> str:
    """What is raised or lowered, in characters that are, else after `^` or `_`; ordinals as letters."""
    before, kind, inside = tag[1], tag[2].lower(), tag[3].replace("'", "").strip()
    table = _SUPERSCRIPT if kind == "p" else _SUBSCRIPT
    if not inside:
        return before
    if all(ord(sign) in table for sign in inside):
        return before + inside.translate(table)
    is_bracketed = inside.startswith("(") and inside.endswith(")")
    if (
        not before.strip()
        or is_bracketed
        or (kind == "p" and inside.isalpha() and (before.isdigit() or len(inside) > 1))
    ):
        return before + inside
    return f"{before}{'^' if kind == 'p' else '_'}{inside if len(inside) == 1 or inside.isalnum() else f'({inside})'}"


def _blocks(text: str) -> list[_Block]:
    blocks: list[_Block] = []
    paragraph: list[str] = []
    numbers: dict[int, int] = {}

    def end_paragraph() -> None:
        if paragraph:
            if words := _clean(" ".join(paragraph)):
                blocks.append(_Block(words))
            paragraph.clear()

    for line in text.split("\n"):
        plain = line.strip()
        if not plain:
            end_paragraph()
            continue
        sign = plain[0]
        if sign == "=" and (heading := _heading(plain)):
            end_paragraph()
            blocks.append(heading)
        elif sign in "*#:;" and line[0] == sign:
            end_paragraph()
            words = plain.lstrip("*#:; ")
            if item := _clean(words):
                blocks.append(_item(plain[: len(plain) - len(words)], item, numbers))
                continue
        elif line[0] == " ":
            # Preformatted.
            end_paragraph()
            paragraph.append(plain)
            end_paragraph()
        elif plain.strip("-"):
            paragraph.append(plain)
        numbers.clear()
    end_paragraph()
    return blocks


def _heading(line: str) -> _Block | None:
    line = line.rstrip()
    words = line.strip("=")
    if not words.strip() or not line.endswith("="):
        return None
    level = min(len(line) - len(line.lstrip("=")), len(line) - len(line.rstrip("=")), 6)
    return _Block(_clean(words.strip()), level)


def _item(marks: str, words: str, numbers: dict[int, int]) -> _Block:
    marks = marks.strip()
    depth = marks.count("*") + marks.count("#")
    if not depth:
        numbers.clear()
        return _Block(words)
    for deeper in [one for one in numbers if one > depth]:
        del numbers[deeper]
    mark = ""
    if marks.endswith("*"):
        mark = "- "
    elif marks.endswith("#"):
        numbers[depth] = numbers.get(depth, 0) + 1
        mark = f"{numbers[depth]}. "
    return _Block("  " * (min(depth, 6) - 1) + mark + words.replace("\n", " "), is_item=True)


def _clean(text: str) -> str:
    """Entities, white space, and the brackets and commas that dropped templates leave."""
    text = html.unescape(text) if "&" in text else text
    text = text.translate(_INVISIBLE)
    if BREAK in text or CELL in text:
        lines = [_line(line) for line in re.split(r"[\x04\n]", text)]
        return "\n".join(line for line in lines if line)
    return _line(text)


def _line(line: str) -> str:
    if CELL in line:
        return " | ".join(cell for each in line.split(CELL) if (cell := _line(each)))
    line = " ".join(line.split())
    if "(" in line or "（" in line or "[" in line:
        line = _OPEN_BRACKET.sub(r"\1", line)
        line = _CLOSE_BRACKET.sub("", line)
        line = _EMPTY_BRACKETS.sub("", line)
    return _BEFORE_COMMA.sub("", line).strip()


def _without_sections(blocks: list[_Block], dropped: frozenset[str]) -> list[_Block]:
    kept: list[_Block] = []
    inside = 0
    for block in blocks:
        if block.level and (not inside or block.level <= inside):
            inside = block.level if block.text.lower().strip(" :.") in dropped else 0
        if not inside:
            kept.append(block)
    return kept


def _without_empty(blocks: list[_Block]) -> list[_Block]:
    """Leave out headings with nothing between them and the next one of their level or a higher one."""
    kept: list[_Block] = []
    for block in reversed(blocks):
        below = kept[-1] if kept else None
        if block.level and (not block.text or below is None or (below.level and below.level <= block.level)):
            continue
        kept.append(block)
    return kept[::-1]
