"""Write the samples of OPUS's OpenSubtitles: sentences and words in zips, with members that are broken."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

FOLDER = Path(__file__).parent
TARGET = FOLDER / "opensubtitles"
META = """  <meta>
    <conversion>
      <encoding>utf-8</encoding>
      <sentences>{count}</sentences>
    </conversion>
    <subtitle>
      <language>English</language>
      <date>2009-03-01</date>
      <confidence>1.0</confidence>
      <duration>00:04:00,000</duration>
      <cds>1/1</cds>
    </subtitle>
    <source>
      <genre>Drama,Ferries</genre>
      <year>1951</year>
    </source>
  </meta>
"""


def main() -> None:
    """Write every sample."""
    TARGET.mkdir(parents=True, exist_ok=True)
    lines = (
        (FOLDER / "originals" / "opensubtitles" / "the_penny_ferry.txt").read_text(encoding="utf-8").split("\n")[1:-1]
    )
    film, words = document(lines, 3650155), document(lines, 3650155, in_words=True)
    other = [line for line in lines if "mother" not in line]
    path = "OpenSubtitles/raw/en/1951"
    write_zip(
        "en.zip",
        {
            f"{path}/43210/3650155.xml": film,
            f"{path}/43210/3650156.xml": document(other, 3650156),
            f"{path}/43211/3650157.xml.gz": gzip.compress(document(lines[::-1], 3650157), mtime=0),
            f"{path}/43212/3650158.xml": film[: len(film) // 2],
            f"{path}/43213/3650159.xml": film.replace(b"</s>", b"</t>", 1),
            f"{path}/43214/3650160.xml": document(lines[:6], 3650160),
            "OpenSubtitles/raw/en/0/43215/3650161.xml": document(lines, 3650161),
            "README": b"Not a film.",
        },
    )
    write_zip("words.zip", {"OpenSubtitles/xml/en/1952/43210/3650155.xml": words})
    whole = (TARGET / "en.zip").read_bytes()
    (TARGET / "cut.zip").write_bytes(whole[: len(whole) // 3])


def document(lines: list[str], number: int, *, in_words: bool = False) -> bytes:
    """A file of subtitles with a sentence per line, in one cue or in two."""
    out = ['<?xml version="1.0" encoding="utf-8"?>', f'<document id="{number}">']
    for at, line in enumerate(lines, 1):
        out.append(f'  <s id="{at}">')
        for part, cue in enumerate(line.split("|")):
            out.append(f'    <time id="T{at}S{part}" value="00:{at:02d}:0{part},000" />')
            if in_words:
                found = re.findall(r"\d+[,:]\d+|\w+(?='\w)|'\w+|\w+|[^\w\s]+", re.sub(r"</?i>|{.an8}", "", cue))
                out += [f'    <w id="{at}.{part}{place}">{escape(word)}</w>' for place, word in enumerate(found)]
            else:
                out.append(escape(cue))
        out += [f'    <time id="T{at}E" value="00:{at:02d}:05,000" />', "  </s>"]
    return ("\n".join(out) + "\n" + META.format(count=len(lines)) + "</document>\n").encode()


def write_zip(name: str, members: dict[str, bytes]) -> None:
    """A zip with the same bytes every time."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members.items():
            info = zipfile.ZipInfo(member, (2018, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    (TARGET / name).write_bytes(stream.getvalue())


if __name__ == "__main__":
    main()
