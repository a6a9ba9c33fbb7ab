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

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from pile_builder.text.minhash import NO_BAND, Sketches

CHANCE_AGREEMENT = 2.0**-8
"""How often 8 bits of two unrelated minima are equal."""


@dataclass(frozen=True, slots=True)
class SplitLinks:
    """What one split knows about itself, and what it must ask the others.

    `small_handles` and `handles`, uint64[k], are verified links, smaller member first, sorted and unique. The bucket
    rows that travel on are `bucket_hashes`, `bucket_orders` and `bucket_handles`, uint64[m], as `bucket_links` takes
    them.
    """

    small_handles: NDArray[np.uint64]
    handles: NDArray[np.uint64]
    bucket_hashes: NDArray[np.uint64]
    bucket_orders: NDArray[np.uint64]
    bucket_handles: NDArray[np.uint64]


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
        links are candidates: `verified` decides. The result does not depend on the order of the rows.
    """
    first, second = _stars(np.argsort(hashes), hashes, orders, handles)
    return _sorted_pairs(first, second)


def copies(content: NDArray[np.uint64], orders: NDArray[np.uint64], handles: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For each of n documents the row of the smallest document with the same content hash (uint64[n, 2]), int64[n]."""
    ranked = np.lexsort((handles, orders))
    original = np.empty(len(ranked), np.int64)
    original[ranked] = ranked[_first_of_equal(content[ranked])]
    return original


def split_links(
    sketches: Sketches, orders: NDArray[np.uint64], handles: NDArray[np.uint64], threshold: float
) -> SplitLinks:
    """Link the documents of one split among themselves and say which bucket rows still need to travel.

    Exact copies (equal content hash) are linked to their smallest, which alone goes on. In each band's buckets a member
    whose estimated Jaccard similarity to the smallest reaches the threshold is linked to it and leaves the bucket. The
    smallest travels on, and so does a member that was refused, since it may still match a document of another split.
    Documents without bands have their content row only. The content row travels for all, because a shared band does not
    promise that two exact copies meet: both may be refused by a third that is smaller.

    This is for documents that all lie in one place, where nothing else has to be asked. Over several splits the links
    would depend on which documents share one.

    Args:
        sketches: the sketches of the split's selected documents, n rows.
        orders: uint64[n], their order keys.
        handles: uint64[n], their handles.
        threshold: least estimated Jaccard similarity of a link.
    """
    # In this order a document's position is its rank, so the smallest of a bucket is the one with the least position.
    ranked = np.lexsort((handles, orders))
    content, bands, signature = sketches.content[ranked], sketches.bands[ranked], sketches.signature[ranked]
    orders, handles = orders[ranked], handles[ranked]

    original = _first_of_equal(content)
    is_copy = original != np.arange(len(ranked))
    copies, kept = np.flatnonzero(is_copy), np.flatnonzero(~is_copy)

    hashes = bands[kept].reshape(-1)
    members = np.repeat(kept, bands.shape[1])
    has_band = hashes != NO_BAND
    hashes, members = hashes[has_band], members[has_band]
    smallest = members[_smallest_of_bucket(hashes)]
    pairs, pair_of_row = np.unique(smallest << 32 | members, return_inverse=True)
    first, second = pairs >> 32, pairs & 0xFFFFFFFF
    is_linked = (first != second) & (_similarity(signature, first, second) >= threshold)
    travels = ~is_linked[pair_of_row]

    small, large = _sorted_pairs(
        handles[np.concatenate([original[copies], first[is_linked]])],
        handles[np.concatenate([copies, second[is_linked]])],
    )
    return SplitLinks(
        small_handles=small,
        handles=large,
        bucket_hashes=np.concatenate([content[kept, 0], hashes[travels]]),
        bucket_orders=np.concatenate([orders[kept], orders[members[travels]]]),
        bucket_handles=np.concatenate([handles[kept], handles[members[travels]]]),
    )


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


def _similarity(
    signature: NDArray[np.uint8], first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float64]:
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


def _equal_content(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.bool_]:
    equal: NDArray[np.bool_] = (a[:, 0] == b[:, 0]) & (a[:, 1] == b[:, 1])
    return equal


def _first_of_equal(content: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For each row the first row with the same content hash."""
    by_content = np.lexsort((content[:, 1], content[:, 0]))
    ordered = content[by_content]
    is_start = np.ones(len(content), np.bool_)
    is_start[1:] = ~_equal_content(ordered[1:], ordered[:-1])
    return _least_of_run(by_content, is_start)


def _smallest_of_bucket(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For each row the first row with the same hash."""
    by_hash = np.argsort(hashes)
    ordered = hashes[by_hash]
    is_start = np.ones(len(hashes), np.bool_)
    is_start[1:] = ordered[1:] != ordered[:-1]
    return _least_of_run(by_hash, is_start)


def _least_of_run(rows: NDArray[np.int64], is_start: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Cut a permutation of rows into runs; for each row (by its own number) the least row of its run."""
    least = np.empty(len(rows), np.int64)
    if len(rows):
        starts = np.flatnonzero(is_start)
        least[rows] = np.repeat(np.minimum.reduceat(rows, starts), np.diff(starts, append=len(rows)))
    return least


def _sorted_pairs(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Pairs in order, each once."""
    by_pair = np.lexsort((b, a))
    a, b = a[by_pair], b[by_pair]
    is_first = np.ones(len(a), np.bool_)
    is_first[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    return a[is_first], b[is_first]
