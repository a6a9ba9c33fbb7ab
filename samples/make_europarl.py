"""Write the samples of EuroParl: a tar as published, with files that are broken, and one that is unpacked."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

TARGET = Path(__file__).parent / "europarl"
ENGLISH = """<CHAPTER ID=1>
Resumption of the ferry
<SPEAKER ID=1 NAME="President">
I declare resumed the session of the Ferry Assembly adjourned for want of water.
<P>
You will have noticed, in the last session, that the river is still there.
(Applause)
<SPEAKER ID=2 LANGUAGE="DE" NAME="Ellerby (WEND)." AFFILIATION="WEND">
(DE) Mr President, a rope has no opinion, and that is why I trust it.
It has two ends; we are at one of them.
<P>
I have finished.
<CHAPTER ID=2>
Tolls
<SPEAKER ID="3" NAME="President">
The toll is one penny, two for geese. The vote will take place at noon.
"""
GERMAN = """<CHAPTER ID=1>
Wiederaufnahme der Fähre
<SPEAKER ID=1 NAME="Die Präsidentin">
Ich erkläre die wegen Wassermangels unterbrochene Sitzung der Fährversammlung für wieder aufgenommen.
<P>
Sie werden bemerkt haben, dass der Fluss noch da ist.
<SPEAKER ID=2 NAME="Ellerby (WEND).">
Herr Präsident, ein Seil hat keine Meinung, und eben darum traue ich ihm. <BRK>
"""


def main() -> None:
    """Write every sample."""
    (TARGET / "txt" / "en").mkdir(parents=True, exist_ok=True)
    strange = ENGLISH.replace("still there", "<EM>still</EM> there")
    members = {
        "txt/de/ep-00-01-17-001.txt": GERMAN.encode(),
        "txt/en/ep-00-01-17-001.txt": ENGLISH.encode(),
        "txt/en/ep-96-04-15.txt": strange.replace("\n", "\r\n").encode(),
        "txt/en/ep-11-02-01-001.txt": b"<CHAPTER ID=1>\nClosure of the session\n",
        "txt/de/ep-11-02-01-002.txt": GERMAN.encode("latin-1"),
        "README": b"Not a sitting.",
    }
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        folder = tarfile.TarInfo("txt")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    packed = gzip.compress(stream.getvalue(), mtime=0)
    (TARGET / "europarl.tgz").write_bytes(packed)
    (TARGET / "cut.tgz").write_bytes(packed[: len(packed) // 3])
    (TARGET / "txt" / "en" / "ep-05-06-07-008.txt").write_bytes(ENGLISH.encode())


if __name__ == "__main__":
    main()
