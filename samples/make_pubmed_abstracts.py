"""Build `samples/pubmed_abstracts/` from the readable originals: files of the baseline, one of them cut, and an update.

    python samples/make_pubmed_abstracts.py

Written byte for byte the same by every run.
"""

from __future__ import annotations

import gzip
from pathlib import Path

HERE = Path(__file__).parent
ORIGINAL = HERE / "originals" / "pubmed_abstracts" / "baseline.xml"
TARGET = HERE / "pubmed_abstracts"


def main() -> None:
    """Write every file."""
    TARGET.mkdir(exist_ok=True)
    whole = ORIGINAL.read_bytes()
    update = (ORIGINAL.parent / "update.xml").read_bytes()
    other = whole.replace(b">990000", b">990001")
    (TARGET / "pubmed26n0001.xml.gz").write_bytes(gzip.compress(whole, mtime=0))
    (TARGET / "pubmed26n0003.xml.gz").write_bytes(gzip.compress(update, mtime=0))
    # A download that broke off in the second record.
    (TARGET / "pubmed26n0002.xml.gz").write_bytes(gzip.compress(other[: other.index(b"Soap does not")], mtime=0))


if __name__ == "__main__":
    main()
