r"""Statements of LaTeX's algorithmic environments: each has a line of its own, indented by the blocks round it."""

from __future__ import annotations

import re

from pile_builder.sources.arxiv.blocks import INDENT, LINE
from pile_builder.sources.arxiv.state import Open, State
from pile_builder.sources.arxiv.tables import ALGORITHM

MAX_INDENT = 12
"""Deepest indentation, in blocks."""

_LINES = frozenset(["lines"])
_ALGORITHMS = frozenset(["lines", "algorithm"])
_OPENS_BLOCK = frozenset(["if", "for", "forall", "foreach", "while", "repeat", "loop", "procedure", "function"])
_BETWEEN_BLOCKS = frozenset(["else", "elsif", "elseif"])
_BLANK_LINE = re.compile(r"\n[ \t]*\n\s*")


def statement(state: State, name: str) -> None:
    """Begin a statement on a new line; those that open or close a block change the indentation."""
    opened = state.nearest(_ALGORITHMS)
    if opened is None:
        return
    block = name.lower()
    ends = block.startswith("end") or block == "until" or block in _BETWEEN_BLOCKS
    if ends and opened.number:
        opened.number -= 1
    new_line(state)
    # The blocks of an `algorithm` without `algorithmic` in it are groups: no statement ends them.
    if opened.kind == "lines" and (block in _OPENS_BLOCK or block in _BETWEEN_BLOCKS):
        opened.number += 1
    before, after = ALGORITHM[name]
    state.reader.optional()
    state.out.append(before)
    if after is not None and state.reader.peek() == "{":
        state.open_argument("after", mark=after)


def new_line(state: State) -> None:
    """Begin a new line, indented where an algorithm's block is open."""
    lines = state.nearest(_LINES)
    state.out += (LINE, INDENT * min(lines.number if lines else 0, MAX_INDENT))


def close_lines(state: State, opened: Open) -> None:
    """End an environment of lines; a blank line between an algorithm's statements says nothing."""
    if opened.name.startswith("algorithmic"):
        state.out.append(_BLANK_LINE.sub("\n", state.cut(opened.start)))
