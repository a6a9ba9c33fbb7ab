"""takedown: documents and their copies leave a finished build, of which only what holds them is rewritten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pile_builder.commits import Commits
from pile_builder.errors import PileError
from pile_builder.finished import kept_plan
from pile_builder.pipelines.build import close, finish, run_assemble
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.exports import refresh_exports
from pile_builder.pipelines.purge import run_purge
from pile_builder.pipelines.recount import run_recount
from pile_builder.pipelines.subsets import run_subsets
from pile_builder.storage import Store
from pile_builder.story import read_story
from pile_builder.takedown.copies import copies_of
from pile_builder.takedown.listing import Takedown, add_entries, entries_of, takedown_of, word_hash, write_list
from pile_builder.takedown.look_up import Found, Wanted, look_up
from pile_builder.takedown.state import applied_entries, disagrees, read_ids, taken_ids

_SUMMARY = "report/summary.json"


@dataclass(frozen=True)
class Proposal:
    """What a takedown would do.

    Attributes:
        asked: ids of the documents that were named.
        copies: ids of their copies, each with the one of `asked` whose copy it is.
        new: how many of all these are not listed yet.
        words: the word that named each of `asked`.
        not_found: words that lead to no document, and never led to one.
        known: words of which all documents are taken down already: when the last was, and how many there are.
        blocks, shards: how many have to be rewritten.
        pending: whether an earlier takedown did not get to its end.
    """

    asked: tuple[str, ...]
    copies: dict[str, str]
    new: int
    words: dict[str, str]
    not_found: tuple[str, ...]
    known: dict[str, tuple[str, int]]
    blocks: int
    shards: int
    pending: bool

    @property
    def clusters(self) -> int:
        """In how many clusters the copies are."""
        return len(set(self.copies.values()))

    def by_source(self) -> dict[str, tuple[int, int]]:
        """Documents asked for and copies of each source."""
        asked, copies = (Counter(one.rsplit(":", 1)[0] for one in ids) for ids in (self.asked, self.copies))
        return {name: (asked[name], copies[name]) for name in sorted(asked | copies)}


def propose(store: Store, wanted: Wanted, *, only_listed: bool) -> Proposal:
    """Look up what is to go, with the copies of it unless `only_listed`.

    Raises:
        PileError: no build got to its end here.
    """
    story = read_story(store)
    if not Commits(store, "ingest").done().issuperset(block["ingest"] for block in story["blocks"]):
        msg = f"{store.root}: blocks are missing, a build was stopped while it read them; run `pile build` to its end"
        raise PileError(msg)
    found = look_up(store, story, wanted)
    copies = {} if only_listed else copies_of(store, story, found.ids)
    ids = [*found.ids, *copies]
    entries = applied_entries(store)
    known = takedown_of(entries)
    _check_purged(store, story, known)
    done = _known_words(entries, wanted, found)
    wanted_gone = Takedown.of([*known.ids.to_pylist(), *ids])
    return Proposal(
        asked=tuple(sorted(found.ids)),
        copies=copies,
        new=len(ids) - len(known.find(pa.array(ids, pa.string()))),
        words=found.word_of(),
        not_found=tuple(word for word in wanted.words if word not in found.by_word and word not in done),
        known=done,
        blocks=_blocks_to_rewrite(store, wanted_gone),
        shards=_shards_to_rewrite(store, wanted_gone),
        pending=known.digest != _summary(store).get("takedown", {}).get("list", ""),
    )


def take_down(store: Store, proposal: Proposal, by: str, why: str, options: RunOptions) -> dict[str, Any]:
    """List what was proposed and rewrite what holds it; returns the build's summary. Run again, it goes on.

    Raises:
        BuildError: tasks failed.
        PileError: no build got to its end here.
    """
    manifest, work = kept_plan(store)
    known = takedown_of(applied_entries(store))
    when = datetime.now(UTC).isoformat(timespec="seconds")
    origins = sorted({**dict.fromkeys(proposal.asked, ""), **proposal.copies}.items())
    listed_before = set(known.find(pa.array([identity for identity, _ in origins], pa.string())).tolist())
    rows = [
        {"id": identity, "by": by, "when": when, "why": why, "cluster_of": origin}
        | {"word": "" if origin else word_hash(proposal.words[identity])}
        for at, (identity, origin) in enumerate(origins)
        if at not in listed_before
    ]
    if rows:
        add_entries(store, entries_of(rows))
    takedown = write_list(store, applied_entries(store))
    run_purge(store, takedown, options)
    mix = Commits(store, "mix").load(work.mix)
    shards = run_assemble(store, work, manifest, mix, takedown, options)
    subsets = run_subsets(store, work, manifest, mix, takedown, options)
    run_recount(store, work, shards, options)
    finish(store, work, manifest, mix, shards, subsets, takedown)
    refresh_exports(store.root, options)
    return close(store)


def _known_words(entries: pa.Table, wanted: Wanted, found: Found) -> dict[str, tuple[str, int]]:
    """Words whose documents are all listed: a domain by its hash, since of what is gone no address is left."""
    hashes = {word_hash(word): word for word in wanted.words}
    pairs = (("id", found.ids), ("word", hashes))
    is_named = [pc.is_in(entries[field], pa.array(sorted(names), pa.string())) for field, names in pairs]
    rows = entries.filter(pc.or_(*is_named)).select(["id", "when", "word"]).to_pylist()
    listed = {row["id"]: row for row in rows}
    ids = {word: set(found.by_word.get(word, ())) for word in wanted.words}
    for identity, row in listed.items():
        if row["word"] in hashes:
            ids[hashes[row["word"]]].add(identity)
    return {
        word: (max(listed[one]["when"] for one in named), len(named))
        for word, named in ids.items()
        if named and named <= listed.keys()
    }


def _check_purged(store: Store, story: Mapping[str, Any], known: Takedown) -> None:
    """Blocks that lack a document that no list names can't give it back to a shard."""
    for block in story["blocks"]:
        ids = taken_ids(Commits(store, "ingest").load(block["ingest"]))
        if len(known.find(pa.array(ids, pa.string()))) < len(ids):
            msg = (
                f"{store.root}: {block['name']} lacks documents that no list of the last finished build names; "
                "a build with another list was stopped here: run `pile build` to its end first"
            )
            raise PileError(msg)


def _blocks_to_rewrite(store: Store, takedown: Takedown) -> int:
    ingest = Commits(store, "ingest")
    count = 0
    for record in ingest.load_all(ingest.done()):
        listed = sum(
            len(takedown.find(batch.column("id")))
            for part in ("block", "rejects")
            for _, batch in read_ids(store, record[part])
        )
        done = len(takedown.find(pa.array(taken_ids(record), pa.string())))
        count += listed > done
    return count


def _shards_to_rewrite(store: Store, takedown: Takedown) -> int:
    commits = Commits(store, "assemble")
    return sum(disagrees(store, record, takedown) for record in commits.load_all(commits.done()))


def _summary(store: Store) -> dict[str, Any]:
    return dict(orjson.loads(store.read(_SUMMARY))) if store.exists(_SUMMARY) else {}
