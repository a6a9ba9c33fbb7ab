r"""Reading LaTeX as a stack of strings: the file, the files it inputs, and the macros being expanded.

`prepare` takes comments and verbatim text out first, so that the rest needs to know about neither. All work is counted
against a budget, so that no input takes more than a fixed multiple of its size.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pile_builder.errors import InputError

VERBATIM = "\x11"
"""Brackets the number of a verbatim piece in prepared text."""
VERBATIM_NAMES = (
    "verbatim", "verbatim*", "Verbatim", "Verbatim*", "BVerbatim", "lstlisting", "minted", "alltt", "code", "spec",
    "comment", "filecontents", "filecontents*", "Sinput", "Soutput", "Schunk", "CodeInput", "CodeOutput", "pycode",
)  # fmt: skip
BUDGET_BASE = 8 << 20
BUDGET_RATIO = 40
MAX_OPTIONAL = 2000
"""Longest optional argument, in characters."""

_CONTROLS = dict.fromkeys([*range(9), *range(11, 32), 127])
_DEFINES_VERBATIM = re.compile(
    r"\\(?:lstnewenvironment|DefineVerbatimEnvironment|newverbatim|CustomVerbatimEnvironment)\s*\{(\w{1,40})\}"
)
_PREPARE = re.compile(
    r"\\(?:verb|lstinline(?:\[[^\]\n]{0,200}\])?)\*?(?P<d>[^A-Za-z\s*{\\])(?P<verb>[^\n]{0,400}?)(?P=d)"
    r"|\\begin[ ]?\{(?P<env>[A-Za-z]{1,40}\*?)\}"
    r"|\\(?:url|nolinkurl|path)[ ]?\{(?P<url>(?:[^{}\n\\#]|#(?![1-9])){0,400})\}"
    r"|\\href[ ]?\{(?P<href>(?:[^{}\n\\#]|#(?![1-9])){0,400})\}"
    r"|(?P<endinput>\\endinput(?![A-Za-z]))"
    r"|\\[\s\S]"
    r"|%(?P<comment>[^\n]*\n?[ \t]*)"
)
_PAIR = re.compile(r"\\[\s\S]|[{}]")
_SPACE = re.compile(r"[ \t]*(?:\n(?![ \t]*\n)[ \t]*)?")
_CONTROL = re.compile(r"\\(?:[A-Za-z@]+|[\s\S])")
_BRACKET = re.compile(r"\\[\s\S]|[{}\]]")
_GLUE = re.compile(
    r"[ \t]*=?[ \t]*(?:-?[ \t]*(?:[\d.,]+[ \t]*)?(?:\\[A-Za-z@]+|(?:true)?(?:pt|cm|mm|in|em|ex|bp|pc|sp|mu|fil+)\b)"
    r"|-?\d+)"
    r"(?:[ \t]*(?:plus|minus)[ \t]*-?[\d.]*[ \t]*(?:\\[A-Za-z]+|(?:pt|cm|mm|in|em|ex|fil+)))*[ \t]*"
)
_PICTURE = re.compile(r"[ \t]*\([^()\n]{0,80}\)")


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Text between verbatim marks; `env` is the environment's name, empty for text in a line."""

    text: str
    env: str = ""


@dataclass(slots=True)
class _Frame:
    text: str
    pos: int = 0
    at_letter: bool = False
    name: str = ""
    pairs: dict[int, int] | None = None
    absent: dict[str, int] = field(default_factory=dict)


def verbatim_names(texts: Sequence[str]) -> frozenset[str]:
    """Environments that hold verbatim text: the usual ones and those that the paper defines."""
    return frozenset(VERBATIM_NAMES).union(*(_DEFINES_VERBATIM.findall(text) for text in texts))


def prepare(text: str, names: frozenset[str], stash: list[Verbatim]) -> str:
    r"""Normalise line ends, drop comments and control characters, and move verbatim text to `stash`.

    A comment takes its line end and the next line's indent with it, as in TeX, but not a following blank line.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS)
    parts: list[str] = []
    absent: set[str] = set()
    pos = copied = 0
    while match := _PREPARE.search(text, pos):
        pos = match.end()
        kind = match.lastgroup
        if kind is None:
            continue
        if kind == "endinput":
            return "".join([*parts, text[copied : match.start()]])
        if kind == "href":
            parts.append(text[copied : match.start()])
        elif kind == "comment":
            parts += (text[copied : match.start()], "\n" if text.startswith("\n", pos) else "")
        elif kind == "env":
            env = match["env"]
            end = -1
            if env in names and env not in absent:
                end = text.find(f"\\end{{{env}}}", pos)
                if end < 0:
                    absent.add(env)
            if end < 0:
                continue
            stash.append(Verbatim(text[pos:end], env))
            parts += (text[copied : match.start()], f"{VERBATIM}{len(stash) - 1}{VERBATIM}")
            pos = end + len(env) + 6
        else:
            stash.append(Verbatim(match["url"] if kind == "url" else match["verb"], "url" if kind == "url" else ""))
            parts += (text[copied : match.start()], f"{VERBATIM}{len(stash) - 1}{VERBATIM}")
        copied = pos
    parts.append(text[copied:])
    return "".join(parts)


class Reader:
    """A cursor over the innermost string; `pop` goes back to the one that called for it.

    Attributes:
        text: the innermost string.
        pos: index into it of what comes next.
        active: how many frames of each name are open.
    """

    def __init__(self, text: str) -> None:
        self._frame = _Frame(text)
        self._outer: list[_Frame] = []
        self._budget = BUDGET_BASE + BUDGET_RATIO * len(text)
        self.text = text
        self.pos = 0
        self.active: dict[str, int] = {}

    @property
    def at_letter(self) -> bool:
        """Whether `@` is a letter in the innermost string."""
        return self._frame.at_letter

    @at_letter.setter
    def at_letter(self, value: bool) -> None:
        self._frame.at_letter = value

    def spend(self, amount: int) -> None:
        """Count work, in characters looked at or produced.

        Raises:
            InputError: `bomb`: the budget is used up.
        """
        self._budget -= amount
        if self._budget < 0:
            raise InputError("bomb", "macros or conditionals expand without end")

    def grant(self, amount: int) -> None:
        """Add to the budget for `amount` characters of a further file."""
        self._budget += BUDGET_RATIO * amount

    def push(self, text: str, name: str = "", *, at_letter: bool = False) -> None:
        """Read `text` next, then go on here."""
        self.spend(len(text) + 64)
        if self.pos >= len(self.text) and self._outer:
            self.pop()
        self._frame.pos = self.pos
        self._outer.append(self._frame)
        self._frame = _Frame(text, at_letter=at_letter, name=name)
        self.text, self.pos = text, 0
        if name:
            self.active[name] = self.active.get(name, 0) + 1

    def pop(self) -> bool:
        """Leave the innermost string; False when there is no outer one."""
        if not self._outer:
            self.pos = len(self.text)
            return False
        if self._frame.name:
            self.active[self._frame.name] -= 1
        self._frame = self._outer.pop()
        self.text, self.pos = self._frame.text, self._frame.pos
        return True

    def stop(self) -> None:
        """Leave every string: nothing follows."""
        while self.pop():
            pass
        self.pos = len(self.text)

    def peek(self) -> str:
        """The next character that is no space, or an empty string; leaves exhausted strings and skips spaces."""
        while True:
            match = _SPACE.match(self.text, self.pos)
            self.pos = match.end() if match else self.pos
            if self.pos < len(self.text):
                return self.text[self.pos]
            if not self.pop():
                return ""

    def following(self) -> str:
        """The next character, be it a space, or an empty string."""
        while self.pos >= len(self.text):
            if not self.pop():
                return ""
        return self.text[self.pos]

    def argument(self) -> str:
        """Take a mandatory argument: the inside of a group, or one token; empty where there is none."""
        char = self.peek()
        if char == "{":
            start = self.pos + 1
            end = self._closing(self.pos)
            self.pos = start if end < 0 else end + 1
            return "" if end < 0 else self.text[start:end]
        if char == "\\":
            match = _CONTROL.match(self.text, self.pos)
            self.pos = match.end() if match else self.pos + 1
            return match.group() if match else ""
        if char == VERBATIM:
            end = self.text.find(VERBATIM, self.pos + 1) + 1
            start, self.pos = self.pos, end or len(self.text)
            return self.text[start : self.pos]
        if char in ("", "}"):
            return ""
        self.pos += 1
        return char

    def optional(self) -> str | None:
        """Take an optional argument in brackets, if there is one."""
        match = _SPACE.match(self.text, self.pos)
        start = match.end() if match else self.pos
        if not self.text.startswith("[", start):
            return None
        limit = start + MAX_OPTIONAL
        if self.text.find("]", start, limit) < 0:
            return None
        self.spend(16)
        pos = start + 1
        while bracket := _BRACKET.search(self.text, pos, limit):
            pos = bracket.end()
            sign = bracket.group()
            if sign == "]":
                self.pos = pos
                self.spend(pos - start)
                return self.text[start + 1 : pos - 1]
            if sign == "{":
                pos = self._closing(bracket.start()) + 1
                if pos == 0:
                    break
            elif sign == "}":
                break
        self.spend(MAX_OPTIONAL)
        return None

    def until(self, delimiter: str) -> str:
        """Take what stands before a delimiter, and the delimiter; nothing where it is not near."""
        start = self.pos
        end = self.text.find(delimiter, start, start + MAX_OPTIONAL)
        if end < 0:
            self.spend(MAX_OPTIONAL // 8)
            return ""
        self.pos = end + len(delimiter)
        return self.text[start:end]

    def star(self) -> bool:
        """Take a star, if there is one."""
        if self.pos < len(self.text) and self.text[self.pos] == "*":
            self.pos += 1
            return True
        return False

    def gobble(self, spec: str) -> None:
        """Take and forget arguments by their specification (see tables.py)."""
        for kind in spec:
            if kind == "m":
                if self.peek() not in ("{", "\\", VERBATIM):
                    return
                self.argument()
            elif kind == "o":
                self.optional()
            elif kind == "s":
                self.star()
            else:
                match = (_GLUE if kind == "g" else _PICTURE).match(self.text, self.pos)
                self.pos = match.end() if match else self.pos

    def find(self, wanted: str) -> int:
        """Where `wanted` next occurs in the innermost string, or -1; what is absent is searched for once."""
        if self._frame.absent.get(wanted, len(self.text) + 1) <= self.pos:
            return -1
        found = self.text.find(wanted, self.pos)
        if found < 0:
            self._frame.absent[wanted] = self.pos
            self.spend(len(self.text) - self.pos)
        return found

    def _closing(self, start: int) -> int:
        """Index of the brace that closes the one at `start` in the innermost string, or -1."""
        pairs = self._frame.pairs
        if pairs is None:
            pairs = self._frame.pairs = brace_pairs(self.text)
            self.spend(4 * len(self.text))
        return pairs.get(start, -1)


def brace_pairs(text: str) -> dict[int, int]:
    """Index of each opening brace that is closed, to the index of its closing one."""
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for match in _PAIR.finditer(text):
        sign = match.group()
        if sign == "{":
            opened.append(match.start())
        elif sign == "}" and opened:
            pairs[opened.pop()] = match.start()
    return pairs
