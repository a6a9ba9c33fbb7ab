"""The kernels of `repair`: which texts could ftfy change, and the fixed map of characters.

Both run through plain ASCII 64 bytes at a time and look at characters one by one only around the others. `classify`
runs ftfy's mojibake pattern, as an automaton over classes of characters, over the text and over the text as it will be
after the map, since ftfy looks again after each change.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from pile_builder.text.repair_tables import MATCH, RepairTables

_intrinsic: Any = intrinsic  # numba's types describe the function that builds the code, not the one that is called

UNCHANGED, MAPPED, FTFY = 0, 1, 2
"""Classes of texts."""

LINE_FEED, RETURN = 10, 13

WIDE = 64
"""Bytes tested at once for being ASCII that nothing changes."""
CALM = 6
"""Such characters in a row after which the fast loop takes over: a suspicious sequence has at most seven characters
and at least one that is not ASCII."""
CONTEXT = 2
"""Characters that the automaton rereads before the next special one: no suspicious sequence begins with more ASCII."""
SEGMENT = 1_000_000
"""ftfy cuts longer lines (max_decode_length, code points), perhaps between return and line feed: two line ends then."""


@numba.njit(cache=True, nogil=True)
def classify(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], tables: RepairTables
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The class of each text, 0, 1 or 2 as the module explains, and its length in bytes after the map.

    `data` and `offsets` are those of a TextColumn. Returns uint8[n] and int64[n]; the length of a text of class 2 means
    nothing. Code points that are unassigned in the tables' Unicode are class 2: a later Unicode may compose them.
    """
    count = len(offsets) - 1
    classes = np.empty(count, np.uint8)
    lengths = np.empty(count, np.int64)
    for index in range(count):
        classes[index], lengths[index] = _classify_text(data, offsets[index], offsets[index + 1], tables)
    return classes, lengths


@numba.njit(cache=True, nogil=True)
def _classify_text(data: NDArray[np.uint8], start: int, stop: int, tables: RepairTables) -> tuple[int, int]:
    """Class and mapped length of `data[start:stop]`."""
    automaton, kinds, output_classes = tables.automaton, tables.kinds, tables.output_classes
    stage1, stage2 = tables.stage1, tables.stage2
    before = after = 0  # states of the automaton on the text as it is and as it will be
    combining = 0  # class of the last combining mark, in the text as it will be
    verdict, length = UNCHANGED, stop - start
    calm = CALM  # plain characters in a row
    i = start
    while i < stop:
        if calm >= CALM:
            special = i
            while special < stop:
                plain = _plain_prefix(data, special)
                special += plain
                if plain < WIDE:
                    break
            if special >= stop:
                break
            if special - i > CONTEXT:
                i = special - CONTEXT
                before = after = combining = 0
            calm = 0
        point, size = _decode(data, i)
        kind = stage2[stage1[point >> 7], point & 127]
        if kind == 0:
            return FTFY, 0
        automaton_class = kinds[kind, 0]
        before = automaton[before, automaton_class]
        if kinds[kind, 2] < 0:
            after = automaton[after, automaton_class]
            mark = kinds[kind, 1]
            if mark != 0 and mark < combining:
                return FTFY, 0
            combining = mark
            calm = calm + 1 if size == 1 else 0
        else:
            verdict = MAPPED
            calm = 0
            length += kinds[kind, 3] - kinds[kind, 2] - size
            if point == RETURN and i + 1 < stop and data[i + 1] == LINE_FEED:
                length -= 1
                if i + 2 - start > SEGMENT and _line_is_long(data, start, i):
                    return FTFY, 0
            else:
                for j in range(kinds[kind, 4], kinds[kind, 5]):
                    after = automaton[after, output_classes[j]]
                    combining = 0
        if before == MATCH or after == MATCH:
            return FTFY, 0
        i += size
    return verdict, length


@numba.njit(cache=True, nogil=True)
def write_texts(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    classes: NDArray[np.uint8],
    target: NDArray[np.uint8],
    target_offsets: NDArray[np.int64],
    tables: RepairTables,
) -> None:
    """Copy texts of class 0 and map those of class 1 to their places in `target`, whose padding ends as zeros."""
    for index in range(len(classes)):
        start, stop, to = offsets[index], offsets[index + 1], target_offsets[index]
        if classes[index] == UNCHANGED:
            target[to : to + stop - start] = data[start:stop]
        elif classes[index] == MAPPED:
            _map_text(data, start, stop, target, to, tables)
    target[target_offsets[-1] :] = 0


@numba.njit(cache=True, nogil=True)
def _map_text(
    data: NDArray[np.uint8], start: int, stop: int, target: NDArray[np.uint8], to: int, tables: RepairTables
) -> None:
    """Write the mapped `data[start:stop]` to `target[to:]`, and up to 63 bytes of anything behind it."""
    kinds, output, stage1, stage2 = tables.kinds, tables.output, tables.stage1, tables.stage2
    i = start
    while i < stop:
        plain = min(_copy_plain_prefix(data, i, target, to), stop - i)
        i += plain
        to += plain
        if plain == WIDE or i == stop:
            continue
        point, size = _decode(data, i)
        kind = stage2[stage1[point >> 7], point & 127]
        if kinds[kind, 2] < 0:
            for k in range(size):
                target[to + k] = data[i + k]
            to += size
        elif point != RETURN or i + 1 == stop or data[i + 1] != LINE_FEED:
            for j in range(kinds[kind, 2], kinds[kind, 3]):
                target[to] = output[j]
                to += 1
        i += size


@numba.njit(cache=True, nogil=True)
def _decode(data: NDArray[np.uint8], i: int) -> tuple[int, int]:
    """Code point and size in bytes of the character at i of valid UTF-8."""
    lead = int(data[i])
    if lead < 0x80:
        return lead, 1
    second = int(data[i + 1]) & 0x3F
    if lead < 0xE0:
        return (lead & 0x1F) << 6 | second, 2
    third = int(data[i + 2]) & 0x3F
    if lead < 0xF0:
        return (lead & 0x0F) << 12 | second << 6 | third, 3
    return (lead & 0x07) << 18 | second << 12 | third << 6 | int(data[i + 3]) & 0x3F, 4


@numba.njit(cache=True, nogil=True)
def _line_is_long(data: NDArray[np.uint8], start: int, stop: int) -> bool:
    """Whether no line feed is among the last SEGMENT bytes before `stop`."""
    i, first = stop, max(start, stop - SEGMENT)
    while i > first and data[i - 1] != LINE_FEED:
        i -= 1
    return i == first


@_intrinsic
def _plain_prefix(typing_context: Any, data: Any, at: Any) -> Any:
    """How many of the 64 bytes from `data[at]` on are plain, before the first that is not."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source = _block_pointer(context, builder, signature.args[0], arguments[0], arguments[1])
        return _count_plain(builder, builder.load(source, align=1))

    return types.int64(data, types.int64), generate


@_intrinsic
def _copy_plain_prefix(typing_context: Any, data: Any, at: Any, target: Any, to: Any) -> Any:
    """`_plain_prefix`, which also copies the 64 bytes to `target[to]`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source = _block_pointer(context, builder, signature.args[0], arguments[0], arguments[1])
        block = builder.load(source, align=1)
        builder.store(block, _block_pointer(context, builder, signature.args[2], arguments[2], arguments[3]), align=1)
        return _count_plain(builder, block)

    return types.int64(data, types.int64, target, types.int64), generate


def _block_pointer(context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> Any:
    proxy: Any = cgutils.create_struct_proxy
    first = proxy(array_type)(context, builder, value=array).data
    return builder.bitcast(builder.gep(first, [at]), ir.VectorType(ir.IntType(8), WIDE).as_pointer())


def _count_plain(builder: Any, block: Any) -> Any:
    """Bytes of a loaded block before the first that is not printable ASCII, tab, line feed or form feed."""

    def every(value: int) -> Any:
        return ir.Constant(block.type, [value] * WIDE)

    special = builder.icmp_unsigned(">", builder.sub(block, every(32)), every(126 - 32))
    for kept in b"\t\n\f":
        special = builder.and_(special, builder.icmp_unsigned("!=", block, every(kept)))
    return builder.cttz(builder.bitcast(special, ir.IntType(WIDE)), ir.Constant(ir.IntType(1), 0))
