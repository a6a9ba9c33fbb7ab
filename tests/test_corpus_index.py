"""The index of a build finds every name and domain, counts exactly, and opens three objects to find a document."""

import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pile_builder.audit.explain import explain_document
from pile_builder.audit.explain_domain import explain_domain
from pile_builder.audit.find import find_places
from pile_builder.commits import Commits
from pile_builder.corpus_index import LISTED, NAMED, NO_ROW, REJECT, SITED, compact
from pile_builder.document import document_id
from pile_builder.domains import document_host, domains_above, in_domain, parse_domain
from pile_builder.errors import PileError
from pile_builder.names import NAMES, name_hash, named_rows, names_of, rule_numbers, sited_rows
from pile_builder.pipelines import locate
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.sorted_rows import find_rows, sorted_rows
from pile_builder.storage import Store
from pile_builder.story import read_story
from tests.pages import EVIL, FAMOUS, id_of, manifest_of, register_paged, write_pages


class Opened(Store):
    """A store that notes what is opened."""

    opened: ClassVar[list[str]] = []

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        self.opened.append(name)
        with super().open(name) as stream:
            yield stream


@given(st.lists(st.tuples(st.integers(0, 3) | st.integers(0, 2**64 - 1), st.integers(0, 9)), max_size=2_000))
def test_sorted_rows_are_found_however_uneven_their_hashes_are(pairs: list[tuple[int, int]]):
    rows = np.sort(np.array([(one, 0, row) for one, row in pairs], NAMED))
    data = io.BytesIO(sorted_rows(rows))
    for wanted in {0, 1, 2, 3, 2**64 - 1, *(one for one, _ in pairs[:20])}:
        found = find_rows(data, NAMED, len(rows), wanted)
        assert sorted(found["row"].tolist()) == sorted(row for one, row in pairs if one == wanted)


def test_of_many_rows_a_few_kilobytes_are_read():
    rows = np.zeros(200_000, NAMED)
    rows["hash"] = np.sort(np.random.default_rng(1).integers(0, 2**64, len(rows), np.uint64))
    data = sorted_rows(rows)
    sizes: list[int] = []

    class Counting(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            sizes.append(size or 0)
            return super().read(size)

    wanted = int(rows["hash"][123_456])
    assert find_rows(Counting(data), NAMED, len(rows), wanted)["hash"].tolist() == [wanted]
    assert len(sizes) == 2
    assert sum(sizes) < 16_384


ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 9_999), st.integers(0, 2), st.integers(0, 2), st.integers(0, 99)),
    max_size=400,
    unique_by=lambda row: row[:2],
)


@given(ROWS, st.integers(1, 4))
def test_domains_are_counted_exactly_and_listed_by_id_whatever_the_parts(rows: list[tuple[int, ...]], parts: int):
    sited = np.array([(site, one, rank, one, rule, 1, size) for site, one, rank, rule, size in rows], SITED)
    split = [compact(sited[start::parts]) for start in range(parts)]
    found = compact(np.concatenate(split))
    assert np.array_equal(found, compact(sited))
    for site in range(3):
        mine = [row for row in rows if row[0] == site]
        here = found[found["hash"] == site]
        listed = here[here["row"] != NO_ROW]
        assert listed["id"].tolist() == sorted(row[1] for row in mine)[:LISTED]
        documents: Counter[tuple[int, int]] = Counter()
        for one in here.tolist():
            documents[one[2], one[4]] += one[5]
        assert documents == Counter((row[2], row[3]) for row in mine)
        assert here["bytes"].sum() == sum(row[4] for row in mine)


def test_documents_and_rejects_have_an_id_and_the_start_of_their_key():
    keys = [f"http://site.example/{i // 2} 2021010100000{i % 2}" for i in range(50)]
    records = [(document_id("web", key), key, "{}", None if i < 40 else "ingest.bad") for i, key in enumerate(keys)]
    names = names_of("web", records)
    rows = named_rows(7, names, 40)
    start = rows[rows["hash"] == name_hash(document_id("any", "http://site.example/20"))]
    assert start["row"].tolist() == [int(REJECT), int(REJECT) + 1]
    assert rows[rows["hash"] == name_hash(records[39][0])]["row"].tolist() == [39]
    numbers, known = rule_numbers(pa.chunked_array([names["rule"].combine_chunks()]))
    sited = sited_rows(7, names, numbers, np.full(40, 5))
    assert sited["documents"].sum() == 50
    assert sited["bytes"].sum() == 200
    assert {known.get(one, "kept") for one in sited["rule"].tolist()} == {"kept", "ingest.bad"}


def test_a_block_without_any_record_has_no_names():
    nothing = NAMES.empty_table()
    numbers, known = rule_numbers(pa.chunked_array([], pa.string()))
    assert not len(named_rows(0, nothing, 0))
    assert not len(sited_rows(0, nothing, numbers, np.zeros(0, np.int64)))
    assert not known


def test_names_of_what_is_taken_down_stay_but_for_its_domain():
    key = "http://site.example/a 2021"
    identity = document_id("web", key)
    whole = names_of("web", [(identity, key, "{}", None)])
    emptied = names_of("web", [(identity, "", "{}", None)], {identity: document_id("web", "http://site.example/a")})
    assert emptied.drop_columns(["domains"]).equals(whole.drop_columns(["domains"]))
    assert not emptied["domains"].to_pylist()[0]
    assert emptied.schema == NAMES


def test_the_domain_of_a_document():
    assert document_host("https://User@Shop.Example.org.:8080/x?y 2021", "{}") == "shop.example.org"
    assert document_host("cs/0112017", '{"url":"https://arxiv.org/abs/cs/0112017"}') == "arxiv.org"
    assert document_host("src/rope.c", '{"url":7}') == ""
    assert list(domains_above("www.a.b.example.org")) == ["example.org", "b.example.org", "a.b.example.org"]
    assert list(domains_above("192.0.2.1")) == ["192.0.2.1"]
    assert list(domains_above("localhost")) == ["localhost"]
    assert list(domains_above("")) == []
    assert len(list(domains_above(".".join("abcdefghijklmn")))) == 8
    assert document_host(f"http://{'a' * 300}/", "{}") == ""
    assert in_domain("a.example.org", "example.org")
    assert not in_domain("notexample.org", "example.org")
    assert parse_domain("https://a.example.org/x") == "a.example.org"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        register_paged(patch)
        # Several partitions and passes of a small corpus.
        patch.setattr(locate, "PARTITION_BYTES", 2_000)
        patch.setattr(locate, "PASS_BYTES", 8_000)
        root = write_pages(tmp_path_factory.mktemp("raw"))
        out = tmp_path_factory.mktemp("pages")
        build(manifest_of(root), str(out), RunOptions())
        yield out


def test_three_objects_are_opened_to_find_a_document(pages: Path):
    store = Opened(str(pages))
    record = Commits(store, "locate").load(read_story(store)["locate"])
    assert record["bits"] >= 2
    assert len(record["parts"]) > 4
    for wanted in (FAMOUS, id_of("web", FAMOUS), "https://nowhere.example"):
        store.opened.clear()
        places = find_places(store, read_story(store), wanted)
        assert len(store.opened) <= 3
        assert len(places) == (wanted != "https://nowhere.example")


def test_every_page_is_found_by_id_and_url(pages: Path):
    store = Store(str(pages))
    for name in ("web", "forum"):
        url = f"https://{name}0.example/7"
        (story,) = explain_document(store, url)
        assert story["id"] == id_of(name, url)
        assert explain_document(store, story["id"]) == explain_document(store, story["id"][:-4]) == [story]
    with pytest.raises(PileError, match=r"keys that contain it: https://forum0\.example/30 .*web0"):
        explain_document(store, "0.EXAMPLE/30")
    with pytest.raises(PileError, match="no document with the id"):
        explain_document(store, id_of("web", FAMOUS)[:-1] + ("0" if id_of("web", FAMOUS)[-1] != "0" else "1"))


def test_a_domain_is_told_with_what_lies_below_it(pages: Path):
    store = Store(str(pages))
    evil = explain_domain(store, "*.Evil.example", 10)
    assert evil["documents"] == len(EVIL)
    assert {one["key"].split(" ")[0] for one in evil["listed"]} == set(EVIL)
    assert [one["id"] for one in evil["listed"]] == sorted(one["id"] for one in evil["listed"])
    assert explain_domain(store, "shop.evil.example", 10)["documents"] == 1
    counted: dict[str, Any] = explain_domain(store, "web0.example", 3)
    assert counted["documents"] == sum(fate["documents"] for fate in counted["fates"]) == 40
    assert len(counted["listed"]) == 3
    for one in counted["listed"]:
        (story,) = explain_document(store, one["id"])
        assert (story["verdict"], story["bytes_written"]) == (one["rule"], one["bytes"])
    with pytest.raises(PileError, match="no document from no"):
        explain_domain(store, "no.example", 3)
