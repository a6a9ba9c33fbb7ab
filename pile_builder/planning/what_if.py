"""What other thresholds would change: the rules of a finished build over its sidecars again, nothing written.

Blocks are read one after another by a few threads, each block's signals once for both verdicts, so that memory is that
of a few blocks' sidecars. A document that several rules drop counts under the first, as in a build.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Any

import numpy as np
import pyarrow as pa
import yaml
from numpy.typing import NDArray

from pile_builder.blocks import open_parquet
from pile_builder.checked_yaml import unknown_word
from pile_builder.commits import Commits
from pile_builder.document import id64
from pile_builder.errors import PileError
from pile_builder.mixing.keyed import key, keyed_hash
from pile_builder.planning.trial_thresholds import LANGUAGE, Trial, check_rules, manifest_changes, with_trials
from pile_builder.selection import Select
from pile_builder.storage import Store
from pile_builder.story import read_story
from pile_builder.takedown.state import taken_rows
from pile_builder.threads import in_order
from pile_builder.verdicts import Test, first_failures, load_columns, tests

EXAMPLES = 12
"""Documents shown of those that come in, and of those that go out, per source; drawn by keyed hash."""
_KEPT, _GONE = -1, -2
KEPT = ""
"""The rule of documents that no rule drops."""
NOT_RECOMPUTED = (
    "Select alone was run again. Duplicates, repeated paragraphs and eval passages are not recomputed: what comes in "
    "may still be dropped as one, and a document that goes out may let a duplicate of it in."
)


@dataclass
class Tally:
    """Documents, and the bytes of their text as ingested."""

    documents: int = 0
    bytes: int = 0

    def add(self, sizes: NDArray[np.int64]) -> None:
        """Count documents of these sizes."""
        self.documents += len(sizes)
        self.bytes += int(sizes.sum())

    def merge(self, other: Tally) -> None:
        """Count the other's documents too."""
        self.documents += other.documents
        self.bytes += other.bytes


@dataclass(frozen=True)
class Example:
    """A document whose fate changes: the rule that drops it now or then, the value it has, the threshold it misses."""

    hash: int
    id: str
    key: str
    bytes: int
    rule: str
    value: float
    threshold: float


@dataclass
class Effect:
    """What changes in a source, or in one block of it.

    Attributes:
        trials: the thresholds tried here.
        now, then: what each rule drops (`KEPT`: what is kept) with the thresholds of the build and with those tried.
        comes_in, goes_out: documents kept only then, and only now.
        gone_anyway: those of `goes_out` that a later phase drops in the build as it stands.
        taken_down: documents that were taken down, which count nowhere else.
        entering, leaving: examples.
    """

    trials: list[Trial] = field(default_factory=list)
    now: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    then: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    comes_in: Tally = field(default_factory=Tally)
    goes_out: Tally = field(default_factory=Tally)
    gone_anyway: Tally = field(default_factory=Tally)
    taken_down: Tally = field(default_factory=Tally)
    entering: list[Example] = field(default_factory=list)
    leaving: list[Example] = field(default_factory=list)

    def merge(self, other: Effect) -> None:
        """Add a block's counts and examples."""
        for mine, its in ((self.now, other.now), (self.then, other.then)):
            for rule, tally in its.items():
                mine[rule].merge(tally)
        self.comes_in.merge(other.comes_in)
        self.goes_out.merge(other.goes_out)
        self.gone_anyway.merge(other.gone_anyway)
        self.taken_down.merge(other.taken_down)
        self.entering = nsmallest(EXAMPLES, self.entering + other.entering, key=lambda one: (one.hash, one.id))
        self.leaving = nsmallest(EXAMPLES, self.leaving + other.leaving, key=lambda one: (one.hash, one.id))


@dataclass(frozen=True)
class WhatIf:
    """The effects by source, what to put into the manifest, and what is to be known of the numbers."""

    effects: Mapping[str, Effect]
    changes: Mapping[str, Any]
    notes: Sequence[str]

    @property
    def manifest_lines(self) -> str:
        """The changes as YAML."""
        return str(yaml.safe_dump(_plain(self.changes), sort_keys=False, width=100, default_flow_style=None))


def what_if(
    store: Store,
    trials: Mapping[str, float],
    source: str = "",
    workers: int = 2,
    watch: Callable[[int, int], None] = lambda *_: None,
) -> WhatIf:
    """Try thresholds on a finished build.

    Args:
        store: the build.
        trials: values by rule, as `parse_trials` gives them.
        source: the one source to look at; all that have the rules if empty.
        workers: threads.
        watch: called with blocks done and blocks in all.

    Raises:
        PileError: there is no finished build, no such source, or none has a rule of a name.
    """
    story = read_story(store)
    given = yaml.load(store.read("manifest.lock.yaml"), Loader=yaml.CSafeLoader)["manifest"]
    selects = {name: Select.model_validate(data) for name, data in story["selects"].items()}
    if source and source not in selects:
        msg = f"--source: {unknown_word('source', source, selects)}"
        raise PileError(msg)
    asked = {source: selects[source]} if source else selects
    check_rules(trials, asked)
    tried = {name: with_trials(select, trials) for name, select in asked.items()}
    effects = {name: Effect(made) for name, (_, made) in tried.items() if made}
    blocks = [block for block in story["blocks"] if block["source"] in effects]

    def work(block: Mapping[str, Any]) -> Effect:
        name = block["source"]
        return block_effect(store, block, asked[name], tried[name][0], story["seed"])

    watch(0, len(blocks))
    for done, (block, effect) in enumerate(in_order(workers, work, blocks), 1):
        effects[block["source"]].merge(effect)
        watch(done, len(blocks))
    changed = {name: tried[name][0] for name in effects}
    return WhatIf(effects, manifest_changes(given, changed, source), _notes(asked, effects))


def block_effect(store: Store, block: Mapping[str, Any], now: Select, then: Select, seed: int) -> Effect:
    """What changes in one block of a build.

    Args:
        store: the build.
        block: as the build's story has it.
        now: the source's select.
        then: the same with other thresholds.
        seed: the manifest's.
    """
    source = block["source"]
    ingested = Commits(store, "ingest").load(block["ingest"])
    name = ingested["block"]
    columns = load_columns(store, name, block["sets"], now)
    with store.open(name) as stream:
        sizes = open_parquet(stream).read(columns=["bytes"])["bytes"].to_numpy()
    effect = Effect()
    gone = taken_rows(ingested)
    effect.taken_down.add(sizes[gone])
    before = _Verdict.of(list(tests(columns, now, source, seed)), sizes, gone, effect.now)
    after = _Verdict.of(list(tests(columns, then, source, seed)), sizes, gone, effect.then)
    enters = np.flatnonzero((before.first >= 0) & (after.first == _KEPT))
    leaves = np.flatnonzero((before.first == _KEPT) & (after.first >= 0))
    effect.comes_in.add(sizes[enters])
    effect.goes_out.add(sizes[leaves])
    if len(leaves):
        with store.open(Commits(store, "settle").load(block["settle"])["verdicts"]) as stream:
            lost = open_parquet(stream).read(columns=["rule"])["rule"].is_valid().to_numpy()
        effect.gone_anyway.add(sizes[leaves[lost[leaves]]])
    if len(enters) or len(leaves):
        with store.open(name) as stream:
            names = open_parquet(stream).read(columns=["id", "key"])
        for rows, verdict, examples in ((enters, before, effect.entering), (leaves, after, effect.leaving)):
            examples += _examples(names.take(pa.array(rows)), rows, sizes, verdict, seed)
    return effect


@dataclass(frozen=True)
class _Verdict:
    """The tests of a block, and per row the first of them that drops it, or `_KEPT`, or `_GONE` if it is taken down."""

    tests: list[Test]
    first: NDArray[np.int16]

    @classmethod
    def of(
        cls, made: list[Test], sizes: NDArray[np.int64], gone: NDArray[np.int64], tallies: dict[str, Tally]
    ) -> _Verdict:
        """Judge a block's rows and count them by rule, but for those that are gone."""
        first = np.full(len(sizes), _KEPT, np.int16)
        for number, (_, rows) in enumerate(first_failures(len(sizes), made)):
            first[rows] = number
        first[gone] = _GONE
        for number, test in enumerate(made):
            tallies[test.name].add(sizes[first == number])
        tallies[KEPT].add(sizes[first == _KEPT])
        return cls(made, first)

    def of_row(self, row: int) -> tuple[str, float, float]:
        """Rule, value and threshold of what drops a row."""
        test = self.tests[self.first[row]]
        return test.name, float(test.values[row]), float(np.broadcast_to(test.threshold, len(self.first))[row])


def _examples(
    names: pa.Table, rows: NDArray[np.int64], sizes: NDArray[np.int64], verdict: _Verdict, seed: int
) -> list[Example]:
    """The rows of a block with the smallest hashes, which `names` has ids and keys of."""
    hashes = keyed_hash(key(seed, "examples of changed verdicts"), id64(names["id"].combine_chunks())).tolist()
    found = []
    for at in nsmallest(EXAMPLES, range(len(rows)), key=lambda one: hashes[one]):
        identity, upstream = (str(names[column][at].as_py()) for column in ("id", "key"))
        row = int(rows[at])
        found.append(Example(hashes[at], identity, upstream, int(sizes[row]), *verdict.of_row(row)))
    return found


def _plain(value: Any) -> Any:
    """The same with whole numbers written as such."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _notes(selects: Mapping[str, Select], effects: Mapping[str, Effect]) -> list[str]:
    notes = [NOT_RECOMPUTED]
    gone = sum(effect.taken_down.documents for effect in effects.values())
    if gone:
        notes.append(f"{gone:,} documents that were taken down are left out.")
    for name, effect in effects.items():
        language = selects[name].language
        for trial in effect.trials:
            if trial.rule == LANGUAGE and language and trial.then < language.gate_score:
                notes.append(
                    f"{name}: pages that ingest's language gate stopped (label or score below language.gate_score, "
                    f"{language.gate_score:g}) were never extracted and are not counted; lower the gate as well."
                )
    return notes
