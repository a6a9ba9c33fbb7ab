"""The draw is a pure function of corpus, seed and options, fair, and as large in memory as what it draws."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import chi2, chisquare

from pile_builder.audit.explain import explain_document
from pile_builder.commits import Commits
from pile_builder.document import document_id, id64
from pile_builder.errors import PileError
from pile_builder.mixing.keyed import key, keyed_hash
from pile_builder.pipelines.assemble import INDEX
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.takedown import propose, take_down
from pile_builder.review.draw import Sample, draw, still_there, take_batch
from pile_builder.review.texts import SHOWN, GoneError, Texts
from pile_builder.storage import Store
from pile_builder.takedown.look_up import Wanted
from tests.pages import FAMOUS, MIRROR, TWIN, id_of, register_paged
from tests.review.builds import HOSTILE, HOSTILE_URL, LONG_URL
from tests.test_build import read_shards


def train_ids(out: Path) -> set[str]:
    commits = Commits(Store(str(out)), "assemble")
    indexes = [record["index"] for record in map(commits.load, commits.done()) if record["split"] == "train"]
    return {identity for index in indexes for identity in pq.read_table(out / index)["id"].to_pylist()}


def index_of(ids: list[str], copy: int = 0) -> pa.RecordBatch:
    rows = [(one, copy, 0, 0, 100 * at, 90) for at, one in enumerate(ids)]
    columns = zip(*rows, strict=True)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, INDEX, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=INDEX)


def test_what_is_drawn_depends_on_corpus_seed_and_options_only(finished: Path):
    store = Store(str(finished))
    drawn = draw(store, 10, 1)
    assert drawn == draw(store, 10, 1)
    assert Counter(one.source for one in drawn) == {"web": 10, "forum": 10}
    assert {one.identity for one in draw(store, 10, 2)} != {one.identity for one in drawn}
    assert [one for one in drawn if one.source == "web"] == draw(store, 10, 1, ["web"])


def test_sources_take_turns_and_a_larger_sample_goes_on_where_a_smaller_ended(finished: Path):
    drawn = draw(Store(str(finished)), 10, 1)
    assert all(len({one.source for one in drawn[at : at + 2]}) == 2 for at in range(0, 20, 2))
    assert len({one.source for one in drawn[::2]}) == 2
    assert draw(Store(str(finished)), 20, 1)[:20] == drawn


def test_each_document_is_drawn_once_however_many_copies_it_has(finished: Path):
    drawn = [one.identity for one in draw(Store(str(finished)), 10_000, 1)]
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == train_ids(finished)


def test_every_document_is_as_likely_as_another():
    ids = [document_id("web", str(number)) for number in range(100)]
    index = index_of(ids)
    counts: Counter[str] = Counter()
    first: Counter[str] = Counter()
    for seed in range(1000):
        samples: dict[str, Sample] = {}
        take_batch(samples, index, "shard", 10, seed, ())
        ranked = sorted(samples["web"].documents.values(), key=lambda one: one.rank)
        counts.update(one.identity for one in ranked)
        first[ranked[0].identity] += 1
    assert chisquare([first[one] for one in ids]).pvalue > 0.01
    # Draws of 10 of 100 without putting back: counts vary 0.9 times as much as the test expects.
    assert chisquare([counts[one] for one in ids]).statistic / 0.9 < chi2.isf(0.01, 99)


def test_no_more_is_kept_than_is_drawn_and_it_is_the_smallest_hashes():
    ids = [document_id(f"source{number % 3}", str(number)) for number in range(30_000)]
    samples: dict[str, Sample] = {}
    for start in range(0, len(ids), 3000):
        for copy in (1, 0):
            take_batch(samples, index_of(ids[start : start + 3000], copy), "shard", 7, 5, ())
            assert all(len(sample.documents) <= 7 for sample in samples.values())
    for source, sample in samples.items():
        own = [one for one in ids if one.startswith(source)]
        hashes = keyed_hash(key(5, f"review:{source}"), id64(pa.array(own)))
        assert set(sample.documents) == {own[at] for at in np.argsort(hashes)[:7]}
        assert {one.copy for one in sample.documents.values()} == {0}


def test_texts_are_those_of_the_shards(finished: Path):
    store = Store(str(finished))
    texts = Texts(store)
    lines = {line["text"] for line in read_shards(finished)["train"]}
    keys = {}
    for one in draw(store, 10_000, 1):
        shown = texts.read(one)
        keys[one.identity] = shown.key
        assert shown.bytes == sum(one.sizes)
        if shown.characters <= SHOWN:
            assert set(shown.pieces) <= lines
        else:
            assert sum(map(len, shown.pieces)) == SHOWN
    assert keys[id_of("web", HOSTILE_URL)] == f"{HOSTILE_URL} 2024-05-06"
    for identity in list(keys)[:5]:
        assert explain_document(store, identity)[0]["key"] == keys[identity]


def test_hostile_long_and_cut_documents_are_read(finished: Path):
    store = Store(str(finished))
    drawn = {one.identity: one for one in draw(store, 10_000, 1)}
    texts = Texts(store)
    assert HOSTILE in texts.read(drawn[id_of("web", HOSTILE_URL)]).pieces[0]
    assert texts.read(drawn[id_of("forum", LONG_URL)]).characters > SHOWN
    assert max(len(one.sizes) for one in drawn.values()) > 1
    cut = next(one for one in drawn.values() if len(one.sizes) > 1)
    assert [len(piece.encode()) for piece in texts.read(cut).pieces] == cut.sizes


def test_what_is_taken_down_is_not_drawn_nor_shown(out: Path, monkeypatch: pytest.MonkeyPatch):
    register_paged(monkeypatch)
    store = Store(str(out))
    before = {one.identity: one for one in draw(store, 10_000, 1)}
    texts = Texts(store)
    gone = {id_of("web", FAMOUS), id_of("forum", MIRROR), id_of("forum", TWIN)} & before.keys()
    assert gone
    proposal = propose(store, Wanted(urls=frozenset([FAMOUS]), ids=frozenset(), domains=frozenset()), only_listed=False)
    take_down(store, proposal, "author", "asked", RunOptions())
    after = {one.identity for one in draw(store, 10_000, 1)}
    assert after == before.keys() - gone
    assert still_there(store, list(before)) == after
    for identity in gone:
        with pytest.raises(GoneError, match="taken down"):
            texts.read(before[identity])


def test_a_shard_that_holds_something_else_is_an_error_not_another_text(out: Path):
    store = Store(str(out))
    one = draw(store, 1, 1)[0]
    one.sizes = [size + 1 for size in one.sizes]
    with pytest.raises(GoneError, match="changed since"):
        Texts(store).read(one)
    one.shard = "0" * 24
    with pytest.raises(GoneError, match="start it again"):
        Texts(store).read(one)


def test_an_unknown_source_is_told_those_there_are(finished: Path):
    with pytest.raises(PileError, match=r"--source: expected .*forum, web.* got 'wbe'"):
        draw(Store(str(finished)), 1, 1, ["wbe"])
