"""Build `samples/dm_mathematics/`: a tar laid out as the DeepMind Mathematics Dataset, of exercises made here.

    python samples/make_dm_mathematics.py

Written byte for byte the same by every run.
"""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path

TARGET = Path(__file__).parent / "dm_mathematics"
ROOT = "mathematics_dataset-v1.0"


def main() -> None:
    """Write the sample."""
    TARGET.mkdir(parents=True, exist_ok=True)
    files: dict[str, bytes] = {f"{ROOT}/README.md": b"A data set.\n"}
    for difficulty, top in (("easy", 20), ("medium", 300), ("hard", 9_000)):
        for module, exercise in (("arithmetic__add", add), ("numbers__remainder", remainder)):
            made = exercise(random.Random(f"{difficulty} {module}"), top)
            lines = [line for _ in range(260) for line in next(made)]
            files[f"{ROOT}/train-{difficulty}/{module}.txt"] = ("\n".join(lines) + "\n").encode()
    files[f"{ROOT}/train-hard/numbers__cut.txt"] = b"What is 2 + 2?\n4\nWhat is 3 + "
    files[f"{ROOT}/train-hard/numbers__spaced.txt"] = "\n".join("What is 2 + 2?\n4\n" * 9).encode()
    files[f"{ROOT}/interpolate/arithmetic__add.txt"] = b"What is 1 + 1?\n2\n"
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        folder = tarfile.TarInfo(ROOT)
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    (TARGET / f"{ROOT}.tar.gz").write_bytes(gzip.compress(stream.getvalue(), mtime=0))


def add(source: random.Random, top: int) -> Iterator[tuple[str, str]]:
    """Sums and differences."""
    while True:
        a, b = source.randrange(-top, top), source.randrange(1, top)
        word = source.choice(["What is {} + {}?", "Put together {} and {}.", "Add {} and {}.", "Calculate {} + {}."])
        yield word.format(a, b), str(a + b)


def remainder(source: random.Random, top: int) -> Iterator[tuple[str, str]]:
    """Remainders of whole numbers."""
    while True:
        a, b = source.randrange(top), source.randrange(2, top)
        word = source.choice(["What is the remainder when {} is divided by {}?", "Calculate {} modulo {}."])
        yield word.format(a, b), str(a % b)


if __name__ == "__main__":
    main()
