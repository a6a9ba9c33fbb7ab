"""Records with fields: JSON lines, Parquet, pages with scores, nested, huge, cut, or lying."""

import bz2
import gzip
import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from tests.hostile.cases import Case, Reader
from tests.hostile.made import STORY, TAR_END, tar_header, tar_member, tar_of
from tests.hostile.well_formed import lines

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
    "numbers": (
        b'{"text": "\\udc00' + TEXT + b'", "id": ' + b"9" * 4_000 + b', "n": -1e999, "m": ' + b"9" * 50 + b"}\n",
        1,
        "",
        "",
    ),
    "digits": (b'{"text": "\\udc00", "n": ' + b"9" * 100_000 + b"}\n" + GOOD, 1, "damaged", ""),
    "date-year-0": (lines({"text": STORY, "date": "0000-00-00"}, {"text": STORY, "date": "99999-01-01"}), 2, "", ""),
    "date-numbers": (
        lines({"text": STORY, "date": 10**30}, {"text": STORY, "date": -5}, {"text": STORY, "date": 1.5e12}),
        3,
        "",
        "",
    ),
    "date-nan": (b'{"text": "\\ud800' + TEXT + b'", "date": NaN, "timestamp": Infinity}\n', 1, "", ""),
    "same-ids": (lines(*[{"id": "same", "text": STORY}] * 500), 500, "", ""),
    "id-kinds": (
        lines(
            *(
                {"id": one, "text": STORY}
                for one in (None, True, [], {}, "", " ", 5, 10**40, "\ud800", "../../evil", "\0")
            )
        ),
        11,
        "",
        "",
    ),
    "id-flood": (lines({"id": "x" * 1_000_000, "text": STORY}), 1, "", ""),
    "key-twice": (b'{"text": "a", "text": "' + TEXT + b'"}\n', 1, "", ""),
    "keys-100k": (lines({"text": STORY, **{f"k{n}": n for n in range(100_000)}}), 1, "", ""),
    "key-surrogate": (b'{"text": "' + TEXT + b'", "\\ud800": "\\udfff"}\n', 1, "", ""),
    "text-kinds": (
        lines(*({"text": one} for one in (5, True, {"a": 1}, [1], [[STORY]], [STORY, None]))),
        0,
        "wrong_type*6",
        "",
    ),
    "text-paragraphs": (lines({"text": ["x"] * 500_000}), 1, "", ""),
    "text-nuls": (lines({"text": "\0" * 100_000}), 0, "no_text", ""),
    "text-bidi": (lines({"text": BIDI + STORY, "title": BIDI, "url": "javascript:alert(1)"}), 1, "", ""),
    "text-surrogates": (b'{"text": "\\ud800\\ud800\\udc00\\udc00 ' + TEXT + b'"}\n', 1, "", ""),
    "license-flood": (
        lines({"text": STORY, "license": ["<script>" + "x" * 1000] * 1000, "authors": [[], {}, 5, "\u202e"]}),
        1,
        "",
        "",
    ),
    "not-utf-8": (b'{"text": "\xff' + TEXT + b'"}\n' + GOOD, 1, "undecodable", ""),
    "utf-16": (GOOD.decode().encode("utf-16"), 0, "undecodable truncated", ""),
    "open-string": (b'{"text": "' + TEXT, 0, "truncated", ""),
    "line-ends": (GOOD.replace(b"\n", b"\r\n") + GOOD.replace(b"\n", b"\r"), 2, "", ""),
    "no-lines": (GOOD.strip() * 2_000, 0, "truncated", ""),
    "line-70m": (lambda: b'{"text": "' + b"x" * (70 << 20) + b'"}\n' + GOOD, 1, "too_large", ""),
}
JSONL = [
    *(Case("jsonl", f"{what}.jsonl", *rest) for what, rest in LINES.items() if what != "line-70m"),
    Case("jsonl", "line-70m.jsonl", *LINES["line-70m"], is_large=True),
    Case("jsonl", "cut.jsonl.gz", gzip.compress(GOOD * 900)[:-20], 895, "truncated"),
    Case("jsonl", "cut.jsonl.zst", zstandard.compress(GOOD * 9)[:-5], 0, "truncated"),
    Case("jsonl", "noise.jsonl.bz2", bz2.compress(GOOD)[:30] + b"\xff" * 99, 0, "damaged"),
    Case("jsonl", "bomb.jsonl.gz", lambda: gzip.compress(GOOD + bytes(100 << 20)), 1, "bomb"),
    Case(
        "jsonl",
        "tar-names.jsonl.tar",
        lambda: tar_of(dict.fromkeys(("../../../evil.jsonl", "/tmp/evil.jsonl", "a\n\u202e.jsonl", "evil.py"), GOOD)),
        3,
        "",
        "other_file",
    ),
    Case(
        "jsonl",
        "tar-links.jsonl.tar",
        tar_header(b"evil.jsonl", 0, b"2", link=b"/etc/passwd")
        + tar_header(b"x.jsonl", 0, b"1", link=b"../../etc/passwd")
        + tar_member(b"d/", b"", b"5")
        + TAR_END,
        0,
        "",
        "link*2 directory",
    ),
    Case(
        "jsonl",
        "tar-of-bomb.jsonl.tar",
        lambda: tar_of({"a.jsonl.gz": gzip.compress(bytes(100 << 20)), "b.jsonl": GOOD}),
        1,
        "bomb",
    ),
    Case("jsonl", "tar-cut.jsonl.tar", tar_of({"a.jsonl": GOOD * 9})[:1_000], 0, "truncated*2"),
    Case("jsonl", "tar-size.jsonl.tar", tar_header(b"a.jsonl", (1 << 33) - 1) + GOOD, 0, "truncated*2"),
]
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
        (
            "not-utf-8",
            lambda: parquet(text=pa.array([b"\xff\xfe", TEXT], pa.binary()).view(pa.string())),
            1,
            "undecodable",
        ),
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
]
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
CASES = [*JSONL, *PARQUET, *LINKED]
