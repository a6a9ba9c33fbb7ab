r"""From marked text to Markdown blocks: paragraphs, lists, tables, quotations, code.

While a paper is read its text is one flat list of strings with control characters as marks (`prepare` has removed all
that the paper itself held). Finished blocks lie in a stash and are named in the text by their number.
"""

from __future__ import annotations

import re

BREAK = "\x01"
LINE = "\x02"
RAW = "\x03"
CELL = "\x04"
ROW = "\x05"
CITE = "\x06"
ITEM = "\x0e"
INDENT = "\x0f"

MAX_COLUMNS = 16
MAX_ROWS = 100
MAX_CELL = 160
"""A table beyond these (columns, rows, characters in a cell) is no simple one, and is dropped."""
MAX_EMPHASIS = 1500
"""Longest emphasised passage, in characters; beyond it the marks would be noise."""

_BREAK = re.compile(f"{BREAK}+|\n[ \t]*\n\\s*")
_RAW = re.compile(f"{RAW}(\\d+){RAW}")
_MARKS = re.compile(f"[{CELL}{ROW}{ITEM}]")
_CITES = re.compile(f"{CITE}(?:(?:[\\s,;–—-]|and|&)*{CITE})+")
_CITE_BRACKETS = re.compile(
    "\\s*(?:"
    f"\\((?:[\\s,;]|see|also|e\\.g\\.|i\\.e\\.|cf\\.?|and|for example|for instance)*{CITE}"
    "(?:[\\s,;.]|and|therein|references)*\\)"
    f"|\\[[\\s,;]*{CITE}[\\s,;]*\\])",
    re.IGNORECASE,
)
_CITE = re.compile(f"\\s*{CITE}")
_LINE = re.compile(f"[ ]*{LINE}(?:[ {INDENT}]*{LINE})*[ ]*({INDENT}*)[ ]*")
_BEFORE_PUNCTUATION = re.compile(r"(?<=[\w)\]”’])[ ]+(?=[,;.](?:\s|$))")
_EMPTY_HEADING = re.compile(r"#{2,6} ")
_CELL_MATH = re.compile(r"\$[^$\n]*\$")


class Blocks:
    """The stash of finished blocks, and what turns marked text into blocks."""

    def __init__(self) -> None:
        self._finished: list[str] = []

    def add(self, block: str) -> str:
        """Put a finished block aside; returns the mark that stands for it."""
        if not block:
            return BREAK
        self._finished.append(block)
        return f"{BREAK}{RAW}{len(self._finished) - 1}{RAW}{BREAK}"

    def render(self, text: str) -> list[str]:
        """The blocks of marked text, in order."""
        blocks: list[str] = []
        for piece in _BREAK.split(text):
            raw = _RAW.fullmatch(piece.strip(" \n\t"))
            block = self._finished[int(raw[1])] if raw else clean(_RAW.sub("", piece))
            if block:
                blocks.append(block)
        return blocks

    def marks(self, text: str) -> str:
        """Only the finished blocks of marked text, as marks."""
        return "".join(f"{BREAK}{match.group()}{BREAK}" for match in _RAW.finditer(text))

    def items(self, text: str, *, first: int) -> str:
        """A Markdown list of marked text in which each item starts with a mark.

        Args:
            text: the items, and what stands before them.
            first: the first item's number; 0 for bullets.
        """
        before, *items = text.split(ITEM)
        lines = self.render(before)
        number = first
        shown: list[str] = []
        for item in items:
            blocks = self.render(item)
            if not blocks:
                continue
            bullet = f"{number}. " if first else "- "
            number += 1
            body = "\n\n".join(blocks).split("\n")
            indent = " " * len(bullet)
            shown.append("\n".join([bullet + body[0], *(indent + line if line else "" for line in body[1:])]))
        if shown:
            lines.append("\n".join(shown))
        return "\n\n".join(lines)

    def quote(self, text: str) -> str:
        """A Markdown quotation."""
        return (
            "\n".join(f"> {line}".rstrip() for line in "\n\n".join(self.render(text)).split("\n"))
            if text.strip()
            else ""
        )

    def table(self, text: str) -> str:
        """A Markdown table of marked cells and rows, or an empty string if they make no simple one."""
        rows: list[list[str]] = []
        for line in text.split(ROW):
            cells = [clean(_RAW.sub("", cell.replace(BREAK, " ").replace(LINE, " "))) for cell in line.split(CELL)]
            if any(cells):
                rows.append([_cell(cell) for cell in cells])
        width = max((len(row) for row in rows), default=0)
        if not (2 <= width <= MAX_COLUMNS and 2 <= len(rows) <= MAX_ROWS):
            return ""
        if any(len(cell) > MAX_CELL for row in rows for cell in row):
            return ""
        lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in rows]
        return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def clean(text: str) -> str:
    """One paragraph: white space collapsed, citations and the brackets that held only them removed."""
    text = " ".join(_MARKS.sub(" ", text).split())
    if CITE in text:
        text = _CITES.sub(CITE, text)
        text = _CITE.sub("", _CITE_BRACKETS.sub("", text))
        text = _BEFORE_PUNCTUATION.sub("", text)
    if LINE in text:
        text = _LINE.sub(lambda match: "\n" + "  " * len(match[1]), text)
    return text.replace(INDENT, "").strip()


def emphasis(text: str, mark: str) -> str:
    """Text between marks, which stand next to its first and last letter; unmarked where that cannot be.

    A dash at an edge stays outside: between it and a letter Markdown takes no mark for one that closes.
    """
    core = text.strip() if mark == "`" else text.strip().strip("–—").strip()
    if (
        not core
        or not mark
        or len(core) > MAX_EMPHASIS
        or BREAK in core
        or LINE in core
        or "\n\n" in core
        or CELL in core
    ):
        return text
    if core[0] in "*`$" and core[-1] == core[0]:
        return text
    if mark == "`" and ("$" in core or "`" in core or CITE in core):
        return text
    start = text.index(core[0])
    return f"{text[:start]}{mark}{core}{mark}{text[start + len(core) :]}"


def code(text: str, env: str) -> str:
    """A fenced code block, without the environment's own options."""
    text = re.sub(r"^[ \t]*\[[^\]]*\]", "", text) if env not in ("verbatim", "verbatim*") else text
    text = re.sub(r"^[ \t]*\{[^{}\n]*\}", "", text) if env == "minted" else text
    lines = [line.rstrip() for line in text.split("\n")]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    fence = "````" if any(line.lstrip().startswith("```") for line in lines) else "```"
    return "\n".join([fence, *lines, fence]) if lines else ""


def inline_code(text: str) -> str:
    """Code in running text."""
    text = " ".join(text.split())
    return f"`` {text} ``" if "`" in text else f"`{text}`" if text else ""


def without_empty_headings(blocks: list[str]) -> list[str]:
    """Blocks without headings that nothing stands under (what the dropped bibliography leaves)."""
    kept: list[str] = []
    level = 0
    for block in reversed(blocks):
        if _EMPTY_HEADING.match(block) and "\n" not in block:
            own = block.index(" ")
            if not kept or (level and level <= own):
                continue
            level = own
        else:
            level = 0
        kept.append(block)
    return kept[::-1]


def _cell(text: str) -> str:
    text = _CELL_MATH.sub(lambda match: match.group().replace("\\|", "\\Vert ").replace("|", "\\vert "), text)
    return text.replace("|", "\\|")
