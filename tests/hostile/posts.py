"""Sites of questions, threads and mails: circles, orphans, floods of answers, numbers and dates out of range."""

import bz2
import gzip
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.hostile.cases import Case, Reader
from tests.hostile.made import STORY, TAR_END, tar_header, tar_member, tar_of
from tests.hostile.well_formed import answer, captions, chapter, lines, log, mail, post, posts, thread

BIDI = "\u202e\u2066" * 50_000
GOOD_POSTS = posts(post(1), answer(2, 1))
READERS = {
    "stack_exchange": Reader({"good.example/Posts.xml": GOOD_POSTS}),
    "hacker_news": Reader({"good.jsonl": lines(*thread(1))}),
    "ubuntu_irc": Reader({"2005/01/03/#good.txt": log()}),
    "enron": Reader({"good.eml": mail()}),
    "youtube_subtitles": Reader({"good.en.srt": captions()}),
    "europarl": Reader({"txt/en/ep-05-06-07-008.txt": chapter()}),
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
    *(_posts(f"html-{what}", post(1, body=text), answer(2, 1, text), **HTML_FATES.get(what, {"documents": 1})) for what, text in HTML.items()),
    _posts("answers-100k", post(1), *(answer(n, 1, "<p>me too</p>", Score=0) for n in range(2, 100_002)), rejects="low_score"),
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
    _posts("row-open", "<row Id=\"1\" PostTypeId=\"1\"", post(1), answer(2, 1), documents=1, rejects="damaged"),
    _posts("not-a-row", "<!DOCTYPE posts [<!ENTITY a 'b'>]>", "text", post(1), answer(2, 1), documents=1, rejects="damaged*2"),
    Case("stack_exchange", "surrogate.example/Posts.xml", posts(post(1, body="\ud800" + STORY), answer(2, 1)), 0, "damaged orphan"),
    Case("stack_exchange", "nul.example/Posts.xml", GOOD_POSTS.replace(b"ferry", b"fe\0rry"), 0, "damaged*2"),
    Case("stack_exchange", "nuls.example/Posts.xml", bytes(100_000), 0, "damaged truncated"),
    Case("stack_exchange", "utf-16.example/Posts.xml", GOOD_POSTS.decode().encode("utf-16"), 0, "damaged*6 truncated"),
    Case("stack_exchange", "empty.example/Posts.xml", b"", 0, "truncated"),
    Case("stack_exchange", "cut.example/Posts.xml", GOOD_POSTS[:-30], 0, "damaged no_answer truncated"),
    Case("stack_exchange", "cut-end.example/Posts.xml", GOOD_POSTS[:-9], 1, "truncated"),
    Case("stack_exchange", "line-10m.example/Posts.xml", lambda: posts("x" * (10 << 20), post(1), answer(2, 1)), 1, "damaged"),
    Case(
        "stack_exchange", "line-100m.example/Posts.xml", lambda: posts("x" * (100 << 20), post(1), answer(2, 1)), 1,
        "too_large", is_large=True,
    ),
    Case(
        "stack_exchange", "bomb.example/Posts.xml.gz",
        lambda: gzip.compress(GOOD_POSTS[:-9] + b"<row " + bytes(200 << 20)), 1, "bomb", is_large=True,
    ),
    Case("stack_exchange", "cut-gz.example/Posts.xml.gz", gzip.compress(GOOD_POSTS)[:-20], 0, "truncated no_answer"),
    Case("stack_exchange", "noise.example/Posts.xml.bz2", bz2.compress(GOOD_POSTS)[:40] + b"\xff" * 99, 0, "damaged"),
]  # fmt: skip
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
    Case("hacker_news", "surrogate.jsonl", b'{"id": 681, "title": "\\ud800", "type": "story"}\n', 0, "damaged"),
    Case("hacker_news", "deep.jsonl", b'{"id": 691, "kids": ' + b"[" * 100_000 + b"\n" + lines(*thread(692)), 1, "damaged"),
    Case("hacker_news", "nan.jsonl", b'{"id": 701, "score": NaN}\n{"id": 1e999}\n', 0, "damaged*2"),
    Case("hacker_news", "list.json", lambda: json.dumps([[1], None, 5, "x", *thread(711)], indent=1).encode(), 1, "damaged*3", "missing_item"),
    Case("hacker_news", "list-cut.json", b"[\n" + lines(*thread(721))[:-9], 0, "damaged"),
    Case("hacker_news", "not-utf-8.jsonl", lines(*thread(731)).replace(b"ferry", b"f\xffrry"), 0, "damaged*2"),
    Case("hacker_news", "nuls.jsonl", bytes(10_000), 0, "damaged"),
    Case("hacker_news", "empty.jsonl", b""),
    Case("hacker_news", "blank.jsonl", b"\n" * 200_000 + lines(*thread(741)), 1),
    Case("hacker_news", "cut.jsonl.gz", gzip.compress(lines(*thread(751)) * 200)[:-20], 1, "truncated"),
    Case("hacker_news", "cut.parquet", _parquet(id=[761])[:-9], 0, "truncated"),
    Case("hacker_news", "footer.parquet", _parquet(id=[761])[:-8] + b"\xff\xff\xff\x7fPAR1", 0, "damaged"),
    Case("hacker_news", "types.parquet", lambda: _parquet(id=["x", "771"], text=[{"a": 1}, None]), 0, "damaged low_score"),
    Case("hacker_news", "no-id.parquet", lambda: _parquet(title=["x"]), 0, "damaged"),
    Case("hacker_news", "times.parquet", lambda: _parquet(id=[781], time=pa.array([2**50], pa.timestamp("s"))), 0, "damaged"),
    Case("hacker_news", "bytes.parquet", lambda: _parquet(id=[791], text=pa.array([b"\xff\xfe"], pa.binary())), 0, "damaged"),
]  # fmt: skip
IRC = {
    "nul": (log("a\0b"), 0, "undecodable", ""),
    "controls": (log("\x03\x03\x03" * 30_000 + "\x02\x1f\x1b]0;owned\x07 hello"), 1, "", ""),
    "bidi": (log(BIDI), 1, "", ""),
    "latin-1": (log().replace(b"hello", b"h\xe9llo\x81"), 1, "", ""),
    "surrogate": (log().replace(b"hello", b"h\xed\xa0\x80llo"), 1, "", ""),
    "utf-16": (log().decode().encode("utf-16"), 0, "undecodable", ""),
    "events": (b"=== ann has joined #x\n" * 100_000, 0, "no_text", ""),
    "brackets": (b"=== " + b"] " * 100_000 + b"x\n" + log(), 1, "", ""),
    "at-signs": (b"=== " + b"x [" * 30 + b"@" * 200_000 + b"\n" + log(), 1, "", ""),
    "no-line-end": (b"x" * (10 << 20), 1, "", ""),
    "returns": (b"\r" * 100_000 + log(), 1, "", ""),
    "empty": (b"", 0, "no_text", ""),
}
LOGS = [
    *(Case("ubuntu_irc", f"2005/01/04/#{what}.txt", *rest) for what, rest in IRC.items()),
    Case("ubuntu_irc", "2005/01/04/#cut.txt.gz", gzip.compress(log() * 90)[:-20], 0, "truncated"),
    Case("ubuntu_irc", "2005/01/04/#bomb.txt.gz", lambda: gzip.compress(bytes(100 << 20)), 0, "bomb"),
    Case("ubuntu_irc", "0000/00/00/#day.txt", log(), skipped="other_file"),
    Case("ubuntu_irc", "0001/01/01/#day.txt", log(), 1),
    Case("ubuntu_irc", "9999/12/31/#day.txt", log(), 1),
    Case("ubuntu_irc", "2005/02/30/#day.txt", log(), skipped="other_file"),
    Case("ubuntu_irc", "99999/01/01/#day.txt", log(), skipped="other_file"),
    Case("ubuntu_irc", "2005/01/05/%2e%2e%2f%2e%2e%2fevil.txt", log(), 1),
    Case("ubuntu_irc", "2005/01/05/%ff%00%0a.txt", log(), 1),
    Case("ubuntu_irc", "2005/01/05/<script>\u202e.txt", log(), 1),
]  # fmt: skip
MULTIPART = "Content-Type: multipart/mixed; boundary=b"
MAILS = {
    "empty": (b"", 0, "not_mail"),
    "no-header": (STORY.encode(), 0, "not_mail"),
    "nuls": (bytes(100_000), 0, "not_mail"),
    "nul-inside": (mail("a\0b " + STORY), 1, ""),
    "header-10m": (mail(fields=["X: " + "x" * (10 << 20)]), 1, ""),
    "headers-100k": (mail(fields=[f"X-{n}: y" for n in range(100_000)]), 1, ""),
    "header-folds": (mail(fields=["X: a" + "\n b" * 100_000]), 1, ""),
    "subject-words": (mail(fields=["Subject: " + "=?utf-8?q?a?= " * 20_000]), 1, ""),
    "subject-bad": (mail(fields=["Subject: =?x-nowhere?b?////?= =?utf-7?q?+2AA-?="]), 1, ""),
    "date-year-0": (mail(fields=["Date: Mon, 0 Jan 0000 99:99:99 +9999"]).replace(b"Date: Tue, 6 Mar 2001 09:15:00 +0100\n", b""), 1, ""),
    "date-year-99999": (mail().replace(b"2001", b"99999"), 1, ""),
    "date-huge": (mail().replace(b"2001", b"9" * 5_000), 1, ""),
    "charset-unknown": (mail(fields=["Content-Type: text/plain; charset=../../etc/passwd"]), 1, ""),
    "charset-nul": (mail(fields=["Content-Type: text/plain; charset=a\0b"]), 1, ""),
    "charset-lie": (mail(STORY.encode("utf-16"), ["Content-Type: text/plain; charset=ascii"]), 1, ""),
    "base64-bad": (mail("!!!!" * 1000, ["Content-Transfer-Encoding: base64"]), 0, "no_text"),
    "qp-bad": (mail("=ZZ=\n" * 20_000 + STORY, ["Content-Transfer-Encoding: quoted-printable"]), 1, ""),
    "encoding-unknown": (mail(fields=["Content-Transfer-Encoding: x-uuencode"]), 1, ""),
    "uuencode": (mail("begin 644 /tmp/evil.py\n#86)C\nend\n", ["Content-Transfer-Encoding: x-uuencode"]), 1, ""),
    "parts-nested": (mail("\n".join(f"--b{n}\nContent-Type: multipart/mixed; boundary=b{n + 1}\n" for n in range(500)), ["Content-Type: multipart/mixed; boundary=b0"]), 0, "nested"),
    "parts-5k": (mail(("--b\n\nx\n") * 5_000, [MULTIPART]), 0, "too_many_parts"),
    "dashes-100k": (mail("--\n" * 100_000), 0, "too_many_parts"),
    "boundary-empty": (mail("--\n\n" + STORY, ["Content-Type: multipart/mixed; boundary="]), 1, ""),
    "boundary-none": (mail(fields=["Content-Type: multipart/mixed"]), 1, ""),
    "boundary-pattern": (mail(f"--(a+)+$\n\n{STORY}\n--(a+)+$--\n", ['Content-Type: multipart/mixed; boundary="(a+)+$"']), 1, ""),
    "boundary-long": (mail(fields=["Content-Type: multipart/mixed; boundary=" + "b" * 100_000]), 1, ""),
    "message-in-itself": (mail("Content-Type: message/rfc822\n\n" * 100, ["Content-Type: message/rfc822"]), 0, "nested"),
    "attachment-evil": (mail(f"--b\nContent-Disposition: attachment; filename=../../../evil.py\n\nx\n--b\n\n{STORY}\n--b--\n", [MULTIPART]), 1, ""),
    "html-deep": (mail("<div>" * 20_000 + STORY, ["Content-Type: text/html"]), 0, "no_text"),
    "html-entities": (mail(HTML["external"], ["Content-Type: text/html"]), 1, ""),
    "quotes": (mail(">" * 200_000 + "\n" + ("> " * 300 + "x\n") * 300 + STORY, ["Content-Type: text/plain; format=flowed"]), 1, ""),
    "forwarded-flood": (mail("-----Original Message\n" * 50_000), 1, ""),
    "returns": (mail().replace(b"\n", b"\r"), 1, ""),
    "bidi": (mail(BIDI + STORY), 1, ""),
    "surrogate": (mail(b"x" + b"\xed\xa0\x80" + STORY.encode()), 1, ""),
    "binary": (mail(bytes(range(256)) * 400), 0, "undecodable"),
}  # fmt: skip
MBOX = b"From a@a.example Tue Mar  6 09:15:00 2001\n"
LETTERS = [
    *(Case("enron", f"mails/{what}.eml", *rest) for what, rest in MAILS.items()),
    Case("enron", "mbox-empty-mails.mbox", (MBOX + b"\n") * 50, 0, "not_mail*50"),
    Case("enron", "mbox-same.mbox", (MBOX + mail() + b"\n\n") * 20, 20),
    Case("enron", "mbox-line-10m.mbox", lambda: MBOX + mail("x" * (10 << 20) + "\n\n") + MBOX + mail(), 2),
    Case("enron", "names.tar", lambda: tar_of({name: mail() for name in ("../../../evil.eml", "/tmp/evil.eml", "a\n.eml", "\u202e", "x" * 5_000)}), 5),
    Case("enron", "links.tar", tar_header(b"evil.eml", 0, b"2", link=b"/etc/passwd") + tar_header(b"h", 0, b"1", link=b"/etc/passwd") + tar_header(b"p", 0, b"6") + tar_member(b"a", mail()) + TAR_END, 1, "", "link*2 special"),
    Case("enron", "same-names.tar", lambda: tar_member(b"maildir/a/1.", mail()) * 9 + TAR_END, 9),
    Case("enron", "cut.tar.gz", gzip.compress(tar_of({"a": mail()}, tarfile.GNU_FORMAT))[:100], 0, "truncated"),
]  # fmt: skip
CUES = {
    "times-huge": (captions().replace(b"00:00:", b"999:99:"), 1, ""),
    "times-backwards": (captions().replace(b"-->", b"--> 00:00:00,000 -->"), 1, ""),
    "no-times": (b"1\n\nhello\n" * 1000, 0, "damaged"),
    "cues-300k": (
        b"00:00 --> 00:01\nx\n".replace(b"00:00", b"00:00:00,000").replace(b"00:01", b"00:00:01,000") * 250_000,
        0,
        "too_large",
    ),
    "tags": (captions(*["<c>" * 5_000 + STORY] * 3), 1, ""),
    "voices": (captions(*["<v " * 5_000 + STORY] * 3), 1, ""),
    "brackets": (captions(*["[" * 20_000 + STORY] * 3), 1, ""),
    "entities": (captions(*["&amp;" * 20_000 + "&#x110000; &#xd800; " + STORY] * 3), 1, ""),
    "bidi": (captions(BIDI + STORY), 1, ""),
    "nuls": (bytes(5_000), 0, "undecodable"),
    "utf-16": (captions().decode().encode("utf-16"), 1, ""),
    "empty": (b"", 0, "damaged"),
    "line-10m": (captions("x" * (10 << 20)), 1, ""),
}
SNIPPETS: Mapping[str, tuple[Any, int, str]] = {
    "numbers": ([{"text": STORY, "start": 10**400, "duration": -5}], 1, ""),
    "kinds": ([{"text": [STORY], "start": "x", "duration": None}, {"text": None}], 1, ""),
    "video-path": ({"video_id": "../../../evil", "language": "../..", "snippets": [{"text": STORY}]}, 1, ""),
    "video-list": ({"video_id": [1], "language_code": {"a": 1}, "title": {"b": []}, "snippets": [{"text": STORY}]}, 1, ""),
    "snippets-number": ({"snippets": 5}, 0, "damaged"),
    "a-number": (5, 0, "damaged"),
    "nothing": (None, 0, "damaged"),
}  # fmt: skip
VIDEOS = [
    *(Case("youtube_subtitles", f"cues/{what}.en.srt", *rest) for what, rest in CUES.items()),
    *(
        Case("youtube_subtitles", f"json/{what}.json", lambda value=value: json.dumps(value).encode(), *rest)
        for what, (value, *rest) in SNIPPETS.items()
    ),
    Case("youtube_subtitles", "json/infinite.json", b'[{"text": "' + STORY.encode() + b'", "start": 1e999, "duration": NaN}]', 1),
    Case("youtube_subtitles", "json/surrogate.json", b'{"video_id": "\\ud800", "snippets": [{"text": "\\udc00 ' + STORY.encode() + b'"}]}', 1),
    Case("youtube_subtitles", "json/deep.json", b"[" * 100_000, 0, "truncated"),
    Case("youtube_subtitles", "json/digits.json", b"[" + b"9" * 10_000 + b"]", 0, "damaged"),
    Case("youtube_subtitles", "lines.jsonl", b"5\n{]\n\n" + lines([{"text": STORY}]), 1, "damaged*2"),
    Case("youtube_subtitles", "bomb.en.srt.gz", lambda: gzip.compress(captions() + bytes(100 << 20)), 0, "bomb"),
]  # fmt: skip
SITTINGS = {
    "tags": (chapter("<" * 100_000 + STORY), 1, ""),
    "tag-long": (chapter("<SPEAKER " + "x" * 100_000 + ">" + STORY), 1, ""),
    "name-long": (chapter('<SPEAKER NAME="' + "x" * 300 + '">' + STORY), 1, ""),
    "names-flood": (chapter("<SPEAKER NAME=NAME=NAME=>\n" * 20_000 + STORY), 1, ""),
    "unknown-tags": (chapter("<script>alert(1)</script>" * 1000 + STORY), 1, ""),
    "paragraphs-200k": (chapter("<P>\n" * 200_000 + STORY), 1, ""),
    "bidi": (chapter(BIDI + STORY), 1, ""),
    "not-utf-8": (chapter() + b"\xff", 0, "undecodable"),
    "surrogate": (chapter("\ud800" + STORY), 0, "undecodable"),
    "nuls": (bytes(5_000), 0, "no_text"),
    "empty": (b"", 0, "too_short"),
}
DEBATES = [
    *(Case("europarl", f"txt/de/ep-06-06-07-{what}.txt", *rest) for what, rest in SITTINGS.items()),
    Case("europarl", "txt/fr/ep-00-00-00.txt", chapter(), 1),
    Case("europarl", "names.tar", lambda: tar_of({"../../../evil.txt": b"x", "/tmp/txt/en/ep-99-99-99.txt": chapter(), "txt/en/ep-07-01-01/../../evil.txt": b"x"}), 1, "", "other_file*2"),
    Case("europarl", "size.tar", tar_header(b"txt/en/ep-07-01-02.txt", (1 << 33) - 1), 0, "too_large truncated"),
    Case("europarl", "cut.tar", tar_of({"txt/en/ep-07-01-03.txt": chapter() * 9})[:1_500], 0, "truncated"),
]  # fmt: skip

CASES = [*STACK_EXCHANGE, *HACKER_NEWS, *LOGS, *LETTERS, *VIDEOS, *DEBATES]
