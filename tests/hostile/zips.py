"""Zips whose directories lie, overlap or expand without end, on their own and as EPUBs."""

import struct
import zipfile

from tests.hostile.cases import Case
from tests.hostile.made import STORY, epub, xhtml, zip_of

CODE = b"print('a member that is all right')\n"
PAGE = xhtml(STORY * 3)


def _patched(packed: bytes, signature: bytes, offset: int, value: bytes, *, last: bool = False) -> bytes:
    """A zip with bytes of its first (or last) structure of a kind replaced."""
    at = (packed.rindex if last else packed.index)(signature) + offset
    return packed[:at] + value + packed[at + len(value) :]


LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def _overlapping(count: int, size: int) -> bytes:
    """Directory entries that all lead to the same member of `size` zeros."""
    packed = zip_of({"r/a.py": b"0" * size})
    start, end = packed.index(CENTRAL), packed.index(END)
    entry = packed[start:end]
    entries = b"".join(
        entry.replace(b"r/a.py", b"r/%d.py" % n)[:28]
        + struct.pack("<H", len(b"r/%d.py" % n))
        + entry.replace(b"r/a.py", b"r/%d.py" % n)[30:]
        for n in range(count)
    )
    tail = END + struct.pack("<HHHHIIH", 0, 0, min(count, 65535), min(count, 65535), len(entries), start, 0)
    return packed[:start] + entries + tail


def _bomb(count: int) -> bytes:
    return zip_of({f"r/{n}.py": b"a" * 399_000 for n in range(count)})


def _spoiled(packed: bytes) -> dict[str, tuple[bytes, str]]:
    """Ways to spoil a zip: bytes, and the rule under which a repository of it is rejected."""
    return {
        "cut": (packed[:-60], "truncated"),
        "cut-early": (packed[:20], "truncated"),
        "version-99": (_patched(packed, CENTRAL, 6, struct.pack("<H", 99)), "damaged"),
        "directory-past-end": (_patched(packed, END, 16, struct.pack("<I", 1 << 30)), "damaged"),
        "directory-size-lie": (_patched(packed, END, 12, struct.pack("<I", 0xFFFFFFF0)), "truncated"),
        "zip64-missing": (_patched(packed, END, 8, b"\xff" * 12), "truncated"),
    }


ENTRY = {
    "encrypted": (
        lambda packed: _patched(_patched(packed, CENTRAL, 8, b"\x01\x00"), LOCAL, 6, b"\x01\x00"),
        "encrypted",
    ),
    "method-unknown": (
        lambda packed: _patched(_patched(packed, CENTRAL, 10, b"\x63\x00"), LOCAL, 8, b"\x63\x00"),
        "damaged",
    ),
    "method-lzma-lie": (
        lambda packed: _patched(_patched(packed, CENTRAL, 10, b"\x0e\x00"), LOCAL, 8, b"\x0e\x00"),
        "damaged",
    ),
    "method-bzip2-lie": (
        lambda packed: _patched(_patched(packed, CENTRAL, 10, b"\x0c\x00"), LOCAL, 8, b"\x0c\x00"),
        "damaged",
    ),
    "crc-lie": (lambda packed: _patched(packed, CENTRAL, 16, b"\0\0\0\0"), "damaged"),
    "size-smaller": (lambda packed: _patched(packed, CENTRAL, 24, struct.pack("<I", 3)), "damaged"),
    "size-larger": (lambda packed: _patched(packed, CENTRAL, 24, struct.pack("<I", 30_000)), ""),
    "packed-size-larger": (lambda packed: _patched(packed, CENTRAL, 20, struct.pack("<I", 1 << 20)), ""),
    "local-name-lie": (lambda packed: _patched(packed, LOCAL, 30, b"X"), "damaged"),
    "local-offset-lie": (lambda packed: _patched(packed, CENTRAL, 42, struct.pack("<I", 7)), "damaged"),
    "date-zero": (lambda packed: _patched(packed, CENTRAL, 12, b"\xff\xff\xff\xff"), ""),
    "name-not-utf-8": (lambda packed: _patched(_patched(packed, CENTRAL, 46, b"\xff"), LOCAL, 30, b"\xff"), ""),
}
SMALL = zip_of({"a.py": CODE})
BOOK = epub({"1.xhtml": PAGE, "2.xhtml": PAGE})

CASES = [
    *(Case("github", f"zip-{what}.zip", packed, 0, rule) for what, (packed, rule) in _spoiled(SMALL).items()),
    *(
        Case("books", f"epub-{what}.epub", packed, 0, rule if "cut" in what else "damaged")
        for what, (packed, rule) in _spoiled(BOOK).items()
    ),
    *(
        Case("github", f"zip-member-{what}.zip", lambda spoil=spoil: spoil(SMALL), int(not rule), rule)
        for what, (spoil, rule) in ENTRY.items()
    ),
    *(
        Case(
            "books",
            f"epub-member-{what}.epub",
            lambda spoil=spoil: spoil(BOOK),
            int(rule != "encrypted"),
            rule if rule == "encrypted" else "",
        )
        for what, (spoil, rule) in ENTRY.items()
    ),
    Case("github", "zip-empty.zip", lambda: zip_of({}), 0),
    Case("github", "zip-nothing.zip", b"", 0, "damaged"),
    Case("github", "zip-is-text.zip", b"this is no zip\n" * 100, 0, "damaged"),
    Case("github", "zip-garbage-before.zip", lambda: b"#!/bin/sh\nexit 0\n" + SMALL, 1),
    Case("github", "zip-garbage-after.zip", lambda: SMALL + b"\0" * 300, 1),
    Case("github", "zip-overlapping.zip", lambda: _overlapping(300, 399_000), 0, "damaged*84 bomb*216"),
    Case("github", "zip-bomb.zip", lambda: _bomb(400), 0, "too_long*99 bomb*301"),
    Case(
        "github",
        "zip-many-entries.zip",
        lambda: zip_of({f"r/{n}.txt": b"" for n in range(30_000)}),
        0,
        skipped="empty_file*30000",
    ),
    Case(
        "github",
        "zip-stored-in-zip.zip",
        lambda: zip_of({"r/b.zip": SMALL, "r/a.py": CODE}, zipfile.ZIP_STORED),
        1,
        skipped="archive",
    ),
    Case(
        "books",
        "epub-many-members.epub",
        lambda: epub({"1.xhtml": PAGE} | {f"{n}.css": b"x" for n in range(20_100)}),
        0,
        "bomb",
    ),
    Case("books", "epub-page-bomb.epub", lambda: epub({"1.xhtml": b"<html>" + b" " * (64 << 20)}), 0, "bomb"),
    Case("books", "epub-directory-only.epub", lambda: zip_of({}), 0, "damaged"),
]
