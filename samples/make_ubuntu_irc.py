"""Writes samples/ubuntu_irc: logs in the layout of irclogs.ubuntu.com, of those in samples/originals."""

from __future__ import annotations

import gzip
from pathlib import Path

ORIGINALS = Path(__file__).parent / "originals" / "ubuntu_irc" / "harbour.txt"
TARGET = Path(__file__).parent / "ubuntu_irc"
SIGNS = {"%B%": b"\x02\x0304", "%O%": b"\x0f", "%0%": b"\x00", "§": b"\xa7 caf\xe9 \x96 closed"}


def main() -> None:
    """Write every sample."""
    for log in ORIGINALS.read_text(encoding="utf-8").split("@ ")[1:]:
        head, _, body = log.partition("\n")
        day, channel = head.split(" ")
        data = body.encode()
        for sign, content in SIGNS.items():
            data = data.replace(sign.encode(), content)
        path = TARGET / day / f"{channel}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    folder = TARGET / "2006" / "01" / "05"
    folder.mkdir(parents=True, exist_ok=True)
    # As wget saves it; and a download that broke off.
    (folder / "%23%23boats.txt").write_bytes(b"[09:00] <ruth> r\xc3\xa9gatta at noon\r\n[09:01] <achille> ===\r\n")
    (folder / "#harbour.txt.gz").write_bytes(gzip.compress(b"[09:00] <ruth> the line is bad\n" * 40, mtime=0)[:-20])
    (TARGET / "README.txt").write_bytes(b"Logs by day and channel.\n")
    wrong = TARGET / "2006" / "13" / "05"
    wrong.mkdir(parents=True, exist_ok=True)
    (wrong / "#harbour.txt").write_bytes(b"[09:00] <ruth> no such month\n")


if __name__ == "__main__":
    main()
