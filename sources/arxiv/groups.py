r"""Groups of a LaTeX paper: what is made of an argument or a brace group when it closes."""

from __future__ import annotations

from pile_builder.sources.arxiv.blocks import BREAK, CELL, LINE, emphasis
from pile_builder.sources.arxiv.environments import add_abstract, add_caption, add_keywords
from pile_builder.sources.arxiv.state import Open, State

MAX_WRAPPED = 200
"""Most pieces of text that emphasis is put round."""


def close_group(state: State, opened: Open) -> None:
    """Make of a closed group's text what its kind says."""
    kind = opened.kind
    if kind in ("group", "label"):
        if opened.mark:
            _wrap(state, opened)
        if kind == "label":
            state.out.append(" ")
    elif kind in ("after", "row"):
        state.out.append(opened.mark)
    elif kind == "multicolumn":
        state.out.append(CELL * (opened.number - 1))
    elif kind == "heading":
        _close_heading(state, opened)
    elif kind == "caption":
        add_caption(state, state.cut(opened.start))
    elif kind == "note":
        text = "\n\n    ".join(state.blocks.render(state.cut(opened.start)))
        if text:
            state.note_count += 1
            state.notes.append(f"[^{state.note_count}]: {text}")
            state.out.append(f"[^{state.note_count}]")
    elif kind == "title":
        text = _one_line(state, state.cut(opened.start)).replace("**", "")
        state.title = state.title or text
    elif kind == "abstract":
        add_abstract(state, state.cut(opened.start))
        if state.reader.text.startswith("{", state.reader.pos):
            state.open_argument("abstract")
    elif kind == "keywords":
        add_keywords(state, state.cut(opened.start))
    elif kind == "drop":
        state.cut(opened.start)


def _wrap(state: State, opened: Open) -> None:
    if len(state.out) - opened.start <= MAX_WRAPPED:
        state.out.append(emphasis(state.cut(opened.start), opened.mark))


def _one_line(state: State, text: str) -> str:
    return " ".join(" ".join(state.blocks.render(text.replace(LINE, " "))).split())


def _close_heading(state: State, opened: Open) -> None:
    text = _one_line(state, state.cut(opened.start)).replace("**", "").strip("*")
    state.flush_notes()
    if opened.number >= 5:
        state.out += (BREAK, f"**{text.rstrip('.:')}.** " if text else "")
    else:
        state.place(f"{'#' * opened.number} {text}" if text else "")
