"""Checks of a source on damage made of its own sample: files cut short, and hostile variants of them."""

from __future__ import annotations

import gzip
import random
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath

from pile_builder.contract.checks import MAX_PROBLEMS, Finding, Sample
from pile_builder.contract.reading import BROKEN
from pile_builder.input_files import InputFile, open_input

MAX_FILES = 6
"""Sample files that are damaged, of each ending first."""
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"PK\x03\x04")
CUTS: Mapping[str, Callable[[int], int]] = {
    "1 byte": lambda _: 1,
    "20 bytes": lambda _: 20,
    "a quarter": lambda size: size // 4,
    "half": lambda size: size // 2,
    "nine tenths": lambda size: size * 9 // 10,
    "all but 9 bytes": lambda size: max(size - 9, 0),
    "all but 1 byte": lambda size: max(size - 1, 0),
}
"""Where files are cut: bytes that stay, of a file's size."""


def flipped(data: bytes) -> bytes:
    """One byte in 500 replaced by another, anywhere."""
    randomness, made = random.Random(1), bytearray(data)
    for _ in range(len(data) // 500 + 1):
        if made:
            made[randomness.randrange(len(made))] ^= 1 << randomness.randrange(8)
    return bytes(made)


def huge_lengths(data: bytes) -> bytes:
    """Runs of digits as large as they may be, and 32-bit little-endian numbers in the head."""
    out = bytearray()
    run = 0
    for byte in data:
        run = run + 1 if 48 <= byte < 58 else 0
        out.append(57 if run else byte)
    for at in (4, 16, 18, 124):
        if len(out) >= at + 4 and data.startswith(_PACKED):
            out[at : at + 4] = struct.pack("<I", 0xFFFFFFF0)
    return bytes(out)


VARIANTS: Mapping[str, Callable[[bytes], bytes]] = {
    "bytes flipped": flipped,
    "first byte flipped": lambda data: bytes([data[0] ^ 0xFF]) + data[1:] if data else b"\xff",
    "NULs in between": lambda data: b"".join(data[at : at + 97] + b"\0" for at in range(0, len(data), 97)),
    "a hole of NULs": lambda data: data[: len(data) // 3] + bytes(len(data) // 3) + data[2 * (len(data) // 3) :],
    "huge lengths": huge_lengths,
    "gzip of it": lambda data: gzip.compress(data, mtime=0),
    "gzip cut short": lambda data: gzip.compress(data, mtime=0)[:-20],
    "empty": lambda _: b"",
    "only line feeds": lambda _: b"\n" * 1000,
    "random bytes": lambda data: random.Random(2).randbytes(max(len(data), 1000)),
    "UTF-16": lambda data: data.decode("latin-1").encode("utf-16"),
    "Latin-1 letters": lambda data: data.replace(b"e", b"\xe9"),
    "broken UTF-8": lambda data: data.replace(b"a", b"\xed\xa0\x80"),
    "twice": lambda data: data + data,
    "backwards": lambda data: data[::-1],
    "a line without end": lambda data: data.replace(b"\n", b" "),
    "brackets": lambda data: data + b"<[{(" * 20_000,
}
"""Hostile variants by name: the bytes of a sample file to other bytes."""


def check_damaged(sample: Sample, say: Callable[[str], None]) -> Iterator[Finding]:
    """Cut files, hostile variants, wrong endings: no exception, and what lies beside them is still read."""
    files = _chosen(sample.files)
    contents = {file: _content(file) for file in files}
    expected = "a Reject, never an exception; other files are read all the same"
    cuts = {
        f"cut to {name}": {file.name: data[: keep(len(data))] for file, data in contents.items()}
        for name, keep in CUTS.items()
    }
    packed = {file.name for file, data in contents.items() if data.startswith(_PACKED)}
    yield _read_variants("truncated", expected, sample, cuts, say, packed)
    hostile = {name: {file.name: change(data) for file, data in contents.items()} for name, change in VARIANTS.items()}
    names = [file.name for file in files]
    # Each ending goes to the next file's bytes.
    hostile["wrong ending"] = {name: contents[other] for name, other in zip(names, [*files[1:], files[0]], strict=True)}
    yield _read_variants("hostile", expected, sample, hostile, say, set())


def _read_variants(
    check: str,
    expected: str,
    sample: Sample,
    variants: Mapping[str, Mapping[str, bytes]],
    say: Callable[[str], None],
    packed: set[str],
) -> Finding:
    problems: list[str] = []
    whole = sum(one.is_document for one in sample.first)
    for name, files in variants.items():
        say(f"{check}: {name}")
        folder = sample.new_folder()
        for file, data in files.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        found = sample.read(sample.over(folder))
        broken = [f"{name}, {one.key!r}: {one.where} raised {one.detail}" for one in found if one.rule == BROKEN]
        problems += broken[:2]
        if not broken and packed and files.keys() <= packed and name.endswith(("half", "quarter")):
            kept = sum(one.is_document for one in found)
            if kept < whole and not any(one.rule for one in found):
                problems.append(f"{name}: {whole - kept} of {whole} documents are gone and nothing is rejected")
    tried = f"{len(variants)} variants of {len(next(iter(variants.values())))} files"
    return Finding(check, expected, tried, tuple(problems[: 2 * MAX_PROBLEMS]))


def _chosen(files: list[InputFile]) -> list[InputFile]:
    """At most `MAX_FILES`: one of each ending, then the largest."""
    ranked = sorted(files, key=lambda file: (-file.size, file.name))
    endings: dict[str, InputFile] = {}
    for file in ranked:
        endings.setdefault("".join(PurePosixPath(file.name).suffixes[-2:]), file)
    return list(dict.fromkeys([*endings.values(), *ranked]))[:MAX_FILES]


def _content(file: InputFile) -> bytes:
    with open_input(file) as stored:
        return stored.read(8 << 20)
