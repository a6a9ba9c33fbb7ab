"""Words v2: the normalised words that deduplication and decontamination compare.

A word is a longest run of word characters, in lower case. Everything follows a shipped table of Unicode 14.0.0
(tools/make_normalise_tables.py), one code point at a time, without context and without normalisation forms:

- letters, numbers, private and unassigned code points are word characters; punctuation, symbols, white space, controls
  and U+200B separate words;
- invisible characters (category Cf, variation selectors, fillers) are dropped, so a soft hyphen does not split a word;
- a letter of a script written without spaces (Han, kana, Bopomofo, Thai, Lao, Khmer, Myanmar) is a word of its own,
  together with the combining marks that follow it. An n-gram of such text is n letters;
- lower case is Unicode's mapping, of U+0130 its first letter only, and final sigma is sigma.

A word's hash is 64 bits of its UTF-8 bytes; words of up to 8 bytes never collide. A document's content hash is 128 bits
over its word hashes, so that exact deduplication has no collision among 10^9 documents (expected number 10^-21). A
document without words hashes its bytes instead: `+++` and `---` are not copies of each other.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from pile_builder.text.column import TextColumn

SEPARATOR, WORD, SINGLE, JOINING, DROPPED = range(5)
"""Classes of code points: between words, in a word, a word of its own, joins what precedes it, not there at all."""

BLOCK = 128
"""Code points per block of the table's trie."""

WIDE = 64
"""Bytes that the kernels load at once."""

# The finaliser of SplitMix64 (Steele, Lea, Flood 2014, variant 13 of Stafford): a bijection of 64-bit words.
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
# Odd multipliers and starts for the two halves of the content hash: digits of pi and e.
LANE_1 = np.uint64(0x243F6A8885A308D3)
LANE_2 = np.uint64(0xB7E151628AED2A6B)


# What numba declares of its decorator describes the function before it is decorated.
_intrinsic: Any = intrinsic


@dataclass(frozen=True, slots=True)
class Words:
    """The hashed words of n documents.

    `hashes` is uint64, document i's words in order are `hashes[offsets[i]:offsets[i + 1]]`; `offsets` is int64 of
    length n + 1 and starts at 0; `content` is uint64[n, 2], the content hash of each document.
    """

    hashes: NDArray[np.uint64]
    offsets: NDArray[np.int64]
    content: NDArray[np.uint64]


def hash_words(column: TextColumn) -> Words:
    """Hash the words v2 of every document, and each document's content."""
    count = len(column)
    # A word takes a byte and needs a separator or two more bytes before the next, so this is never exceeded.
    hashes = np.empty((column.nbytes + count) // 2 + 1, np.uint64)
    offsets = np.zeros(count + 1, np.int64)
    content = np.empty((count, 2), np.uint64)
    index, entries = load_table()
    longest = int(np.diff(column.offsets).max(initial=0))
    # Lower case lengthens two bytes to three at most, and a single letter of three bytes gains two separators.
    buffer = np.empty(2 * longest + 2 * WIDE, np.uint8)
    _hash_documents(column.data, column.offsets, index, entries, buffer, hashes, offsets, content)
    return Words(hashes[: offsets[-1]], offsets, content)


def word_spans(column: TextColumn) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each word of `hash_words` lies: its first byte and the byte behind it, int64, in `column.data`.

    Slower than hashing (it looks at one code point at a time): meant for the few documents whose spans are needed.
    """
    starts = np.empty((column.nbytes + len(column)) // 2 + 1, np.int64)
    ends = np.empty_like(starts)
    index, entries = load_table()
    total = _find_spans(column.data, column.offsets, index, entries, starts, ends)
    return starts[:total], ends[:total]


@functools.cache
def load_table() -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Read the shipped table: index uint8[8704] into blocks of `entries`, int32 of `(lower - point) * 8 + class`."""
    with (
        resources.files("pile_builder.text.tables").joinpath("words_v2.npz").open("rb") as file,
        np.load(file) as table,
    ):
        return table["index"], table["entries"]


@_intrinsic
def _lower_ascii(typing_context: Any, source: Any, at: Any, target: Any, to: Any) -> Any:
    """Copy 64 bytes in lower case, everything but letters and digits as 0; return the mask of bytes above 127."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _load(
            context, builder, signature.args[0], arguments[0], arguments[1], ir.VectorType(ir.IntType(8), WIDE)
        )

        def every(value: int) -> Any:
            return ir.Constant(block.type, [value] * WIDE)

        upper = builder.icmp_unsigned("<", builder.sub(block, every(ord("A"))), every(26))
        lower = builder.select(upper, builder.add(block, every(32)), block)
        letter = builder.icmp_unsigned("<", builder.sub(lower, every(ord("a"))), every(26))
        digit = builder.icmp_unsigned("<", builder.sub(block, every(ord("0"))), every(10))
        kept = builder.select(builder.or_(letter, digit), lower, every(0))
        pointer = _pointer(context, builder, signature.args[2], arguments[2], arguments[3], block.type)
        builder.store(kept, pointer, align=1)
        return builder.bitcast(builder.icmp_signed("<", block, every(0)), ir.IntType(WIDE))

    return types.uint64(source, types.int64, target, types.int64), generate


@_intrinsic
def _nonzero(typing_context: Any, source: Any, at: Any) -> Any:
    """The mask of non-zero bytes among the 64 at `source[at]`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _load(
            context, builder, signature.args[0], arguments[0], arguments[1], ir.VectorType(ir.IntType(8), WIDE)
        )
        return builder.bitcast(
            builder.icmp_unsigned("!=", block, ir.Constant(block.type, [0] * WIDE)), ir.IntType(WIDE)
        )

    return types.uint64(source, types.int64), generate


@_intrinsic
def _load_8(typing_context: Any, source: Any, at: Any) -> Any:
    """The 8 bytes at `source[at]` as one little-endian integer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _load(context, builder, signature.args[0], arguments[0], arguments[1], ir.IntType(64))

    return types.uint64(source, types.int64), generate


@_intrinsic
def _trailing_zeros(typing_context: Any, mask: Any) -> Any:
    """The number of zero bits below the lowest one; 64 where there is none."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


def _load(context: Any, builder: Any, array_type: Any, array: Any, at: Any, value_type: Any) -> Any:
    return builder.load(_pointer(context, builder, array_type, array, at, value_type), align=1)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, at: Any, value_type: Any) -> Any:
    proxy: Any = cgutils.create_struct_proxy
    data = proxy(array_type)(context, builder, value=array).data
    return builder.bitcast(builder.gep(data, [at]), value_type.as_pointer())


@numba.njit(cache=True, nogil=True)
def mix(value: np.uint64) -> np.uint64:
    """A bijection of 64-bit words after which every bit depends on all."""
    value = (value ^ (value >> np.uint64(30))) * MIX_1
    value = (value ^ (value >> np.uint64(27))) * MIX_2
    return value ^ (value >> np.uint64(31))


@numba.njit(cache=True, nogil=True)
def _hash_bytes(data: NDArray[np.uint8], start: int, end: int) -> np.uint64:
    """Hash one byte or more; reads up to 7 bytes past the end."""
    result = np.uint64(0)
    while end - start > 8:
        result = mix(result ^ _load_8(data, start))
        start += 8
    kept = np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - 8 * (end - start))
    return mix(result ^ (_load_8(data, start) & kept))


@numba.njit(cache=True, nogil=True)
def _decode(data: NDArray[np.uint8], at: int) -> tuple[np.int64, int]:
    """The code point at a byte of valid UTF-8, and its length in bytes."""
    first = np.int64(data[at])
    if first < 0x80:
        return first, 1
    point = np.int64(data[at + 1]) & 0x3F
    if first < 0xE0:
        return (first & 0x1F) << 6 | point, 2
    point = point << 6 | np.int64(data[at + 2]) & 0x3F
    if first < 0xF0:
        return (first & 0x0F) << 12 | point, 3
    return (first & 0x07) << 18 | point << 6 | np.int64(data[at + 3]) & 0x3F, 4


@numba.njit(cache=True, nogil=True)
def encode_point(point: np.int64, buffer: NDArray[np.uint8], at: int) -> int:
    """Write a code point as UTF-8; return the byte behind it."""
    if point < 0x80:
        buffer[at] = point
        return at + 1
    if point < 0x800:
        buffer[at] = 0xC0 | point >> 6
        buffer[at + 1] = 0x80 | point & 0x3F
        return at + 2
    if point < 0x10000:
        buffer[at] = 0xE0 | point >> 12
        buffer[at + 1] = 0x80 | point >> 6 & 0x3F
        buffer[at + 2] = 0x80 | point & 0x3F
        return at + 3
    buffer[at] = 0xF0 | point >> 18
    buffer[at + 1] = 0x80 | point >> 12 & 0x3F
    buffer[at + 2] = 0x80 | point >> 6 & 0x3F
    buffer[at + 3] = 0x80 | point & 0x3F
    return at + 4


@numba.njit(cache=True, nogil=True)
def _normalise(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    index: NDArray[np.uint8],
    entries: NDArray[np.int32],
    buffer: NDArray[np.uint8],
) -> int:
    """Write the words of one document into `buffer`, with zero bytes between them; return the byte behind them."""
    at, to = start, 0
    after_single = False
    while at < end:
        if after_single:
            buffer[to] = 0
            to += 1
            after_single = False
        done = min(_trailing_zeros(_lower_ascii(data, at, buffer, to)), end - at)
        at += done
        to += done
        # One ASCII byte between others (a space between Cyrillic words) is not worth a block.
        while at < end and (data[at] >= 0x80 or (at + 1 < end and data[at + 1] >= 0x80)):
            point, length = _decode(data, at)
            at += length
            entry = np.int64(entries[np.int64(index[point // BLOCK]) * BLOCK + point % BLOCK])
            kind = entry & 7
            if kind == DROPPED:
                continue
            if kind == SEPARATOR:
                buffer[to] = 0
                to += 1
                after_single = False
                continue
            if kind == SINGLE or (after_single and kind == WORD):
                buffer[to] = 0
                to += 1
            if kind != JOINING:
                after_single = kind == SINGLE
            to = encode_point(point + (entry >> 3), buffer, to)
    buffer[to : to + WIDE] = 0
    return to


@numba.njit(cache=True, nogil=True)
def _hash_buffer(buffer: NDArray[np.uint8], length: int, hashes: NDArray[np.uint64], count: int) -> int:
    """Hash each run of non-zero bytes into `hashes[count:]`; return the new count."""
    in_word = np.uint64(0)
    start = 0
    # One byte more than the text, so that a word which ends with it is closed by the zero behind it.
    for at in range(0, length + 1, WIDE):
        mask = _nonzero(buffer, at)
        edges = mask ^ (mask << np.uint64(1) | in_word)
        in_word_at_end = mask >> np.uint64(63)
        while edges != 0:
            place = at + _trailing_zeros(edges)
            edges &= edges - np.uint64(1)
            if in_word == 0:
                start = place
            else:
                hashes[count] = _hash_bytes(buffer, start, place)
                count += 1
            in_word ^= np.uint64(1)
        in_word = in_word_at_end
    return count


@numba.njit(cache=True, nogil=True)
def _hash_documents(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    index: NDArray[np.uint8],
    entries: NDArray[np.int32],
    buffer: NDArray[np.uint8],
    hashes: NDArray[np.uint64],
    word_offsets: NDArray[np.int64],
    content: NDArray[np.uint64],
) -> None:
    count = 0
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        first = count
        length = _normalise(data, start, end, index, entries, buffer)
        count = _hash_buffer(buffer, length, hashes, count)
        word_offsets[document + 1] = count
        low, high = LANE_1, LANE_2
        # Both steps are bijections of the state, so different texts do not drift together however long they go on.
        for word in range(first, count):
            low = (low ^ hashes[word]) * LANE_1
            low ^= low >> np.uint64(32)
            high = (high + hashes[word]) * LANE_2
            high ^= high >> np.uint64(29)
        if count == first and start < end:
            low ^= _hash_bytes(data, start, end)
            high += mix(low)
        content[document, 0] = mix(low ^ np.uint64(count - first))
        content[document, 1] = mix(high ^ np.uint64(count - first))


@numba.njit(cache=True, nogil=True)
def _find_spans(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    index: NDArray[np.uint8],
    entries: NDArray[np.int32],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> int:
    count = 0
    for document in range(len(offsets) - 1):
        at, end = offsets[document], offsets[document + 1]
        # What the open word is: SEPARATOR for none, SINGLE for a single letter, WORD for any other.
        state = np.int64(SEPARATOR)
        while at < end:
            point, length = _decode(data, at)
            kind = np.int64(entries[np.int64(index[point // BLOCK]) * BLOCK + point % BLOCK]) & 7
            if kind != SEPARATOR and kind != DROPPED:
                if state == SEPARATOR or kind == SINGLE or (state == SINGLE and kind == WORD):
                    starts[count] = at
                    count += 1
                    state = np.int64(SINGLE) if kind == SINGLE else np.int64(WORD)
                ends[count - 1] = at + length
            elif kind == SEPARATOR:
                state = np.int64(SEPARATOR)
            at += length
    return count
