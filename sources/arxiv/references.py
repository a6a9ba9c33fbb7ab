r"""Labels and references of a paper: what `\ref` points to gets a number, and shows it.

Numbers are the paper's own for sections, and a count of the things of one kind for the rest; a theorem, figure or
equation carries its number only where the text refers to it. So text and target always agree, though an equation's
number may differ from the printed one. Equations of one `subequations` share a number and have letters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pile_builder.sources.arxiv.counters import letter

REF = "\x07"
ANCHOR = "\x08"

_REF = re.compile(f"([ \u00a0\n]?)([(\\[]?){REF}([^{REF}]*){REF}([)\\]]?)")
_ANCHOR = re.compile(f"{ANCHOR}(\\d+){ANCHOR}")
_PREFIXES = {"section": "Section", "equation": "Eq.", "item": "item"}


@dataclass(slots=True)
class _Anchor:
    kind: str
    number: str
    group: int = -1
    letter: str = ""


class References:
    """Anchors (numbered things) and the labels that name them.

    Attributes:
        current: the anchor that the next label names, as an index.
    """

    def __init__(self) -> None:
        self.current = -1
        self._anchors: list[_Anchor] = []
        self._labels: dict[str, int] = {}
        self._used: set[str] = set()
        self._counts: dict[str, int] = {}
        self._sections: list[int] = []
        self._appendix_base = -1
        self._group = -1
        self._in_group = 0

    def anchor(self, kind: str) -> str:
        """Open the next thing of a kind ("Figure", "equation"); the mark becomes its number, if it is used."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        mark = self._add(kind, str(self._counts[kind]) if kind != "equation" else "")
        if kind == "equation" and self._group >= 0:
            self._in_group += 1
            self._anchors[-1].group, self._anchors[-1].letter = self._group, letter(self._in_group)
        return mark

    def open_group(self) -> None:
        """Open a group of equations: they share its number, and each has a letter."""
        self._add("equation", "")
        self._group = self.current
        self._in_group = 0

    def close_group(self) -> None:
        """End the group of equations."""
        self._group = -1

    def section(self, depth: int) -> None:
        """Open the next section at a depth (1 for the highest)."""
        del self._sections[depth:]
        self._sections += [0] * (depth - len(self._sections))
        self._sections[depth - 1] += 1
        numbers = [str(number) for number in self._sections]
        if self._appendix_base >= 0:
            top = self._sections[0] - self._appendix_base
            numbers[0] = chr(64 + top) if 1 <= top <= 26 else numbers[0]
        self._add("section", ".".join(numbers))

    def appendix(self) -> None:
        """Number the sections that follow by letters."""
        if self._appendix_base < 0:
            self._appendix_base = self._sections[0] if self._sections else 0
            del self._sections[1:]

    def item(self, number: int, part: str = "") -> None:
        """Open an item of a numbered list, or the lettered part of one."""
        self._add("item", f"{number}{part}")

    def label(self, key: str) -> None:
        """Let `key` name the current anchor."""
        if self.current >= 0:
            self._labels.setdefault(key.strip(), self.current)

    def refer(self, command: str, keys: str) -> str:
        """The mark of a reference, to be resolved when all labels are known."""
        if command == "nameref":
            return ""
        names = [" ".join(key.split()) for key in keys.split(",")]
        self._used.update(names)
        return f"{REF}{command}|{','.join(names)}{REF}"

    def resolve(self, text: str) -> str:
        """Replace all marks; a reference to nothing leaves nothing, nor the space before it."""
        used = {self._labels[key] for key in self._used if key in self._labels}
        used.update([index for index, anchor in enumerate(self._anchors) if anchor.group in used])
        numbers: dict[int, int] = {}
        for index in sorted(used):
            anchor = self._anchors[index]
            if anchor.kind == "equation":
                number = numbers.setdefault(index if anchor.group < 0 else anchor.group, len(numbers) + 1)
                anchor.number = f"{number}{anchor.letter}"

        def shown(match: re.Match[str]) -> str:
            index = int(match[1])
            if index not in used:
                return ""
            anchor = self._anchors[index]
            return f"\\tag{{{anchor.number}}}" if anchor.kind == "equation" else f" {anchor.number}"

        return _REF.sub(self._resolved, _ANCHOR.sub(shown, text))

    def _add(self, kind: str, number: str) -> str:
        self._anchors.append(_Anchor(kind, number))
        self.current = len(self._anchors) - 1
        return f"{ANCHOR}{self.current}{ANCHOR}"

    def _resolved(self, match: re.Match[str]) -> str:
        space, opening, mark, closing = match.groups()
        command, _, keys = mark.partition("|")
        targets = [self._anchors[self._labels[key]] for key in keys.split(",") if key in self._labels]
        if not targets:
            return "" if opening and closing else opening + closing
        numbers = ", ".join(target.number for target in targets)
        kind = targets[0].kind
        if command == "eqref" or (kind == "equation" and command not in ("ref", "labelcref", "vref")):
            numbers = f"({numbers})"
        if command not in ("ref", "eqref", "labelcref", "subref", "vref", "fref"):
            numbers = f"{_PREFIXES.get(kind, kind)} {numbers}"
        return f"{space}{opening}{numbers}{closing}"
