"""Text of PDF files, page by page, by PDFium (the extra `pdf`).

Tried side by side on manuals and court opinions: pypdf and pdfminer.six give the same text ten times slower and leave
words parted at line ends. PDFium is native code: what makes it crash costs its own process in the pool.
"""

from __future__ import annotations

import re
from importlib.util import find_spec

from pile_builder.errors import InputError, ManifestError

MAX_PAGES = 5_000
MAX_CHARACTERS = 64 << 20
PARTED = "\u00ad\n"
"""A soft hyphen and the end of the line: a word goes on in the next one."""

_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "\xa0": " ", "\x00": ""}
_TABLE = str.maketrans(_LIGATURES)
_PARTED = re.compile(r"([^\W\d_]+)[\x02\ufffe]([^\W\d_]+)")
"""What PDFium writes where a word was parted at a line's end."""


def check_installed() -> None:
    """See that PDFium is there.

    Raises:
        ManifestError: it is not installed.
    """
    if find_spec("pypdfium2") is None:
        raise ManifestError("PDF files need a package that is not installed; run: pip install 'pile-builder[pdf]'")


def pdf_pages(data: bytes) -> list[str]:
    """The pages' texts, lines ended by a line feed, ligatures undone; where a word is parted stands `PARTED`.

    Raises:
        InputError: `damaged`, `encrypted`, or `too_large` (pages or characters).
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        rule = "encrypted" if "password" in str(error).lower() or "security" in str(error).lower() else "damaged"
        raise InputError(rule, str(error)) from error
    try:
        if len(document) > MAX_PAGES:
            raise InputError("too_large", f"{len(document):,} pages")
        pages: list[str] = []
        characters = 0
        for number in range(len(document)):
            page = document[number]
            text_page = page.get_textpage()
            pages.append(text_page.get_text_bounded())
            text_page.close()
            page.close()
            characters += len(pages[-1])
            if characters > MAX_CHARACTERS:
                raise InputError("too_large", f"more than {MAX_CHARACTERS:,} characters")
    except pypdfium2.PdfiumError as error:
        raise InputError("damaged", f"page {len(pages) + 1}: {error}") from error
    finally:
        document.close()
    text = "\f".join(page.replace("\f", "") for page in pages)
    return _parted(text.replace("\r\n", "\n").replace("\r", "\n").translate(_TABLE)).split("\f")


def _parted(text: str) -> str:
    """Break lines where the file does, with a soft hyphen, but in words that have their hyphen elsewhere too."""
    compounds = set(re.findall(r"[^\W\d_]+-[^\W\d_]+", text))

    def mended(found: re.Match[str]) -> str:
        compound = f"{found[1]}-{found[2]}"
        return compound if compound in compounds else f"{found[1]}{PARTED}{found[2]}"

    return re.sub("[\x02\ufffe]", "", _PARTED.sub(mended, text))
