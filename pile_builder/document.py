"""The Arrow schemas of what a build keeps, and document ids.

Blocks hold text and never change. Everything known about a document lies beside it in row-aligned sidecars, everything
decided in ledgers. What a recipe removes or masks inside a document is a span, see `spans.apply_spans`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

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
