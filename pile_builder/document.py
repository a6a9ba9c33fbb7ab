"""The Arrow schemas of what a build keeps, document ids, and how spans rewrite text.

Blocks hold text and never change. Everything known about a document lies beside it in row-aligned sidecars, everything
decided in ledgers. What a recipe removes or masks inside a document is a span; `apply_spans` is the one place where
spans become text, used by annotations and by assemble alike.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import numba
import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.text.column import PADDING, TextColumn

BLOCK = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("key", pa.string(), nullable=False),
        pa.field("meta", pa.string(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
    ]
)
"""One row per document: id, the upstream's key, metadata as a JSON object, UTF-8 bytes of the text, the text."""

REJECTS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("key", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)
"""One row per record that ingest did not turn into a document."""

LEDGER = pa.schema(
    [
        pa.field("row", pa.int32(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("threshold", pa.float64(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)
"""One row per document of a block that a phase dropped: which rule, the value it saw, the threshold it missed."""

SPAN = pa.struct(
    [
        pa.field("start", pa.int64()),
        pa.field("end", pa.int64()),
        pa.field("replacement", pa.string()),
        pa.field("rule", pa.string()),
    ]
)
SPANS = pa.list_(SPAN)
"""Spans of one document: byte offsets into its text, sorted, not overlapping."""

ID_BYTES = 10
MAX_META_DEPTH = 100
"""Deepest nesting of metadata; orjson writes 254."""
MAX_INTEGER_CHARACTERS = 100
"""Of an integer beyond 64 bits, in hexadecimal."""
_ID = re.compile(rf"[^:\s]+:[0-9a-f]{{{2 * ID_BYTES}}}")


def document_id(source: str, key: str) -> str:
    """`source:` and 80 bits of the hash of the upstream key, in hexadecimal."""
    return f"{source}:{hashlib.blake2b(key.encode(), digest_size=ID_BYTES).hexdigest()}"


def valid_text(text: str) -> str:
    r"""The text as UTF-8 can hold it: lone surrogates, as names of undecodable bytes have them, become `\udcXX`."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def packed_json(values: Mapping[str, Any]) -> str:
    """Metadata as a JSON object, keys sorted, whatever a dump put into it.

    What JSON, UTF-8 or 64 bits cannot hold (lone surrogates, larger integers, deeper nesting than orjson's) becomes
    text that says so; all else is kept.

    Raises:
        TypeError: a value is no JSON value.
    """
    try:
        return orjson.dumps(values, option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError:
        return orjson.dumps(_plain(values, 0), option=orjson.OPT_SORT_KEYS).decode()


def _plain(value: Any, depth: int) -> Any:
    if depth > MAX_META_DEPTH:
        return "nested too deep"
    if isinstance(value, str):
        return valid_text(value)
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        return f"{value:#x}"[:MAX_INTEGER_CHARACTERS]
    if isinstance(value, Mapping):
        return {valid_text(str(name)): _plain(each, depth + 1) for name, each in value.items()}
    return [_plain(each, depth + 1) for each in value] if isinstance(value, list | tuple) else value


def is_id(word: str) -> bool:
    """Whether a word has the form of a document id."""
    return _ID.fullmatch(word) is not None


def id64(ids: pa.Array) -> NDArray[np.uint64]:
    """The first 64 bits of each id's hash, shape (n,): what stands for a document in keyed hashes and orders.

    Documents of different sources may share a key and then this number; sources are hashed under their own purpose.
    """
    hexes = pa.compute.utf8_slice_codeunits(ids, start=-2 * ID_BYTES, stop=-2 * ID_BYTES + 16)
    joined = "".join(hexes.to_pylist())
    return np.frombuffer(bytes.fromhex(joined), ">u8").astype(np.uint64)


def handles(rank: int, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Names of documents inside one phase: block rank << 32 | row. Never persisted."""
    return np.uint64(rank << 32) | rows.astype(np.uint64)


def apply_spans(column: TextColumn, spans: pa.ListArray) -> TextColumn:
    """Replace each span of each document; documents without spans are copied as they are.

    Args:
        column: n texts.
        spans: n lists of type `SPANS`, byte offsets into the text, sorted and not overlapping.

    Raises:
        ValueError: a span lies outside its document or overlaps the one before.
    """
    flat = spans.flatten()
    if len(flat) == 0:
        return column
    lists = spans.offsets.to_numpy() - spans.offsets[0].as_py()
    replacement = flat.field("replacement").fill_null("").cast(pa.large_string())
    _, offset_buffer, data_buffer = replacement.buffers()
    piece_offsets = np.frombuffer(offset_buffer, np.int64)[replacement.offset :][: len(replacement) + 1]
    pieces = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.zeros(0, np.uint8)
    table = np.empty((len(flat), 4), np.int64)
    table[:, 0] = flat.field("start").to_numpy()
    table[:, 1] = flat.field("end").to_numpy()
    table[:, 2] = piece_offsets[:-1]
    table[:, 3] = piece_offsets[1:]
    offsets = np.zeros(len(column) + 1, np.int64)
    bad = _edited_offsets(column.offsets, lists.astype(np.int64), table, offsets)
    if bad >= 0:
        msg = f"spans of document {bad} in its batch lie outside its text or overlap"
        raise ValueError(msg)
    data = np.zeros(int(offsets[-1]) + PADDING, np.uint8)
    _copy_edited(column.data, column.offsets, lists.astype(np.int64), table, pieces, data, offsets)
    return TextColumn(data, offsets)


@numba.njit(cache=True, nogil=True)
def _edited_offsets(
    offsets: NDArray[np.int64], lists: NDArray[np.int64], table: NDArray[np.int64], out: NDArray[np.int64]
) -> int:
    total = 0
    for i in range(len(offsets) - 1):
        size = offsets[i + 1] - offsets[i]
        at = 0
        edited = size
        for j in range(lists[i], lists[i + 1]):
            if table[j, 0] < at or table[j, 1] < table[j, 0] or table[j, 1] > size:
                return i
            at = table[j, 1]
            edited += table[j, 3] - table[j, 2] - (table[j, 1] - table[j, 0])
        total += edited
        out[i + 1] = total
    return -1


@numba.njit(cache=True, nogil=True)
def _copy_edited(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    lists: NDArray[np.int64],
    table: NDArray[np.int64],
    pieces: NDArray[np.uint8],
    out: NDArray[np.uint8],
    out_offsets: NDArray[np.int64],
) -> None:
    for i in range(len(offsets) - 1):
        to = out_offsets[i]
        at = offsets[i]
        for j in range(lists[i], lists[i + 1]):
            stop = offsets[i] + table[j, 0]
            out[to : to + stop - at] = data[at:stop]
            to += stop - at
            size = table[j, 3] - table[j, 2]
            out[to : to + size] = pieces[table[j, 2] : table[j, 3]]
            to += size
            at = offsets[i] + table[j, 1]
        out[to : to + offsets[i + 1] - at] = data[at : offsets[i + 1]]
