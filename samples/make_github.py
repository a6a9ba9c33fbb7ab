"""Build `samples/github/`: two small repositories as GitHub's archives have them, byte for byte the same.

    python samples/make_github.py

An original holds a repository: `=== PATH` begins a file, `=== PATH latin-1` one in Latin-1, and a file that consists of
`@NAME` is the same file as in the repository NAME. A picture is added to each.
"""

from __future__ import annotations

import gzip
import io
import re
import struct
import tarfile
import zlib
from pathlib import Path

HERE = Path(__file__).parent
ORIGINALS = HERE / "originals" / "github"
TARGET = HERE / "github"
REPOSITORIES = {"tideboard": "static/logo.png", "ropewalk": "docs/tree.png"}


def main() -> None:
    """Write both archives."""
    TARGET.mkdir(parents=True, exist_ok=True)
    read = {name: _read(name) for name in REPOSITORIES}
    for name, picture in REPOSITORIES.items():
        files = dict(read[name])
        for path, content in files.items():
            if content.startswith(b"@"):
                files[path] = read[content[1:].strip().decode()][path]
        files[picture] = _picture()
        (TARGET / f"{name}.tar.gz").write_bytes(_archive(f"{name}-main", files))


def _read(name: str) -> dict[str, bytes]:
    text = (ORIGINALS / f"{name}.txt").read_text(encoding="utf-8")
    parts = re.split(r"^=== (\S+)(?: (latin-1))?\n", text, flags=re.M)[1:]
    return {path: body.encode(encoding or "utf-8") for path, encoding, body in zip(*[iter(parts)] * 3, strict=True)}


def _archive(top: str, files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(files):
            member = tarfile.TarInfo(f"{top}/{path}")
            member.size = len(files[path])
            member.mode = 0o755 if path.endswith(".sh") else 0o644
            archive.addfile(member, io.BytesIO(files[path]))
    return gzip.compress(out.getvalue(), mtime=0)


def _picture() -> bytes:
    """A PNG of 8 by 8 grey pixels."""
    rows = b"".join(b"\0" + bytes(16 * (x ^ y) for x in range(8)) for y in range(8))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


if __name__ == "__main__":
    main()
