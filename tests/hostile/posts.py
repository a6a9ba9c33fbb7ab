"""Sites of questions and threads of comments: circles, orphans, floods of answers, numbers and dates out of range."""

import bz2
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.hostile.cases import Case, Reader
from tests.hostile.made import STORY
from tests.hostile.well_formed import answer, lines, post, posts, thread

BIDI = "\u202e\u2066" * 50_000
GOOD_POSTS = posts(post(1), answer(2, 1))
READERS = {
    "stack_exchange": Reader({"good.example/Posts.xml": GOOD_POSTS}),
    "hacker_news": Reader({"good.jsonl": lines(*thread(1))}),
}
HTML = {
    "script": "<script>alert(1)</script><p>" + STORY,
    "deep": "<div>" * 20_000 + STORY,
    "wide": "<p>x</p>" * 600_000,
    "entities": "<!DOCTYPE x [<!ENTITY a 'b'>]><p>&a; &unknown; " + "&amp;" * 10_000 + STORY,
    "external": "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><p>&a;" + STORY,
    "open": "<p><b><i><pre><code>" + STORY,
    "controls": "&#0;&#x1b;]0;owned&#7; " + STORY,
    "bidi": BIDI + STORY,
}


def _posts(name: str, *rows: str, documents: int = 0, rejects: str = "", skipped: str = "") -> Case:
    return Case("stack_exchange", f"{name}.example/Posts.xml", lambda: posts(*rows), documents, rejects, skipped)


def _items(name: str, items: Sequence[Any], documents: int = 0, rejects: str = "", skipped: str = "") -> Case:
    return Case("hacker_news", f"{name}.jsonl", lambda: lines(*items), documents, rejects, skipped)


def _parquet(**columns: Any) -> bytes:
    packed = io.BytesIO()
    pq.write_table(pa.table(columns), packed)
    return packed.getvalue()


def _seven(members: Mapping[str, bytes]) -> bytes:
    import py7zr

    packed = io.BytesIO()
    with py7zr.SevenZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(content, name)
    return packed.getvalue()


def _changed(first: int, **values: Any) -> list[dict[str, Any]]:
    """A thread whose story is another."""
    story, *replies = thread(first)
    return [{**story, **values}, *replies]


def _changed_reply(first: int, **values: Any) -> list[dict[str, Any]]:
    story, reply = thread(first)
    return [story, {**reply, **values}]


def _chain(first: int, size: int, **others: Any) -> list[Mapping[str, Any]]:
    return [{**item, **others} for item in thread(first, size)]


HTML_FATES: Mapping[str, Mapping[str, Any]] = {"wide": {"rejects": "too_large"}, "deep": {"rejects": "no_text"}}
STACK_EXCHANGE = [
    *(
        _posts(f"html-{what}", post(1, body=text), answer(2, 1, text), **HTML_FATES.get(what, {"documents": 1}))
        for what, text in HTML.items()
    ),
    _posts(
        "answers-100k",
        post(1),
        *(answer(n, 1, "<p>me too</p>", Score=0) for n in range(2, 100_002)),
        rejects="low_score",
    ),
    _posts("answers-itself", post(1), answer(1, 1), documents=1),
    _posts("answers-answer", post(1), answer(2, 1), answer(3, 2), documents=1, rejects="orphan"),
    _posts("answers-circle", answer(1, 2), answer(2, 1), rejects="orphan*2"),
    _posts("orphans-10k", *(answer(n, n + 1) for n in range(1, 20_001, 2)), rejects="orphan*10000"),
    _posts("same-ids", *[post(1)] * 500, *[answer(2, 1)] * 500, documents=1),
    _posts("score-huge", post(1), answer(2, 1, Score="9" * 5_000), rejects="damaged no_answer"),
    _posts("score-64-bit", post(1, Score=10**20), answer(2, 1), rejects="damaged orphan"),
    _posts("score-negative", post(1), answer(2, 1, Score=-(10**14)), rejects="low_score"),
    _posts("score-float", post(1), answer(2, 1, Score="NaN"), answer(3, 1, Score="1e9"), rejects="damaged*2 no_answer"),
    _posts("id-huge", post("9" * 5_000), rejects="damaged"),
    _posts("id-negative", post(-1), answer(-2, -1), documents=1),
    _posts("id-arabic", post("\u0661"), answer(2, 1), rejects="damaged orphan"),
    _posts("id-path", post("../../../evil"), rejects="damaged"),
    _posts("parent-none", answer(2, None), rejects="damaged"),
    _posts("kind-huge", post(1, "9" * 100), skipped="other_post"),
    _posts("kind-none", post(1, None), rejects="damaged"),
    _posts("body-none", post(1, body=None), rejects="damaged"),
    _posts("date-year-0", post(1, CreationDate="0000-00-00T00:00:00"), answer(2, 1), rejects="damaged orphan"),
    _posts("date-year-99999", post(1, CreationDate="99999-01-01T00:00:00"), rejects="damaged"),
    _posts("date-none", post(1, CreationDate=None), rejects="damaged"),
    _posts("licence-flood", post(1, ContentLicense="x" * 100_000), answer(2, 1), documents=1),
    _posts("licence-markup", post(1, ContentLicense="<script>\u202e"), answer(2, 1), documents=1),
    _posts("tags-flood", post(1, Tags="<a>" * 100_000), answer(2, 1), documents=1),
    _posts("title-flood", post(1, Title=BIDI + "<script>alert(1)</script>" * 1000), answer(2, 1), documents=1),
    _posts("attributes-flood", post(1, **{f"A{n}": n for n in range(20_000)}), answer(2, 1), documents=1),
    _posts("attribute-twice", post(1).replace("Id=", 'Id="2" Id='), rejects="damaged"),
    _posts("sup-flood", post(1, body="1<sup>" * 20_000 + STORY), answer(2, 1), documents=1),
    _posts("controls", post(1, body="&#0;&#1;&#x1f;" + STORY), answer(2, 1), documents=1),
    _posts("entity", "<row &x; />", post(1), answer(2, 1), documents=1, rejects="damaged"),
    _posts("row-open", '<row Id="1" PostTypeId="1"', post(1), answer(2, 1), documents=1, rejects="damaged"),
    _posts(
        "not-a-row",
        "<!DOCTYPE posts [<!ENTITY a 'b'>]>",
        "text",
        post(1),
        answer(2, 1),
        documents=1,
        rejects="damaged*2",
    ),
    Case(
        "stack_exchange",
        "surrogate.example/Posts.xml",
        posts(post(1, body="\ud800" + STORY), answer(2, 1)),
        0,
        "damaged orphan",
    ),
    Case("stack_exchange", "nul.example/Posts.xml", GOOD_POSTS.replace(b"ferry", b"fe\0rry"), 0, "damaged*2"),
    Case("stack_exchange", "nuls.example/Posts.xml", bytes(100_000), 0, "damaged truncated"),
    Case("stack_exchange", "utf-16.example/Posts.xml", GOOD_POSTS.decode().encode("utf-16"), 0, "damaged*6 truncated"),
    Case("stack_exchange", "empty.example/Posts.xml", b"", 0, "truncated"),
    Case("stack_exchange", "cut.example/Posts.xml", GOOD_POSTS[:-30], 0, "damaged no_answer truncated"),
    Case("stack_exchange", "cut-end.example/Posts.xml", GOOD_POSTS[:-9], 1, "truncated"),
    Case(
        "stack_exchange",
        "line-10m.example/Posts.xml",
        lambda: posts("x" * (10 << 20), post(1), answer(2, 1)),
        1,
        "damaged",
    ),
    Case(
        "stack_exchange",
        "line-100m.example/Posts.xml",
        lambda: posts("x" * (100 << 20), post(1), answer(2, 1)),
        1,
        "too_large",
        is_large=True,
    ),
    Case(
        "stack_exchange",
        "bomb.example/Posts.xml.gz",
        lambda: gzip.compress(GOOD_POSTS[:-9] + b"<row " + bytes(200 << 20)),
        1,
        "bomb",
        is_large=True,
    ),
    Case("stack_exchange", "cut-gz.example/Posts.xml.gz", gzip.compress(GOOD_POSTS)[:-20], 0, "truncated no_answer"),
    Case("stack_exchange", "noise.example/Posts.xml.bz2", bz2.compress(GOOD_POSTS)[:40] + b"\xff" * 99, 0, "damaged"),
]
HACKER_NEWS = [
    _items("parent-itself", _changed_reply(101, parent=102), 0, "no_comments orphan"),
    _items("parent-later", [{**item, "parent": 205} for item in thread(201)], 0, "no_comments orphan"),
    _items("circle", [{**one, "type": "comment", "parent": 401 - n} for n, one in enumerate(thread(400))], 0, "orphan"),
    _items("chain-5k", _chain(100_000, 5_000), 1),
    _items("flat-20k", [{**one, "parent": 200_000} if n else one for n, one in enumerate(thread(200_000, 20_000))], 1),
    _items("same-ids", [*thread(301)] * 500, 1),
    _items("orphans", [item for n in range(1_000, 3_000, 2) for item in thread(n)[1:]], 0, "orphan*1000"),
    _items("id-0", [{"id": 0}, {"id": -1}, {"id": 2**40}, {"id": 10**40}, {"id": "x"}, {}], 0, "damaged*6"),
    _items("id-200m", [{"id": 200_000_000, "type": "story", "score": 9}], 0, "no_comments"),
    _items("id-true", [{"id": True}, {"id": [1]}, {"id": 1.5}, {"id": None}], 0, "damaged*4"),
    _items("score-huge", _changed(501, score=10**30), 0, "damaged orphan"),
    _items("score-text", _changed(511, score="9" * 5_000), 0, "damaged orphan"),
    _items("time-huge", _changed(521, time=10**30), 0, "damaged orphan"),
    _items("time-negative", _changed(531, time=-1), 0, "damaged orphan"),
    _items("time-text", _changed(541, time="yesterday"), 0, "damaged orphan"),
    _items("kids-huge", _changed(551, kids=[10**30, -5]), 0, "damaged orphan"),
    _items("kids-flood", _changed(561, kids=list(range(100_000))), 1),
    _items("kids-mapping", _changed(571, kids={"1": 2}), 1),
    _items("kids-number", _changed(581, kids=7), 0, "damaged orphan"),
    _items("type-list", _changed(591, type=["story"]), 0, "damaged orphan"),
    _items("type-unknown", _changed(601, type="\u202e<script>"), 1),
    _items("title-number", _changed(611, title=5), 0, "damaged orphan"),
    _items("title-bidi", _changed(621, title=BIDI, by="<script>"), 1),
    _items("link-script", _changed(631, url="javascript:alert(1)//" + "x" * 100_000), 1),
    _items("parent-text", _changed_reply(641, parent="x"), 0, "damaged no_comments"),
    _items("parent-huge", _changed_reply(651, parent=10**30), 0, "damaged no_comments"),
    _items("ranking-huge", _changed_reply(661, ranking=10**18), 1),
    _items("deleted-strange", _changed_reply(671, deleted="true", dead={"a": 1}), 0, "no_comments"),
    *(
        _items(f"html-{what}", _changed(7_000 + 10 * n, text=text), 1)
        for n, (what, text) in enumerate(HTML.items())
        if what != "wide"
    ),
    Case("hacker_news", "surrogate.jsonl", b'{"id": 681, "title": "\\ud800", "type": "story"}\n', 0, "low_score"),
    Case(
        "hacker_news",
        "deep.jsonl",
        b'{"id": 691, "kids": ' + b"[" * 100_000 + b"\n" + lines(*thread(692)),
        1,
        "damaged",
    ),
    Case("hacker_news", "nan.jsonl", b'{"id": 701, "score": NaN}\n{"id": 1e999}\n', 0, "low_score damaged"),
    Case(
        "hacker_news",
        "list.json",
        lambda: json.dumps([[1], None, 5, "x", *thread(711)], indent=1).encode(),
        1,
        "damaged*3",
        "missing_item",
    ),
    Case("hacker_news", "list-cut.json", b"[\n" + lines(*thread(721))[:-9], 0, "damaged"),
    Case("hacker_news", "not-utf-8.jsonl", lines(*thread(731)).replace(b"ferry", b"f\xffrry"), 0, "undecodable*2"),
    Case("hacker_news", "nuls.jsonl", bytes(10_000), 0, "truncated"),
    Case("hacker_news", "empty.jsonl", b""),
    Case("hacker_news", "blank.jsonl", b"\n" * 200_000 + lines(*thread(741)), 1),
    Case("hacker_news", "cut.jsonl.gz", gzip.compress(lines(*thread(751)) * 200)[:-20], 1, "truncated"),
    Case("hacker_news", "cut.parquet", _parquet(id=[761])[:-9], 0, "truncated"),
    Case("hacker_news", "footer.parquet", _parquet(id=[761])[:-8] + b"\xff\xff\xff\x7fPAR1", 0, "damaged"),
    Case(
        "hacker_news", "types.parquet", lambda: _parquet(id=["x", "771"], text=[{"a": 1}, None]), 0, "damaged low_score"
    ),
    Case("hacker_news", "no-id.parquet", lambda: _parquet(title=["x"]), 0, "damaged"),
    Case(
        "hacker_news",
        "times.parquet",
        lambda: _parquet(id=[781], time=pa.array([2**50], pa.timestamp("s"))),
        0,
        "damaged",
    ),
    Case(
        "hacker_news",
        "bytes.parquet",
        lambda: _parquet(id=[791], text=pa.array([b"\xff\xfe"], pa.binary())),
        0,
        "damaged",
    ),
]
PACKED = _seven({"Posts.xml": GOOD_POSTS})
SEVEN_ZIPS = [
    Case("stack_exchange", f"{name}.example.7z", content, documents, rejects)
    for name, content, documents, rejects in (
        ("7z-twice", _seven({"a/Posts.xml": GOOD_POSTS, "b/Posts.xml": GOOD_POSTS}), 1, ""),
        ("7z-cut", PACKED[:-20], 0, "damaged"),
        ("7z-magic", PACKED[:6], 0, "damaged"),
        ("7z-offset", PACKED[:12] + b"\xff" * 8 + PACKED[20:], 0, "damaged"),
        ("7z-size", PACKED[:20] + b"\xff" * 4 + PACKED[24:], 0, "damaged"),
        ("7z-noise", PACKED[:40] + b"\xff" * 60 + PACKED[100:], 0, "damaged"),
        ("7z-other", _seven({f"{number}.xml": b"x" for number in range(2_000)}), 0, "no_member"),
        ("7z-bomb", lambda: _seven({"Posts.xml": GOOD_POSTS[:-9] + b" " * (80 << 20)}), 0, "bomb"),
    )
]
CASES = [*STACK_EXCHANGE, *SEVEN_ZIPS, *HACKER_NEWS]
