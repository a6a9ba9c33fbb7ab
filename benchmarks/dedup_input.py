"""The input of the deduplication benchmark: 40,000 documents, about 140 MB of JSON lines, from files of this machine.

    python -m benchmarks.dedup_input FOLDER

Two files, since datatrove gives each worker files of its own. Documents are source code and documentation of Python's
standard library and of the installed packages, and the plain text below PILE_DATA if it is set, in an order drawn once;
long files give several, cut at line ends. Copies and near-copies are those that such folders have: licences, vendored
modules, test data, several editions of a book. The same folders give the same files.
"""

from __future__ import annotations

import json
import os
import random
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

DOCUMENTS = 40_000
FILES = 2
MIN_BYTES, MAX_BYTES = 200, 3_800
SUFFIXES = {".py", ".pyi", ".pyx", ".h", ".c", ".txt", ".rst", ".md", ".json", ".xml", ".html", ".srt", ".eml", ".tex"}
SEED = 1


def write_input(folder: Path, documents: int = DOCUMENTS) -> list[Path]:
    """Write the files, with the first so many documents, unless they are there; returns them."""
    targets = [folder / f"{number}.jsonl" for number in range(FILES)]
    if all(target.exists() for target in targets):
        return targets
    folder.mkdir(parents=True, exist_ok=True)
    found = [document for root in _roots() for document in _documents(root)]
    # A sample in an order of its own: neighbours would otherwise be pieces of one file.
    chosen = random.Random(SEED).sample(found, min(DOCUMENTS, len(found)))[:documents]
    for number, target in enumerate(targets):
        partial = target.with_suffix(".partial")
        with partial.open("w", encoding="utf-8") as file:
            for name, text in chosen[number::FILES]:
                file.write(json.dumps({"id": name, "text": text}, ensure_ascii=False) + "\n")
        partial.replace(target)
    return targets


def _roots() -> list[Path]:
    paths = sysconfig.get_paths()
    roots = [Path(paths["stdlib"]), Path(paths["purelib"])]
    return [*roots, Path(os.environ["PILE_DATA"])] if os.environ.get("PILE_DATA") else roots


def _documents(root: Path) -> Iterator[tuple[str, str]]:
    """Names and texts of a folder's documents."""
    for path in sorted(root.rglob("*")):
        if path.suffix not in SUFFIXES or not path.is_file() or path.is_symlink():
            continue
        try:
            text = path.read_bytes().decode()
        except UnicodeDecodeError:
            continue
        for number, piece in enumerate(_pieces(text)):
            yield f"{path.relative_to(root).as_posix()}#{number}", piece


def _pieces(text: str) -> Iterator[str]:
    """A text cut at line ends into pieces of at most about MAX_BYTES."""
    piece: list[str] = []
    size = 0
    for line in text.splitlines(keepends=True):
        piece.append(line)
        size += len(line)
        if size >= MAX_BYTES:
            yield "".join(piece)
            piece, size = [], 0
    if size >= MIN_BYTES:
        yield "".join(piece)


if __name__ == "__main__":
    print(*write_input(Path(sys.argv[1])), sep="\n")
