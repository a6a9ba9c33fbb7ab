r"""Formulas of a LaTeX paper: kept as LaTeX, with the paper's own macros expanded and layout commands dropped."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from pile_builder.errors import InputError
from pile_builder.sources.arxiv.macros import MAX_NESTED, Alias, Macros
from pile_builder.sources.arxiv.reader import VERBATIM, Reader, Verbatim, brace_pairs
from pile_builder.sources.arxiv.references import ANCHOR, References
from pile_builder.sources.arxiv.tables import (
    CHOICES,
    CITES,
    ENVIRONMENTS,
    INTERTEXT,
    MATH_DROPPED,
    MATH_ENVIRONMENTS,
    MATH_GOBBLED,
    REFS,
    SECTIONS,
    TEXT_CITES,
    TEXT_IN_MATH,
    THEOREMS,
)

MAX_MATH = 1 << 20
"""Longest formula, in characters."""
MAX_ENSURED = 500

_TOKEN = re.compile(r"[^\\{}$\x11]+|\\([A-Za-z]+)|\\([\s\S])|[{}$]|\x11(\d+)\x11|\\|\x11")
_AT_TOKEN = re.compile(r"[^\\{}$\x11]+|\\([A-Za-z@]+)|\\([\s\S])|[{}$]|\x11(\d+)\x11|\\|\x11")
_NAME = re.compile(r"\s*\{\s*([^{}\\\n]{1,60}?)\s*\}")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_TAG = re.compile(f"{ANCHOR}\\d+{ANCHOR}")
_INLINE_END = re.compile(r"(?:[^$\\\n]++|\\[\s\S]|\n(?![ \t]*\n))*+\$")
_EDGE = re.compile(r"^(?:\\\\|[\s~])+|(?:\\\\|[\s~]|\\[,;!]|\\ )+$")
_ONE_TOKEN = re.compile(r"\s*(?:\\[A-Za-z]+|[^\\]|\{.*\})\s*$", re.DOTALL)
_ENSURED = re.compile(r"\s*\\ensuremath\s*\{(.*)\}\s*(?:\\xspace)?\s*$", re.DOTALL)
_COLUMN = re.compile(r"\\(?:begin|end)(?![A-Za-z])|\\[\s\S]|[{}&]")
_WITH_COLUMNS = frozenset(["alignat", "xalignat", "xxalignat", "array", "IEEEeqnarray", "darray"])
_ENDS_TEXT = frozenset(["par", "item", "caption", "bibitem", "maketitle"]) | frozenset(SECTIONS)


def closes_inline(reader: Reader) -> bool:
    """Whether the `$` before the cursor has its closing one before the paragraph ends."""
    match = _INLINE_END.match(reader.text, reader.pos)
    return match is not None


class Formulas:
    """Reads formulas off a reader."""

    def __init__(
        self,
        reader: Reader,
        macros: Macros,
        references: References,
        stash: Sequence[Verbatim],
        include: Callable[[str], None],
    ) -> None:
        self._reader = reader
        self._macros = macros
        self._references = references
        self._stash = stash
        self._include = include

    def read(self, closer: str) -> str:
        r"""Read to the end of the formula and return its LaTeX.

        Args:
            closer: what ends it: `$`, `$$`, `\)`, `\]`, `}`, or the name of an environment.

        Raises:
            InputError: `bomb`: it grows beyond all bounds.
        """
        reader, macros = self._reader, self._macros
        parts: list[str] = []
        opened: list[str] = []
        texts: list[int] = []
        depth = 0
        text_next = False
        size = 0
        while True:
            start = reader.pos
            match = (_AT_TOKEN if reader.at_letter else _TOKEN).match(reader.text, start)
            if match is None:
                if not reader.pop():
                    break
                continue
            token = match.group()
            reader.pos = match.end()
            size += len(token)
            if size > MAX_MATH:
                raise InputError("bomb", f"a formula of more than {MAX_MATH:,} characters")
            group = match.lastindex
            if group is None:
                if token == "{":
                    depth += 1
                    if text_next:
                        texts.append(depth)
                elif token == "}":
                    if depth == 0:
                        if closer == "}":
                            break
                        continue
                    if texts and texts[-1] == depth:
                        texts.pop()
                    depth -= 1
                elif token == "$":
                    if not texts:
                        if closer == "$":
                            break
                        if closer == "$$":
                            reader.pos += reader.text.startswith("$", reader.pos)
                            break
                        continue
                elif token in ("\\", VERBATIM):
                    continue
                else:
                    if closer in ("\\)", "$") and not texts and _BLANK_LINE.search(token):
                        reader.pos = start
                        break
                    if parts and token[0].isalpha() and _is_word(parts[-1]):
                        parts.append(" ")
                    text_next = text_next and token.isspace()
                    parts.append(token)
                    continue
                text_next = False
                parts.append(token)
                continue
            if group == 3:
                parts.append(self._stash[int(match[3])].text)
                continue
            name = match[1] or match[2]
            if name in macros.commands:
                macro = macros.commands[name]
                if isinstance(macro, Alias):
                    parts.append(f"\\{macro.name}")
                elif reader.active.get(name, 0) < MAX_NESTED:
                    body = _without_ensuremath(macro.expand(reader))
                    if parts and parts[-1].rstrip()[-1:] in ("^", "_") and not _ONE_TOKEN.match(body):
                        body = f"{{{body}}}"
                    reader.push(body, name, at_letter=macro.at_letter)
                continue
            if group == 2:
                if closer in ("\\)", "\\]") and token == closer:
                    break
                if name in "()[]":
                    continue
                parts.append(token)
                continue
            if name in INTERTEXT and not opened and closer.rstrip("*") in MATH_ENVIRONMENTS:
                reader.push(_after_intertext(reader.argument(), closer))
                break
            if name in TEXT_IN_MATH:
                text_next = True
                parts.append(token)
            elif name == "begin":
                if not self._begin(start, parts, opened):
                    break
            elif name == "end":
                if not self._end(start, parts, opened, closer):
                    break
            elif name in _ENDS_TEXT and not texts and not opened:
                reader.pos = start
                break
            elif not self._special(name, parts):
                parts.append(token)
        parts += [f"\\end{{{name}}}" for name in reversed(opened)]
        parts.append("}" * min(depth, 100))
        return "".join(parts)

    def _begin(self, start: int, parts: list[str], opened: list[str]) -> bool:
        reader = self._reader
        match = _NAME.match(reader.text, reader.pos)
        if match is None:
            return True
        name = match[1]
        reader.pos = match.end()
        user = self._macros.environments.get(name)
        if user is not None and reader.active.get(name, 0) < MAX_NESTED:
            reader.push(user.begin.expand(reader), name, at_letter=user.begin.at_letter)
            return True
        kind = ENVIRONMENTS.get(name, ("", ""))[0]
        if kind == "skip":
            end = reader.find(f"\\end{{{name}}}")
            reader.pos = end + len(name) + 6 if end >= 0 else reader.pos
            return True
        plain = name.rstrip("*")
        outer = plain in MATH_ENVIRONMENTS and plain not in ("split", "aligned", "array")
        if not opened and (
            name == "document" or (kind and kind not in ("plain", "tabular")) or outer or plain in self._macros.theorems
            or plain in THEOREMS
        ):  # fmt: skip
            if outer:
                return True
            reader.pos = start
            return False
        if kind == "plain" and name != "minipage":
            return True
        opened.append(name)
        parts.append(f"\\begin{{{name}}}")
        return True

    def _end(self, start: int, parts: list[str], opened: list[str], closer: str) -> bool:
        reader = self._reader
        match = _NAME.match(reader.text, reader.pos)
        if match is None:
            return True
        name = match[1]
        reader.pos = match.end()
        if opened and opened[-1] == name:
            opened.pop()
            parts.append(f"\\end{{{name}}}")
            return True
        if name == closer:
            return False
        user = self._macros.environments.get(name)
        if user is not None:
            reader.push(user.end, name, at_letter=user.begin.at_letter)
            return True
        if name.rstrip("*") in MATH_ENVIRONMENTS or ENVIRONMENTS.get(name, ("", ""))[0] == "plain":
            # Written by authors who open align and close align*: the formula ends here all the same.
            return name.rstrip("*") != closer.rstrip("*")
        reader.pos = start
        return False

    def _special(self, name: str, parts: list[str]) -> bool:
        reader, macros = self._reader, self._macros
        if name == "label":
            key = reader.argument()
            parts.append(self._references.anchor("equation"))
            self._references.label(key)
        elif (shown := macros.counters.run(name, reader)) is not None:
            reader.push(shown)
        elif name in MATH_DROPPED:
            pass
        elif name in MATH_GOBBLED:
            reader.gobble(MATH_GOBBLED[name])
        elif name in REFS:
            reader.star()
            parts.append(self._references.refer(name, reader.argument()))
        elif name in CITES or name in TEXT_CITES:
            reader.gobble("soom")
        elif macros.is_conditional(name):
            macros.conditional(name, reader, in_math=True)
        elif name == "else":
            macros.skip_branch(reader, to_else=False)
        elif name in ("input", "include"):
            self._include(reader.argument())
        elif name in CHOICES:
            reader.push(macros.choose(name, reader))
        else:
            return name == "fi" or macros.set_flag(name) or macros.define(name, reader)
        return True


def inline(body: str) -> str:
    """A formula in running text, between dollar signs; empty if there is nothing in it."""
    body = " ".join(_TAG.sub("", body).replace("~", " ").split())
    return f"${body}$" if body else ""


def display(body: str, env: str) -> str:
    """A displayed formula between lines of two dollar signs; environments of several lines become inner ones."""
    name = env.rstrip("*")
    inner = MATH_ENVIRONMENTS.get(name, "")
    columns = ""
    if name in _WITH_COLUMNS:
        match = re.match(r"\s*(?:\[[^\]]{0,20}\]\s*)?\{([^{}]{0,200})\}", body)
        if match:
            body = body[match.end() :]
            columns = f"{{{match[1]}}}" if inner == "array" else ""
    if name in ("eqnarray", "IEEEeqnarray"):
        body = _two_columns(body)
    tags = _TAG.findall(body)
    if len(tags) == 1:
        body = _TAG.sub("", body)
    body = _EDGE.sub("", body)
    if not inner or "\\\\" not in body:
        body = body.lstrip("& \n\t~")
    lines = [" ".join(line.split()) for line in body.split("\n")]
    body = "\n".join(line for line in lines if line)
    if not _TAG.sub("", body).strip():
        return ""
    if inner and (inner == "array" or "\\\\" in body or "&" in body):
        body = f"\\begin{{{inner}}}{columns}\n{body}\n\\end{{{inner}}}"
    if len(tags) == 1:
        body += tags[0]
    return f"$$\n{body}\n$$"


def _after_intertext(text: str, env: str) -> str:
    """A text between the lines of a formula, and the beginning of what follows it as a formula of its own."""
    columns = "{}" if env.rstrip("*") in _WITH_COLUMNS else ""
    return f"{text}\\begin{{{env}}}{columns}"


def _two_columns(body: str) -> str:
    """Rows of three columns, of which the middle one is for the relation (`a & = & b`), as rows of two (`a & = b`).

    Where the first column is empty in every row, it is the second one that the rows are aligned at.
    """
    rows: list[list[int]] = [[]]
    starts = [0]
    depth = 0
    for match in _COLUMN.finditer(body):
        sign = match.group()
        if sign in ("{", "\\begin"):
            depth += 1
        elif sign in ("}", "\\end"):
            depth -= 1
        elif depth == 0 and sign == "&":
            rows[-1].append(match.start())
        elif depth == 0 and sign == "\\\\":
            rows.append([])
            starts.append(match.end())
    found = [(start, row) for start, row in zip(starts, rows, strict=True) if len(row) == 2]
    is_used = any(_TAG.sub("", body[start : row[0]]).strip() for start, row in found)
    dropped = [row[int(is_used)] for _, row in found]
    starts, ends = [0, *(at + 1 for at in dropped)], [*dropped, len(body)]
    return " ".join(body[start:end] for start, end in zip(starts, ends, strict=True))


def _without_ensuremath(body: str) -> str:
    r"""A macro's body without the `\ensuremath` round all of it, which says nothing inside math."""
    match = _ENSURED.match(body) if len(body) < MAX_ENSURED else None
    if match and brace_pairs(body).get(match.start(1) - 1) == match.end(1):
        return match[1]
    return body


def _is_word(part: str) -> bool:
    return part[0] == "\\" and part[-1].isalpha() and len(part) > 1
