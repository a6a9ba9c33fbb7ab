"""Tars whose headers lie, recurse, or describe what is no file."""

import gzip
import tarfile

from tests.hostile.cases import Case
from tests.hostile.made import STORY, TAR_END, paper, tar_header, tar_member, tar_of

CODE = b"print('a member that is all right')\n"
GOOD = tar_member(b"r/good.py", CODE)
PAPER = tar_member(b"2401/2401.00007.gz", gzip.compress(paper(STORY)))


def _pax(records: bytes) -> bytes:
    return tar_member(b"pax", records, b"x")


def _record(name: bytes, value: bytes) -> bytes:
    body = b" " + name + b"=" + value + b"\n"
    size = len(body) + len(str(len(body)))
    size += len(str(size)) - len(str(len(body)))
    return str(size).encode() + body


def _base256(number: int) -> bytes:
    return (
        (0x80).to_bytes(1, "big") + number.to_bytes(11, "big")
        if number >= 0
        else (256**12 + number).to_bytes(12, "big")
    )


BROKEN = {
    "negative-size": (tar_header(b"r/a.py", _base256(-512)) + CODE, "damaged"),
    "negative-huge-size": (tar_header(b"r/a.py", _base256(-(1 << 80))), "damaged"),
    "exabyte-size": (tar_header(b"r/a.py", _base256(1 << 60)) + CODE, "too_long truncated"),
    "size-past-end": (tar_header(b"r/a.py", 4096) + CODE, "truncated"),
    "size-is-text": (tar_header(b"r/a.py", b"ninety nine "), "damaged"),
    "pax-size-lie": (
        _pax(_record(b"size", b"99999999999999999999")) + tar_member(b"r/a.py", CODE),
        "too_long truncated",
    ),
    "pax-size-negative": (_pax(_record(b"size", b"-9999")) + tar_member(b"r/a.py", CODE), "damaged"),
    "pax-length-zero": (_pax(b"0 path=x\n"), "damaged"),
    "pax-length-huge": (_pax(b"9" * 5000 + b" path=x\n") + GOOD, "damaged"),
    "pax-claims-a-gigabyte": (tar_header(b"pax", 1 << 30, b"x") + b"1" * 4096, "damaged"),
    "long-name-claims-a-gigabyte": (tar_header(b"././@LongLink", 1 << 30, b"L") + b"n" * 4096, "damaged"),
    "sparse-old": (tar_header(b"r/a.py", 512, b"S", bytes(41)) + bytes(512), "damaged"),
    "bad-checksum-in-the-middle": (GOOD[:148] + b"0000000\0" + GOOD[156:], "damaged"),
}


def _nested_pax(count: int) -> bytes:
    return _pax(_record(b"comment", b"x")) * count


def _sparse_1_0() -> bytes:
    records = _record(b"GNU.sparse.major", b"1") + _record(b"GNU.sparse.minor", b"0")
    records += _record(b"GNU.sparse.name", b"r/sparse.py") + _record(b"GNU.sparse.realsize", b"1099511627776")
    return _pax(records) + tar_member(b"GNUSparseFile.0/r/sparse.py", b"9" * 200_000)


def _sparse_0_1() -> bytes:
    records = _record(b"GNU.sparse.size", b"1099511627776") + _record(b"GNU.sparse.map", b"0,1," * 5000 + b"9,9")
    return _pax(records) + tar_member(b"r/sparse.py", b"x" * 600)


def _others() -> bytes:
    kinds = ((b"1", b"/etc/passwd"), (b"2", b"../../../etc/passwd"), (b"3", b""), (b"4", b""), (b"6", b""), (b"5", b""))
    members = b"".join(tar_header(b"r/%d.py" % n, 0, kind, b"", link) for n, (kind, link) in enumerate(kinds))
    return members + tar_header(b"r/self.py", 0, b"2", b"", b"r/self.py") + GOOD + TAR_END


CASES = [
    *(
        Case("github", f"tar-{what}.tar", GOOD + spoiled + GOOD + TAR_END, 1, rejects)
        for what, (spoiled, rejects) in BROKEN.items()
    ),
    *(
        Case(
            "arxiv",
            f"tar-{what}.tar",
            PAPER + spoiled + TAR_END,
            1,
            rejects.removeprefix("too_long "),
            "other" if "truncated" in rejects else "",
        )
        for what, (spoiled, rejects) in BROKEN.items()
    ),
    Case("github", "tar-nested-pax.tar", lambda: GOOD + _nested_pax(5000) + GOOD + TAR_END, 1, "damaged"),
    Case(
        "github",
        "tar-global-pax.tar",
        lambda: (
            GOOD + b"".join(tar_member(b"g", _record(b"k%d" % n, b"v" * 900_000), b"g") for n in range(40)) + TAR_END
        ),
        1,
        "damaged",
    ),
    Case("github", "tar-sparse-1.0.tar", lambda: GOOD + _sparse_1_0() + TAR_END, 1, skipped="sparse"),
    Case("github", "tar-sparse-0.1.tar", lambda: GOOD + _sparse_0_1() + TAR_END, 1, skipped="sparse"),
    Case("github", "tar-links-and-devices.tar", _others, 1, skipped="link*3 special*3 directory"),
    Case("github", "tar-empty.tar", TAR_END, 0),
    Case("github", "tar-nothing.tar", b"", 0, "truncated"),
    Case("github", "tar-zeros-between.tar", GOOD + TAR_END + tar_member(b"r/late.py", CODE) + TAR_END, 1),
    Case("github", "tar-trailing-garbage.tar", GOOD + TAR_END + b"garbage" * 1000, 1),
    Case("github", "tar-is-text.tar", b"this is no tar\n" * 100, 0, "damaged"),
    Case("github", "tar-is-zip.tar", b"PK\x03\x04" + bytes(600), 0, "damaged"),
    Case(
        "github",
        "tar-in-tar.tar",
        lambda: tar_of({"r/inner.tar": tar_of({"r/x.py": CODE}), "r/a.py": CODE}),
        1,
        skipped="archive",
    ),
    Case("github", "tar-cut-in-header.tar", GOOD + GOOD[:300], 1),
    Case("github", "tar-cut-in-content.tar", tar_of({"r/a.py": CODE, "r/b.py": CODE * 99})[:2300], 1, "truncated"),
    Case(
        "github",
        "tar-many-empty.tar",
        lambda: b"".join(tar_header(b"r/%d.py" % n, 0) for n in range(20_000)) + GOOD + TAR_END,
        1,
        skipped="empty_file*20000",
    ),
    Case("github", "tar-pax-names.tar", lambda: tar_of({"r/" + "ü" * 200 + ".py": CODE}, tarfile.PAX_FORMAT), 1),
    Case("arxiv", "tar-nothing.tar", b"", 0, "truncated"),
    Case("arxiv", "tar-no-end.tar", PAPER, 1, "truncated"),
    Case("arxiv", "tar-trailing-garbage.tar", PAPER + TAR_END + b"garbage" * 1000, 1, "truncated"),
    Case(
        "arxiv", "tar-links-and-devices.tar", lambda: PAPER + _others(), 1, skipped="link*3 special*3 directory other"
    ),
    Case("arxiv", "tar-nested-pax.tar", lambda: PAPER + _nested_pax(5000) + TAR_END, 1, "damaged"),
    Case("arxiv", "tar-sparse-1.0.tar", lambda: PAPER + _sparse_1_0() + TAR_END, 1, skipped="sparse"),
]
