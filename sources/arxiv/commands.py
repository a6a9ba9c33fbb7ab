r"""Commands of LaTeX text: what each does to the paper being read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from pile_builder.sources.arxiv.algorithms import new_line, statement
from pile_builder.sources.arxiv.blocks import BREAK, CITE, ROW
from pile_builder.sources.arxiv.environments import begin, end, example, item
from pile_builder.sources.arxiv.math import display, inline
from pile_builder.sources.arxiv.state import State
from pile_builder.sources.arxiv.tables import (
    ACCENTS,
    ALGORITHM,
    CHOICES,
    CITES,
    FONT_SWITCHES,
    REFS,
    SECTIONS,
    TEXT_CITES,
    WRAPS,
)
from pile_builder.sources.arxiv.units import number, unit

Command = Callable[[State, str], None]

_FILE = re.compile(r'[ \t]*"?([^\s{}\\"]+)"?')
_CSNAME = re.compile(r"([^\\{}]{0,60})\\endcsname")
_ASSIGNMENT = re.compile(r"[ \t]*(?:`?\\?.)?[ \t]*=?[ \t]*(?:-?\d+|\\[A-Za-z]+)?")
_REGISTER = re.compile(r"[ \t]*\\[A-Za-z@]+")
_FONT = re.compile(r"[ \t]*\\[A-Za-z@]+[ \t]*=?[ \t]*[^\s\\]*(?:[ \t]+(?:scaled|at)[ \t]*(?:\\magstep\S*|[\d.a-z]+))?")
_REFSTEP = re.compile(r"\s*\\refstepcounter(?![A-Za-z])")
_RULE = re.compile(r"(?:[ \t]*(?:height|width|depth)[ \t]*-?[\d.]*[ \t]*(?:\\[A-Za-z]+|[a-z]{2}))+")
_ADVANCE = re.compile(r"[ \t]*\\[A-Za-z@]+[ \t]*(?:by)?[ \t]*-?(?:[\d.]*[ \t]*[a-z]{2}|\d+|\\[A-Za-z@]+)")
_NOUN_BEFORE = re.compile(
    r"(?:^|[.:;!?—(]|\b(?:in|by|of|from|see|to|with|and|following|per|that|as|than|on|both|or|like|e\.g\.,?|cf\.?|after|via|"
    r"using|at|for|the|paper|reference|ref\.?|refs\.?|references|work)|\][\s~]*[,;–—-])[\s~]*$",
    re.IGNORECASE,
)
_EMPTY_GROUP = re.compile(r"[ \t]*\{\}")
_LETTER = re.compile(r"\s*(?:\\([ij])(?![A-Za-z])\s*|\{\s*(?:\\([ij])|(.))\s*\}|(.))", re.DOTALL)


def accent(state: State, name: str) -> None:
    """Put an accent on the letter that follows."""
    reader = state.reader
    match = _LETTER.match(reader.text, reader.pos)
    letter = "" if match is None else match[1] or match[2] or match[3] or match[4]
    if match is None or not letter.isalpha():
        if _EMPTY_GROUP.match(reader.text, reader.pos):
            state.out.append(name if name in "~^" else "")
        elif reader.text.startswith("{", reader.pos):
            base = reader.argument().lstrip()
            if base[:1].isalpha():
                reader.push(base[1:])
                state.out.append(unicodedata.normalize("NFC", base[0] + ACCENTS[name]))
            else:
                reader.push(base)
        return
    reader.pos = match.end()
    state.out.append(unicodedata.normalize("NFC", letter + ACCENTS[name]))


def switch_font(state: State, name: str) -> None:
    """Mark the rest of the innermost group, where it is one that holds no more than a passage."""
    innermost = state.stack[-1]
    if innermost.kind == "group" and not innermost.mark and len(state.out) == innermost.start:
        innermost.mark = WRAPS[name]


def _section(state: State, name: str) -> None:
    starred = state.reader.star()
    state.reader.optional()
    if name == "chapter":
        state.chapters = True
    level = SECTIONS[name]
    if level < 5:
        level = min(level + (state.chapters and name not in ("chapter", "part")), 4)
        if not starred:
            state.references.section(level - 1)
            state.macros.counters.reset_inner(name)
        state.open_argument("heading", number=level)
        return
    # A run-in heading is set when its paragraph begins, after the counters that are stepped in between.
    reader, title = state.reader, state.reader.argument()
    while match := _REFSTEP.match(reader.text, reader.pos):
        reader.pos = match.end()
        _refstepcounter(state, "refstepcounter")
    reader.push(title + "}")
    state.open("heading", number=level)


def _acknowledgments(state: State, name: str) -> None:
    state.flush_notes()
    state.place("## Acknowledgments")


def _argument_as(kind: str) -> Command:
    def command(state: State, name: str) -> None:
        state.reader.star()
        state.reader.optional()
        state.open_argument(kind)

    return command


def _captionof(state: State, name: str) -> None:
    state.reader.gobble("smo")
    state.open_argument("caption")


def _wrapped(state: State, name: str) -> None:
    state.open_argument("group", mark=WRAPS[name])


def _footnote(state: State, name: str) -> None:
    state.reader.optional()
    inside = state.nearest(frozenset(["title", "heading", "note"]))
    state.open_argument("drop" if inside else "note")


def _cite(state: State, name: str) -> None:
    reader = state.reader
    reader.star()
    first, second = reader.optional(), reader.optional()
    keys = ", ".join(" ".join(key.split()) for key in reader.argument().split(","))
    note = first if second is None else second
    before = "".join(state.out[-3:])
    if name in TEXT_CITES or (name in ("cite", "Cite", "citealt", "citealp") and _is_noun(before)):
        text = f"{keys}, {note}" if note else keys
        reader.push(f"[{text}]".replace("_", "\\_"))
    elif name != "nocite":
        while state.out and not state.out[-1].strip(" ~\n"):
            state.out.pop()
        if state.out:
            state.out[-1] = state.out[-1].rstrip(" ~\n")
        state.out.append(CITE)


def _is_noun(before: str) -> bool:
    tail = before[-40:]
    return tail.endswith(BREAK) or _NOUN_BEFORE.search(tail) is not None


def _ref(state: State, name: str) -> None:
    reader = state.reader
    reader.star()
    state.out.append(state.references.refer(name, reader.argument()))


def _label(state: State, name: str) -> None:
    state.references.label(state.reader.argument())


def _refstepcounter(state: State, name: str) -> None:
    number = state.macros.counters.step(state.reader.argument().strip())
    if number is not None:
        state.references.item(number)


def _href(state: State, name: str) -> None:
    state.reader.optional()
    state.reader.argument()
    state.open_argument("group")


def _url(state: State, name: str) -> None:
    address = state.reader.argument()
    state.out.append(re.sub(r"\\([_%#&~{}])", r"\1", address))


def _row(state: State, name: str) -> None:
    reader = state.reader
    reader.star()
    reader.optional()
    innermost = state.stack[-1].kind
    if innermost in ("tabular", "row"):
        state.out.append(ROW)
    elif state.nearest(frozenset(["tabular", "title", "heading"])):
        state.out.append(" ")
    else:
        new_line(state)


def _multicolumn(state: State, name: str) -> None:
    width = state.reader.argument().strip()
    state.reader.argument()
    state.open_argument("multicolumn", number=min(int(width), 20) if width.isdecimal() and len(width) < 4 else 1)


def _tablehead(state: State, name: str) -> None:
    state.open_argument("row", mark=ROW)


def _after_specs(spec: str) -> Command:
    def command(state: State, name: str) -> None:
        state.reader.gobble(spec)

    return command


def _colored(state: State, name: str) -> None:
    state.reader.gobble("om")
    state.open_argument("group")


def _quantity(state: State, name: str) -> None:
    reader = state.reader
    reader.optional()
    first = reader.argument()
    if name in ("si", "unit"):
        state.out.append(unit(first))
    elif name in ("num", "ang"):
        state.out.append(number(first) + ("°" if name == "ang" else ""))
    else:
        if name.endswith("range"):
            first = f"{first}–{reader.argument()}"
        state.out.append(f"{number(first)} {unit(reader.argument())}")


def _begin(state: State, name: str) -> None:
    begin(state, state.reader.argument().strip())


def _end(state: State, name: str) -> None:
    end(state, state.reader.argument().strip())


def _display(state: State, name: str) -> None:
    state.place(display(state.formulas.read("\\]"), ""))


def _inline(state: State, name: str) -> None:
    state.out.append(inline(state.formulas.read("\\)")))


def _ensuremath(state: State, name: str) -> None:
    if state.reader.peek() == "{":
        state.reader.pos += 1
        add_inline(state, state.formulas.read("}"))
    else:
        add_inline(state, state.reader.argument())


def add_inline(state: State, body: str) -> None:
    """Add a formula to the text, apart from one just before it."""
    formula = inline(body)
    if formula and state.out and state.out[-1].endswith("$") and not state.out[-1].endswith("\\$"):
        state.out.append(" ")
    state.out.append(formula)


def _xspace(state: State, name: str) -> None:
    following = state.reader.following()
    if following.isalnum() or following in ("(", "$"):
        state.out.append(" ")


def _onedot(state: State, name: str) -> None:
    if state.reader.following() != ".":
        state.out.append(".")


def _input(state: State, name: str) -> None:
    reader = state.reader
    if name in ("import", "subimport"):
        state.include(f"{reader.argument().rstrip('/')}/{reader.argument()}")
    elif reader.peek() == "{":
        state.include(reader.argument())
    elif match := _FILE.match(reader.text, reader.pos):
        reader.pos = match.end()
        state.include(match[1])


def _matched(pattern: re.Pattern[str]) -> Command:
    def command(state: State, name: str) -> None:
        match = pattern.match(state.reader.text, state.reader.pos)
        if match:
            state.reader.pos = match.end()

    return command


def _csname(state: State, name: str) -> None:
    match = _CSNAME.match(state.reader.text, state.reader.pos)
    if match:
        state.reader.pos = match.end()
        state.reader.push(f"\\{match[1]} ")


def _choose(state: State, name: str) -> None:
    state.reader.push(state.macros.choose(name, state.reader))


def _first_of_two(state: State, name: str) -> None:
    first = state.reader.argument()
    state.reader.argument()
    state.reader.push(first)


def _setboolean(state: State, name: str) -> None:
    state.macros.set_boolean(state.reader.argument(), state.reader.argument())


def _at_letter(state: State, name: str) -> None:
    state.reader.at_letter = name == "makeatletter"


def _word(text: str) -> Command:
    def command(state: State, name: str) -> None:
        state.out.append(text)

    return command


COMMANDS: dict[str, Command] = {
    **dict.fromkeys(ACCENTS, accent),
    **dict.fromkeys(ALGORITHM, statement),
    **dict.fromkeys(WRAPS, _wrapped),
    **dict.fromkeys(FONT_SWITCHES, switch_font),
    **dict.fromkeys(SECTIONS, _section),
    **dict.fromkeys(CITES | TEXT_CITES | {"nocite"}, _cite),
    **dict.fromkeys(REFS, _ref),
    **dict.fromkeys(("acknowledgments", "acknowledgements", "ack", "acknowledgment"), _acknowledgments),
    **dict.fromkeys(("footnote", "footnotetext", "endnote", "sidenote", "tablefootnote"), _footnote),
    **dict.fromkeys(("caption", "tablecaption", "figcaption", "subcaption"), _argument_as("caption")),
    **dict.fromkeys(("input", "include", "subfile", "import", "subimport"), _input),
    **dict.fromkeys(("url", "nolinkurl"), _url),
    **dict.fromkeys(("textcolor", "colorbox"), _colored),
    **dict.fromkeys(("keywords", "keywords*"), _argument_as("keywords")),
    **dict.fromkeys(("par", "endgraf", "bigbreak", "medbreak", "smallbreak"), _word(BREAK)),
    **dict.fromkeys(("\\", "newline", "cr", "tabularnewline"), _row),
    **dict.fromkeys(CHOICES, _choose),
    **dict.fromkeys(("makeatletter", "makeatother"), _at_letter),
    **dict.fromkeys(
        ("newcount", "newdimen", "newskip", "newtoks", "newbox", "newread", "newwrite"), _matched(_REGISTER)
    ),
    **dict.fromkeys(("SI", "qty", "SIrange", "qtyrange", "si", "unit", "num", "ang"), _quantity),
    **dict.fromkeys(("vrule", "hrule"), _matched(_RULE)),
    "scalebox": _after_specs("mo"),
    "raisebox": _after_specs("moo"),
    "rotatebox": _after_specs("om"),
    "parbox": _after_specs("ooom"),
    **dict.fromkeys(("onedot", "@onedot"), _onedot),
    "captionof": _captionof,
    "title": _argument_as("title"),
    "abstract": _argument_as("abstract"),
    "begin": _begin,
    "end": _end,
    "[": _display,
    "(": _inline,
    "ensuremath": _ensuremath,
    "item": lambda state, name: item(state),
    "ex": lambda state, name: example(state),
    "label": _label,
    "refstepcounter": _refstepcounter,
    "href": _href,
    "multicolumn": _multicolumn,
    "multirow": _after_specs("omomo"),
    "tablehead": _tablehead,
    "appendix": lambda state, name: state.references.appendix(),
    "xspace": _xspace,
    "advance": _matched(_ADVANCE),
    "font": _matched(_FONT),
    "catcode": _matched(_ASSIGNMENT),
    "csname": _csname,
    "setboolean": _setboolean,
    "texorpdfstring": _first_of_two,
    "fontsize": _after_specs("mm"),
    "resizebox": _after_specs("smm"),
    "makebox": _after_specs("poo"),
    "framebox": _after_specs("poo"),
    "tcp": _word(" // "),
    "Comment": _word(" // "),
    "COMMENT": _word(" // "),
    "Return": _word("return "),
}
"""What runs for a command, by its name without backslash."""
