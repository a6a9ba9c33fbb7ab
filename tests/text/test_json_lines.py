"""The JSON lines kernel against Python's own parser."""

from __future__ import annotations

import itertools
import json
import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.text.column import PADDING
from pile_builder.text.json_lines import (
    BLANK,
    DOCUMENT,
    MAX_DEPTH,
    MISSING,
    NOT_OBJECT,
    NOT_TEXT,
    TOO_DEEP,
    line_starts,
    read_json_lines,
    select_lines,
)
from pile_builder.text.json_strings import NOT_JSON, NOT_UTF8

UNREADABLE = {NOT_JSON, NOT_UTF8, NOT_OBJECT}


def read(lines: bytes, field: str = "text") -> tuple[list[int], list[str], list[bytes]]:
    """Kinds, texts and the lines themselves; what lies behind them must not matter."""
    buffer = np.frombuffer(lines + bytes(1) + b'"}' * PADDING, np.uint8)
    result = read_json_lines(buffer, len(lines), field)
    assert result.starts.tolist() == line_starts(buffer, len(lines)).tolist()
    assert not result.texts.data[result.texts.offsets[-1] :][:PADDING].any()
    ends = result.texts.offsets.tolist()
    texts = [result.texts.data[a:b].tobytes().decode() for a, b in itertools.pairwise(ends)]
    parts = [lines[a:b] for a, b in itertools.pairwise(result.starts.tolist())]
    return result.kinds.tolist(), texts, parts


def refuse(constant: str) -> None:
    raise ValueError(constant)


def plain(line: bytes, field: str = "text") -> tuple[set[int], str | None]:
    """What a line may be called, and its text, by Python's parser."""
    if not line.strip(b" \t\r\n"):
        return {BLANK}, None
    try:
        value = json.loads(line.decode(), parse_constant=refuse)
    except (ValueError, UnicodeDecodeError):
        return UNREADABLE, None
    if not isinstance(value, dict):
        return {NOT_OBJECT}, None
    for key in field.split("."):
        if not isinstance(value, dict) or key not in value:
            return {MISSING}, None
        value = value[key]
    if not isinstance(value, str):
        return {NOT_TEXT}, None
    return {DOCUMENT}, re.sub("[\ud800-\udfff]", "\ufffd", value)


def check(lines: list[bytes], field: str = "text") -> None:
    kinds, texts, parts = read(b"\n".join(lines) + b"\n", field)
    assert parts == [line + b"\n" for line in lines]
    expected = [plain(line, field) for line in lines]
    for kind, (allowed, _), line in zip(kinds, expected, lines, strict=True):
        assert kind in allowed, line
    assert texts == [text for _, text in expected if text is not None]


PIECES = ['"', "\\", "\n", "\x00", "\x7f", "é", "€", "日", "😀", "\ud83d", "\udc00", "/", "a", "word " * 13]
KEYS = ["text", "text", "meta", "meta", "tex", "textt", "", "é", "te\\xt"]
NUMBERS = ["0", "-1", "12.5", "1e9", "-0.1E-7", "123456789012345678901234567890"]
DAMAGE = [
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"0",
    b"-",
    b".",
    b"e",
    b"u",
    b" ",
    b"tru",
    b"\x00",
    b"\xc3",
    b"",
]


def spell(randomness: random.Random, depth: int = 0) -> str:
    """Some value, spelled in some way; strings are longer than the 64 bytes that are looked at together."""
    space = randomness.choice(["", "", " ", "\t", " \r "])
    kind = randomness.random()
    if depth == 0 or (kind < 0.3 and depth < 4):
        members = [
            f"{spell_string(randomness, randomness.choice(KEYS))}{space}:{spell(randomness, depth + 1)}"
            for _ in range(randomness.randrange(5))
        ]
        return f"{space}{{{space}{','.join(members)}}}{space}"
    if kind < 0.4 and depth < 4:
        return f"[{space}{','.join(spell(randomness, depth + 1) for _ in range(randomness.randrange(3)))}]{space}"
    if kind < 0.5:
        return space + randomness.choice([*NUMBERS, "true", "false", "null"]) + space
    return spell_string(randomness, "".join(randomness.choices(PIECES, k=randomness.randrange(30)))) + space


def spell_string(randomness: random.Random, text: str) -> str:
    written = json.dumps(text)
    how = randomness.randrange(4)
    if how == 0 and not re.search("[\ud800-\udfff]", text):
        return json.dumps(text, ensure_ascii=False)
    if how == 1:
        return re.sub(r"\\u[0-9a-f]{4}", lambda match: match[0][:2] + match[0][2:].upper(), written)
    return '"' + "".join(f"\\u{ord(sign):04x}" for sign in text) + '"' if how == 2 and text.isascii() else written


@pytest.mark.parametrize("field", ["text", "meta.text", "text.meta", "te\\xt"])
def test_valid_lines_are_read_as_python_reads_them(field):
    randomness = random.Random(1)
    lines = [spell(randomness).encode() for _ in range(2000)]
    check(lines, field)
    assert sum(plain(line, field)[0] == {DOCUMENT} for line in lines) > 20


def test_damaged_lines_are_rejected_where_python_rejects_them():
    randomness = random.Random(2)
    lines = []
    for _ in range(4000):
        line = spell(randomness).encode()
        for _ in range(randomness.randrange(1, 3)):
            at = randomness.randrange(len(line) + 1)
            line = line[:at] + randomness.choice(DAMAGE) + line[at + randomness.randrange(3) :]
        lines.append(line)
    check(lines)
    assert sum(plain(line)[0] == UNREADABLE for line in lines) > 1000


@settings(deadline=None)
@given(st.text(max_size=150), st.booleans())
def test_any_text_comes_back(text, is_ascii):
    check([json.dumps({"text": text}, ensure_ascii=is_ascii).encode()])


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=90), st.integers(0, 80))
def test_utf8_is_checked_as_python_checks_it(noise, before):
    text = b"a" * before + noise.replace(b"\n", b"") + b"b" * 20
    check([b'{"text": "' + text.replace(b'"', b"").replace(b"\\", b"") + b'"}'])


@pytest.mark.parametrize("number", ["0", "-0", "10", "1.5e+10", "01", "-", "1.", ".5", "1e", "1e+", "+1", "0x1", "1E9"])
def test_numbers_follow_the_grammar(number):
    check([b'{"n": %s, "text": "a"}' % number.encode(), b'{"n": [%s]}' % number.encode()])


@pytest.mark.parametrize(
    "line",
    [
        b'{"text": "first", "text": "last"}',
        b'{"text": "first", "text": null}',
        b'{"text": null, "text": "last"}',
        b'{"text": {"text": "inner"}}',
        b'[{"text": "inner"}]',
        b'{"a": {"text": "inner"}, "te\\u0078t": "escaped"}',
        b'{"text": "\\ud83d\\ude00 \\ud83d \\ude00 \\ud83d\\u0041 \\ud83d\\ud83d\\ude00 \\ud83d\\n"}',
        b'{"text": "\\ud83d\\u12"}',
        b'{"text": "open',
        b'{"text": "open\\',
        b'{"text": "a"} {"text": "b"}',
        b'{"text": "a"},',
        b'{"text" "a"}',
        b'{"text": "a",}',
        b'{"a": [1,], "text": "a"}',
        b'{"a": [}, "text": "a"}',
        b'{"a": tru, "text": "a"}',
        b'{"a": nulll, "text": "a"}',
        b"{}",
        b"\t \r",
        b"\xef\xbb\xbf{}",
        b"null",
    ],
)
def test_odd_lines(line):
    check([b'{"text": "before"}', line, b'{"text": "behind"}\r'])


def test_nested_fields():
    lines = [
        b'{"meta": {"text": "a"}, "text": "b"}',
        b'{"meta": {"text": "a"}, "meta": {}}',
        b'{"meta": {"text": "a"}, "meta": "text"}',
        b'{"meta": [{"text": "a"}]}',
        b'{"x": {"meta": {"text": "a"}}, "meta": {"x": {"text": "c"}, "text": "d"}}',
        b'{"meta.text": "a"}',
    ]
    check(lines, "meta.text")
    assert read(b"\n".join(lines), "meta.text")[1] == ["a", "d"]


def test_the_last_line_needs_no_end():
    assert read(b'{"text": "a"}\n{"text": "b"}')[1:] == (["a", "b"], [b'{"text": "a"}\n', b'{"text": "b"}'])
    assert read(b"") == ([], [], [])
    assert read(b"\n") == ([BLANK], [], [b"\n"])


def test_nesting_is_bounded():
    for depth, kind in ((MAX_DEPTH - 1, DOCUMENT), (MAX_DEPTH, TOO_DEEP)):
        kinds, _, _ = read(b'{"a": %s%s, "text": "b"}\n{"text": "c"}' % (b"[" * depth, b"]" * depth))
        assert kinds == [kind, DOCUMENT]


def test_what_cannot_be_read_is_refused():
    with pytest.raises(ValueError, match="64 bytes of padding"):
        read_json_lines(np.zeros(10, np.uint8), 10)
    with pytest.raises(ValueError, match="a field's name"):
        read(b"{}", "meta.")


@given(
    st.lists(st.tuples(st.binary(max_size=5).map(lambda line: line.replace(b"\n", b"")), st.booleans()), max_size=20)
)
def test_selected_lines_are_the_bytes_they_were(lines):
    data = b"".join(line + b"\n" for line, _ in lines)
    array = np.frombuffer(data, np.uint8)
    wanted = np.array([is_wanted for _, is_wanted in lines], np.bool_)
    expected = b"".join(line + b"\n" for line, is_wanted in lines if is_wanted)
    assert bytes(select_lines(array, line_starts(array, len(data)), wanted)) == expected
