"""Build `samples/philpapers/` from papers written here: PDF files, and a harvest of the archive's records.

    pip install reportlab
    python samples/make_philpapers.py

Written byte for byte the same by every run of one version of reportlab, which nothing else needs.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

HERE = Path(__file__).parent
ORIGINALS = HERE / "originals" / "philpapers"
TARGET = HERE / "philpapers"
LINES_A_PAGE = 19
WIDTH = 64
RESPONSE = """<?xml version="1.0" encoding="UTF-8"?>
<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-03-01T00:00:00Z</responseDate>
<request verb="ListRecords" metadataPrefix="oai_dc">https://philarchive.org/oai.pl</request>
<ListRecords>{records}{token}</ListRecords></OAI-PMH>
"""
RECORD = """
<record><header><identifier>oai:philarchive.org/rec/{key}</identifier><datestamp>2025-11-02T10:00:00Z</datestamp></header>
<metadata><oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/"
 xmlns:dc="http://purl.org/dc/elements/1.1/">{fields}</oai_dc:dc></metadata></record>"""
DELETED = """
<record><header status="deleted"><identifier>oai:philarchive.org/rec/{key}</identifier>
<datestamp>2026-01-07T10:00:00Z</datestamp></header></record>"""


def main() -> None:
    """Write every sample."""
    TARGET.mkdir(parents=True, exist_ok=True)
    tides, waiting = ((ORIGINALS / f"{name}.txt").read_text(encoding="utf-8") for name in ("HALOTM-1", "PELUDW-2"))
    whole = paper(tides)
    files = {
        "HALOTM-1.pdf": whole,
        "PELUDW-2.pdf": paper(waiting),
        "ORMGON-3.pdf": paper(tides[:400]),
        "HALWDR.pdf": paper(tides.replace("tide", "wave")),
        "PELLCK.pdf": paper(tides, password="quay"),
        "ORMCUT.pdf": whole[:900],
        "ORMWEB.pdf": b"<html><body>503 Service Unavailable</body></html>",
    }
    for name, data in files.items():
        (TARGET / name).write_bytes(data)
    first = record(
        "HALOTM-1", title="On the Measure of Tides", creator="Hale, Lucy", date="2024", language="en",
        identifier="https://philarchive.org/rec/HALOTM-1", rights="https://creativecommons.org/licenses/by/4.0/",
    )  # fmt: skip
    second = record(
        "PELUDW-2", title="Über das Warten", creator="Pell, Arthur", language="de", rights="All rights kept"
    )
    (TARGET / "oai").mkdir(exist_ok=True)
    token = '<resumptionToken completeListSize="3" cursor="0">next</resumptionToken>'
    for name, records, more in (("1.xml", first, token), ("2.xml", second + DELETED.format(key="HALWDR"), "")):
        (TARGET / "oai" / name).write_text(RESPONSE.format(records=records, token=more), encoding="utf-8")


def record(key: str, **fields: str) -> str:
    """A record of the archive."""
    elements = "".join(f"<dc:{name}>{escape(value)}</dc:{name}>" for name, value in fields.items())
    return RECORD.format(key=key, fields=elements)


def paper(original: str, password: str = "") -> bytes:
    """A PDF file: ragged lines with parted words, a head and a number on each page."""
    title, author, *blocks = original.replace("\n\n", "\n", 1).split("\n", 2)
    lines = [title, author]
    for block in blocks[0].split("\n\n") if blocks else []:
        text = " ".join(block.removeprefix("# ").split())
        lines += [text] if block.startswith("# ") else parted(text)
    stream = io.BytesIO()
    locked = StandardEncryption(password, ownerPassword="harbour", strength=128) if password else None
    canvas = Canvas(stream, pagesize=(420, 595), invariant=True, encrypt=locked)
    for number, start in enumerate(range(0, len(lines), LINES_A_PAGE), 1):
        canvas.setFont("Times-Roman", 11)
        canvas.drawString(60, 560, f"{number} {title}" if number % 2 == 0 else f"{author} {number}")
        for at, line in enumerate(lines[start : start + LINES_A_PAGE]):
            canvas.drawString(60, 520 - 20 * at, line)
        canvas.drawString(60, 60, "© 2024 by the author")
        canvas.drawCentredString(210, 40, f"- {number} -")
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def parted(text: str) -> Sequence[str]:
    """A paragraph's lines; where there is room for half of the next line's first word, it is parted."""
    lines = textwrap.wrap(text, WIDTH)
    for at in range(len(lines) - 1):
        word, _, rest = lines[at + 1].partition(" ")
        half = len(word) // 2
        if word.isalpha() and half > 2 and len(lines[at]) + half + 2 <= WIDTH + 4:
            lines[at : at + 2] = [f"{lines[at]} {word[:half]}-", f"{word[half:]} {rest}"]
    return lines


if __name__ == "__main__":
    main()
