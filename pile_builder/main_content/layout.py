"""Kept blocks to text that reads well: paragraphs, headings, lists, tables, code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pile_builder.main_content.page import Page
from pile_builder.main_content.tags import NAMES, NUMBER

_CELLS = frozenset(NUMBER[name] for name in ("td", "th"))
_ITEMS = frozenset(NUMBER[name] for name in ("li", "dt", "dd"))
_LISTS = frozenset(NUMBER[name] for name in ("ul", "ol", "menu", "dl"))
_ROW, _TABLE, _ORDERED, _LI, _PRE = (NUMBER[name] for name in ("tr", "table", "ol", "li", "pre"))
MAX_STEPS = 64
"""How far up from a block its list or table is looked for."""
MAX_INDENT = 8


@dataclass(frozen=True)
class _Place:
    """Where a block stands: its list item (-1 for none) and how deep that is in lists, its cell, row and table."""

    item: int = -1
    level: int = 0
    cell: int = -1
    row: int = -1
    is_code: bool = False


def laid_out(page: Page, kept: Sequence[int]) -> str:
    """The text of the kept blocks (numbers in rising order), a blank line between paragraphs."""
    parts: list[tuple[str, str]] = []
    numbers = {}
    begun_items: set[int] = set()
    previous = _Place()
    for block in kept:
        element = int(page.scan.blocks[block, 2])
        if element not in numbers:
            numbers[element] = _place(page, element)
        place = numbers[element]
        text = page.text(block)
        if place.row >= 0 and place.row == previous.row:
            # Cells of a row stand beside each other, what one cell holds too.
            parts.append((" | " if place.cell != previous.cell else " ", text.replace("\n", " ")))
        elif place.row >= 0 and previous.row >= 0 and _table(page, place.row) == _table(page, previous.row):
            parts.append(("\n", text.replace("\n", " ")))
        elif place.item >= 0:
            first = place.item not in begun_items
            begun_items.add(place.item)
            indent = "  " * min(place.level, MAX_INDENT)
            mark = _mark(page, place.item) if first else ""
            body = text.replace("\n", "\n" + indent + " " * len(mark)) if not place.is_code else text
            gap = "\n" if previous.item >= 0 else "\n\n"
            parts.append((gap, indent + mark + body))
        else:
            parts.append(("\n" if place.is_code and previous.is_code else "\n\n", text))
        previous = place
    return "".join(gap + text for gap, text in parts).strip("\n")


def _place(page: Page, element: int) -> _Place:
    elements = page.scan.elements
    item = cell = row = -1
    level = -1
    is_code = False
    for _ in range(MAX_STEPS):
        if element <= 0:
            break
        tag = int(elements[element, 1])
        if tag == _PRE:
            is_code = True
        elif row < 0:
            if tag in _ITEMS and item < 0 and cell < 0:
                item = element
            elif tag in _CELLS and cell < 0 and item < 0:
                cell = element
            elif tag == _ROW and cell >= 0:
                row = element
            if tag in _LISTS and item >= 0:
                level += 1
        element = int(elements[element, 0])
    return _Place(item, max(level, 0), cell, row, is_code)


def _table(page: Page, row: int) -> int:
    element = row
    for _ in range(4):
        element = int(page.scan.elements[element, 0])
        if element <= 0 or page.scan.elements[element, 1] == _TABLE:
            break
    return element


def _mark(page: Page, item: int) -> str:
    parent = int(page.scan.elements[item, 0])
    if page.scan.elements[item, 1] != _LI:
        return ""
    return f"{page.scan.elements[item, 4] + 1}. " if page.scan.elements[parent, 1] == _ORDERED else "- "
