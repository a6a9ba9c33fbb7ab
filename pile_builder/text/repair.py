"""Repair of text: ftfy and NFC, with ftfy called only for lines that it could change in a way that takes thought.

A kernel reads each document once and answers 0: ftfy certainly changes nothing; 1: it changes single characters only
(straight quotes, no ligatures, Unix line ends, standard width, no control characters), which a kernel then does; 2:
ftfy itself must look, which it does at the lines that answer 2 on their own. Answers 0 and 1 are exact; 2 is cautious.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pile_builder.text.column import PADDING, TextColumn, from_strings
from pile_builder.text.mojibake import Allowance, fix_line
from pile_builder.text.repair_kernel import FTFY, UNCHANGED, classify, write_texts
from pile_builder.text.repair_tables import RepairTables, load_tables


def repair_texts(texts: Sequence[str]) -> list[str]:
    """Every text as ftfy.fix_text (with `mojibake.CONFIG`) leaves it, in NFC.

    Those that need nothing are returned as the objects that came. Lines that would cost ftfy too much stay as they are
    (see `mojibake.fix_line`).

    Raises:
        UnicodeEncodeError: a text has lone surrogates.
    """
    tables = load_tables()
    column = from_strings(texts)
    classes, lengths = classify(column.data, column.offsets, tables)
    repaired = _fix_documents(column, classes, lengths, tables)
    return [text if classes[i] == UNCHANGED else _slice(repaired, i).tobytes().decode() for i, text in enumerate(texts)]


def _fix_documents(
    column: TextColumn, classes: NDArray[np.uint8], lengths: NDArray[np.int64], tables: RepairTables
) -> TextColumn:
    """Apply the verdicts of `classify` to documents."""

    def fix_document(index: int) -> bytes:
        allowance = Allowance()
        lines = _lines(column, index)
        line_classes, line_lengths = classify(lines.data, lines.offsets, tables)

        def fix(line: int) -> bytes:
            return fix_line(_slice(lines, line).tobytes().decode(), allowance).encode()

        fixed = _rewrite(lines, line_classes, line_lengths, fix, tables)
        return fixed.data[fixed.offsets[0] : fixed.offsets[-1]].tobytes()

    return _rewrite(column, classes, lengths, fix_document, tables)


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
