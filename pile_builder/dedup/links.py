"""Links between documents that share a bucket: exact copies by content hash, candidates by band hash.

A document travels as a handle, `split rank << 32 | row`, and is ordered by the first 8 bytes of its id's hash:
"smallest" always means smallest order (then handle), so that adding inputs renumbers nothing. Every member of a bucket
is linked to the bucket's smallest and to no other, which is linear however hot the bucket. Two members that both fail
against the smallest are therefore not compared in that bucket; they can meet in another band.

Which texts are linked is a function of the documents and the parameters alone. Exact copies have equal sketches, so
`copies` may leave all but one of them out before buckets are formed: in whichever splits documents lie, a bucket's
smallest member and the texts it is compared with are the same. Leaving near-copies out early would not have that
property, since another split may hold a smaller member that matches one of two near-copies and refuses the other.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from pile_builder.text.minhash import NO_BAND, Sketches

CHANCE_AGREEMENT = 2.0**-8
"""How often 8 bits of two unrelated minima are equal."""


def bucket_links(
    hashes: NDArray[np.uint64], orders: NDArray[np.uint64], handles: NDArray[np.uint64]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Link every member of a bucket to the bucket's smallest member.

    Args:
        hashes: uint64[m], the bucket of each row (a band hash, or the first half of a content hash).
        orders: uint64[m], the order key of the row's document.
        handles: uint64[m], the handle of the row's document.

    Returns:
        Two arrays uint64[k], handle of the smallest and handle of the member, sorted by them and without repeats. The
        links are candidates: signatures or texts decide. The result does not depend on the order of the rows.
    """
    first, second = _stars(np.argsort(hashes), hashes, orders, handles)
    return _sorted_pairs(first, second)


def copies(content: NDArray[np.uint64], orders: NDArray[np.uint64], handles: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For each of n documents the row of the smallest document with the same content hash (uint64[n, 2]), int64[n]."""
    ranked = np.lexsort((handles, orders, content[:, 1], content[:, 0]))
    ordered = content[ranked]
    is_start = np.ones(len(ranked), np.bool_)
    is_start[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    original = np.empty(len(ranked), np.int64)
    original[ranked] = ranked[is_start][np.cumsum(is_start) - 1]
    return original


def near_links(sketches: Sketches, threshold: float) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Verified links between documents that are all in memory, by their row.

    Exact copies come first: each is linked to the first of them, which alone goes on. Then a band at a time, every
    member of a bucket is compared with the bucket's smallest. The order key is the content hash, so which texts are
    linked does not depend on the order of the rows.

    Args:
        sketches: of n documents; those without bands are linked to their exact copies only.
        threshold: least estimated Jaccard similarity of a link between documents that differ.

    Returns:
        Two arrays uint64[k], smaller member and larger member, each pair once.
    """
    orders = sketches.content[:, 0]
    handles = np.arange(len(sketches), dtype=np.uint64)
    original = copies(sketches.content, orders, handles)
    is_copy = original != np.arange(len(sketches))
    small = large = np.empty(0, np.uint64)
    for band in range(sketches.bands.shape[1]):
        members = np.flatnonzero(~is_copy & (sketches.bands[:, band] != NO_BAND))
        first, second = bucket_links(sketches.bands[members, band], orders[members], handles[members])
        is_near = estimate_of_pairs(sketches.signature, first.view(np.int64), second.view(np.int64)) >= threshold
        # Band by band, since near-copies share many bands.
        small, large = _sorted_pairs(np.append(small, first[is_near]), np.append(large, second[is_near]))
    return np.append(handles[original[is_copy]], small), np.append(handles[is_copy], large)


def estimate_jaccard(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Estimate the Jaccard similarity of m pairs from their signatures, uint8[m, p] each; float64[m].

    The share of equal bytes E is corrected for the equality of unrelated minima by chance: (E - 2^-8) / (1 - 2^-8),
    from Li & König 2010, theorem 1, for sets that are small against the universe. Unbiased, so it can lie just below 0.

    Raises:
        ValueError: the two arrays differ in shape.
    """
    if a.shape != b.shape:
        msg = f"expected two arrays of signatures of one shape, got {a.shape} and {b.shape}"
        raise ValueError(msg)
    rows = np.arange(len(a))
    return _corrected(_count_equal(a, b, rows, rows), a.shape[1])


def estimate_of_pairs(
    signature: NDArray[np.uint8], first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float64]:
    """`estimate_jaccard` of rows of one array of signatures, uint8[n, p], without copying them; float64[m]."""
    return _corrected(_count_equal(signature, signature, first, second), signature.shape[1])


def _corrected(equal: NDArray[np.int64], permutations: int) -> NDArray[np.float64]:
    return (equal / permutations - CHANCE_AGREEMENT) / (1 - CHANCE_AGREEMENT)


@numba.njit(cache=True, nogil=True)
def _count_equal(
    a: NDArray[np.uint8], b: NDArray[np.uint8], a_rows: NDArray[np.int64], b_rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The number of equal bytes of `a[a_rows[i]]` and `b[b_rows[i]]`."""
    equal = np.empty(len(a_rows), np.int64)
    for pair in range(len(a_rows)):
        one, other = a[a_rows[pair]], b[b_rows[pair]]
        count = np.int32(0)
        for p in range(a.shape[1]):
            count += np.int32(one[p] == other[p])
        equal[pair] = count
    return equal


@numba.njit(cache=True, nogil=True)
def _stars(
    by_hash: NDArray[np.int64], hashes: NDArray[np.uint64], orders: NDArray[np.uint64], handles: NDArray[np.uint64]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Pairs (smallest, member) of every bucket, given its rows side by side."""
    firsts = np.empty(len(by_hash), np.uint64)
    seconds = np.empty(len(by_hash), np.uint64)
    count = 0
    start = 0
    while start < len(by_hash):
        bucket = hashes[by_hash[start]]
        smallest = by_hash[start]
        stop = start
        while stop < len(by_hash) and hashes[by_hash[stop]] == bucket:
            row = by_hash[stop]
            if orders[row] < orders[smallest] or (orders[row] == orders[smallest] and handles[row] < handles[smallest]):
                smallest = row
            stop += 1
        for at in range(start, stop):
            if handles[by_hash[at]] != handles[smallest]:
                firsts[count] = handles[smallest]
                seconds[count] = handles[by_hash[at]]
                count += 1
        start = stop
    return firsts[:count].copy(), seconds[:count].copy()


def _sorted_pairs(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Pairs in order, each once."""
    by_pair = np.lexsort((b, a))
    a, b = a[by_pair], b[by_pair]
    is_first = np.ones(len(a), np.bool_)
    is_first[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    return a[is_first], b[is_first]
