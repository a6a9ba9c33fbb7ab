"""Hashes of short names, and tables of them that compiled functions look things up in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

import pile_builder.text  # noqa: F401 - names the folder of numba's cache, before any kernel here is declared

OFFSET, PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
"""FNV-1a of 64 bits: where a hash begins, and by what it is multiplied after each byte."""


class Table(NamedTuple):
    """An open hash table: `keys`, uint64[2^k], 0 where nothing lies; `values`, int64[2^k]."""

    keys: NDArray[np.uint64]
    values: NDArray[np.int64]


def name_hash(name: str) -> int:
    """FNV-1a of 64 bits of a name in lower case, never 0."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value or 1


def hash_table(entries: Iterable[tuple[str, int]]) -> Table:
    """A table of names."""
    return table_of((name_hash(name), value) for name, value in entries)


def table_of(entries: Iterable[tuple[int, int]]) -> Table:
    """A table of hashes (never 0) that is at most a quarter full."""
    listed = list(entries)
    size = 1 << (4 * len(listed) + 1).bit_length()
    keys, values = np.zeros(size, np.uint64), np.zeros(size, np.int64)
    for key, value in listed:
        place = key & (size - 1)
        while keys[place] not in (0, key):
            place = (place + 1) & (size - 1)
        keys[place], values[place] = key, value
    return Table(keys, values)


@numba.njit(cache=True, nogil=True)
def find(keys: NDArray[np.uint64], values: NDArray[np.int64], key: np.uint64, missing: int) -> int:
    """The value of a hash in a table, `missing` if there is none."""
    mask = np.uint64(len(keys) - 1)
    place = key & mask
    while keys[place] != 0:
        if keys[place] == key:
            return values[place]
        place = (place + np.uint64(1)) & mask
    return missing
