"""Build `samples/books/`, `pg19/`, `books3/` and `bookcorpus2/` from the readable originals: Gutenberg's texts, EPUBs.

    python samples/make_books.py

An original is a block of `Field: value` lines and a body: `# ` headings, paragraphs of one line, `> ` lines of verse,
`| ` lines that keep their layout, `[^1]` note references, `[^1]: ` notes, `!` pictures with or without a caption.
Written byte for byte the same by every run.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import textwrap
from collections.abc import Mapping
from pathlib import Path

from make_epubs import write_epubs
from original import Original, read

TARGET = Path(__file__).parent / "books"

EBOOK_HEADER = """The Project Gutenberg eBook of {title}, by {author}

This is a small book in the layout of a Project Gutenberg file. It was
written for the tests of a program and may be used for anything.


Title: {title_lines}

Author: {author}

Release Date: {date} [EBook #{number}]

Language: {language}

Character set encoding: {encoding}

*** START OF {article} PROJECT GUTENBERG EBOOK {upper} ***




{credits}




{upper}

by

{author}
"""
EBOOK_FOOTER = """



End of the Project Gutenberg EBook of {title}, by {author}

*** END OF {article} PROJECT GUTENBERG EBOOK {upper} ***

***** This file should be named {name} *****

Here follows, in a real file, the full licence of Project Gutenberg. None
of these words belong to the book, and none of them may reach a document.
"""
ETEXT_HEADER = """**The Project Gutenberg Etext of {title}, by {author}**
#1 in our series by {author}


This is a small book in the layout that such files had in the 1990s. It
was written for the tests of a program and may be used for anything.
Please take a look at the important information in this header.


{title}

by {author}

{date}  [Etext #{number}]


**The Project Gutenberg Etext of {title}, by {author}**
*****This file should be named {name} or {name}*****


Here a real file spoke of volunteers, of dates, and of money.


***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***
Why is this "Small Print!" statement here? So that there is something
to cut. In a real file the lawyers had the word from here on.

*BEFORE!* YOU USE OR READ THIS ETEXT
You may read it at once. It asks for nothing.

*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*





{credits}





{upper}

by {author}
"""
ETEXT_FOOTER = """




End of The Project Gutenberg Etext of {title}, by {author}

"""
MODERN_HEADER = """The Project Gutenberg eBook of {title}

This ebook is a small one, in the layout that such files have today. It
was written for the tests of a program and may be used for anything.

Title: {title_lines}

Author: {author}

Release date: {date} [eBook #{number}]

Language: {language}

Credits: {credits}


*** START OF {article} PROJECT GUTENBERG EBOOK {wrapped} ***




{upper}

{author}
"""
MODERN_FOOTER = """

*** END OF {article} PROJECT GUTENBERG EBOOK {wrapped} ***


Updated editions will replace the previous one, in a real file. None of
these words belong to the book, and none of them may reach a document.
"""
PLAIN_HEADER = """{upper}

{author}
"""
LAYOUTS = {
    "ebook": (EBOOK_HEADER, EBOOK_FOOTER),
    "etext": (ETEXT_HEADER, ETEXT_FOOTER),
    "modern": (MODERN_HEADER, MODERN_FOOTER),
    "plain": (PLAIN_HEADER, ""),
}
CREDITS = "Produced by Nobody in Particular and the Online Distributed\nProofreading Team of a sample directory."


def main() -> None:
    """Write every sample."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, original, encoding in [
        ("90001.txt", "tide_tables", "ASCII"),
        ("90002-8.txt", "clockmender", "ISO-8859-1"),
        ("90003-0.txt", "walking_home", "UTF-8"),
        ("90004.txt", "marsh_tales", "ASCII"),
        ("90005-8.txt", "mountain_diary", "ISO-8859-1"),
        ("90006-0.txt", "garden_beasts", "UTF-8"),
        ("90007-0.txt", "borrowed_ladder", "UTF-8"),
        ("90008.txt", "songs_of_the_weir", "ASCII"),
        ("90009-8.txt", "small_kitchen", "ISO-8859-1"),
        ("90010.txt", "almanac", "ASCII"),
        ("90011-0.txt", "skerry_letters", "UTF-8"),
        ("90012-8.txt", "la_maison_du_passeur", "ISO-8859-1"),
        ("90013-0.txt", "errata", "UTF-8"),
        ("90014.txt", "knots", "ASCII"),
        ("90015-8.txt", "printers_boy", "ISO-8859-1"),
        ("90016-0.txt", "dust", "UTF-8"),
    ]:
        (TARGET / name).write_bytes(text_file(read(original), name, encoding))
    # A later edition of the tales: the same text by another volunteer, in the layout of its day.
    second = read("marsh_tales").edited("marsh_tales_second_edition")
    (TARGET / "90017-0.txt").write_bytes(text_file(second, "90017-0.txt", "UTF-8"))
    # A download that broke off.
    (TARGET / "90018-0.txt").write_bytes(text_file(read("dust"), "90018-0.txt", "UTF-8")[:6000])
    ghost = text_file(read("bell_of_st_osyth"), "the-bell-of-st-osyth.txt", "UTF-8")
    (TARGET / "the-bell-of-st-osyth.txt.gz").write_bytes(gzip.compress(ghost, mtime=0))
    order_form = {"books/order-form.pdf": b"%PDF-1.4\n%%EOF\n"}
    society = {f"books/{name}.txt": plain_text(name) for name in ("fables", "wendlow")}
    write_tar(TARGET / "wendlow-society.tar.gz", {**society, **order_form})
    write_epubs(TARGET)
    write_pg19(TARGET.parent / "pg19")
    for archive, folder, names in [
        ("books3/books3.tar.gz", "the-eye.eu/public/Books/Bibliotik/T", ("fables", "knots")),
        ("bookcorpus2/books1.tar.gz", "books1/epubtxt", ("wendlow", "bread")),
    ]:
        books = {f"{folder}/{name}.epub.txt": plain_text(name) for name in names}
        (TARGET.parent / archive).parent.mkdir(exist_ok=True)
        write_tar(TARGET.parent / archive, {**books, f"{folder}/list.epub.txt": b"one.epub two.epub\n"})


def write_pg19(target: Path) -> None:
    """Books without a header, in the folders of PG-19, with its list of books."""
    rows = []
    for part, number, original, year in [
        ("train", 90004, "marsh_tales", 1871),
        ("train", 90014, "knots", 1902),
        ("validation", 90016, "dust", 1913),
    ]:
        (target / part).mkdir(parents=True, exist_ok=True)
        (target / part / f"{number}.txt").write_bytes(plain_text(original))
        title = read(original).fields["Title"].replace('"', '""')
        rows.append(f'{number},"{title}",{year},http://www.gutenberg.org/ebooks/{number}\n')
    (target / "metadata.csv").write_text("".join(rows), encoding="utf-8")


def text_file(original: Original, name: str, encoding: str) -> bytes:
    """One text file, hard-wrapped at 70 columns; CRLF, as Project Gutenberg has it, unless its layout is plain."""
    fields = original.fields
    values = {key.lower(): value for key, value in fields.items()}
    layout = values.get("layout", "ebook")
    header, footer = LAYOUTS[layout]
    values |= {
        "upper": textwrap.fill(values["title"].upper(), 70),
        "encoding": encoding,
        "name": name,
        "article": values.get("article", "THE"),
        "credits": values.get("credits", CREDITS).replace("\\n", "\n"),
        "title_lines": values["title"].replace(": ", "\n       ", 1),
        "wrapped": textwrap.fill(values["title"].upper(), 38),
    }
    parts = [header.format(**values), *(_block(block) for block in original.blocks)]
    text = "\n".join(parts) + footer.format(**values)
    if layout == "plain":
        return text.encode(encoding)
    mark = "\ufeff" if encoding == "UTF-8" else ""
    return (mark + text.replace("\n", "\r\n")).encode(encoding)


def _block(block: str) -> str:
    """One block as lines of a text file, with a line feed at its end."""
    if block.startswith("# "):
        return f"\n\n{block[2:]}\n\n"
    if block.startswith(">"):
        return "".join(f"    {line[2:]}".rstrip() + "\n" for line in block.split("\n"))
    if block.startswith("|"):
        return "".join(f"  {line[2:]}".rstrip() + "\n" for line in block.split("\n"))
    if block.startswith("!"):
        caption = block[1:].strip()
        block = f"[Illustration: {caption}]" if caption else "[Illustration]"
    if block.startswith("[^"):
        notes = [re.sub(r"\[\^(\d+)\]: (.*)", r"[Footnote \1: \2]", line) for line in block.split("\n")]
        return "\n".join(_filled(note) for note in notes)
    return _filled(re.sub(r"\[\^(\d+)\]", r"[\1]", block))


def _filled(paragraph: str) -> str:
    return textwrap.fill(paragraph, 70, break_long_words=False, break_on_hyphens=False) + "\n"


def plain_text(original: str) -> bytes:
    """A book without anybody's header."""
    book = read(original)
    return text_file(Original({**book.fields, "Layout": "plain"}, book.blocks), "", "UTF-8")


def write_tar(path: Path, members: Mapping[str, bytes]) -> None:
    """A tar of files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for member, data in sorted(members.items()):
            info = tarfile.TarInfo(member)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    path.write_bytes(gzip.compress(stream.getvalue(), mtime=0))


if __name__ == "__main__":
    main()
