"""Build `samples/nih_exporter/` from the readable originals: zips of CSV files as ExPORTER offers them.

    python samples/make_nih_exporter.py

Written byte for byte the same by every run.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
ORIGINALS = HERE / "originals" / "nih_exporter"
TARGET = HERE / "nih_exporter"


def main() -> None:
    """Write every zip."""
    TARGET.mkdir(exist_ok=True)
    for name, original, encoding in [
        ("RePORTER_PRJABS_C_FY2009", "reporter_2009", "utf-8"),
        ("CRISP_PRJABS_C_FY1994", "crisp_1994", "cp1252"),
        ("RePORTER_PRJ_C_FY2009", "projects_2009", "utf-8"),
    ]:
        text = (ORIGINALS / f"{original}.csv").read_text(encoding="utf-8").replace("\n", "\r\n")
        (TARGET / f"{name}.zip").write_bytes(zipped(f"{name}.csv", text.encode(encoding)))
    # Cut in the middle of a row, without a zip around it.
    whole = (ORIGINALS / "reporter_2009.csv").read_bytes().replace(b"90000", b"90001")
    (TARGET / "RePORTER_PRJABS_C_FY2010.csv").write_bytes(whole[: whole.index(b"drawer to cup")])


def zipped(name: str, data: bytes) -> bytes:
    """A zip of one member, without the time."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


if __name__ == "__main__":
    main()
