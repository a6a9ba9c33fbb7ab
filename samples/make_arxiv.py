"""Build `samples/arxiv/` from the readable originals: one bulk tar as arXiv lays it out, and a metadata snapshot.

    python samples/make_arxiv.py

An original is a `.tex` file (a submission of one file) or a folder (a submission of several). Written byte for byte the
same by every run.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

HERE = Path(__file__).parent
ORIGINALS = HERE / "originals" / "arxiv"
TARGET = HERE / "arxiv"
LATIN_1 = frozenset(["2401.00008"])
"""Papers whose files are stored in Latin-1."""
PDF_ONLY = "2401.00013"


def main() -> None:
    """Write the tar and the snapshot."""
    TARGET.mkdir(exist_ok=True)
    members = [("2401", None)]
    for original in sorted(ORIGINALS.iterdir()):
        if original.suffix == ".tex":
            members.append((f"2401/{original.stem}.gz", gzip.compress(original.read_bytes(), mtime=0)))
        elif original.is_dir():
            files = [
                (str(file.relative_to(original)), stored(file))
                for file in sorted(original.rglob("*.*"))
                if file.is_file()
            ]
            members.append((f"2401/{original.name}.gz", gzip.compress(tar(files), mtime=0)))
    members.append((f"2401/{PDF_ONLY}.pdf", b"%PDF-1.4\n%%EOF\n"))
    (TARGET / "arXiv_src_2401_001.tar").write_bytes(tar(sorted(members)))
    (TARGET / "arxiv-metadata-oai-snapshot.json").write_bytes((ORIGINALS / "metadata.jsonl").read_bytes())


def stored(file: Path) -> bytes:
    """A file's bytes as the submission has them."""
    data = file.read_bytes()
    latin = file.relative_to(ORIGINALS).parts[0] in LATIN_1
    return data.decode().encode("latin-1") if latin else data


def tar(members: list[tuple[str, bytes | None]]) -> bytes:
    """A tar of files, and of folders where there are no bytes."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            if data is None:
                info.type = tarfile.DIRTYPE
                archive.addfile(info)
            else:
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


if __name__ == "__main__":
    main()
