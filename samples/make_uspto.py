"""Build `samples/uspto/` from the readable originals: a weekly zip of each era, and one without its end.

    python samples/make_uspto.py

Written byte for byte the same by every run.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
ORIGINALS = HERE / "originals" / "uspto"
TARGET = HERE / "uspto"


def main() -> None:
    """Write every zip."""
    TARGET.mkdir(exist_ok=True)
    for original in sorted(ORIGINALS.iterdir()):
        data = original.read_bytes()
        if original.suffix == ".txt":
            # The office's files of that time have lines of CRLF, each filled up with blanks.
            data = b"".join(line.ljust(80) + b"\r\n" for line in data.splitlines())
        whole = zipped(original.name, data)
        (TARGET / f"{original.stem}.zip").write_bytes(whole)
    (TARGET / "ipg200114.zip").write_bytes(whole[: len(whole) // 2])


def zipped(name: str, data: bytes) -> bytes:
    """A zip of one member, without the time."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


if __name__ == "__main__":
    main()
