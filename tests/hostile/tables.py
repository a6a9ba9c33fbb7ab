"""Records with fields: JSON lines, Parquet, datasets, tables of grants and opinions, nested, huge, cut, or lying."""

import bz2
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from tests.hostile.cases import Case, Reader
from tests.hostile.made import STORY, TAR_END, tar_header, tar_member, tar_of, zip_of
from tests.hostile.well_formed import TIME, exercises, grants, lines, opinions

TEXT = STORY.encode()
BIDI = "\u202e\u2066" * 50_000
GOOD = lines({"id": "good", "text": STORY})


def parquet(settings: dict[str, Any] | None = None, **columns: Any) -> bytes:
    """A Parquet file of columns."""
    packed = io.BytesIO()
    pq.write_table(pa.table(columns), packed, **settings or {})
    return packed.getvalue()


READERS = {
    "jsonl": Reader({"good.jsonl": GOOD}, {"options": {"metadata": True}}),
    "parquet": Reader({"good.parquet": lambda: parquet(text=[STORY])}, {"options": {"metadata": True}}),
    "openwebtext2": Reader({"good.jsonl": lines({"text": STORY, "meta": {"url": "http://a.example/", "title": "t"}})}),
    "nih_exporter": Reader({"PRJABS_good.csv": grants(("8000001", STORY))}),
    "freelaw": Reader({"opinions-good.csv": opinions({"id": "9"})}),
    "dm_mathematics": Reader({"train-easy/good.txt": exercises(40)}),
}
LINES: dict[str, tuple[bytes | Callable[[], bytes], int, str, str]] = {
    "empty": (b"", 0, "", ""),
    "blank": (b"\n \n\t\n" * 1000 + GOOD, 1, "", "blank_line*3000"),
    "nuls": (bytes(10_000) + b"\n" + GOOD, 1, "damaged", ""),
    "noise": (bytes(range(256)) * 40 + b"\n" + GOOD, 1, "undecodable*40 damaged", ""),
    "values": (b'1\n"x"\nnull\ntrue\n[]\n{}\n1e999\nNaN\n', 0, "wrong_type*7 no_text", ""),
    "deep": (b'{"text": "x", "a": ' + b"[" * 500_000 + b"\n" + GOOD, 1, "damaged", ""),
    "deep-objects": (b'{"text": "x' + TEXT + b'", "a": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}\n", 1, "", ""),
    "deep-surrogate": (b'{"text": "\\ud800' + TEXT + b'", "a": ' + b"[" * 300 + b"]" * 300 + b"}\n", 1, "", ""),
    "deep-string": (lines({"text": STORY, "meta": '{"a":' * 5_000}), 1, "", ""),
    "numbers": (b'{"text": "\\udc00' + TEXT + b'", "id": ' + b"9" * 4_000 + b', "n": -1e999, "m": ' + b"9" * 50 + b"}\n", 1, "", ""),
    "digits": (b'{"text": "\\udc00", "n": ' + b"9" * 100_000 + b"}\n" + GOOD, 1, "damaged", ""),
    "date-year-0": (lines({"text": STORY, "date": "0000-00-00"}, {"text": STORY, "date": "99999-01-01"}), 2, "", ""),
    "date-numbers": (lines({"text": STORY, "date": 10**30}, {"text": STORY, "date": -5}, {"text": STORY, "date": 1.5e12}), 3, "", ""),
    "date-nan": (b'{"text": "\\ud800' + TEXT + b'", "date": NaN, "timestamp": Infinity}\n', 1, "", ""),
    "same-ids": (lines(*[{"id": "same", "text": STORY}] * 500), 500, "", ""),
    "id-kinds": (lines(*({"id": one, "text": STORY} for one in (None, True, [], {}, "", " ", 5, 10**40, "\ud800", "../../evil", "\0"))), 11, "", ""),
    "id-flood": (lines({"id": "x" * 1_000_000, "text": STORY}), 1, "", ""),
    "key-twice": (b'{"text": "a", "text": "' + TEXT + b'"}\n', 1, "", ""),
    "keys-100k": (lines({"text": STORY, **{f"k{n}": n for n in range(100_000)}}), 1, "", ""),
    "key-surrogate": (b'{"text": "' + TEXT + b'", "\\ud800": "\\udfff"}\n', 1, "", ""),
    "text-kinds": (lines(*({"text": one} for one in (5, True, {"a": 1}, [1], [[STORY]], [STORY, None]))), 0, "wrong_type*6", ""),
    "text-paragraphs": (lines({"text": ["x"] * 500_000}), 1, "", ""),
    "text-nuls": (lines({"text": "\0" * 100_000}), 0, "no_text", ""),
    "text-bidi": (lines({"text": BIDI + STORY, "title": BIDI, "url": "javascript:alert(1)"}), 1, "", ""),
    "text-surrogates": (b'{"text": "\\ud800\\ud800\\udc00\\udc00 ' + TEXT + b'"}\n', 1, "", ""),
    "license-flood": (lines({"text": STORY, "license": ["<script>" + "x" * 1000] * 1000, "authors": [[], {}, 5, "\u202e"]}), 1, "", ""),
    "not-utf-8": (b'{"text": "\xff' + TEXT + b'"}\n' + GOOD, 1, "undecodable", ""),
    "utf-16": (GOOD.decode().encode("utf-16"), 0, "undecodable truncated", ""),
    "open-string": (b'{"text": "' + TEXT, 0, "truncated", ""),
    "line-ends": (GOOD.replace(b"\n", b"\r\n") + GOOD.replace(b"\n", b"\r"), 2, "", ""),
    "no-lines": (GOOD.strip() * 2_000, 0, "truncated", ""),
    "line-70m": (lambda: b'{"text": "' + b"x" * (70 << 20) + b'"}\n' + GOOD, 1, "too_large", ""),
}  # fmt: skip
JSONL = [
    *(Case("jsonl", f"{what}.jsonl", *rest) for what, rest in LINES.items() if what != "line-70m"),
    Case("jsonl", "line-70m.jsonl", *LINES["line-70m"], is_large=True),
    Case("jsonl", "cut.jsonl.gz", gzip.compress(GOOD * 900)[:-20], 895, "truncated"),
    Case("jsonl", "cut.jsonl.zst", zstandard.compress(GOOD * 9)[:-5], 0, "truncated"),
    Case("jsonl", "noise.jsonl.bz2", bz2.compress(GOOD)[:30] + b"\xff" * 99, 0, "damaged"),
    Case("jsonl", "bomb.jsonl.gz", lambda: gzip.compress(GOOD + bytes(100 << 20)), 1, "bomb"),
    Case("jsonl", "tar-names.jsonl.tar", lambda: tar_of(dict.fromkeys(("../../../evil.jsonl", "/tmp/evil.jsonl", "a\n\u202e.jsonl", "evil.py"), GOOD)), 3, "", "other_file"),
    Case("jsonl", "tar-links.jsonl.tar", tar_header(b"evil.jsonl", 0, b"2", link=b"/etc/passwd") + tar_header(b"x.jsonl", 0, b"1", link=b"../../etc/passwd") + tar_member(b"d/", b"", b"5") + TAR_END, 0, "", "link*2 directory"),
    Case("jsonl", "tar-of-bomb.jsonl.tar", lambda: tar_of({"a.jsonl.gz": gzip.compress(bytes(100 << 20)), "b.jsonl": GOOD}), 1, "bomb"),
    Case("jsonl", "tar-cut.jsonl.tar", tar_of({"a.jsonl": GOOD * 9})[:1_000], 0, "truncated*2"),
    Case("jsonl", "tar-size.jsonl.tar", tar_header(b"a.jsonl", (1 << 33) - 1) + GOOD, 0, "truncated*2"),
]  # fmt: skip
WHOLE = parquet(id=["a", "b"], text=[STORY, STORY + "x"])


REPEATED = pa.DictionaryArray.from_arrays(pa.array([0] * 5_000, pa.int32()), pa.array(["x " * 1_500_000]))


def _nested(depth: int) -> Any:
    value: Any = "x"
    kind: Any = pa.string()
    for _ in range(depth):
        value, kind = [value], pa.list_(kind)
    return pa.array([value], kind)


PARQUET = [
    Case("parquet", f"{name}.parquet", content, documents, rejects)
    for name, content, documents, rejects in (
        ("empty", b"", 0, "damaged"),
        ("magic", b"PAR1PAR1", 0, "truncated"),
        ("cut-tail", WHOLE[:-5], 0, "truncated"),
        ("cut-half", WHOLE[: len(WHOLE) // 2], 0, "truncated"),
        ("cut-start", WHOLE[20:], 0, "damaged"),
        ("footer-huge", WHOLE[:-8] + b"\xff\xff\xff\x7fPAR1", 0, "damaged"),
        ("footer-zero", WHOLE[:-8] + bytes(4) + b"PAR1", 0, "damaged"),
        ("footer-noise", WHOLE[:60] + b"\xff" * (len(WHOLE) - 68) + WHOLE[-8:], 0, "damaged"),
        ("pages-noise", WHOLE[:40] + bytes(byte ^ 0xFF for byte in WHOLE[40:90]) + WHOLE[90:], 0, "damaged"),
        ("no-text", lambda: parquet(body=[STORY]), 0, "no_column"),
        ("no-rows", lambda: parquet(text=pa.array([], pa.string())), 0, ""),
        ("nulls", lambda: parquet(text=[None] * 1_000), 0, "no_text*1000"),
        ("numbers", lambda: parquet(text=[1, 2]), 0, "wrong_type*2"),
        ("bytes", lambda: parquet(text=pa.array([b"\xff\xfe", TEXT], pa.binary())), 0, "wrong_type*2"),
        ("not-utf-8", lambda: parquet(text=pa.array([b"\xff\xfe", TEXT], pa.binary()).view(pa.string())), 1, "undecodable"),
        ("nested-90", lambda: parquet(text=[STORY], deep=_nested(90)), 1, ""),
        ("nested-400", lambda: parquet(text=[STORY], deep=_nested(400)), 0, "damaged"),
        ("columns-5k", lambda: parquet(text=[STORY], **{f"c{n}": [n] for n in range(5_000)}), 1, ""),
        ("column-names", lambda: parquet(text=[STORY], **{"../../evil": [1], "<script>\u202e": [2], "": [3]}), 1, ""),
        ("dates", lambda: parquet(text=[STORY], date=pa.array([-(2**50)], pa.timestamp("s"))), 0, "damaged"),
        ("nanoseconds", lambda: parquet(text=[STORY], date=pa.array([2**62], pa.timestamp("ns"))), 1, ""),
        ("decimals", lambda: parquet(text=[STORY], n=pa.array([10**37], pa.decimal128(38))), 1, ""),
        ("same-ids", lambda: parquet(id=["x"] * 300, text=[STORY] * 300), 300, ""),
        ("zeros-rle", lambda: parquet({"use_dictionary": True}, text=[" " * 1_000_000] * 40), 0, "no_text*40"),
        ("repeated", lambda: parquet({"compression": "zstd"}, text=["x" * 2_000_000] * 60), 16, "bomb"),
        ("dictionary", lambda: parquet({"compression": "zstd", "store_schema": False}, text=REPEATED), 11, "bomb"),
        ("gzip-of-it", gzip.compress(WHOLE), 0, "damaged"),
    )
]  # fmt: skip
PAGES = {
    "scores-huge": ({"reddit_scores": [10**30, 10**400]}, 1, ""),
    "scores-kinds": ({"reddit_scores": ["x", None, {}, 1]}, 0, "low_score"),
    "scores-text": ({"reddit_scores": "9"}, 1, ""),
    "ids-kinds": ({"reddit_ids": {"a": 1}, "reddit_scores": [9]}, 1, ""),
    "url-kinds": ({"url": ["x"], "title": {"a": 1}, "lang": 5}, 1, ""),
    "meta-text": ("x" * 1_000_000, 1, ""),
}
LINKED = [
    *(
        Case("openwebtext2", f"{what}.jsonl", lambda meta=meta: lines({"text": STORY, "meta": meta}), *rest)
        for what, (meta, *rest) in PAGES.items()
    ),
    Case("openwebtext2", "advertisements.jsonl", lines({"text": "Advertisement\n" * 100_000}), 0, "no_text"),
    Case("openwebtext2", "spaces.jsonl", lines({"text": " \t" * 500_000 + "\n" + STORY}), 1),
]
GRANTS: dict[str, tuple[bytes | Callable[[], bytes], int, str]] = {
    "empty": (b"", 0, "damaged"),
    "nul": (grants(("8100001", STORY + "\0")), 1, ""),
    "nuls": (bytes(5_000), 0, "damaged"),
    "head-return": (b"APPLICATION_ID\rX,ABSTRACT_TEXT\n", 0, "damaged"),
    "head-flood": (b"x," * 500_000 + b"\n", 0, "damaged"),
    "number-huge": (grants(("9" * 5_000, STORY)), 0, "damaged"),
    "number-64-bit": (grants(("9" * 30, STORY)), 0, "damaged"),
    "number-negative": (grants(("-5", STORY), ("1.5", STORY), ("", STORY)), 0, "damaged*3"),
    "open-quote": (b'APPLICATION_ID,ABSTRACT_TEXT\n8100011,"' + TEXT + b"\n" + grants(("8100012", STORY))[29:], 1, "damaged"),
    "open-quote-end": (grants(("8100021", STORY))[:-2], 0, "truncated"),
    "quotes-flood": (b'APPLICATION_ID,ABSTRACT_TEXT\n8100031,"' + b'""' * 60_000 + b'"\n', 0, "no_abstract"),
    "field-1m": (grants(("8100041", "x " * 500_000)), 0, "too_large"),
    "line-10m": (lambda: grants(("8100051", "x " * (5 << 20)), ("8100052", STORY)), 1, "too_large"),
    "fields-100k": (b"APPLICATION_ID,ABSTRACT_TEXT\n8100061" + b"," * 100_000 + b"\n", 0, "damaged"),
    "same-numbers": (grants(*[("8100071", STORY)] * 200), 1, ""),
    "headers-flood": (grants(("8100081", "DESCRIPTION: " * 5_000 + STORY)), 1, ""),
    "dots-flood": (grants(("8100091", "? " * 50_000 + STORY)), 1, ""),
    "unreadable-flood": (grants(("8100101", "[unreadable] " * 8_000 + STORY)), 1, ""),
    "bidi": (grants(("8100111", BIDI[:20_000] + STORY)), 1, ""),
    "surrogate": (grants(("8100121", "\ud800" + STORY)), 1, ""),
    "latin-1": (grants(("8100131", STORY)).replace(b"ferry", b"f\xe9\x81rry"), 1, ""),
    "utf-16": (grants(("8100141", STORY)).decode().encode("utf-16"), 0, "damaged"),
}  # fmt: skip


def nameless(data: bytes) -> bytes:
    """A zip whose only member `x` is called nothing."""
    directory = data.rindex(b"PK\x01\x02")
    made = data[: directory + 28] + bytes(2) + data[directory + 30 : directory + 46] + data[directory + 47 :]
    end = made.rindex(b"PK\x05\x06")
    size = int.from_bytes(made[end + 12 : end + 16], "little") - 1
    return made[: end + 12] + size.to_bytes(4, "little") + made[end + 16 :]


def overlapping(member: bytes, times: int) -> bytes:
    """A zip whose directory has one member so many times."""
    packed = zip_of({"PRJABS.csv": member})
    directory, end = packed.rindex(b"PK\x01\x02"), packed.rindex(b"PK\x05\x06")
    entry = packed[directory:end]
    counts = times.to_bytes(2, "little") * 2 + (len(entry) * times).to_bytes(4, "little")
    return packed[:directory] + entry * times + packed[end : end + 8] + counts + packed[end + 16 :]


def _patched(data: bytes, mark: bytes, at: int, new: bytes) -> bytes:
    place = data.rindex(mark) + at
    return data[:place] + new + data[place + len(new) :]


ZIPPED = zip_of({"RePORTER_PRJABS.csv": grants(("8200001", STORY))})
ZIPS = {
    "cut": (ZIPPED[:-30], "truncated"),
    "cut-half": (ZIPPED[: len(ZIPPED) // 2], "truncated"),
    "no-zip": (b"PK, no zip", "damaged"),
    "nameless": (nameless(zip_of({"x": b"y"})), "damaged"),
    "overlapping": (lambda: overlapping(grants(("8200011", " ".join(["word"] * 4_000_000))), 900), "bomb"),
    "bomb": (lambda: zip_of({"PRJABS.csv": bytes(300 << 20)}), "bomb"),
    "ratio-lie": (_patched(ZIPPED, b"PK\x01\x02", 24, b"\xff\xff\xff\x7f"), "bomb"),
    "offset": (_patched(ZIPPED, b"PK\x01\x02", 42, b"\xf0\xff\xff\x7f"), "damaged"),
    "directory-offset": (_patched(ZIPPED, b"PK\x05\x06", 16, b"\xff\xff\xff\x00"), "damaged"),
    "method": (_patched(ZIPPED, b"PK\x01\x02", 10, b"\x63\x00"), "damaged"),
    "password": (_patched(ZIPPED, b"PK\x01\x02", 8, b"\x01\x00"), "encrypted"),
    "names": (lambda: zip_of({"../../../evil.csv": b"x", "/tmp/evil.csv": b"y", "a\0b.csv": b"z"}), "damaged"),
    "stored-noise": (zip_of({"a.csv": b"\xff" * 5_000}, zipfile.ZIP_STORED), "damaged"),
}  # fmt: skip
HEAD = "id,date_created,plain_text,html,cluster_id\n"
OPINIONS: dict[str, tuple[bytes | Callable[[], bytes], int, str, str]] = {
    "opinions-empty.csv": (b"", 0, "damaged", ""),
    "opinions-nuls.csv": (bytes(5_000), 0, "damaged", ""),
    "opinions-head.csv": (b"id,date_created" + b",x" * 400_000 + b"\n", 0, "", ""),
    "opinions-quotes.csv": (opinions(f'"11","{TIME}","{"x" * 100}"y","","1"'), 0, "damaged", ""),
    "opinions-backslashes.csv": (opinions({"id": "21", "plain_text": "\\" * 200_000 + STORY}), 1, "", ""),
    "opinions-open.csv": (opinions(f'"31","{TIME}","{STORY}', {"id": "32"}), 1, "damaged", ""),
    "opinions-fields.csv": (opinions(f'"41","{TIME}"' + ',"x"' * 50_000), 0, "damaged", ""),
    "opinions-number.csv": (opinions({"id": "9" * 12}, {"id": "5" * 5_000, "cluster_id": "7" * 5_000}), 0, "damaged", ""),
    "opinions-cluster.csv": (opinions({"id": "51", "cluster_id": "9" * 5_000}, {"id": "52", "cluster_id": "../../x"}), 2, "", ""),
    "opinions-same.csv": (opinions(*[{"id": "61"}] * 100), 100, "", ""),
    "opinions-not-utf-8.csv": (opinions({"id": "71"}).replace(b"ferry", b"f\xffrry"), 0, "undecodable", ""),
    "opinions-html-deep.csv": (opinions({"id": "81", "plain_text": "", "html": "<div>" * 50_000 + STORY}), 0, "no_text", ""),
    "opinions-html-empty-elements.csv": (opinions({"id": "101", "html": "<p/>" * 100_000 + STORY}), 1, "", ""),
    "opinions-entity.csv": (opinions({"id": "111", "html": "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><p>&a;" + STORY}), 1, "", ""),
    "opinions-marks.csv": (opinions({"id": "121", "html": f"<p>{'<footnotemark>' * 200}{'[1 U.S. 1]' * 20_000}{STORY}"}), 1, "", ""),
    "opinions-numbers-down.csv": (opinions({"id": "131", "plain_text": "\n".join(f" {n} x" for n in range(100_000))}), 1, "", ""),
    "opinions-form-feeds.csv": (opinions({"id": "141", "plain_text": "\f" * 200_000 + STORY}), 1, "", ""),
    "opinions-bidi.csv": (opinions({"id": "151", "plain_text": BIDI + STORY}), 1, "", ""),
    "opinions-cut.csv.bz2": (bz2.compress(opinions({"id": "161"}))[:-20], 0, "truncated", ""),
    "opinions-bomb.csv.gz": (lambda: gzip.compress(opinions({"id": "171"}) + bytes(200 << 20)), 0, "bomb", ""),
    "cases/deep.json": (b"[" * 200_000, 0, "damaged", ""),
    "cases/number.json": (b"5", 0, "", "other_json"),
    "cases/digits.json": (b'{"id": ' + b"9" * 6_000 + b', "html": "x"}', 0, "damaged", ""),
    "cases/kinds.json": (json.dumps({"id": [1], "casebody": 5, "citations": 5, "court": "x", "name": {"a": 1}}).encode(), 0, "no_text", ""),
    "cases/opinions.json": (json.dumps({"id": 1, "casebody": {"opinions": 5, "head_matter": [STORY]}, "citations": [5, "x"]}).encode(), 1, "", ""),
    "cases/numbers.json": (json.dumps({"id": 2, "casebody": {"head_matter": STORY}, "decision_date": 10**60, "name": 1e308}).encode(), 1, "", ""),
    "cases/surrogate.json": (b'{"id": 3, "casebody": {"head_matter": "\\ud800 ' + TEXT + b'"}, "name": "\\udfff"}', 1, "", ""),
    "cases/infinite.json": (b'{"id": 4, "casebody": {"head_matter": "' + TEXT + b'"}, "decision_date": NaN, "docket_number": 1e999}', 1, "", ""),
    "volume-nameless.zip": (nameless(zip_of({"x": b"y"})), 0, "", "other_file"),
    "volume-cut.zip": (zip_of({"a.json": b"{}"})[:-10], 0, "truncated", ""),
    "volume-bomb.zip": (lambda: zip_of({"a.json": bytes(300 << 20)}), 0, "bomb", ""),
    "volume-names.zip": (lambda: zip_of({"../../../evil.json": b'{"id": 5, "html": "' + TEXT + b'"}', "/tmp/evil.py": b"x"}), 1, "", "other_file"),
    "court.tar.gz": (gzip.compress(tar_of({"../../evil.json": b'{"id": 6, "html": "' + TEXT + b'"}', "x.tar.gz": b"no tar"})), 1, "damaged", ""),
    "all.tar": (tar_of({"a.tar.gz": gzip.compress(tar_of({"b.tar": b"x", "1.json": b'{"id": 7, "html": "' + TEXT + b'"}'}))}), 1, "", "other_file"),
}  # fmt: skip
MATHEMATICS = {
    "empty": (b"", 0, ""),
    "nuls": (b"\0\n" * 10_000, 0, "broken_lines*3"),
    "not-utf-8": (b"\xff\n" * 3_000, 0, "undecodable"),
    "line-100k": (b"x" * 100_000 + b"\n1\n", 0, "too_large"),
    "blank": (b"\n" * 20_000, 0, "no_text*3"),
    "unanswered": (exercises(30) + b"What is 1?\n", 1, "unanswered"),
    "one-character": (b"x\n" * 40_000, 0, "broken_lines*10"),
}
CASES = [
    *JSONL,
    *PARQUET,
    *LINKED,
    *(Case("nih_exporter", f"PRJABS-{what}.csv", *rest) for what, rest in GRANTS.items()),
    *(Case("nih_exporter", f"PRJABS-zip-{what}.zip", content, 0, rule) for what, (content, rule) in ZIPS.items()),
    *(Case("freelaw", name, *rest) for name, rest in OPINIONS.items()),
    *(Case("dm_mathematics", f"train-hard/{what}.txt", *rest) for what, rest in MATHEMATICS.items()),
    Case(
        "dm_mathematics", "names.tar",
        lambda: tar_of({"../../train-easy/../evil.txt": b"x", "/tmp/train-easy/evil.txt": exercises(9), "interpolate/a.txt": b""}),
        1, "", "other_file test_set",
    ),
    Case("dm_mathematics", "same.tar", lambda: tar_member(b"train-easy/a.txt", exercises(9)) * 5 + TAR_END, 5),
    Case("dm_mathematics", "cut.tar", tar_of({"train-easy/b.txt": exercises()})[:2_000], 0, "truncated"),
]  # fmt: skip
