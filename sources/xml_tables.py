"""Tables of XML (XHTML's and OASIS's models, in articles and patents) to Markdown rows."""

from __future__ import annotations

from lxml import etree

from pile_builder.sources.markup import local_name
from pile_builder.sources.xml_inline import Style, inline_text

MAX_CELLS = 20_000
"""Cells of a table that are written; the rest is left out (seen: 1,400)."""
MAX_SPAN = 100


def table_rows(table: etree._Element, style: Style) -> str:
    """A table's rows, one a line, cells between bars, a rule after the first row; "" if it is empty.

    A cell over several columns or rows is written once and leaves the others empty, so that columns stay under their
    headings. Rows without any text are left out.
    """
    rows: list[list[str]] = []
    taken: dict[tuple[int, int], bool] = {}
    cells = 0
    for row in table.iter("{*}tr", "{*}row"):
        line: list[str] = []
        for cell in row:
            if local_name(cell) not in ("td", "th", "entry") or cells > MAX_CELLS:
                continue
            while taken.pop((len(rows), len(line)), False):
                line.append("")
            width, height = _span(cell, "colspan"), _span(cell, "rowspan")
            if cell.get("morerows", "").isdecimal():
                height = min(int(cell.get("morerows", "0")) + 1, MAX_SPAN)
            for below in range(1, height):
                for right in range(width):
                    taken[len(rows) + below, len(line) + right] = True
            line += [inline_text(cell, style).replace("|", "\\|"), *[""] * (width - 1)]
            cells += width * height
        rows.append(line)
    rows = [row for row in rows if any(row)]
    columns = max(map(len, rows), default=0)
    # Columns that hold nothing are the publisher's white space.
    used = [column for column in range(columns) if any(column < len(row) and row[column] for row in rows)]
    lines = ["| " + " | ".join(row[column] if column < len(row) else "" for column in used) + " |" for row in rows]
    if len(lines) > 1:
        lines.insert(1, "|" + "---|" * len(used))
    return "\n".join(lines)


def _span(cell: etree._Element, name: str) -> int:
    text = cell.get(name, "1")
    return max(1, min(int(text), MAX_SPAN)) if text.isdecimal() and len(text) < 6 else 1
