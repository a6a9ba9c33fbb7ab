"""The index of eval items: which n-grams of words v2 stand for which items, as an artifact that workers map.

An item is its question, then its answer. With `ngram` words or more (13 by default: Brown et al. 2020, GPT-3, appendix
C) it is all of its n-grams. With fewer it is matched whole: as one n-gram of its own length if it has only a question,
otherwise as a pair, question and answer near each other. An item with more words of which neither question nor answer
has `ngram` is both: its n-grams all reach from the one into the other, and a word between them would hide it. Below
`LEAST_WORDS` it cannot be told from ordinary prose and is listed as unprotectable.

What is matched, an n-gram or a pair, has a number; its postings say which items hold it, and where.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pile_builder.decontamination.items import EvalItem
from pile_builder.text.column import from_strings
from pile_builder.text.ngram_table import PREFIX, NgramTable, Pairs, build_table, hash_ngrams
from pile_builder.text.normalise import hash_words

NGRAM = 13
"""Words of an n-gram (GPT-3, appendix C; the Pile; NeMo Curator)."""

LEAST_WORDS = 5
"""Items with fewer words are not protected."""

ITEMS_PER_NGRAM = 100
"""Items of one eval set that an n-gram's postings name at most, the first ones: a prompt that thousands of items share
says nothing about any one of them."""

VERSION = 2
"""Of the artifact: its files, the hashes in them and the words that are hashed."""

BATCH_ITEMS = 1024

PAIR_ARRAYS = ("hashes", "lengths", "partners")
TABLE_ARRAYS = ("lengths", "hashes", "directory", "long_filter", "short_filter", "pair_directory")
INDEX_ARRAYS = ("item_evals", "id_bytes", "id_offsets", "offsets", "items", "positions", "item_offsets", "item_numbers")


@dataclass(frozen=True, slots=True)
class Index:
    """The n-grams and pairs of m items; `size` numbers in use, see `NgramTable`.

    `evals` are the names of all sets, in order of appearance; `item_evals`, int32[m], each item's set; the ids of items
    are UTF-8, item i's is `id_bytes[id_offsets[i]:id_offsets[i + 1]]`.

    Postings of number k are `items[offsets[k]:offsets[k + 1]]`, int32, by set, then item, each item once, and its
    `positions`, int32: the word of the item at which it holds the n-gram first (of a pair, the anchor). The numbers of
    item i are `item_numbers[item_offsets[i]:item_offsets[i + 1]]`, int32, in the order of postings.

    `unprotectable` lists (eval, id) of the items that have fewer than `LEAST_WORDS` words; `left_out` counts the
    postings beyond `ITEMS_PER_NGRAM`.
    """

    table: NgramTable
    evals: tuple[str, ...]
    item_evals: NDArray[np.int32]
    id_bytes: NDArray[np.uint8]
    id_offsets: NDArray[np.int64]
    offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    positions: NDArray[np.int32]
    item_offsets: NDArray[np.int64]
    item_numbers: NDArray[np.int32]
    unprotectable: tuple[tuple[str, str], ...]
    left_out: int

    @property
    def size(self) -> int:
        """How many n-grams and pairs there are."""
        return self.table.size

    @property
    def item_count(self) -> int:
        """How many items there are, unprotectable ones left out."""
        return len(self.item_evals)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, on disk and mapped into memory."""
        return sum(array.nbytes for array in _arrays(self).values())

    def name(self, item: int) -> tuple[str, str]:
        """The (eval, id) of an item's number."""
        identity = self.id_bytes[self.id_offsets[item] : self.id_offsets[item + 1]]
        return self.evals[self.item_evals[item]], identity.tobytes().decode()


def build_index(items: Iterable[EvalItem], ngram: int = NGRAM) -> Index:
    """Index items; equal items in equal order make an equal index.

    Args:
        items: may be a stream, is read once.
        ngram: words of an n-gram, `LEAST_WORDS` or more.

    Raises:
        ValueError: `ngram` is too small, two items have the same eval and id, or there are 2^31 n-grams or more.
    """
    if ngram < LEAST_WORDS:
        msg = f"expected n-grams of at least {LEAST_WORDS} words, got {ngram}: shorter ones occur in any prose"
        raise ValueError(msg)
    stream = iter(items)
    evals: dict[str, int] = {}
    seen: set[tuple[str, str]] = set()
    item_evals: list[int] = []
    ids: list[str] = []
    unprotectable: list[tuple[str, str]] = []
    parts = [_hash_items([], 0, ngram)[0]]
    while batch := list(islice(stream, BATCH_ITEMS)):
        rows, is_protected = _hash_items(batch, len(ids), ngram)
        parts.append(rows)
        for item, protected in zip(batch, is_protected.tolist(), strict=True):
            name = (item.eval, item.id)
            if name in seen:
                msg = f"eval set {item.eval!r} has two items with the id {item.id!r}: expected ids unique in their set"
                raise ValueError(msg)
            seen.add(name)
            number = evals.setdefault(item.eval, len(evals))
            if protected:
                item_evals.append(number)
                ids.append(item.id)
            else:
                unprotectable.append(name)
    rows = _join(parts)
    # They would double the memory that grouping takes.
    parts.clear()
    index = _assemble(rows, ngram, tuple(evals), np.array(item_evals, np.int32), ids, tuple(unprotectable))
    for array in _arrays(index).values():
        # As those of a mapped index are: kernels compile once for both.
        array.setflags(write=False)
    return index


def write_index(index: Index, folder: Path) -> None:
    """Write the index as .npy files and index.json; equal indexes give equal files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in _arrays(index).items():
        np.save(folder / f"{name}.npy", array)
    header = {
        "version": VERSION,
        "ngram": index.table.ngram,
        "evals": index.evals,
        "unprotectable": index.unprotectable,
        "left_out": index.left_out,
    }
    (folder / "index.json").write_text(json.dumps(header, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def open_index(folder: Path) -> Index:
    """Map an index that `write_index` wrote; processes that open the same folder share its memory.

    Raises:
        FileNotFoundError: the folder or one of its files is not there.
        ValueError: the index is of another version.
    """
    header = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    if header["version"] != VERSION:
        msg = f"{folder}: expected an index of version {VERSION}, got {header['version']}: build it again"
        raise ValueError(msg)
    pairs, table, own = (
        {name: np.asarray(np.load(folder / f"{prefix}{name}.npy", mmap_mode="r")) for name in names}
        for prefix, names in (("pair_", PAIR_ARRAYS), ("", TABLE_ARRAYS), ("", INDEX_ARRAYS))
    )
    return Index(
        table=NgramTable(ngram=header["ngram"], pairs=Pairs(**pairs), **table),
        evals=tuple(header["evals"]),
        unprotectable=tuple((name, identity) for name, identity in header["unprotectable"]),
        left_out=header["left_out"],
        **own,
    )


def run_starts(*keys: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a row of keys, sorted by them and of equal length, differs from the one before; the first row does."""
    differs = np.ones(len(keys[0]), np.bool_)
    differs[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return differs


def _arrays(index: Index) -> dict[str, NDArray[Any]]:
    """All arrays by the names of their files."""
    arrays = {f"pair_{name}": getattr(index.table.pairs, name) for name in PAIR_ARRAYS}
    arrays |= {name: getattr(index.table, name) for name in TABLE_ARRAYS}
    return arrays | {name: getattr(index, name) for name in INDEX_ARRAYS}


@dataclass(frozen=True, slots=True)
class _Rows:
    """What some items are matched by, one entry per occurrence in an item, by item and position.

    `hashes` of n-grams with their `items` and `positions`; `anchors` of pairs with the `lengths` and the hashes of
    `partners`, `pair_items` and `pair_positions`; `short_lengths`, those of short n-grams and anchors; `sought`, the
    hashes of these and of their first words.
    """

    hashes: NDArray[np.uint64]
    items: NDArray[np.int32]
    positions: NDArray[np.int32]
    anchors: NDArray[np.uint64]
    lengths: NDArray[np.int64]
    partners: NDArray[np.uint64]
    pair_items: NDArray[np.int32]
    pair_positions: NDArray[np.int32]
    short_lengths: NDArray[np.int64]
    sought: NDArray[np.uint64]


def _hash_items(batch: Sequence[EvalItem], known: int, ngram: int) -> tuple[_Rows, NDArray[np.bool_]]:
    """The rows of some items, numbered from `known` on, and which of the items are protected."""
    words = hash_words(from_strings([text for item in batch for text in (item.question, item.answer)]))
    begins, middles = words.offsets[:-1:2], words.offsets[1::2]
    questions, answers = middles - begins, words.offsets[2::2] - middles
    sizes = questions + answers
    is_protected = sizes >= LEAST_WORDS
    numbers = known + np.cumsum(is_protected) - 1
    is_pair = is_protected & (questions > 0) & (answers > 0) & (np.maximum(questions, answers) < ngram)
    is_whole = is_protected & ~(is_pair & (sizes < ngram))

    lengths = np.minimum(sizes, ngram)[is_whole]
    counts = sizes[is_whole] - lengths + 1
    positions = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = np.repeat(begins[is_whole], counts) + positions

    # A short item has one n-gram.
    short_starts, short_lengths = begins[is_whole & (sizes < ngram)], sizes[is_whole & (sizes < ngram)]
    begins, middles, questions, answers = (each[is_pair] for each in (begins, middles, questions, answers))
    # The longer part is the anchor, since it is rarer.
    question_leads = questions >= answers
    anchor_starts, partner_starts = np.where(question_leads, (begins, middles), (middles, begins))
    anchor_lengths, partner_lengths = np.maximum(questions, answers), np.minimum(questions, answers)

    short_starts = np.concatenate([short_starts, anchor_starts])
    short_lengths = np.concatenate([short_lengths, anchor_lengths])
    prefixes = hash_ngrams(words.hashes, short_starts, np.minimum(short_lengths, PREFIX))
    rows = _Rows(
        hashes=hash_ngrams(words.hashes, starts, np.repeat(lengths, counts)),
        items=np.repeat(numbers[is_whole], counts).astype(np.int32),
        positions=positions.astype(np.int32),
        anchors=hash_ngrams(words.hashes, anchor_starts, anchor_lengths),
        lengths=partner_lengths,
        partners=hash_ngrams(words.hashes, partner_starts, partner_lengths),
        pair_items=numbers[is_pair].astype(np.int32),
        pair_positions=(anchor_starts - begins).astype(np.int32),
        short_lengths=np.unique(short_lengths),
        sought=np.concatenate([prefixes, hash_ngrams(words.hashes, short_starts, short_lengths)]),
    )
    return rows, is_protected


def _join(parts: Sequence[_Rows]) -> _Rows:
    return _Rows(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(_Rows)))


def _assemble(
    rows: _Rows,
    ngram: int,
    evals: tuple[str, ...],
    item_evals: NDArray[np.int32],
    ids: Sequence[str],
    unprotectable: tuple[tuple[str, str], ...],
) -> Index:
    if len(rows.items) + len(rows.pair_items) >= 1 << 31:
        msg = f"expected fewer than 2^31 n-grams, got {len(rows.items) + len(rows.pair_items)}: split the eval sets"
        raise ValueError(msg)
    ngrams = _group((rows.hashes,), item_evals, rows.items, rows.positions)
    pairs = _group((rows.anchors, rows.lengths, rows.partners), item_evals, rows.pair_items, rows.pair_positions)
    counts = np.concatenate([ngrams.counts, pairs.counts])
    items = np.concatenate([ngrams.items, pairs.items])
    numbers = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    names = from_strings(ids)
    return Index(
        table=build_table(
            ngram,
            rows.hashes[ngrams.rows],
            Pairs(rows.anchors[pairs.rows], rows.lengths[pairs.rows], rows.partners[pairs.rows]),
            np.unique(rows.short_lengths),
            np.unique(rows.sought),
        ),
        evals=evals,
        item_evals=item_evals,
        id_bytes=names.data[: names.nbytes].copy(),
        id_offsets=names.offsets,
        offsets=_ends(counts),
        items=items,
        positions=np.concatenate([ngrams.positions, pairs.positions]),
        item_offsets=_ends(np.bincount(items, minlength=len(ids))),
        item_numbers=numbers[np.argsort(items, kind="stable")],
        unprotectable=unprotectable,
        left_out=ngrams.left_out + pairs.left_out,
    )


@dataclass(frozen=True, slots=True)
class _Groups:
    """Rows with equal keys: `rows` holds one row of each group, `counts` its postings, which follow one another."""

    rows: NDArray[np.int64]
    counts: NDArray[np.int64]
    items: NDArray[np.int32]
    positions: NDArray[np.int32]
    left_out: int


def _group(
    keys: Sequence[NDArray[Any]], item_evals: NDArray[np.int32], items: NDArray[np.int32], positions: NDArray[np.int32]
) -> _Groups:
    order = np.lexsort((positions, items, item_evals[items], *reversed(keys)))
    items, positions = items[order], positions[order]
    is_first = run_starts(*(key[order] for key in keys))
    firsts = order[is_first]
    numbers = np.cumsum(is_first, dtype=np.int32) - 1
    # An item that repeats an n-gram is named once.
    once = is_first | run_starts(items)
    numbers, items, positions = numbers[once], items[once], positions[once]
    same_set = np.cumsum(run_starts(numbers, item_evals[items]), dtype=np.int32)
    kept = np.ones(len(items), np.bool_)
    kept[ITEMS_PER_NGRAM:] = same_set[ITEMS_PER_NGRAM:] != same_set[:-ITEMS_PER_NGRAM]
    counts = np.bincount(numbers[kept], minlength=len(firsts))
    return _Groups(firsts, counts, items[kept], positions[kept], int((~kept).sum()))


def _ends(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets
