"""Build `samples/arxiv/` from the readable originals: bulk tars as arXiv lays them out, and a metadata snapshot.

    python samples/make_arxiv.py

An original is a `.tex` file (a submission of one file) or a folder (a submission of several). A month makes a tar.
Written byte for byte the same by every run.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
ORIGINALS = HERE / "originals" / "arxiv"
TARGET = HERE / "arxiv"
LATIN_1 = frozenset(["2401.00008"])
"""Papers whose files are stored in Latin-1."""
PDF_ONLY = ("2401.00013", "2402.00006")
CUT_SHORT = {"2402.00017": "2402.00013"}
"""Papers whose file is cut in the middle, and the original that it is made of."""


def main() -> None:
    """Write the tars and the snapshot."""
    TARGET.mkdir(exist_ok=True)
    papers = {}
    for original in sorted(ORIGINALS.iterdir()):
        if original.suffix == ".tex":
            papers[f"{original.stem}.gz"] = zipped(original.read_bytes(), original.name)
        elif original.is_dir():
            files = [
                (str(file.relative_to(original)), stored(file))
                for file in sorted(original.rglob("*.*"))
                if file.is_file()
            ]
            papers[f"{original.name}.gz"] = zipped(tar(files), f"{original.name}.tar")
    papers |= {f"{paper}.pdf": b"%PDF-1.4\n%%EOF\n" for paper in PDF_ONLY}
    for paper, original_name in CUT_SHORT.items():
        whole = papers[f"{original_name}.gz"]
        papers[f"{paper}.gz"] = whole[: len(whole) // 2]
    months: dict[str, list[tuple[str, bytes | None]]] = {}
    for name, data in sorted(papers.items()):
        month = month_of(name)
        months.setdefault(month, [(month, None)]).append((f"{month}/{name}", data))
    for month, members in months.items():
        (TARGET / f"arXiv_src_{month}_001.tar").write_bytes(tar(members))
    (TARGET / "arxiv-metadata-oai-snapshot.json").write_bytes((ORIGINALS / "metadata.jsonl").read_bytes())


def month_of(name: str) -> str:
    """Year and month of a paper, four digits: they come first in its number, whatever archive stands before it."""
    found = re.search(r"\d{4}", name)
    if found is None:
        msg = f"expected a name with an arXiv number, got {name!r}"
        raise ValueError(msg)
    return found[0]


def zipped(data: bytes, name: str) -> bytes:
    """A gzip file that tells the name of what it holds, as arXiv's do, and no time."""
    stream = io.BytesIO()
    with gzip.GzipFile(name, "wb", fileobj=stream, mtime=0) as archive:
        archive.write(data)
    return stream.getvalue()


def stored(file: Path) -> bytes:
    """A file's bytes as the submission has them."""
    data = file.read_bytes()
    latin = file.relative_to(ORIGINALS).parts[0] in LATIN_1
    return data.decode().encode("latin-1") if latin else data


def tar(members: Sequence[tuple[str, bytes | None]]) -> bytes:
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
