"""Build `samples/pubmed_central/` from the readable originals: articles in the ways that PubMed Central delivers them.

    python samples/make_pubmed_central.py

Written byte for byte the same by every run.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
ORIGINALS = HERE / "originals" / "pubmed_central"
TARGET = HERE / "pubmed_central"


def main() -> None:
    """Write every sample."""
    whole = {path.stem: path.read_bytes() for path in sorted(ORIGINALS.iterdir())}
    # An article of its own package, with its picture; a bulk package; the folders of the cloud service.
    write(
        "PMC9900001.tar.gz", tar({"PMC9900001/asg-1-1.nxml": whole["PMC9900001"], "PMC9900001/f1.jpg": b"\xff\xd8\xff"})
    )
    bulk = {
        "PMC009xxxxxx/PMC9900002.xml": whole["PMC9900002"],
        "PMC009xxxxxx/PMC9900003.xml": whole["PMC9900003"],
        "PMC009xxxxxx/PMC9900004.xml": whole["PMC9900001"].replace(b"</sec>", b"", 1),
    }
    write("oa_comm_xml.PMC009xxxxxx.baseline.2024-01-01.tar.gz", tar(bulk))
    write(
        "PMC9900005.2/PMC9900005.2.xml",
        whole["PMC9900002"].replace(b"jam jar", b"pickle jar").replace(b"9900002", b"9900005"),
    )
    write("PMC9900006.1/PMC9900006.1.xml", whole["PMC9900001"][:4_000])
    write("filelist.xml", whole["note"])
    write("hostile.xml", whole["hostile"])


def write(name: str, data: bytes) -> None:
    """Write one file of the folder."""
    path = TARGET / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def tar(members: Mapping[str, bytes]) -> bytes:
    """A gzipped tar without times or owners."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(stream.getvalue(), mtime=0)


if __name__ == "__main__":
    main()
