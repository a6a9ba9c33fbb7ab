r"""What is known at one point of reading a LaTeX paper: the open groups and environments, and the text so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pile_builder.sources.arxiv.blocks import BREAK, Blocks
from pile_builder.sources.arxiv.macros import Macros
from pile_builder.sources.arxiv.math import Formulas
from pile_builder.sources.arxiv.reader import Reader, Verbatim
from pile_builder.sources.arxiv.references import References

MAX_OPEN = 1000
"""Deepest nesting of groups and environments that is kept track of; deeper ones are read as if they were not there."""
MAX_LOOK = 60
"""How far down the open groups an `\\end` looks for its `\\begin`."""


@dataclass(slots=True)
class Open:
    r"""An open group or environment.

    Attributes:
        kind: what becomes of it.
        start: index into the text of what lies in it.
        brace: whether `}` closes it (or else an `\end`).
        name: the environment's or command's name.
        mark: Markdown mark round it, or text after it.
        number: heading level, columns, or the last item's number.
        captions: of a float.
        anchor: the label target to go back to afterwards.
    """

    kind: str
    start: int
    brace: bool
    name: str = ""
    mark: str = ""
    number: int = 0
    captions: list[str] = field(default_factory=list)
    anchor: int = -1


class State:
    """One paper being read.

    Attributes:
        out: the text so far, with marks (see blocks.py).
        stack: open groups and environments; the first is the paper itself.
        overflow: how many groups are open beyond `MAX_OPEN`.
        notes: footnotes that wait for the end of their section.
        examples: how many numbered examples of linguistics were read.
    """

    def __init__(self, reader: Reader, stash: Sequence[Verbatim], include: Callable[[str], None]) -> None:
        self.reader = reader
        self.stash = stash
        self.include = include
        self.macros = Macros()
        self.references = References()
        self.blocks = Blocks()
        self.formulas = Formulas(reader, self.macros, self.references, stash, include)
        self.title = ""
        self.abstract: list[str] = []
        self.chapters = False
        self.in_document = False
        self.notes: list[str] = []
        self.note_count = 0
        self.examples = 0
        self.out: list[str] = []
        self.stack = [Open("paper", 0, brace=False)]
        self.overflow = 0

    def start_document(self) -> None:
        r"""Forget the preamble's text, at `\begin{document}`."""
        if not self.in_document:
            self.in_document = True
            self.reader.at_letter = False
            del self.out[:], self.stack[1:], self.notes[:]
            self.overflow = self.note_count = 0

    def open(self, kind: str, *, brace: bool = True, name: str = "", mark: str = "", number: int = 0) -> Open | None:
        """Open a group or environment; None if there are too many."""
        if len(self.stack) >= MAX_OPEN:
            self.overflow += brace
            return None
        opened = Open(kind, len(self.out), brace, name, mark, number)
        self.stack.append(opened)
        return opened

    def open_argument(self, kind: str, *, mark: str = "", number: int = 0) -> None:
        """Open what the next argument is to become; an argument of one token is put into braces first."""
        reader = self.reader
        if reader.peek() == "{":
            reader.pos += 1
        else:
            reader.push(reader.argument() + "}")
        self.open(kind, mark=mark, number=number)

    def cut(self, start: int) -> str:
        """Take the text from an index on out of the text so far."""
        text = "".join(self.out[start:])
        del self.out[start:]
        return text

    def nearest(self, kinds: frozenset[str]) -> Open | None:
        """The innermost open thing of some kinds, of the innermost few."""
        for opened in reversed(self.stack[-MAX_LOOK:]):
            if opened.kind in kinds:
                return opened
        return None

    def place(self, block: str) -> None:
        """Add a finished block to the text."""
        self.out.append(self.blocks.add(block))

    def flush_notes(self) -> None:
        """Add the waiting footnotes to the text."""
        notes, self.notes = self.notes, []
        for note in notes:
            self.place(note)

    def paragraph(self) -> None:
        """End the paragraph."""
        self.out.append(BREAK)
