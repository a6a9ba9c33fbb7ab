r"""Counters that a LaTeX paper defines (`\newcounter`), and how their values are shown."""

from __future__ import annotations

import re
from collections.abc import Callable

from pile_builder.sources.arxiv.reader import Reader

MAX_NUMERAL = 5000
"""Largest value shown as a Roman numeral; a larger one is shown in digits."""

_NAME = re.compile(r"\s*\{\s*([^{}\\]{1,60}?)\s*\}")
_DIGITS = re.compile(r"-?[0-9]{1,9}")
_OTHER = re.compile(r"\\(?:value\s*\{\s*([^{}\\]+?)\s*\}|the([A-Za-z@]+))")
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
    (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


class Counters:
    """The counters defined so far, with their values."""

    def __init__(self) -> None:
        self._values: dict[str, int] = {}
        self._inner: dict[str, list[str]] = {}

    def run(self, name: str, reader: Reader) -> str | None:
        r"""Carry out a command just read and return what it shows.

        None if it is no command of counters, or if the paper did not define the counter: then nothing is taken from
        `reader`.
        """
        if name.startswith("the"):
            value = self._values.get(name[3:])
            return None if value is None else str(value)
        if name not in _COMMANDS:
            return None
        match = _NAME.match(reader.text, reader.pos)
        if match is None or (name != "newcounter" and match[1] not in self._values):
            return None
        reader.pos = match.end()
        counter = match[1]
        if name in _FORMATS:
            return _FORMATS[name](self._values[counter])
        if name == "newcounter":
            self._values.setdefault(counter, 0)
            if outer := reader.optional():
                self._inner.setdefault(outer.strip(), []).append(counter)
        elif name in ("stepcounter", "refstepcounter"):
            self.step(counter)
        else:
            before = self._values[counter] if name == "addtocounter" else 0
            self._values[counter] = before + self._number(reader.argument())
        return ""

    def step(self, counter: str) -> int | None:
        """Add one to a counter and return its new value; None if the paper did not define it."""
        if counter not in self._values:
            return None
        self._values[counter] += 1
        self.reset_inner(counter)
        return self._values[counter]

    def reset_inner(self, outer: str) -> None:
        """Set to zero the counters that count within `outer`, which may be a kind of section."""
        for counter in self._inner.get(outer, ()):
            self._values[counter] = 0

    def _number(self, text: str) -> int:
        text = text.strip()
        if other := _OTHER.match(text):
            return self._values.get(other[1] or other[2], 0)
        return int(text) if _DIGITS.fullmatch(text) else 0


def letter(number: int) -> str:
    """1 is a, 26 is z; any other number is shown in digits."""
    return chr(96 + number) if 1 <= number <= 26 else str(number)


def _roman(number: int) -> str:
    if not 0 < number <= MAX_NUMERAL:
        return str(number)
    shown = ""
    for value, sign in _ROMAN:
        shown += sign * (number // value)
        number %= value
    return shown


_FORMATS: dict[str, Callable[[int], str]] = {
    "arabic": str,
    "value": str,
    "roman": _roman,
    "Roman": lambda number: _roman(number).upper(),
    "alph": letter,
    "Alph": lambda number: letter(number).upper(),
}
_COMMANDS = frozenset(["newcounter", "stepcounter", "refstepcounter", "setcounter", "addtocounter", *_FORMATS])
