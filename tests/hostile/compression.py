"""Compressed files that expand without end, are cut, damaged, chained, or not what they say."""

import bz2
import gzip
import lzma
import zlib

import zstandard

from tests.hostile.cases import Case
from tests.hostile.made import STORY, html_response, tar_of, warc_record

PAGE = html_response(STORY * 2, "http://a.example/compressed")
CODE = b"print('a member that is all right')\n"
PACK = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
}
SUFFIX = {"gz": ".warc.gz", "zst": ".warc.zst"}


def _bomb(kind: str, size: int) -> bytes:
    """`size` zeros in a record after a good one."""
    head, _, _ = warc_record(b"", "http://a.example/bomb", length=str(size)).partition(b"\r\n\r\n")
    blank = bytes(1 << 20)
    parts = [PAGE + head + b"\r\n\r\n"] + [blank] * (size >> 20)
    match kind:
        case "gz":
            packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        case "bz2":
            packer = bz2.BZ2Compressor()  # type: ignore[assignment]
        case "xz":
            packer = lzma.LZMACompressor()  # type: ignore[assignment]
        case _:
            packer = zstandard.ZstdCompressor().compressobj()  # type: ignore[assignment]
    return b"".join([*map(packer.compress, parts), packer.flush()])


def _gz_header(flags: int, extra: bytes) -> bytes:
    return b"\x1f\x8b\x08" + bytes([flags]) + bytes(6) + extra


def _zst_window() -> bytes:
    """A frame that asks for a window of 3.75 TB."""
    return b"\x28\xb5\x2f\xfd\x00" + b"\xff" + b"\x01\x00\x00"


CASES = [
    *(
        Case(
            "common_crawl",
            f"bomb-{kind}{SUFFIX.get(kind, '.warc')}",
            lambda kind=kind: _bomb(kind, 300 << 20),
            1,
            "bomb",
        )
        for kind in PACK
    ),
    *(
        Case("common_crawl", f"cut-{kind}{SUFFIX.get(kind, '.warc')}", pack(PAGE)[:-20], int(kind == "xz"), "truncated")
        for kind, pack in PACK.items()
    ),
    *(
        Case(
            "common_crawl",
            f"flipped-{kind}{SUFFIX.get(kind, '.warc')}",
            bytes(byte ^ (0x55 if at == 60 else 0) for at, byte in enumerate(pack(PAGE))),
            0,
            "damaged",
        )
        for kind, pack in PACK.items()
    ),
    *(
        Case(
            "common_crawl",
            f"chained-{kind}{SUFFIX.get(kind, '.warc')}",
            pack(PAGE) + pack(b"") + pack(PAGE.replace(b"/compressed", b"/2")),
            2,
        )
        for kind, pack in PACK.items()
    ),
    *(
        Case(
            "common_crawl",
            f"garbage-after-{kind}{SUFFIX.get(kind, '.warc')}",
            pack(PAGE) + b"garbage" * 9000,
            int(kind != "zst"),
            "damaged",
        )
        for kind, pack in PACK.items()
    ),
    *(
        Case(
            "github",
            f"cut-{kind}.tar.{kind}",
            pack(tar_of({"r/a.py": CODE, "r/b.py": STORY.encode() * 40}))[:200],
            0,
            "truncated",
        )
        for kind, pack in PACK.items()
    ),
    *(
        Case(
            "github",
            f"bomb-{kind}.tar.{kind}",
            lambda pack=pack: pack(tar_of({"r/a.py": CODE, "r/b.py": bytes(200 << 20)})),
            1,
            "bomb too_long",
        )
        for kind, pack in PACK.items()
        if kind != "bz2"
    ),
    Case("common_crawl", "gz-named-zst.warc.zst", gzip.compress(PAGE), 1),
    Case("common_crawl", "gz-in-gz.warc.gz", gzip.compress(gzip.compress(PAGE)), 0, "not_warc"),
    Case("common_crawl", "gz-header-only.warc.gz", b"\x1f\x8b", 0, "truncated"),
    Case("common_crawl", "gz-method-9.warc.gz", b"\x1f\x8b\x09" + gzip.compress(PAGE)[3:], 0, "damaged"),
    Case("common_crawl", "gz-zeros-after.warc.gz", gzip.compress(PAGE) + bytes(5000), 1),
    Case("common_crawl", "gz-name-without-end.warc.gz", lambda: _gz_header(8, b"n" * (24 << 20)), 0, "damaged"),
    Case(
        "common_crawl",
        "gz-empty-members.warc.gz",
        lambda: gzip.compress(PAGE) + gzip.compress(b"") * 1_000_000,
        1,
        "damaged",
    ),
    Case("common_crawl", "gz-size-lie.warc.gz", gzip.compress(PAGE)[:-4] + b"\0\0\0\0", 1, "damaged"),
    Case("common_crawl", "zst-huge-window.warc.zst", _zst_window(), 0, "damaged"),
    Case(
        "common_crawl",
        "zst-skippable.warc.zst",
        lambda: b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + PACK["zst"](PAGE),
        0,
        "not_warc",
    ),
    Case("common_crawl", "lz4-cut.warc.lz4", b"\x04\x22\x4d\x18\x64\x40\xa7\x10\x00", 0),
    Case("common_crawl", "lz4-garbage.warc.lz4", b"\x04\x22\x4d\x18" + b"\xff" * 100, 0, "damaged"),
    Case("common_crawl", "nothing.warc", b"", 0),
    Case("common_crawl", "nothing.warc.gz", b"", 0),
    Case("common_crawl", "one-byte.warc.gz", b"\x1f", 0, "not_warc"),
    Case("books", "bomb.txt.gz", lambda: gzip.compress(bytes(300 << 20)), 0, "bomb"),
    Case("books", "cut.txt.gz", gzip.compress(STORY.encode() * 20)[:-10], 0, "truncated"),
    Case("arxiv", "bomb.tar", lambda: gzip.compress(bytes(300 << 20)), 0, "bomb"),
]
