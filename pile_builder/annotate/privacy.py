"""Privacy spans of a column: what is replaced and by what, how often, and samples fit to be shown.

E-mail addresses and IP addresses get the stand-ins of FineWeb's kind: text that reads like the real thing and leads to
nobody. A keyed hash of the match chooses among them, so an address has one stand-in wherever it occurs, on any worker.
The rules leave every stand-in alone, so text may go through them twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.annotate.private_kinds import KINDS, Kind
from pile_builder.document import SPAN
from pile_builder.mixing.keyed import key, keyed_hash
from pile_builder.text.column import TextColumn
from pile_builder.text.privacy import DOCUMENT, END, FORM, FORM_IPV6, IP, KIND, SECRET, START, find_private
from pile_builder.text.secrets import NAMES

PREFIX = "privacy."

EMAILS = ("email@example.com", "firstname.lastname@example.org")
"""FineWeb's (datatrove's PIIFormatter), under names that RFC 2606 keeps for examples."""
IPV4_ADDRESSES = ("192.0.2.28", "192.0.2.151", "198.51.100.74", "198.51.100.203", "203.0.113.9", "203.0.113.117")
"""From RFC 5737's blocks for documentation. FineWeb's six are others' addresses that answered no ping at the time."""
IPV6_ADDRESSES = ("2001:db8::1c", "2001:db8:0:51::97", "2001:db8:7b::4a", "2001:db8:2d:1::e3")
"""From RFC 3849's block for documentation."""
PHONES = ("+1-202-555-0114", "+1-202-555-0127", "+1-202-555-0143", "+1-202-555-0168", "+1-202-555-0189")
"""From 555-0100 to 555-0199, which the North American plan keeps for fiction (ATIS-0300115). Dolma writes
|||PHONE_NUMBER||| instead, which a model would learn to write where text has a number."""
SECRETS = tuple(f"<{name}>" for name in NAMES)
"""A made-up key would teach a model to make up keys, so these are marks."""

CONTEXT = 30
"""Characters on either side of a sample."""

_STAND_INS = (EMAILS, IPV4_ADDRESSES, IPV6_ADDRESSES, PHONES, SECRETS)
_FIRST_OF_KIND = np.cumsum([0, len(EMAILS), len(IPV4_ADDRESSES) + len(IPV6_ADDRESSES), len(PHONES)])
_CHOICES = np.array([len(EMAILS), len(IPV4_ADDRESSES), len(PHONES), 1], np.uint64)
_KEY = key(0, "privacy")
_STAR = ord("*")
_SHOWN_OF_SECRET = 4


def privacy_batch(column: TextColumn, kinds: Sequence[Kind] = KINDS) -> pa.RecordBatch:
    """Find what is private in n texts.

    Args:
        column: n texts.
        kinds: what to look for; the result does not depend on their order.

    Returns:
        n rows. `spans`, of type SPANS, holds what to replace, with rules `privacy.email` and so on; where two matches
        overlap, only the longer one is there. Then for each kind, in the order of KINDS, an int32 column of how many
        spans bear its rule.

    Raises:
        ValueError: a kind is unknown.
    """
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        msg = f"unknown kind of private text {unknown[0]!r}; known are {', '.join(KINDS)}"
        raise ValueError(msg)
    numbers = tuple(number for number, kind in enumerate(KINDS) if kind in kinds)
    found = find_private(column, numbers)
    flat = pa.StructArray.from_arrays(
        [
            pa.array(np.ascontiguousarray(found.table[:, START])),
            pa.array(np.ascontiguousarray(found.table[:, END])),
            pa.array([text for texts in _STAND_INS for text in texts]).take(_choose(found.table, found.hashes)),
            pa.array([PREFIX + kind for kind in KINDS]).take(pa.array(found.table[:, KIND])),
        ],
        fields=list(SPAN),
    )
    documents = found.table[:, DOCUMENT]
    offsets = np.searchsorted(documents, np.arange(len(column) + 1)).astype(np.int32)
    columns: dict[str, pa.Array] = {"spans": pa.ListArray.from_arrays(pa.array(offsets), flat)}
    for number in numbers:
        own = np.bincount(documents[found.table[:, KIND] == number], minlength=len(column))
        columns[PREFIX + KINDS[number]] = pa.array(own.astype(np.int32))
    return pa.record_batch(columns)


def masked_samples(column: TextColumn, batch: pa.RecordBatch, limit: int) -> list[dict[str, str]]:
    """What was found, made unreadable: the first matches of each kind with their surroundings.

    Args:
        column: n texts.
        batch: n rows with a column `spans`, of which those with rules of `privacy_batch` count.
        limit: most samples of one kind.

    Returns:
        For each sample its `kind`; the `match`, of which the first and last character remain, or the first four of a
        secret; `before` and `after`, up to 30 characters on either side with every other match starred.
    """
    samples = []
    taken = dict.fromkeys(KINDS, 0)
    for row, spans in enumerate(_private_spans(batch)):
        if any(taken[kind] < limit for kind, _, _ in spans):
            text = column.data[column.offsets[row] : column.offsets[row + 1]]
            for at, (kind, _, _) in enumerate(spans):
                if taken[kind] < limit:
                    taken[kind] += 1
                    samples.append(_sample(text, spans, at))
    return samples


def _choose(table: NDArray[np.int64], hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Where each match's stand-in lies in _STAND_INS laid end to end."""
    kind = table[:, KIND]
    is_ipv6 = (kind == IP) & (table[:, FORM] == FORM_IPV6)
    choices = np.where(is_ipv6, np.uint64(len(IPV6_ADDRESSES)), _CHOICES[kind])
    chosen = (keyed_hash(_KEY, hashes) % choices).astype(np.int64)
    chosen[is_ipv6] += len(IPV4_ADDRESSES)
    chosen[kind == SECRET] = table[kind == SECRET, FORM]
    return chosen + _FIRST_OF_KIND[kind]


def _private_spans(batch: pa.RecordBatch) -> Iterator[list[tuple[Any, int, int]]]:
    """The kind, start and end of each row's privacy spans."""
    for spans in batch.column("spans"):
        yield [
            (span["rule"].removeprefix(PREFIX), span["start"], span["end"])
            for span in spans.as_py()
            if span["rule"].startswith(PREFIX)
        ]


def _sample(text: NDArray[np.uint8], spans: list[tuple[Any, int, int]], at: int) -> dict[str, str]:
    """One sample; four bytes are the longest character."""
    kind, start, end = spans[at]
    low, high = max(0, start - 4 * CONTEXT), min(len(text), end + 4 * CONTEXT)
    window = text[low:high].copy()
    for other, (_, first, last) in enumerate(spans):
        if other != at:
            window[max(first - low, 0) : max(last - low, 0)] = _STAR
    before = window[: start - low].tobytes().decode(errors="ignore")
    after = window[end - low :].tobytes().decode(errors="ignore")
    match = text[start:end].tobytes().decode()
    shown = match[:_SHOWN_OF_SECRET] + "***" if kind == "secret" else match[0] + "*" * (len(match) - 2) + match[-1]
    return {"kind": kind, "match": shown, "before": before[-CONTEXT:], "after": after[:CONTEXT]}
