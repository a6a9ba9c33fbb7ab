"""Repair against ftfy itself: equal results for all text, no look by ftfy where none is needed, bounded work."""

from __future__ import annotations

import os
import random
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import ftfy
import pytest
from ftfy import chardata
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pile_builder.text import mojibake
from pile_builder.text.column import from_strings
from pile_builder.text.mojibake import CONFIG, Allowance, fix_line
from pile_builder.text.repair import repair_texts
from pile_builder.text.repair_kernel import classify
from pile_builder.text.repair_tables import load_tables

MOJIBAKE = sorted(
    set("".join(chardata.UTF8_CLUES.values())).union(
        *(bytes(range(0x80, 0x100)).decode(encoding) for encoding in chardata.CHARMAP_ENCODINGS)
    )
)
AROUND = (
    "aZ 0.?,\t\n\r\x00\x0b\x1b[m'\"\u2028\u2029\ufeff\u3000\u0301\u0316\u0323\u093c\u1161\u212b\uff21\uff76\uff9eŉﬁǅ’”"
)


def expected(text: str) -> str:
    return unicodedata.normalize("NFC", ftfy.fix_text(text, CONFIG))


def classes(texts: list[str]) -> list[int]:
    column = from_strings(texts)
    return [int(verdict) for verdict in classify(column.data, column.offsets, load_tables())[0]]


def assert_equals_ftfy(texts: list[str]) -> None:
    wanted = [expected(text) for text in texts]
    assert repair_texts(texts) == wanted
    assert all(wanted[i] == texts[i] for i, verdict in enumerate(classes(texts)) if verdict == 0)


@pytest.mark.parametrize(
    ("text", "wanted", "verdict"),
    [
        ("", "", 0),
        ("Plain ASCII,\twith\nlines.\f", "Plain ASCII,\twith\nlines.\f", 0),
        ("a café – naïve 日本 😀", "a café – naïve 日本 😀", 0),
        ("สวัสดี שָׁלוֹם", "สวัสดี שָׁלוֹם", 0),
        ("“it’s”", '"it\'s"', 1),
        ("ﬁne oﬃce Ǆ", "fine office DŽ", 1),
        ("ŉ", "'n", 1),
        ("one\r\ntwo\rthree\u2028four\r\r\nfive", "one\ntwo\nthree\nfour\n\nfive", 1),
        ("\ufeffＦｕｌｌ　ｗｉｄｔｈ\x00", "Full width", 1),
        ("\u212b \uf900", "\xc5 \u8c48", 1),
        ("schÃ¶n", "schön", 2),
        ("what\x85", "what…", 2),
        ("e\u0301 o\u0323\u0301", "é ọ\u0301", 2),
        ("q\u0301\u0323", "q\u0323\u0301", 2),
        ("\x1b[1mbold\x1b[0m", "bold", 2),
        ("ｶﾞ", "ガ", 2),
        ("&eacute; &amp;", "&eacute; &amp;", 0),
    ],
)
def test_each_kind_of_repair(text: str, wanted: str, verdict: int) -> None:
    assert expected(text) == wanted
    assert repair_texts([text]) == [wanted]
    assert classes([text]) == [verdict]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.text() | st.text("".join(MOJIBAKE) + AROUND) | st.text(AROUND + "éâ€™"), max_size=4))
@example(["\r", "\n", "\u2028\r\n", "\ufeff\x85"])
@example(["a\u0316\x00\u0301", "x\u0301\ufeff\u0316", "\x1b\uff3b1m"])
def test_equals_ftfy_on_any_text(texts: list[str]) -> None:
    assert_equals_ftfy(texts)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.text("aé’“”—ñ日Ж\xa0£ﬁ\u0301😀\x00 ", min_size=1, max_size=4), min_size=1, max_size=3),
    st.lists(st.sampled_from(chardata.CHARMAP_ENCODINGS), max_size=4),
    st.text(AROUND, max_size=3),
)
def test_equals_ftfy_on_text_misread_in_layers(parts: list[str], encodings: list[str], between: str) -> None:
    layered = parts
    for encoding in encodings:
        layered = [part.encode().decode(encoding, "replace") for part in layered]
    assert_equals_ftfy([between.join(layered), f"A long line of plain text comes first, then {layered[0]} and more."])


def test_equals_ftfy_on_pairs_of_mojibake_characters() -> None:
    draw = random.Random(1)
    assert_equals_ftfy(
        [f"{prefix}{a}{b}" for a in MOJIBAKE for b in draw.sample(MOJIBAKE, 16) for prefix in ("", "a ")]
    )


def test_equals_ftfy_on_single_characters() -> None:
    points = [*range(0x20, 0x600), *range(0x1E00, 0x2200), *range(0xF900, 0xFB50), *range(0xFE00, 0x10000)]
    assert_equals_ftfy([f"a{chr(point)}b" for point in points])


def test_lines_longer_than_ftfys_segments() -> None:
    words = "word ’ " * 150_000
    assert len(words) > CONFIG.max_decode_length
    cut = "a" * (CONFIG.max_decode_length - 1) + "\r\n"
    assert classes([words, cut, cut[1:]]) == [1, 2, 1]
    assert repair_texts([words, cut[1:]]) == [expected(words), expected(cut[1:])]
    assert expected(cut).endswith("a\n\n")
    assert repair_texts([cut]) == [cut]


def test_nothing_to_do_returns_what_came() -> None:
    texts = ["plain", "", "naïve"]
    assert all(after is before for after, before in zip(repair_texts(texts), texts, strict=True))
    assert all(after is before for after, before in zip(repair_texts([*texts, "’"]), texts, strict=False))
    assert repair_texts([]) == []


def test_texts_of_each_kind_side_by_side() -> None:
    assert repair_texts(["“kept”", "Ã©tÃ©\n’\nx", "plain"]) == ['"kept"', "été\n'\nx", "plain"]


def test_a_suspicion_across_lines_changes_nothing() -> None:
    text = "end\nÂ£5"
    assert classes([text]) == [2]
    assert repair_texts([text]) == [expected(text)]


def test_work_is_bounded_on_a_line_that_unfolds_one_character_at_a_time() -> None:
    chain = "’ " + "Â" * 3000 + "©"
    allowance = Allowance()
    assert fix_line(chain, allowance) == chain
    assert mojibake.LOOKS_PER_DOCUMENT - allowance.left <= mojibake.LOOKS_PER_LINE * len(chain)
    hidden = "☃ " + "".join(char.encode().decode("cp1252") for char in chain[2:])
    assert fix_line(hidden, Allowance()) == hidden
    assert repair_texts([f"{chain}\nÃ©tÃ©\n"]) == [f"{chain}\nété\n"]


def test_an_exhausted_document_keeps_its_lines() -> None:
    assert fix_line("“Ã©”", Allowance(left=5)) == "“Ã©”"
    assert fix_line("“Ã©”", Allowance()) == '"é"'


def test_very_long_lines_and_runs_of_marks() -> None:
    line = "’Ã©" * mojibake.MAX_LINE
    marks = "a" + "\u0301\u0316" * 200_000
    assert repair_texts([line, marks]) == [line, marks]
    few = "a" + "\u0301\u0316" * (mojibake.MAX_MARKS // 2)
    assert repair_texts([few]) == [expected(few)]


def test_other_ftfy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ftfy, "__version__", "99.0")
    with pytest.raises(RuntimeError, match=r"describes ftfy 6\.3\.1, but ftfy 99\.0"):
        load_tables.__wrapped__()


def pages(limit: int) -> Iterator[str]:
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import detect_encoding

    for path in sorted((Path(os.environ["PILE_DATA"]) / "web").glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                body = record.reader.read()
                yield extract_plain_text(body.decode(detect_encoding(body) or "utf-8", "replace"))
                limit -= 1
                if limit == 0:
                    return


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="PILE_DATA names a folder of real inputs")
def test_real_pages() -> None:
    texts = list(pages(150))
    assert_equals_ftfy(texts)
    needless = [verdict != 0 for text, verdict in zip(texts, classes(texts), strict=True) if expected(text) == text]
    assert sum(needless) <= 0.05 * len(needless)
