r"""LaTeX -> Markdown: formulas stay LaTeX, everything else becomes text.

`to_markdown` reads a paper from its main file once, front to back, on an explicit stack: an unknown command vanishes
and its arguments stay, so that whatever a paper does, its sentences come out.

Decided here: citations vanish with the space before them, except where they are a noun of the sentence, which gives
`[key]`; references become numbers (see references.py); footnotes are Markdown footnotes at the end of their section.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pile_builder.sources.arxiv.blocks import CELL, code, inline_code, without_empty_headings
from pile_builder.sources.arxiv.commands import COMMANDS, add_inline
from pile_builder.sources.arxiv.environments import close
from pile_builder.sources.arxiv.groups import close_group
from pile_builder.sources.arxiv.macros import MAX_NESTED, Alias
from pile_builder.sources.arxiv.math import closes_inline, display
from pile_builder.sources.arxiv.reader import VERBATIM, Reader, Verbatim, prepare, verbatim_names
from pile_builder.sources.arxiv.state import State
from pile_builder.sources.arxiv.tables import CHARACTERS, DROPPED, GOBBLED, IN_MATH_ONLY, SYMBOLS

MAX_INCLUDES = 500
MAX_INCLUDED = 32 << 20
"""Most files that a paper includes, and most characters in them (a file counts as often as it is included)."""
MAX_STYLE = 200_000
MAX_STYLES = 30
"""Longest style file of the paper's own that is searched for definitions, and how many are."""
NOT_TEXT = (".bbl", ".bib", ".eps_tex", ".pdf_tex", ".pstex_t", ".tikz", ".pgf", ".eps", ".ps", ".pdf", ".sty", ".cls")
"""Endings of files that papers include and that hold pictures, references or code."""

_TOKEN = re.compile(
    r"[^\\{}$&\x11]+|\\(?:([A-Za-z]+)[ \t]*(?:\n(?![ \t]*\n)[ \t]*)?|([\s\S]))|[{}$&]|\x11(\d+)\x11|\\|\x11"
)
_AT_TOKEN = re.compile(
    r"[^\\{}$&\x11]+|\\(?:([A-Za-z@]+)[ \t]*(?:\n(?![ \t]*\n)[ \t]*)?|([\s\S]))|[{}$&]|\x11(\d+)\x11|\\|\x11"
)
_PACKAGES = re.compile(r"\\(?:usepackage|RequirePackage|documentclass)\s*(?:\[[^\]]{0,500}\])?\s*\{([^{}]{1,300})\}")
_BODY = re.compile(r"\\begin\s*\{document\}(.*?)(?:\\end\s*\{document\}|\Z)", re.DOTALL)
_NOT_SHOWN = frozenset(["comment", "filecontents", "filecontents*", "pycode"])


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper as Markdown.

    Attributes:
        text: title, abstract and body.
        title: in one line, empty if the source has none.
        words: how many words stand under the title.
    """

    text: str
    title: str
    words: int


def to_markdown(files: Mapping[str, str], main: str) -> Paper:
    """Convert a paper.

    Args:
        files: decoded text of the paper's files by path, with forward slashes.
        main: the path of the one to start with.

    Raises:
        InputError: `bomb`: its macros expand beyond a fixed multiple of its size.
    """
    return _Conversion(files, main).run()


def inline_text(latex: str) -> str:
    """A piece of LaTeX without structure (a title out of a catalogue) as one line of Markdown."""
    reader = Reader(prepare(latex, frozenset(), []))
    state = State(reader, [], lambda name: None)
    _read(state)
    return " ".join(" ".join(state.blocks.render("".join(state.out))).split())


class _Conversion:
    def __init__(self, files: Mapping[str, str], main: str) -> None:
        self._files = files
        self._main = main
        self._verbatim: list[Verbatim] = []
        self._names = verbatim_names(list(files.values()))
        self._prepared: dict[str, str] = {}
        self._includes = 0
        self._included = 0
        self._folders = [posixpath.dirname(main)]
        self._reader = Reader(self._text(main))
        self._state = State(self._reader, self._verbatim, self._include)

    def run(self) -> Paper:
        """Read the main file and what it includes, and put the document together."""
        state = self._state
        self._scan_packages()
        _read(state)
        while len(state.stack) > 1:
            opened = state.stack.pop()
            (close_group if opened.brace else close)(state, opened)
        state.flush_notes()
        blocks = without_empty_headings(state.blocks.render("".join(state.out)))
        abstract = ["## Abstract", *state.abstract] if state.abstract else []
        resolve = state.references.resolve
        body = resolve("\n\n".join([*abstract, *blocks]))
        title = resolve(state.title)
        text = f"# {title}\n\n{body}" if title else body
        return Paper(text.strip() + "\n", title, len(body.split()))

    def _text(self, path: str) -> str:
        if path not in self._prepared:
            self._prepared[path] = prepare(self._files[path], self._names, self._verbatim)
        return self._prepared[path]

    def _scan_packages(self) -> None:
        """Take definitions out of the style files that come with the paper, and out of those that they load."""
        waiting = [self._main]
        seen = {self._main}
        while waiting:
            for match in _PACKAGES.finditer(self._text(waiting.pop())):
                for name in match[1].split(","):
                    for path in (self._find(name.strip() + ".sty"), self._find(name.strip() + ".cls")):
                        if path and path not in seen and len(self._files[path]) <= MAX_STYLE and len(seen) < MAX_STYLES:
                            seen.add(path)
                            waiting.append(path)
                            self._state.macros.scan(self._text(path))

    def _find(self, name: str) -> str:
        """The path of an included file; names never leave the paper's own tree."""
        for folder in dict.fromkeys((*self._folders, "")):
            path = posixpath.normpath(posixpath.join(folder, name))
            for each in (path, f"{path}.tex"):
                if each in self._files:
                    return each
        return ""

    def _include(self, name: str) -> None:
        name = name.strip().strip('"').strip()
        path = self._find(name) if name and not name.lower().endswith(NOT_TEXT) else ""
        reader = self._reader
        if not path or reader.active.get(f"file {path}") or path == self._main:
            return
        text = self._text(path)
        self._includes += 1
        self._included += len(text)
        if self._includes > MAX_INCLUDES or self._included > MAX_INCLUDED:
            return
        folder = posixpath.dirname(path)
        if folder not in self._folders and len(self._folders) < 20:
            self._folders.append(folder)
        body = _BODY.search(text) if self._state.in_document else None
        text = body[1] if body else text
        reader.grant(len(text))
        reader.push(text, f"file {path}")


def _read(state: State) -> None:
    """Read to the end of the paper."""
    reader, out, stack, commands = state.reader, state.out, state.stack, state.macros.commands
    while True:
        match = (_AT_TOKEN if reader.at_letter else _TOKEN).match(reader.text, reader.pos)
        if match is None:
            if not reader.pop():
                return
            continue
        reader.pos = match.end()
        group = match.lastindex
        if group is None:
            token = match.group()
            if token == "{":
                state.open("group")
            elif token == "}":
                if state.overflow:
                    state.overflow -= 1
                elif stack[-1].brace:
                    close_group(state, stack.pop())
            elif token == "$":
                _dollar(state)
            elif token == "&":
                out.append(CELL if stack[-1].kind in ("tabular", "row") else " ")
            elif token not in ("\\", VERBATIM):
                out.append(_plain(token))
        elif group == 3:
            _verbatim(state, state.stash[int(match[3])])
        else:
            name = match[group]
            macro = commands.get(name)
            if macro is None:
                _command(state, name)
            elif isinstance(macro, Alias):
                _command(state, macro.name)
            elif reader.active.get(name, 0) < MAX_NESTED:
                reader.push(macro.expand(reader), name, at_letter=macro.at_letter)


def _command(state: State, name: str) -> None:
    """Carry out a command that is none of the paper's own."""
    reader, macros = state.reader, state.macros
    if command := COMMANDS.get(name):
        command(state, name)
    elif name in CHARACTERS:
        state.out.append(CHARACTERS[name])
    elif name in SYMBOLS:
        state.out.append(SYMBOLS[name])
    elif name in IN_MATH_ONLY:
        add_inline(state, f"\\{name}")
    elif name in DROPPED:
        pass
    elif (shown := macros.counters.run(name, reader)) is not None:
        state.out.append(shown)
    elif name in GOBBLED:
        reader.gobble(GOBBLED[name])
    elif macros.define(name, reader) or macros.set_flag(name):
        pass
    elif macros.is_conditional(name):
        macros.conditional(name, reader, in_math=False)
    elif name == "else":
        macros.skip_branch(reader, to_else=False)
    elif reader.text.startswith("[", reader.pos):
        reader.optional()


def _dollar(state: State) -> None:
    reader = state.reader
    if reader.text.startswith("$", reader.pos):
        reader.pos += 1
        state.place(display(state.formulas.read("$$"), ""))
    elif closes_inline(reader):
        add_inline(state, state.formulas.read("$"))
    else:
        state.out.append("\\$")


def _verbatim(state: State, piece: Verbatim) -> None:
    if piece.env == "url":
        state.out.append(piece.text)
    elif not piece.env:
        state.out.append(inline_code(piece.text))
    elif piece.env not in _NOT_SHOWN:
        state.place(code(piece.text, piece.env))


def _plain(text: str) -> str:
    """Running text with the typographic characters that LaTeX makes of ASCII."""
    if "`" in text:
        text = text.replace("``", "“").replace("`", "‘")
    if "'" in text:
        text = text.replace("''", "”").replace("'", "’")
    if "--" in text:
        text = text.replace("---", "—").replace("--", "–")
    return text.replace("~", " ") if "~" in text else text
