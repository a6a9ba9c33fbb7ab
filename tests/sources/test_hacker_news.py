from __future__ import annotations

import os
import random
from itertools import pairwise
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.sources.hacker_news import HackerNews, roots
from pile_builder.sources.hacker_news.layout import MAX_INDENT, plain_text
from tests.sources.joined import joined

SAMPLES = Path(__file__).parents[2] / "samples" / "hacker_news"
TREE = """\
Ask HN: How do you keep tide tables?
ruth_e

Our harbour has had a paper table since 1931.

I moved it to a shell script:

  for t in $(tides); do
    echo "$t"
  done

What would you use?

gullwatch:
A database with one row for each tide, and a trigger that rings the bell.

  [deleted]

    gullwatch:
    I agree with what stood here.

achille:
A pencil. See https://pencils.example/a/very/long/path/to/a/pencil/of/graphite for mine.

  ruth_e:
  > A pencil.

  It washed off in the flood of 1953, and again in 1978; since then the harbour office has kept two copies.

  wendlow:
  Two pencils.

    achille:
    Then you need a rule for which of them is right."""
CHAINS = """\
======
gullwatch
A database with one row for each tide, and a trigger that rings the bell.

------
achille
A pencil. See
[https://pencils.example/a/very/long/path/to/a...](https://pencils.example/a/very/long/path/to/a/pencil/of/graphite)
for mine.

~~~
wendlow
Two pencils.

~~~
achille
Then you need a rule for which of them is right.

"""


def news(root: Path, *inputs: str, **settings: object) -> HackerNews:
    return HackerNews(HackerNews.Config(inputs=inputs or (".",), root=str(root), **settings))


def write(path: Path, *items: dict[str, object]) -> None:
    path.write_bytes(b"".join(orjson.dumps(item) + b"\n" for item in items))


def test_samples() -> None:
    found = joined(news(SAMPLES, "lines"))
    assert sorted(found.documents) == ["1001", "1020"]
    assert found.documents["1001"].text == TREE
    assert found.documents["1001"].meta == {
        "title": "Ask HN: How do you keep tide tables?",
        "url": "https://news.ycombinator.com/item?id=1001",
        "date": "2012-01-01T00:00:00Z",
        "authors": ["ruth_e"],
        "item_id": 1001,
        "score": 41,
        "comments": 6,
    }
    poll = "Poll: Which lantern?\nlampman\n\n- Oil (5)\n- Gas & mantle (7)\n\nruth_e:\nOil. Gas hisses."
    assert found.documents["1020"].text == poll
    assert sorted(found.rejects) == [
        ("1030", "dead"),
        ("1032", "deleted"),
        ("1033", "no_comments"),
        ("1034", "low_score"),
        ("1042", "no_comments"),
        ("999", "orphan"),
        ("lines/a.jsonl@12", "damaged"),
        ("lines/b.jsonl.gz#0", "damaged"),
    ]
    assert found.skipped == {"missing_item": 1}


@pytest.mark.parametrize("shape", ["api", "export"])
def test_every_shape_gives_the_same(shape: str) -> None:
    found = joined(news(SAMPLES, shape))
    assert found.documents == joined(news(SAMPLES, "lines")).documents
    assert [one for one in found.rejects if "/" in one[0]] == (
        [("export/000000000002.parquet", "truncated")] if shape == "export" else []
    )


def test_items_that_lie_in_two_inputs_count_once() -> None:
    assert joined(news(SAMPLES)).documents == joined(news(SAMPLES, "lines")).documents


def test_options() -> None:
    every = joined(news(SAMPLES, "lines", min_score=0, min_comments=0))
    assert sorted(every.documents) == ["1001", "1020", "1033", "1034", "1042"]
    job = "Harbour Co (YC W11) hires a lamplighter\nharbourco | https://harbour.example/jobs"
    assert every.documents["1042"].text == job


def test_as_the_pile_did() -> None:
    found = joined(news(SAMPLES, "lines", compat="pile-2020"))
    text = found.documents["1001"].text
    assert text.startswith("\nAsk HN: How do you keep tide tables? - ruth_e\nOur harbour has had a <i>paper</i> table")
    assert text[text.index("======") :] == CHAINS
    assert ("1020", "not_story") in found.rejects


def test_exports_with_numbers_for_types(tmp_path: Path) -> None:
    rows = [
        {"id": 7, "type": 1, "title": "Knots", "score": "3", "dead": 0, "parent": None, "text": None, "by": None},
        {"id": 8, "type": 2, "parent": 7, "text": "Which?", "by": "ruth", "dead": 0},
        {"id": 9, "type": 2, "parent": 7, "text": "Buy!", "by": "spam", "dead": 1},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "part.parquet")
    assert joined(news(tmp_path)).documents["7"].text == "Knots\n\nruth:\nWhich?"


@pytest.mark.parametrize("parent", [8, 9, 10, -1])
def test_parents_that_cannot_be(parent: int, tmp_path: Path) -> None:
    write(
        tmp_path / "a.jsonl",
        {"id": 8, "type": "comment", "parent": parent, "text": "a"},
        {"id": 9, "type": "comment", "parent": 8, "text": "b"},
        {"id": 10, "type": "comment", "parent": 9, "text": "c"},
        {"id": 1 << 40, "type": "story"},
    )
    found = joined(news(tmp_path))
    assert found.rejects == [("a.jsonl#3", "damaged"), ("8", "orphan")]


def test_a_deep_thread_stays_small(tmp_path: Path) -> None:
    chain = [{"id": n, "type": "comment", "parent": n - 1, "text": f"reply {n}", "by": "x"} for n in range(2, 3_000)]
    write(tmp_path / "a.jsonl", {"id": 1, "type": "story", "title": "Deep", "score": 5}, *chain)
    text = joined(news(tmp_path)).documents["1"].text
    indents = [len(line) - len(line.lstrip()) for line in text.split("\n") if "reply" in line]
    assert len(indents) == 2_998 and max(indents) == 2 * MAX_INDENT
    assert all(after - before in (0, 2) for before, after in pairwise(indents))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 1 << 30), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_tops_of_threads_as_by_walking_up(numbers: list[int], shuffled: random.Random) -> None:
    ids = [1 + place * 1_700 for place in range(len(numbers))]
    parents = {
        one: ids[number % place] if place and number % 3 else 0
        for place, (one, number) in enumerate(zip(ids, numbers, strict=True))
    }
    pairs = list(parents.items())
    shuffled.shuffle(pairs)
    rows = dict(roots.table_rows(roots.resolve(pairs)))
    top_of = roots.Roots(rows.get)
    for one in ids:
        top = one
        while parents[top]:
            top = parents[top]
        assert top_of(one) == top
    assert top_of(ids[-1] + 90_000) == ids[-1] + 90_000


@pytest.mark.parametrize(
    "item",
    [
        [1], 7, "x", {"id": 1, "title": 3}, {"id": None}, {"id": 1, "kids": 5}, {"id": 1, "kids": ["x"]},
        {"id": 1, "time": 1 << 40}, {"id": 1, "time": "soon"}, {"id": -1},
    ],
)  # fmt: skip
def test_what_is_no_item(item: object, tmp_path: Path) -> None:
    good = b'{"id": "2", "type": "story", "title": "T", "score": "1", "time": "1325376000"}\n'
    (tmp_path / "a.jsonl").write_bytes(good + orjson.dumps(item) + b"\n")
    found = joined(news(tmp_path, min_comments=0))
    assert [rule for _, rule in found.rejects] == ["damaged"]
    assert found.documents["2"].meta["date"] == "2012-01-01T00:00:00Z"


def test_one_value_over_many_lines(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{\n "id": 1, "type": "story",\n "title": "T", "score": 1, "descendants": 0\n}')
    (tmp_path / "b.json").write_bytes(b"[\n {]")
    found = joined(news(tmp_path, min_comments=0))
    assert found.documents["1"].text == "T" and found.rejects == [("b.json", "damaged")]


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="real data is not at hand")
def test_real_thread(tmp_path: Path) -> None:
    offered = orjson.loads(Path(os.environ["PILE_DATA"], "hackernews", "hn_comments.json").read_bytes())
    post, comments = offered["post"], offered["comments"]
    # Numbers as small as they can be, as the table has room for all below the largest.
    shift = post["id"] - 1
    for item in [post, *comments]:
        item["id"] -= shift
        item["kids"] = [kid - shift for kid in item.get("kids", ())]
        item["parent"] = item.get("parent", shift) - shift
    random.Random(5).shuffle(comments)
    write(tmp_path / "a.jsonl", *comments)
    write(tmp_path / "b.jsonl", post)
    found = joined(news(tmp_path))
    assert found.rejects == [] and found.documents["1"].meta["comments"] == 381
    text = found.documents["1"].text
    alive = [one for one in comments if not (one.get("dead") or one.get("deleted"))]
    assert all(plain_text(one["text"]) in text for one in alive)
    places = {one["id"]: text.index(plain_text(one["text"])) for one in alive}
    order = [places[kid] for kid in post["kids"] if kid in places]
    assert order == sorted(order)
    assert not any(mark in text for mark in ("<p>", "<a ", "&#x", "&gt;", "&quot;"))
