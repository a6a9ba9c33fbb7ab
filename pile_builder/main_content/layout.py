"""Kept blocks to text that reads well: paragraphs, headings, lists, tables, code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pile_builder.main_content.page import Page
from pile_builder.main_content.tags import NUMBER

_CELLS = frozenset(NUMBER[name] for name in ("td", "th"))
_ITEMS = frozenset(NUMBER[name] for name in ("li", "dt", "dd"))
_LISTS = frozenset(NUMBER[name] for name in ("ul", "ol", "menu", "dl"))
_ROW, _TABLE, _ORDERED, _LI, _PRE = (NUMBER[name] for name in ("tr", "table", "ol", "li", "pre"))
MAX_STEPS = 64
"""How far up from a block its list or table is looked for."""
MAX_INDENT = 8
MAX_CELL = 300
"""Bytes of text in a cell of a table that is shown as one; longer ones are paragraphs in a table made for looks."""


@dataclass(frozen=True)
class _Place:
    """Elements around a block, -1 for none: the nearest list item and how deep it is in lists, or cell, row, table."""

    item: int = -1
    level: int = 0
    cell: int = -1
    row: int = -1
    table: int = -1
    is_code: bool = False


def laid_out(page: Page, kept: Sequence[int]) -> str:
    """The text of the kept blocks (numbers in rising order): a blank line between paragraphs, a mark before items.

    Cells of a row stand beside each other between bars, if the table is one of data.
    """
    found: dict[int, _Place] = {}
    places: list[_Place] = []
    for element in page.scan.blocks[kept, 2].tolist() if len(kept) else ():
        if element not in found:
            found[element] = _place(page, element)
        places.append(found[element])
    rows = _data_rows(page, kept, places)
    parts: list[str] = []
    begun: set[int] = set()
    previous = _Place()
    for block, place in zip(kept, places, strict=True):
        text = page.text(block)
        if place.row in rows:
            text = text.replace("\n", " ")
            if place.row == previous.row:
                gap = " | "
            else:
                gap = "\n" if previous.row in rows and place.table == previous.table else "\n\n"
        elif place.item >= 0:
            indent = "  " * min(place.level, MAX_INDENT)
            mark = _mark(page, place.item)
            first = place.item not in begun
            begun.add(place.item)
            if not place.is_code:
                text = text.replace("\n", "\n" + indent + " " * len(mark))
            text = indent + (mark if first else " " * len(mark)) + text
            gap = "\n" if previous.item >= 0 else "\n\n"
        else:
            gap = "\n" if place.is_code and previous.is_code else "\n\n"
        parts += (gap, text)
        previous = place
    return "".join(parts).strip("\n")


def _place(page: Page, element: int) -> _Place:
    elements = page.scan.elements
    item = cell = row = table = level = -1
    is_code = False
    for _ in range(MAX_STEPS):
        if element <= 0:
            break
        tag = int(elements[element, 1])
        is_code |= tag == _PRE
        if tag in _ITEMS and item < 0 and cell < 0:
            item = element
        elif tag in _LISTS and item >= 0 and cell < 0:
            level += 1
        elif tag in _CELLS and cell < 0:
            cell = element
        elif tag == _ROW and row < 0:
            row = element
        elif tag == _TABLE and row >= 0:
            table = element
            break
        element = int(elements[element, 0])
    return _Place(item, max(level, 0), cell, row if item < 0 else -1, table, is_code)


def _data_rows(page: Page, kept: Sequence[int], places: Sequence[_Place]) -> set[int]:
    """Rows with two cells or more of one short block each."""
    cells: defaultdict[int, list[int]] = defaultdict(list)
    unfit: set[int] = set()
    for block, place in zip(kept, places, strict=True):
        if place.row >= 0 and place.cell >= 0:
            start, end = page.scan.blocks[block, :2].tolist()
            if end - start > MAX_CELL or place.is_code or place.cell in cells[place.row]:
                unfit.add(place.row)
            cells[place.row].append(place.cell)
    return {row for row, own in cells.items() if len(own) > 1 and row not in unfit}


def _mark(page: Page, item: int) -> str:
    """A number for an item of an ordered list, a hyphen for another, nothing for a term or its definition."""
    if page.scan.elements[item, 1] != _LI:
        return ""
    parent = int(page.scan.elements[item, 0])
    return f"{page.scan.elements[item, 4] + 1}. " if page.scan.elements[parent, 1] == _ORDERED else "- "
