r"""Environments of a LaTeX paper: what `\begin` opens and what is made of it at its `\end`."""

from __future__ import annotations

from pile_builder.sources.arxiv.algorithms import close_lines
from pile_builder.sources.arxiv.blocks import BREAK, CELL, CITE, ITEM, LINE, ROW
from pile_builder.sources.arxiv.counters import letter
from pile_builder.sources.arxiv.macros import MAX_NESTED
from pile_builder.sources.arxiv.math import display, inline
from pile_builder.sources.arxiv.state import MAX_LOOK, Open, State
from pile_builder.sources.arxiv.tables import ENVIRONMENTS, EXAMPLE_PARTS, MATH_ENVIRONMENTS, THEOREMS

MAX_LIST_DEPTH = 6
MAX_QUOTE_DEPTH = 3
FLOATS = frozenset(["figure", "table", "algorithm"])
LONG_TABLES = frozenset(["longtable", "deluxetable", "deluxetable*", "supertabular", "xtabular", "longtabu"])
_NUMBERED = frozenset(["enumerate", "compactenum", "inparaenum", "asparaenum", "enumeratei"])


def begin(state: State, name: str) -> None:
    r"""Carry out `\begin{name}`."""
    reader = state.reader
    if name == "document":
        state.start_document()
        return
    user = state.macros.environments.get(name)
    kind, spec = ENVIRONMENTS.get(name, ENVIRONMENTS.get(name.rstrip("*"), ("", "")))
    plain = name.rstrip("*")
    theorem = state.macros.theorems.get(name) or state.macros.theorems.get(plain)
    if theorem:
        kind = ""
    if user is not None and not kind and plain not in MATH_ENVIRONMENTS and reader.active.get(name, 0) < MAX_NESTED:
        reader.push(user.begin.expand(reader), name, at_letter=user.begin.at_letter)
        return
    if plain in MATH_ENVIRONMENTS:
        if plain == "math":
            state.out.append(inline(state.formulas.read(name)))
        else:
            state.place(display(state.formulas.read(name), name))
        return
    if not kind and (theorem or plain.lower() in THEOREMS):
        _theorem(state, name, theorem or THEOREMS[plain.lower()])
        return
    if kind == "skip":
        end_at = reader.find(f"\\end{{{name}}}")
        if end_at >= 0:
            reader.pos = end_at + len(name) + 6
            state.paragraph()
            return
    if not kind:
        reader.optional()
    reader.gobble(spec)
    inside = state.nearest(FLOATS)
    if name in LONG_TABLES and inside is None:
        _open_float(state, "table", name)
        name = "rows"
    if kind in FLOATS:
        _open_float(state, kind, name)
    else:
        state.open(kind or "plain", brace=False, name=name)
    if name == "subequations":
        state.references.open_group()
    if kind == "proof":
        state.out += (BREAK, "*Proof.* ")
    elif kind != "tabular":
        state.paragraph()


def _open_float(state: State, kind: str, name: str) -> None:
    inside = state.nearest(FLOATS)
    opened = state.open(kind, brace=False, name=name)
    if opened is not None:
        opened.anchor = state.references.current
        opened.mark = "" if inside else state.references.anchor(kind.capitalize())


def end(state: State, name: str) -> None:
    r"""Carry out `\end{name}`; one without its `\begin` is ignored."""
    if name == "document":
        state.reader.stop()
        return
    if not name:
        return
    stack = state.stack
    for depth, opened in enumerate(reversed(stack[-MAX_LOOK:]), 1):
        if not opened.brace and opened.name == name:
            for _ in range(depth):
                close(state, stack.pop())
            return
    user = state.macros.environments.get(name)
    if user is not None and state.reader.active.get(name, 0) < MAX_NESTED:
        state.reader.push(user.end, name, at_letter=user.begin.at_letter)


def close(state: State, opened: Open) -> None:
    """Make of an environment's text what its kind says."""
    kind = opened.kind
    if opened.name == "subequations":
        state.references.close_group()
    if kind == "list":
        _close_list(state, opened)
    elif kind in FLOATS:
        _close_float(state, opened)
    elif kind == "tabular":
        _close_tabular(state, opened)
    elif kind == "quote":
        _close_quote(state, opened)
    elif kind == "lines":
        close_lines(state, opened)
    elif kind == "skip":
        state.cut(opened.start)
    elif kind == "abstract":
        add_abstract(state, state.cut(opened.start))
    elif kind == "keywords":
        add_keywords(state, state.cut(opened.start))
    if kind != "tabular":
        state.paragraph()


def add_abstract(state: State, text: str) -> None:
    """Keep an abstract for the head of the document."""
    state.abstract += state.blocks.render(text)


def add_keywords(state: State, text: str) -> None:
    """Add a paper's keywords as a paragraph that says what they are."""
    words = " ".join(state.blocks.render(text)).replace(" ,", ",")
    state.place(f"Keywords: {words}" if words else "")


def item(state: State) -> None:
    r"""Carry out `\item`, with its label."""
    opened = state.nearest(frozenset(["list"]))
    label = state.reader.optional()
    if opened is None:
        state.paragraph()
    else:
        state.out.append(ITEM)
        if opened.name in _NUMBERED:
            opened.number += 1
            state.references.item(opened.number)
    if label and not (opened and opened.name == "itemize" and len(label) < 12):
        state.reader.push(label + "}")
        state.open("label", mark="**" if opened and opened.name.startswith(("desc", "compactdesc")) else "")


def example(state: State) -> None:
    r"""Carry out `\ex`, with its judgement in brackets, in a list of examples."""
    judgement = state.reader.optional()
    opened = state.nearest(frozenset(["list"]))
    if opened is None or not (opened.name == "exe" or opened.name in EXAMPLE_PARTS):
        return
    opened.number += 1
    state.out.append(ITEM)
    if opened.name == "exe":
        state.examples += 1
        state.references.item(state.examples)
    else:
        part = letter(opened.number)
        state.references.item(state.examples, part)
        state.out.append(f"{part}. ")
    state.out.append(judgement or "")


def add_caption(state: State, text: str) -> None:
    """Keep a caption for its float, or make it a paragraph where there is none."""
    text = " ".join(state.blocks.render(text.replace(LINE, " ")))
    floats = [opened for opened in state.stack[-MAX_LOOK:] if opened.kind in FLOATS]
    if not text or not floats:
        state.place(text)
    elif len(floats) > 1:
        floats[-2].captions.append(text)
    else:
        floats[0].captions.insert(0, f"{floats[0].kind.capitalize()}{floats[0].mark}: {text}")


def _theorem(state: State, name: str, printed: str) -> None:
    note = state.reader.optional()
    anchor = state.references.anchor(" ".join(printed.split()))
    state.open("theorem", brace=False, name=name)
    state.paragraph()
    state.reader.push(f"{printed}{anchor}{f' ({note})' if note else ''}.}} ")
    state.open("group", mark="**")


def _close_list(state: State, opened: Open) -> None:
    depth = sum(one.kind == "list" for one in state.stack[-MAX_LOOK:])
    text = state.cut(opened.start)
    if depth >= MAX_LIST_DEPTH:
        state.out.append(text.replace(ITEM, BREAK))
    else:
        first = state.examples - opened.number + 1 if opened.name == "exe" else int(opened.name in _NUMBERED)
        state.place(state.blocks.items(text, first=first))


def _close_quote(state: State, opened: Open) -> None:
    if sum(one.kind == "quote" for one in state.stack[-MAX_LOOK:]) < MAX_QUOTE_DEPTH:
        state.place(state.blocks.quote(state.cut(opened.start)))


def _close_tabular(state: State, opened: Open) -> None:
    text = state.cut(opened.start)
    if state.nearest(frozenset(["tabular"])):
        state.out.append(state.blocks.marks(text) or " ".join(text.replace(CELL, " ").replace(ROW, " ").split()))
        return
    state.place(state.blocks.table(text.replace(CITE, "")))


def _close_float(state: State, opened: Open) -> None:
    text = state.cut(opened.start)
    # The captions of parts of a figure follow its own, in one paragraph.
    own = opened.captions[:1] if opened.mark else []
    parts = "; ".join(caption.rstrip(".;") for caption in opened.captions[len(own) :])
    captions = "".join(state.blocks.add(caption) for caption in (*own, f"{parts}." if parts else "") if caption)
    if opened.kind == "algorithm":
        state.out += (captions, text)
    else:
        # What else stands in a figure are bits of pictures.
        state.out += (captions, state.blocks.marks(text))
    state.references.current = opened.anchor
