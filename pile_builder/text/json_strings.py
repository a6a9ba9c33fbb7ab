"""JSON strings in kernels: from their escaped form to UTF-8, checked byte by byte where a byte needs it."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.cgutils import create_struct_proxy
from numba.extending import intrinsic
from numpy.typing import NDArray

from pile_builder.text.word_tables import kernel

NOT_JSON, NOT_UTF8 = 2, 3
"""Why bytes are no JSON string."""
WIDE = 64
"""Bytes that are copied at once: so many must be readable behind the input, and writable behind the output."""

_QUOTE, _BACKSLASH = ord('"'), ord("\\")
_ESCAPES = np.zeros(256, np.uint8)
_ESCAPES[list(b'"\\/bfnrt')] = list(b'"\\/\b\f\n\r\t')
_HEX = np.full(256, -1, np.int32)
_HEX[list(b"0123456789abcdef")] = range(16)
_HEX[list(b"ABCDEF")] = range(10, 16)


# What numba declares of its decorator describes the function before it is decorated.
_intrinsic: Any = intrinsic


@_intrinsic
def _copy_plain(typing_context: Any, source: Any, at: Any, target: Any, to: Any) -> Any:
    """Copy 64 bytes; return how many of them precede the first that needs a look: quote, escape, control, non-ASCII."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.IntType(8), WIDE)

        def place(array_type: Any, array: Any, index: Any) -> Any:
            proxy: Any = create_struct_proxy(array_type)
            start = proxy(context, builder, value=array).data
            return builder.bitcast(builder.gep(start, [index]), vector.as_pointer())

        def every(value: int) -> Any:
            return ir.Constant(vector, [value] * WIDE)

        block = builder.load(place(signature.args[0], arguments[0], arguments[1]), align=1)
        builder.store(block, place(signature.args[2], arguments[2], arguments[3]), align=1)
        # As signed bytes the controls and everything beyond ASCII are less than a space.
        special = builder.icmp_signed("<", block, every(ord(" ")))
        special = builder.or_(special, builder.icmp_signed("==", block, every(_QUOTE)))
        special = builder.or_(special, builder.icmp_signed("==", block, every(_BACKSLASH)))
        return builder.cttz(builder.bitcast(special, ir.IntType(WIDE)), ir.Constant(ir.IntType(1), 0))

    return types.int64(source, types.int64, target, types.int64), generate


@kernel
def _encode(point: int, text: NDArray[np.uint8], to: int) -> int:
    """Write a code point as UTF-8; return the byte behind it."""
    if point < 0x80:
        text[to] = point
        return to + 1
    if point < 0x800:
        text[to] = 0xC0 | point >> 6
        text[to + 1] = 0x80 | point & 0x3F
        return to + 2
    if point < 0x10000:
        text[to] = 0xE0 | point >> 12
        text[to + 1] = 0x80 | point >> 6 & 0x3F
        text[to + 2] = 0x80 | point & 0x3F
        return to + 3
    text[to] = 0xF0 | point >> 18
    text[to + 1] = 0x80 | point >> 12 & 0x3F
    text[to + 2] = 0x80 | point >> 6 & 0x3F
    text[to + 3] = 0x80 | point & 0x3F
    return to + 4


@kernel
def _sequence_length(data: NDArray[np.uint8], at: int) -> int:
    """Length of the well-formed UTF-8 sequence of two bytes or more at a byte, 0 if it is none (Unicode, table 3-7)."""
    first, second = np.int64(data[at]), np.int64(data[at + 1])
    if first < 0xC2 or first > 0xF4 or second & 0xC0 != 0x80:
        return 0
    if first < 0xE0:
        return 2
    if np.int64(data[at + 2]) & 0xC0 != 0x80:
        return 0
    if first < 0xF0:
        # Neither overlong nor a surrogate.
        return 0 if (first == 0xE0 and second < 0xA0) or (first == 0xED and second > 0x9F) else 3
    if np.int64(data[at + 3]) & 0xC0 != 0x80:
        return 0
    # Neither overlong nor above U+10FFFF.
    return 0 if (first == 0xF0 and second < 0x90) or (first == 0xF4 and second > 0x8F) else 4


@kernel
def _hex4(data: NDArray[np.uint8], at: int) -> np.int64:
    """The value of four hexadecimal digits, negative if they are not."""
    one, two, three, four = _HEX[data[at]], _HEX[data[at + 1]], _HEX[data[at + 2]], _HEX[data[at + 3]]
    if (one | two | three | four) < 0:
        return np.int64(-1)
    return np.int64(one) << 12 | np.int64(two) << 8 | np.int64(three) << 4 | np.int64(four)


@kernel
def read_string(data: NDArray[np.uint8], at: int, text: NDArray[np.uint8], to: int) -> tuple[int, int]:
    """Write the string whose first byte is at `at` to `text[to:]`.

    Returns the byte behind the closing quote and the end in `text`; instead of the former a reason, negative. A line
    end is a control character, which no string may hold, so nothing beyond it is taken for text.
    """
    while True:
        plain = _copy_plain(data, at, text, to)
        at += plain
        to += plain
        if plain == WIDE:
            continue
        sign = np.int64(data[at])
        if sign == _QUOTE:
            return at + 1, to
        if sign >= 0x80:
            while sign >= 0x80:
                length = _sequence_length(data, at)
                if length == 0:
                    return -NOT_UTF8, to
                for byte in range(length):
                    text[to + byte] = data[at + byte]
                at += length
                to += length
                sign = np.int64(data[at])
            continue
        if sign != _BACKSLASH:
            return -NOT_JSON, to
        if data[at + 1] == ord("u"):
            point = _hex4(data, at + 2)
            if point < 0:
                return -NOT_JSON, to
            at += 6
            if 0xD800 <= point < 0xE000:
                low = np.int64(-1)
                if point < 0xDC00 and data[at] == _BACKSLASH and data[at + 1] == ord("u"):
                    low = _hex4(data, at + 2)
                if 0xDC00 <= low < 0xE000:
                    point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00)
                    at += 6
                else:
                    point = np.int64(0xFFFD)
            to = _encode(point, text, to)
        else:
            meant = _ESCAPES[data[at + 1]]
            if meant == 0:
                return -NOT_JSON, to
            text[to] = meant
            at += 2
            to += 1
