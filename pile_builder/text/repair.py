"""Repair of text: ftfy and NFC, with ftfy called only for lines that it could change in a way that takes thought.

A kernel reads each document once and answers 0: ftfy certainly changes nothing; 1: it changes single characters only
(straight quotes, no ligatures, Unix line ends, standard width, no control characters), which a kernel then does; 2:
ftfy itself must look, which it does at the lines that answer 2 on their own. Answers 0 and 1 are exact; 2 is cautious.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pile_builder.text.column import PADDING, TextColumn, from_strings
from pile_builder.text.mojibake import Allowance, fix_line
from pile_builder.text.repair_kernel import FTFY, UNCHANGED, classify, write_texts
from pile_builder.text.repair_tables import RepairTables, load_tables

__all__ = ["RepairCounts", "classify", "repair", "repair_texts"]


@dataclass(frozen=True, slots=True)
class RepairCounts:
    """Documents that needed nothing, only a map of characters, or ftfy (whether or not it then found something).

    `limited` are those of the third kind in which a line passed one of the limits in `mojibake` and stayed as it was.
    """

    unchanged: int = 0
    mapped: int = 0
    fixed: int = 0
    limited: int = 0


def repair(column: TextColumn) -> tuple[TextColumn, RepairCounts]:
    """Every text as ftfy.fix_text (with `mojibake.CONFIG`) leaves it, in NFC.

    Returns `column` itself where no text needs anything. Lines that would cost ftfy too much stay as they are (see
    `mojibake.fix_line`).
    """
    tables = load_tables()
    classes, lengths = classify(column.data, column.offsets, tables)
    repaired, limited = _fix_documents(column, classes, lengths, tables)
    return repaired, _count(classes, limited)


def repair_texts(texts: Sequence[str]) -> list[str]:
    """`repair` for Python strings; those that need nothing are returned as the objects that came.

    Raises:
        UnicodeEncodeError: a text has lone surrogates.
    """
    tables = load_tables()
    column = from_strings(texts)
    classes, lengths = classify(column.data, column.offsets, tables)
    repaired, _ = _fix_documents(column, classes, lengths, tables)
    return [text if classes[i] == UNCHANGED else _slice(repaired, i).tobytes().decode() for i, text in enumerate(texts)]


def _fix_documents(
    column: TextColumn, classes: NDArray[np.uint8], lengths: NDArray[np.int64], tables: RepairTables
) -> tuple[TextColumn, int]:
    """Apply the verdicts of `classify` to documents; returns how many had a line that passed a limit."""
    limited = 0

    def fix_document(index: int) -> bytes:
        nonlocal limited
        allowance = Allowance()
        lines = _lines(column, index)
        line_classes, line_lengths = classify(lines.data, lines.offsets, tables)

        def fix(line: int) -> bytes:
            return fix_line(_slice(lines, line).tobytes().decode(), allowance).encode()

        fixed = _rewrite(lines, line_classes, line_lengths, fix, tables)
        limited += allowance.limited_lines > 0
        return fixed.data[fixed.offsets[0] : fixed.offsets[-1]].tobytes()

    return _rewrite(column, classes, lengths, fix_document, tables), limited


def _rewrite(
    column: TextColumn,
    classes: NDArray[np.uint8],
    lengths: NDArray[np.int64],
    fix: Callable[[int], bytes],
    tables: RepairTables,
) -> TextColumn:
    """The column with texts of class 0 copied, those of class 1 mapped, and those of class 2 replaced by `fix(i)`."""
    if not classes.any():
        return column
    chosen = np.flatnonzero(classes == FTFY)
    replacements = [fix(int(index)) for index in chosen]
    lengths = lengths.copy()
    lengths[chosen] = [len(replacement) for replacement in replacements]
    offsets = np.zeros(len(column) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    data = np.empty(int(offsets[-1]) + PADDING, np.uint8)
    write_texts(column.data, column.offsets, classes, data, offsets, tables)
    for index, replacement in zip(chosen, replacements, strict=True):
        data[offsets[index] : offsets[index + 1]] = np.frombuffer(replacement, np.uint8)
    return TextColumn(data, offsets)


def _lines(column: TextColumn, index: int) -> TextColumn:
    """The lines of one text as a column over the same bytes; each keeps its line feed."""
    start, stop = int(column.offsets[index]), int(column.offsets[index + 1])
    cuts = np.flatnonzero(column.data[start : stop - 1] == ord("\n")) + (start + 1)
    return TextColumn(column.data, np.concatenate(([start], cuts, [stop])).astype(np.int64))


def _slice(column: TextColumn, index: int) -> NDArray[np.uint8]:
    return column.data[column.offsets[index] : column.offsets[index + 1]]


def _count(classes: NDArray[np.uint8], limited: int) -> RepairCounts:
    unchanged, mapped, fixed = np.bincount(classes, minlength=3).tolist()
    return RepairCounts(unchanged, mapped, fixed, limited)
