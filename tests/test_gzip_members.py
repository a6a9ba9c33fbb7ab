"""Members through zlib-ng against Python's gzip, whole, cut, damaged, in steps of any size."""

import gzip
import io
import struct
import zlib
from typing import BinaryIO, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.gzip_members import GZIP_ERRORS, GzipMembers

FEXTRA, FNAME, FCOMMENT, FHCRC = 4, 8, 16, 2


def member(data: bytes, flags: int = 0, level: int = 6) -> bytes:
    head = b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0\0\xff"
    if flags & FEXTRA:
        head += struct.pack("<H", 5) + b"extra"
    if flags & FNAME:
        head += b"a name\0"
    if flags & FCOMMENT:
        head += b"a comment\0"
    if flags & FHCRC:
        head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    return head + gzip.compress(data, level)[10:]


class Dripping(io.RawIOBase):
    """Gives a few bytes at a time, as a network may."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data, self._step = io.BytesIO(data), step

    def read(self, size: int = -1) -> bytes:
        return self._data.read(self._step)


def expanded(data: bytes, step: int, size: int) -> tuple[bytes, str]:
    """What comes, and what ends it."""
    members = GzipMembers(cast("BinaryIO", Dripping(data, step)))
    parts = []
    try:
        while part := members.read1(size):
            assert len(part) <= size
            parts.append(part)
    except EOFError:
        return b"".join(parts), "cut"
    except GZIP_ERRORS:
        return b"".join(parts), "damaged"
    return b"".join(parts), "whole"


def by_gzip(data: bytes) -> tuple[bytes, str]:
    stream = gzip.GzipFile(fileobj=io.BytesIO(data))
    parts = []
    try:
        while part := stream.read1(1):
            parts.append(part)
    except EOFError:
        return b"".join(parts), "cut"
    except (zlib.error, gzip.BadGzipFile):
        return b"".join(parts), "damaged"
    return b"".join(parts), "whole"


MEMBERS = st.lists(
    st.builds(
        lambda data, flags, level, padding: member(data, flags & 0x1E, level) + b"\0" * padding,
        st.one_of(st.binary(max_size=200), st.text("ab\n", max_size=3_000).map(str.encode)),
        st.integers(0, 0x1F),
        st.sampled_from([0, 1, 9]),
        st.sampled_from([0, 0, 1, 9]),
    ),
    min_size=1,
    max_size=5,
).map(b"".join)
STEPS = st.sampled_from([1, 2, 3, 7, 64, 1 << 16])


@settings(max_examples=150, deadline=None)
@given(MEMBERS, STEPS, STEPS)
def test_members_expand_as_with_gzip(data: bytes, step: int, size: int):
    assert expanded(data, step, size) == by_gzip(data)
    assert by_gzip(data)[1] == "whole"


@settings(max_examples=300, deadline=None)
@given(MEMBERS, STEPS, STEPS, st.data())
def test_nothing_before_damage_is_lost(data: bytes, step: int, size: int, draw: st.DataObject):
    at = draw.draw(st.integers(2, len(data)))
    hurt = data[:at] + draw.draw(st.binary(max_size=8)) if draw.draw(st.booleans()) else data[:at] + b"x" + data[at:]
    text, end = expanded(hurt, step, size)
    expected, how = by_gzip(hurt)
    # Where a step runs into damage, what it had made goes with it, as with gzip.
    assert len(text) > len(expected) - size
    least = min(len(text), len(expected))
    assert text[:least] == expected[:least]
    assert expanded(hurt, step, 1)[0].startswith(expected)
    # A lone byte of what may be a magic number is a cut member for one, none for the other.
    assert end == how or {end, how} == {"cut", "damaged"}


def test_padding_and_what_is_no_member():
    packed = member(b"text")
    assert expanded(packed + b"\0" * 100_000, 1 << 16, 64) == (b"text", "whole")
    assert expanded(packed + b"\0\0no member", 3, 64) == (b"text", "damaged")
    assert expanded(packed + b"\x1f", 3, 64) == (b"text", "cut")
    assert expanded(b"", 3, 64) == (b"", "whole")
    assert expanded(packed[:-1] + b"?", 1 << 16, 2)[1] == "damaged"
    assert expanded(packed[:-8] + b"????" + packed[-4:], 1 << 16, 2) == (b"text", "damaged")
    assert expanded(member(b"") * 10_000 + packed, 1 << 16, 64) == (b"text", "whole")
