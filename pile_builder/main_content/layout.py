"""Kept blocks to text that reads well: paragraphs, headings, lists, tables, code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pile_builder.main_content.block_text import ELEMENT
from pile_builder.main_content.page import Page
from pile_builder.main_content.scan import FAR, ITEM, PARENT, TAG
from pile_builder.main_content.tags import LANDMARKS, NUMBER

_CELLS = frozenset(NUMBER[name] for name in ("td", "th"))
_ITEMS = frozenset(NUMBER[name] for name in ("li", "dt", "dd"))
_LISTS = frozenset(NUMBER[name] for name in ("ul", "ol", "menu", "dl"))
_ROW, _TABLE, _ORDERED, _LI, _PRE = (NUMBER[name] for name in ("tr", "table", "ol", "li", "pre"))
_HEADINGS = tuple(NUMBER[name] for name in ("h2", "h3", "h4", "h5", "h6", "caption"))
_IN_TABLE = LANDMARKS.index("table")
HEADING_MARGIN = -1.0
"""The least margin (logarithm of the odds of being content) of a heading that kept text follows."""
MAX_STEPS = 64
"""How far up from a block its list or table is looked for."""
MAX_INDENT = 8
MAX_CELL = 300
"""Bytes of text in a cell of a table that is shown as one; longer ones are paragraphs in a table made for looks."""


class _Place(NamedTuple):
    """Elements around a block, -1 for none: the nearest list item with its depth and mark, or cell, row, table."""

    item: int = -1
    level: int = 0
    mark: str = ""
    cell: int = -1
    row: int = -1
    table: int = -1
    is_code: bool = False


_NOWHERE = _Place()


def laid_out(page: Page, kept: Sequence[int]) -> str:
    """The text of the kept blocks (numbers in rising order): a blank line between paragraphs, a mark before items.

    Cells of a row stand beside each other between bars, if the table is one of data.
    """
    if not kept:
        return ""
    # Lists, since looking at one number of an array costs ten times as much.
    elements = page.scan.elements[:, [PARENT, TAG, ITEM]].tolist()
    blocks = page.scan.blocks[kept, : ELEMENT + 1].tolist()
    data = page.scan.text.tobytes()
    found: dict[int, _Place] = {}
    places: list[_Place] = []
    for _, _, element in blocks:
        if element not in found:
            found[element] = _place(elements, element)
        places.append(found[element])
    rows = _data_rows([end - start for start, end, _ in blocks], places)
    parts: list[str] = []
    begun: set[int] = set()
    previous = _NOWHERE
    for (start, end, _), place in zip(blocks, places, strict=True):
        text = data[start:end].decode("utf-8", "replace")
        if place.row in rows:
            text = text.replace("\n", " ")
            if place.row == previous.row:
                gap = " | "
            else:
                gap = "\n" if previous.row in rows and place.table == previous.table else "\n\n"
        elif place.item >= 0:
            indent = "  " * min(place.level, MAX_INDENT)
            first = place.item not in begun
            begun.add(place.item)
            if not place.is_code:
                text = text.replace("\n", "\n" + indent + " " * len(place.mark))
            text = indent + (place.mark if first else " " * len(place.mark)) + text
            gap = "\n" if previous.item >= 0 else "\n\n"
        else:
            gap = "\n" if place.is_code and previous.is_code else "\n\n"
        parts += (gap, text)
        previous = place
    return "".join(parts).strip("\n")


def whole_tables(page: Page, kept: Sequence[int]) -> list[int]:
    """The kept blocks in rising order; a table of data is kept whole or not at all, by the most of its text."""
    in_table = page.scan.distances[page.scan.blocks[:, ELEMENT], _IN_TABLE] < FAR
    inside = np.flatnonzero(in_table).tolist()
    if not inside:
        return list(kept)
    elements = page.scan.elements[:, [PARENT, TAG, ITEM]].tolist()
    blocks = page.scan.blocks[inside, : ELEMENT + 1].tolist()
    places = [_place(elements, element) for _, _, element in blocks]
    rows = _data_rows([end - start for start, end, _ in blocks], places)
    chosen = set(kept)
    cells: defaultdict[int, list[int]] = defaultdict(list)
    balance: defaultdict[int, int] = defaultdict(int)
    for block, (start, end, _), place in zip(inside, blocks, places, strict=True):
        if place.row in rows:
            cells[place.table].append(block)
            balance[place.table] += end - start if block in chosen else start - end
    for table, own in cells.items():
        if balance[table] > 0:
            chosen.update(own)
        else:
            chosen.difference_update(own)
    return sorted(chosen)


def with_headings(page: Page, kept: Sequence[int], margins: NDArray[np.float32]) -> list[int]:
    """The kept blocks in rising order, and the headings and captions right before one of them.

    They must come right behind another one, or have a margin of `HEADING_MARGIN`. Labels disagree on sub-headings, so
    that held-out F1 is the same without them; a reader misses them.
    """
    chosen = np.zeros(len(page.scan.blocks) + 2, np.bool_)
    chosen[np.asarray(kept, np.int64) + 1] = True
    is_heading = np.isin(page.scan.elements[page.scan.blocks[:, ELEMENT], TAG], _HEADINGS)
    leads = is_heading & chosen[2:] & (chosen[:-2] | (margins >= HEADING_MARGIN))
    return np.flatnonzero(chosen[1:-1] | leads).tolist()


def _place(elements: Sequence[Sequence[int]], element: int) -> _Place:
    item = cell = row = table = level = -1
    is_code = False
    mark = ""
    for _ in range(MAX_STEPS):
        if element <= 0:
            break
        parent, tag, number = elements[element]
        is_code |= tag == _PRE
        if tag in _ITEMS and item < 0 and cell < 0:
            item = element
            # A number for an item of an ordered list, nothing for a term or its definition.
            if tag == _LI:
                mark = f"{number + 1}. " if elements[parent][1] == _ORDERED else "- "
        elif tag in _LISTS and item >= 0 and cell < 0:
            level += 1
        elif tag in _CELLS and cell < 0:
            cell = element
        elif tag == _ROW and row < 0:
            row = element
        elif tag == _TABLE and row >= 0:
            table = element
            break
        element = parent
    return _Place(item, max(level, 0), mark, cell, row if item < 0 else -1, table, is_code)


def _data_rows(sizes: Sequence[int], places: Sequence[_Place]) -> set[int]:
    """Rows whose cells hold one short block each, in tables that have a row with two such cells."""
    cells: defaultdict[int, set[int]] = defaultdict(set)
    tables: dict[int, int] = {}
    unfit: set[int] = set()
    for size, place in zip(sizes, places, strict=True):
        if place.row >= 0 and place.cell >= 0:
            if size > MAX_CELL or place.is_code or place.cell in cells[place.row]:
                unfit.add(place.row)
            cells[place.row].add(place.cell)
            tables[place.row] = place.table
    of_data = {tables[row] for row, own in cells.items() if len(own) > 1 and row not in unfit}
    return {row for row in cells if row not in unfit and tables[row] in of_data}
