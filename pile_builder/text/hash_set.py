"""Sets of 64-bit hashes in kernels: an open-addressing table is a uint64 array whose length is a power of two.

Two strings count as equal when their hashes do. Inside one document a false match is a matter of one in 10^9 documents;
keep these hashes out of anything larger and out of anything persisted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pile_builder.text.word_tables import kernel, load_word, low_bytes

MIX = np.uint64(0x9E3779B97F4A7C15)
"""Odd multiplier that spreads low bits over high ones (the golden ratio of 2^64)."""
HALF = np.uint64(32)


@kernel
def hash_bytes(data: NDArray[np.uint8], start: int, end: int) -> np.uint64:
    """Hash of `data[start:end]`, which must be readable 7 bytes behind `end`; never 0."""
    h = np.uint64(end - start) * MIX
    for i in range(start, end, 8):
        h = (h ^ low_bytes(load_word(data, i), end - i)) * MIX
        h ^= h >> HALF
    h *= MIX
    h ^= h >> HALF
    return h if h != 0 else np.uint64(1)


@kernel
def table_size(n: int) -> int:
    """Slots for n keys: at most half of them full."""
    size = 16
    while size < 2 * n:
        size *= 2
    return size


@kernel
def find_slot(table: NDArray[np.uint64], key: np.uint64) -> int:
    """The slot of `key`, which is not 0, or the empty slot where it belongs."""
    mask = len(table) - 1
    slot = int(np.int64((key * MIX) >> HALF)) & mask
    while table[slot] != 0 and table[slot] != key:
        slot = (slot + 1) & mask
    return slot


@kernel
def seen_before(table: NDArray[np.uint64], key: np.uint64) -> bool:
    """Add `key`, which is not 0, and say whether it was there already."""
    slot = find_slot(table, key)
    if table[slot] == key:
        return True
    table[slot] = key
    return False
