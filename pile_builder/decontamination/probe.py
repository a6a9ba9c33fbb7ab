"""The recall probe: items planted in text, in several disguises, then sought and cut out as a build does it.

Every planted item has a document of its own: a passage of a text with the item in its middle. What the text held before
anything was planted is known, so that each passage found is either the planted item, another item that shares words
with it, or contamination of the text itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib import resources
from itertools import islice
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.decontamination import brute_force
from pile_builder.decontamination.cut import Verdict, cut_spans
from pile_builder.decontamination.disguises import FORMS, VERBATIM, planted_forms, word_bounds
from pile_builder.decontamination.evals import Action
from pile_builder.decontamination.index import LEAST_WORDS, Index, build_index
from pile_builder.decontamination.items import EvalItem
from pile_builder.decontamination.match import find_matches
from pile_builder.errors import PileError
from pile_builder.mixing.keyed import key, keyed_hash
from pile_builder.pieces import cut_pieces
from pile_builder.text.column import TextColumn, from_strings

PER_SET = 200
"""Items of a set that are planted."""
AROUND = 300
"""Words of text before and behind a planted item, where the text has as many."""
LEAST_AROUND = 50
MOST_HOSTS = 4096
"""Passages of the texts that items are planted in; further text is not read."""
BATCH = 512
Watch = Callable[[int, int], None]
"""Called as (documents probed, documents in all)."""


@dataclass(frozen=True)
class FormResult:
    """What became of one set's items, planted in one form.

    Attributes:
        planted: how many.
        caught: how many were found where they were planted.
        unnamed: of the caught, ids of those found under the names of other items of the set only: an n-gram names
            `ITEMS_PER_NGRAM` items at most.
        missed: ids of those that were not found.
        faults: of the missed, ids of those that brute force finds by the same rules: the matcher is wrong.
        cut: how many of the caught were cut out of their documents, if that is the set's action.
        survived: of these, ids of items that are still found in what is left of the document.
    """

    planted: int
    caught: int
    unnamed: tuple[str, ...]
    missed: tuple[str, ...]
    faults: tuple[str, ...]
    cut: int
    survived: tuple[str, ...]


@dataclass(frozen=True)
class SetResult:
    """One eval set: its items, those too short to protect, those sampled, and what became of these by form.

    `shared` counts planted documents in which other items were found that share words with the planted one, `stray`
    those with passages of other items that are neither in the text nor touch what was planted.
    """

    name: str
    action: Action
    items: int
    unprotectable: tuple[str, ...]
    sampled: int
    forms: Mapping[str, FormResult]
    shared: int
    stray: int


@dataclass(frozen=True)
class Contamination:
    """An item that a text held before anything was planted: the passage's number, the item and how much of it."""

    host: int
    eval: str
    item: str
    seen: int
    total: int


@dataclass(frozen=True)
class ProbeReport:
    """What the probe found; `hosts` counts the passages of text that items were planted in."""

    sets: tuple[SetResult, ...]
    hosts: int
    contamination: tuple[Contamination, ...]
    ngrams: int
    index_bytes: int

    @property
    def is_good(self) -> bool:
        """Whether no item was missed verbatim or by a fault of the matcher, and none is left where it was cut out."""
        return not any(
            result.faults or (form == VERBATIM and result.missed) or result.survived
            for each in self.sets
            for form, result in each.forms.items()
        )


def probe(
    items: Iterable[EvalItem],
    texts: Iterable[str],
    seed: int = 1,
    per_set: int = PER_SET,
    actions: Mapping[str, Action] | None = None,
    watch: Watch | None = None,
) -> ProbeReport:
    """Plant items in texts, seek them and cut them out.

    Args:
        items: all that is protected; they are all indexed, and some of each set planted.
        texts: what they are planted in, the first `MOST_HOSTS` passages of it.
        seed: of the choices of items and of passages.
        per_set: how many items of a set are planted, if it has as many that can be protected.
        actions: of each set; every one is cut if not given.
        watch: told how far the probe is.

    Raises:
        PileError: no item can be protected, or no text has `LEAST_AROUND` words before and behind its middle.
        ValueError: two items have the same eval and id.
    """
    items = list(items)
    hosts = list(islice(_hosts(texts), MOST_HOSTS))
    if not hosts:
        msg = f"expected a text of at least {2 * LEAST_AROUND} words to plant items in, got none"
        raise PileError(msg)
    index = build_index(items)
    unprotectable = set(index.unprotectable)
    protected = [item for item in items if (item.eval, item.id) not in unprotectable]
    if not protected:
        msg = f"expected items of at least {LEAST_WORDS} words to plant, got {len(items)} that are shorter"
        raise PileError(msg)
    actions = dict.fromkeys(index.evals, "cut") if actions is None else actions
    sampled = _sample(protected, seed, per_set)
    documents = list(_plan(protected, sampled, len(hosts), seed))
    contamination = _contamination(hosts, index)
    known = {(one.host, one.eval, one.item) for one in contamination}
    tally = _Tally(Counter(item.eval for item in items))
    if watch:
        watch(0, len(documents))
    for at in range(0, len(documents), BATCH):
        _probe_batch(documents[at : at + BATCH], hosts, index, actions, known, tally)
        if watch:
            watch(min(at + BATCH, len(documents)), len(documents))
    return ProbeReport(
        tuple(tally.set_result(name, actions[name], index, len(sampled.get(name, ()))) for name in index.evals),
        len(hosts),
        contamination,
        index.size,
        index.nbytes,
    )


def built_in_text() -> str:
    """English prose of a page, to plant items in."""
    return resources.files("pile_builder.decontamination").joinpath("probe.txt").read_text(encoding="utf-8")


class _Host(NamedTuple):
    before: str
    after: str


class _Planted(NamedTuple):
    """A document to be made: the item's number in the index, its form, the passage, and where it is planted."""

    number: int
    item: EvalItem
    form: str
    passage: str
    host: int


class _Tally:
    """Counts and ids by (set, form), and by set."""

    def __init__(self, items: Mapping[str, int]) -> None:
        self.items = items
        self.planted: dict[tuple[str, str], int] = defaultdict(int)
        self.cut: dict[tuple[str, str], int] = defaultdict(int)
        self.unnamed: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.missed: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.faults: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.survived: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.shared: dict[str, int] = defaultdict(int)
        self.stray: dict[str, int] = defaultdict(int)

    def set_result(self, name: str, action: Action, index: Index, sampled: int) -> SetResult:
        forms = {
            form: FormResult(
                self.planted[name, form],
                self.planted[name, form] - len(self.missed[name, form]),
                tuple(self.unnamed[name, form]),
                tuple(self.missed[name, form]),
                tuple(self.faults[name, form]),
                self.cut[name, form],
                tuple(self.survived[name, form]),
            )
            for form in FORMS
        }
        return SetResult(
            name,
            action,
            self.items[name],
            tuple(identity for of, identity in index.unprotectable if of == name),
            sampled,
            forms,
            self.shared[name],
            self.stray[name],
        )


def _probe_batch(
    documents: Sequence[_Planted],
    hosts: Sequence[_Host],
    index: Index,
    actions: Mapping[str, Action],
    known: set[tuple[int, str, str]],
    tally: _Tally,
) -> None:
    texts, begins, ends = [], [], []
    for each in documents:
        host = hosts[each.host]
        before = f"{host.before}\n\n"
        begins.append(len(before.encode()))
        ends.append(begins[-1] + len(each.passage.encode()))
        texts.append(f"{before}{each.passage}\n\n{host.after}")
    column = from_strings(texts)
    matches = find_matches(column, index)
    cuts = cut_spans(column, matches, index, actions)
    caught: set[int] = set()
    others: dict[int, set[str]] = defaultdict(set)
    stray: set[int] = set()
    for document, item, start, end in zip(
        matches.document.tolist(), matches.item.tolist(), matches.start.tolist(), matches.end.tolist(), strict=True
    ):
        if start < ends[document] and end > begins[document]:
            if item == documents[document].number:
                caught.add(document)
            else:
                others[document].add(index.name(item)[0])
        elif (documents[document].host, *index.name(item)) not in known:
            stray.add(document)
    left = _left(column, cuts.spans, index)
    for document, each in enumerate(documents):
        place = (each.item.eval, each.form)
        tally.planted[place] += 1
        tally.shared[each.item.eval] += document in others
        tally.stray[each.item.eval] += document in stray
        if document not in caught:
            should_be = bool(brute_force.matches([each.passage], [each.item])[0])
            if should_be and each.item.eval in others[document]:
                tally.unnamed[place].append(each.item.id)
            else:
                tally.missed[place].append(each.item.id)
                tally.faults[place] += [each.item.id] * should_be
                continue
        # Sets that only tag leave their items in what another set's cut leaves.
        if cuts.verdict[document] == Verdict.CUT and actions[each.item.eval] == "cut":
            tally.cut[place] += 1
            if (document, each.number) in left:
                tally.survived[place].append(each.item.id)


def _left(column: TextColumn, spans: pa.ListArray, index: Index) -> set[tuple[int, int]]:
    """(document, item) of what is found in the pieces that cuts leave."""
    pieces, document = cut_pieces(column, spans)
    matches = find_matches(pieces, index)
    return set(zip(document[matches.document].tolist(), matches.item.tolist(), strict=True))


def _contamination(hosts: Sequence[_Host], index: Index) -> tuple[Contamination, ...]:
    """What is in the texts before anything is planted."""
    found = []
    for at in range(0, len(hosts), BATCH):
        column = from_strings(f"{host.before}{host.after}" for host in hosts[at : at + BATCH])
        matches = find_matches(column, index)
        for document, item, seen, total in zip(
            matches.covered_document.tolist(),
            matches.covered_item.tolist(),
            matches.seen.tolist(),
            matches.total.tolist(),
            strict=True,
        ):
            found.append(Contamination(at + document, *index.name(item), seen, total))
    return tuple(found)


def _sample(protected: Sequence[EvalItem], seed: int, per_set: int) -> dict[str, list[int]]:
    """Numbers of the items to plant, by set, ascending."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, item in enumerate(protected):
        numbers[item.eval].append(number)
    for name, mine in numbers.items():
        hashes = _hashes((protected[number].id for number in mine), seed, f"probe:{name}")
        numbers[name] = sorted(mine[i] for i in np.argsort(hashes, kind="stable")[:per_set])
    return numbers


def _plan(
    protected: Sequence[EvalItem], sampled: Mapping[str, Sequence[int]], hosts: int, seed: int
) -> Iterator[_Planted]:
    for name, numbers in sampled.items():
        chosen = _hashes((protected[number].id for number in numbers), seed, f"probe text:{name}")
        for number, hashed in zip(numbers, chosen.tolist(), strict=True):
            for place, (form, passage) in enumerate(planted_forms(protected[number]).items()):
                yield _Planted(number, protected[number], form, passage, (hashed + place) % hosts)


def _hashes(ids: Iterable[str], seed: int, purpose: str) -> NDArray[np.uint64]:
    digests = b"".join(blake2b(identity.encode(), digest_size=8).digest() for identity in ids)
    return keyed_hash(key(seed, purpose), np.frombuffer(digests, "<u8").astype(np.uint64))


def _hosts(texts: Iterable[str]) -> Iterator[_Host]:
    """Passages of 2 * `AROUND` words or somewhat more, shorter texts whole, split in the middle."""
    for text in texts:
        data = text.encode()
        starts, ends = word_bounds(text)
        passages = max(len(starts) // (2 * AROUND), 1)
        for number in range(passages):
            first, behind = (len(starts) * each // passages for each in (number, number + 1))
            if behind - first >= 2 * LEAST_AROUND:
                middle = starts[(first + behind) // 2]
                yield _Host(data[starts[first] : middle].decode(), data[middle : ends[behind - 1]].decode())
