"""One field of JSON lines as a column of text, straight from the bytes of the file.

Each line is checked against the grammar of RFC 8259 on the way, nesting, numbers and UTF-8 included, so a line is a
document exactly if a JSON parser reads it as an object with a string in that field. Of repeated keys the last counts,
as it does for parsers. Half of a surrogate pair, which JSON can write and text cannot hold, becomes U+FFFD.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pile_builder.text.column import PADDING, TextColumn
from pile_builder.text.json_strings import NOT_JSON, NOT_UTF8, WIDE, read_string
from pile_builder.text.word_tables import kernel

DOCUMENT, BLANK, NOT_OBJECT, TOO_DEEP, MISSING, NOT_TEXT = 0, 1, 4, 5, 6, 7
"""What a line is: a document, white space, or one of the reasons to reject it."""
REASONS = {
    NOT_JSON: "not valid JSON",
    NOT_UTF8: "not valid UTF-8",
    NOT_OBJECT: "not a JSON object",
    TOO_DEEP: "nested too deep",
    MISSING: "no such field",
    NOT_TEXT: "the field is not a string",
}
"""Why a line is no document."""
MAX_DEPTH = 1024
"""Objects and arrays inside each other beyond which a line is rejected; orjson's bound too."""

# What a value of the field has been seen as while its line is read.
_ABSENT, _TEXT, _OTHER = range(3)
_QUOTE, _NEWLINE, _COMMA, _COLON, _MINUS, _POINT = (ord(sign) for sign in '"\n,:-.')
_OBJECT, _OBJECT_END, _ARRAY, _ARRAY_END = (ord(sign) for sign in "{}[]")
_ZERO, _NINE = ord("0"), ord("9")


@dataclass(frozen=True, slots=True)
class JsonLines:
    """n lines of which m are documents.

    `texts` holds the m documents in order; `starts` is int64[n + 1], line i with its line end is
    `data[starts[i]:starts[i + 1]]`; `kinds` is uint8[n], `DOCUMENT`, `BLANK` or a key of `REASONS`.
    """

    texts: TextColumn
    starts: NDArray[np.int64]
    kinds: NDArray[np.uint8]


def read_json_lines(data: NDArray[np.uint8], size: int, field: str = "text") -> JsonLines:
    """Read the lines in the first `size` bytes of `data`; the last one may lack its line end.

    Args:
        data: uint8, `PADDING` bytes longer than `size`; if the last line has no line end, the first of these is 0.
        size: bytes to read.
        field: the key of the text; dots lead into nested objects, as in `meta.text`.

    Raises:
        ValueError: `data` is not padded, or the field's name is empty.
    """
    if len(data) < size + PADDING:
        msg = f"expected {PADDING} bytes of padding behind {size:,} bytes of lines, got {len(data) - size}"
        raise ValueError(msg)
    keys = [key.encode() for key in field.split(".")]
    if not all(keys):
        msg = f"expected a field's name, or names with a dot between them, got {field!r}"
        raise ValueError(msg)
    path = np.frombuffer(b"".join(keys), np.uint8)
    path_ends = np.cumsum([0, *map(len, keys)]).astype(np.int64)
    most = int(np.count_nonzero(data[:size] == _NEWLINE)) + 1
    starts, offsets, kinds = np.empty(most + 1, np.int64), np.empty(most + 1, np.int64), np.empty(most, np.uint8)
    # No escape is shorter than what it stands for, so text needs no more room than its line.
    text = np.empty(size + PADDING + WIDE, np.uint8)
    is_object = np.empty(MAX_DEPTH + 1, np.bool_)
    lines, documents = _read_lines(data, size, path, path_ends, is_object, text, starts, offsets, kinds)
    text[offsets[documents] : offsets[documents] + PADDING] = 0
    return JsonLines(TextColumn(text, offsets[: documents + 1]), starts[: lines + 1], kinds[:lines])


def select_lines(data: NDArray[np.uint8], starts: NDArray[np.int64], wanted: NDArray[np.bool_]) -> bytes | memoryview:
    """The bytes of the wanted lines one after the other; `starts` as in `JsonLines`, `wanted` bool[n]."""
    # Where runs of wanted lines begin and end.
    edges = starts[np.flatnonzero(np.diff(wanted.astype(np.int8), prepend=0, append=0))].tolist()
    runs = [data.data[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]
    return runs[0] if len(runs) == 1 else b"".join(runs)


def line_starts(data: NDArray[np.uint8], size: int) -> NDArray[np.int64]:
    """Where the lines in the first `size` bytes begin, and `size`: the `starts` of `JsonLines`, nothing else read."""
    ends = np.flatnonzero(data[:size] == _NEWLINE) + 1
    is_open = size > 0 and data[size - 1] != _NEWLINE
    return np.concatenate([[0], ends, [size] if is_open else []]).astype(np.int64)


@kernel
def _skip_space(data: NDArray[np.uint8], at: int) -> int:
    """Pass over the white space of JSON that does not end a line."""
    while data[at] == ord(" ") or data[at] == ord("\t") or data[at] == ord("\r"):
        at += 1
    return at


@kernel
def _skip_digits(data: NDArray[np.uint8], at: int) -> int:
    while _ZERO <= data[at] <= _NINE:
        at += 1
    return at


@kernel
def _skip_number(data: NDArray[np.uint8], at: int) -> int:
    """The byte behind a number, or a reason, negative."""
    if data[at] == _MINUS:
        at += 1
    start = at
    at = _skip_digits(data, at)
    if at == start or (data[start] == _ZERO and at > start + 1):
        return -NOT_JSON
    if data[at] == _POINT:
        start = at + 1
        at = _skip_digits(data, start)
        if at == start:
            return -NOT_JSON
    if data[at] == ord("e") or data[at] == ord("E"):
        at += 1
        if data[at] == ord("+") or data[at] == _MINUS:
            at += 1
        start = at
        at = _skip_digits(data, start)
        if at == start:
            return -NOT_JSON
    return at


@kernel
def _skip_word(data: NDArray[np.uint8], at: int) -> int:
    """The byte behind `true`, `false` or `null`, or a reason, negative."""
    if data[at] == ord("t") and data[at + 1] == ord("r") and data[at + 2] == ord("u") and data[at + 3] == ord("e"):
        return at + 4
    if data[at] == ord("n") and data[at + 1] == ord("u") and data[at + 2] == ord("l") and data[at + 3] == ord("l"):
        return at + 4
    if data[at] == ord("f") and data[at + 1] == ord("a") and data[at + 2] == ord("l") and data[at + 3] == ord("s"):
        return at + 5 if data[at + 4] == ord("e") else -NOT_JSON
    return -NOT_JSON


@kernel
def _is_key(text: NDArray[np.uint8], start: int, end: int, path: NDArray[np.uint8], first: int, last: int) -> bool:
    length = last - first
    same = 0
    while same < length and text[start + same] == path[first + same]:
        same += 1
    return same == length == end - start


@kernel
def _read_line(
    data: NDArray[np.uint8],
    at: int,
    path: NDArray[np.uint8],
    path_ends: NDArray[np.int64],
    is_object: NDArray[np.bool_],
    text: NDArray[np.uint8],
    base: int,
) -> tuple[int, int, int]:
    """Read the object at `at` and write the field's text to `text[base:]`.

    Returns the kind of the line, where its line end is to be looked for, and the end in `text`. Strings other than the
    field's are written behind it and forgotten, which checks them as well.
    """
    depth = 0
    # How many of the path's keys lead to the object at hand: those of depth `matched` + 1 and below it.
    matched = 0
    found = _ABSENT
    to = base
    wanted = leads_on = False
    line = at
    while True:
        # At a value.
        sign = data[at]
        if sign in (_OBJECT, _ARRAY):
            if depth == MAX_DEPTH:
                return TOO_DEEP, line, base
            depth += 1
            is_object[depth] = sign == _OBJECT
            if leads_on and sign == _OBJECT:
                matched += 1
            if wanted:
                found = _OTHER
            wanted = leads_on = False
            at = _skip_space(data, at + 1)
            is_empty = data[at] == (_OBJECT_END if sign == _OBJECT else _ARRAY_END)
            if not is_empty and sign == _ARRAY:
                continue
            needs_key = not is_empty
        else:
            if sign == _QUOTE:
                at, end = read_string(data, at + 1, text, to)
                if wanted:
                    found, to = _TEXT, end
            else:
                at = _skip_number(data, at) if sign == _MINUS or _ZERO <= sign <= _NINE else _skip_word(data, at)
                if wanted:
                    found = _OTHER
            if at < 0:
                return -at, line, base
            wanted = leads_on = needs_key = False
        # Behind a value, or at the first key or the end of what was just opened.
        while not needs_key:
            at = _skip_space(data, at)
            if is_object[depth] and data[at] == _OBJECT_END:
                if matched > 0 and depth == matched + 1:
                    matched -= 1
            elif is_object[depth] and data[at] == _COMMA:
                at = _skip_space(data, at + 1)
                needs_key = True
                break
            elif is_object[depth] or (data[at] != _ARRAY_END and data[at] != _COMMA):
                return NOT_JSON, line, base
            elif data[at] == _COMMA:
                break
            at += 1
            depth -= 1
            if depth == 0:
                kind = DOCUMENT if found == _TEXT else NOT_TEXT if found == _OTHER else MISSING
                return kind, at, to if found == _TEXT else base
        if not needs_key:
            at = _skip_space(data, at + 1)
            continue
        if data[at] != _QUOTE:
            return NOT_JSON, line, base
        at, end = read_string(data, at + 1, text, to)
        if at < 0:
            return -at, line, base
        if depth == matched + 1 and _is_key(text, to, end, path, path_ends[matched], path_ends[matched + 1]):
            # A repeated key makes void what was found under the earlier one.
            found, to = _ABSENT, base
            wanted = matched == len(path_ends) - 2
            leads_on = not wanted
        at = _skip_space(data, at)
        if data[at] != _COLON:
            return NOT_JSON, line, base
        at = _skip_space(data, at + 1)


@kernel
def _read_lines(
    data: NDArray[np.uint8],
    size: int,
    path: NDArray[np.uint8],
    path_ends: NDArray[np.int64],
    is_object: NDArray[np.bool_],
    text: NDArray[np.uint8],
    starts: NDArray[np.int64],
    offsets: NDArray[np.int64],
    kinds: NDArray[np.uint8],
) -> tuple[int, int]:
    """Fill the arrays; return the number of lines and of documents."""
    lines = documents = at = to = 0
    starts[0] = offsets[0] = 0
    while at < size:
        at = _skip_space(data, at)
        end = to
        if at >= size or data[at] == _NEWLINE:
            kind = BLANK
        elif data[at] != _OBJECT:
            kind = NOT_OBJECT
        else:
            kind, at, end = _read_line(data, at, path, path_ends, is_object, text, to)
            at = _skip_space(data, at)
            if at < size and data[at] != _NEWLINE and kind in (DOCUMENT, MISSING, NOT_TEXT):
                kind = NOT_JSON
        while at < size and data[at] != _NEWLINE:
            at += 1
        at = min(at + 1, size)
        kinds[lines] = kind
        lines += 1
        starts[lines] = at
        if kind == DOCUMENT:
            to = end
            documents += 1
            offsets[documents] = to
    return lines, documents
