"""Words v1 in plain Python: the same rules over the same tables as `pile_builder.text.words`, written for reading.

It works on strings, recurses where spaCy's tokeniser loops, and needs no spaCy.
"""

from __future__ import annotations

import functools
import re

from pile_builder.text import word_tables as wt

_ASCII_DIGITS = frozenset("0123456789")


def words_of(text: str) -> list[str]:
    """The words of a text."""
    return [token for token in _tokens(text) if not token.isspace()]


def sentence_count(text: str) -> int:
    """The number of sentences of a text, at least 1."""
    sentences, ended = 1, False
    for token in _tokens(text):
        ends = len(token) == 1 and _has(token, wt.SENTENCE_END)
        if ended and not ends and not all(_has(character, wt.UNICODE_PUNCTUATION) for character in token):
            sentences, ended = sentences + 1, False
        elif ends:
            ended = True
    return sentences


def _bits(character: str) -> int:
    code, chars = ord(character), wt.load_word_tables().chars
    return int(chars[int(chars[code >> wt.BLOCK_BITS]) + code % (1 << wt.BLOCK_BITS)])


def _has(character: str, bit: int) -> bool:
    return bool(_bits(character) & bit)


@functools.cache
def _strings() -> tuple[dict[str, list[str]], dict[tuple[str, ...], str], frozenset[str]]:
    """(tokens of each special case, special case of each pattern, what comes off behind a digit)."""
    specials, patterns, after_digit = {}, {}, set()
    for slot in wt.load_word_tables().strings[wt.SLOTS :].reshape(-1, 1 << wt.SLOT_BITS).tolist():
        encoded = b"".join(word.to_bytes(8, "little") for word in slot[: wt.LENGTH])[: slot[wt.LENGTH]]
        text = encoded.decode()
        if slot[wt.SPLITS]:
            specials[text] = _cut(encoded, slot[wt.SPLITS])
        if slot[wt.PATTERN]:
            patterns[tuple(_cut(encoded, slot[wt.PATTERN]))] = text
        if slot[wt.AFTER_DIGIT]:
            after_digit.add(text)
    return specials, patterns, frozenset(after_digit)


def _cut(encoded: bytes, starts: int) -> list[str]:
    places = [k for k in range(len(encoded)) if starts >> k & 1]
    return [encoded[a:b].decode() for a, b in zip(places, [*places[1:], len(encoded)], strict=True)]


def _tokens(text: str) -> list[str]:
    """spaCy's tokens, those of white space included."""
    tokens: list[str] = []
    for line in _lines(text):
        if line.isspace():
            tokens.append(line)
            continue
        flat = [(token, k == 0) for chunk in line.split(" ") for k, token in enumerate(_split_chunk(chunk))]
        tokens.extend(_second_pass([token for token, _ in flat], [spaced for _, spaced in flat]))
    return tokens


def _lines(text: str) -> list[str]:
    """Chunks with single spaces between them, and the white space tokens around those."""
    lines: list[str] = []
    for run, chunk in _runs().findall(text):
        if run and not lines:
            lines.append(run)
        elif run == " " and chunk:
            lines[-1] += " " + chunk
            continue
        elif run.removeprefix(" "):
            lines.append(run.removeprefix(" "))
        if chunk:
            lines.append(chunk)
    return lines


@functools.cache
def _runs() -> re.Pattern[str]:
    """White space, then a chunk; either may be empty."""
    space = "".join(character for character in map(chr, range(0x3001)) if _has(character, wt.SPACE))
    return re.compile(f"([{space}]*)([^{space}]*)")


def _split_chunk(chunk: str) -> list[str]:
    specials = _strings()[0]
    if not chunk:
        return []
    if chunk in specials:
        return specials[chunk]
    prefix = _prefix(chunk)
    if prefix and chunk[prefix:] in specials:
        return [chunk[:prefix], *specials[chunk[prefix:]]]
    suffix = _suffix(chunk[prefix:])
    if suffix and chunk[:-suffix] in specials:
        return [*specials[chunk[:-suffix]], chunk[-suffix:]]
    if prefix or suffix:
        end = len(chunk) - suffix
        return [part for part in (chunk[:prefix], *_split_chunk(chunk[prefix:end]), chunk[end:]) if part]
    return [chunk] if _is_url(chunk) else _split_infixes(chunk)


def _prefix(text: str) -> int:
    if _has(text[0], wt.PREFIX):
        return 1
    match = re.match(r"\+(?![0-9])|\.\.+|US\$|[CA]\$", text)
    return match.end() if match else 0


def _suffix(text: str) -> int:
    if not text:
        return 0
    found = [0]
    if _has(text[-1], wt.SUFFIX):
        found.append(1)
    if match := re.search("……$|\\.\\.+$|['’][sS]$", text):
        found.append(len(match[0]))
    if match := re.search(r"(?<=[0-9])[^0-9]+$", text):
        found.append(len(match[0]) if match[0] in _strings()[2] else 0)
    if text[-1] == "." and len(text) > 1:
        after_letters = len(text) > 2 and all(_has(character, wt.SPACY_UPPER) for character in text[-3:-1])
        found.append(_has(text[-2], wt.BEFORE_PERIOD) or after_letters or re.search("°[FfCcKk].$", text) is not None)
    return max(found)


def _split_infixes(text: str) -> list[str]:
    tokens, piece, i = [], 0, 0
    while i < len(text):
        length = _infix(text, i)
        if length and i > 0:
            tokens += [text[piece:i], text[i : i + length]]
            piece = i + length
        i += length or 1
    return [token for token in (*tokens, text[piece:]) if token]


def _infix(text: str, i: int) -> int:
    if match := re.compile(r"\.\.+").match(text, i):
        return len(match[0])
    if _has(text[i], wt.INFIX):
        return 1
    before, after = text[i - 1 : i], text[i + 1 : i + 2]
    if not before:
        return 0
    if text[i] in "+-*^" and before in _ASCII_DIGITS and after and after in "0123456789-":
        return 1
    if text[i] == ".":
        small = _has(before, wt.SPACY_LOWER | wt.QUOTE)
        return int(small and after != "" and _has(after, wt.SPACY_UPPER | wt.QUOTE))
    letter, digit = _has(before, wt.SPACY_ALPHA), before in _ASCII_DIGITS
    marks = re.compile("-{1,3}|—{1,2}|[–~:<>=/,]").match(text, i)
    if marks is None or not (letter or (digit and marks[0] != ",")):
        return 0
    follows = text[marks.end() : marks.end() + 1]
    return len(marks[0]) if follows and _has(follows, wt.SPACY_ALPHA) else 0


def _is_url(text: str) -> bool:
    starts = {0, *(place + 1 for place, character in enumerate(text) if character == "@" and place > 0)}
    scheme = text.find("://")
    if scheme > 1 and all(_has(character, wt.URL_SCHEME) for character in text[:scheme]):
        starts.add(scheme + 3)
    return any(_is_host(text[start:]) for start in starts)


def _is_host(text: str) -> bool:
    # Every digit of another script becomes the same one, which stands for "any digit" below.
    digits = "".join("٠" if _has(character, wt.DECIMAL) and character > "9" else character for character in text)
    tail = "(?::[0-9٠]{2,5})?(?:[/?#].*)?"
    address = re.fullmatch(rf"([0-9٠]+)\.([0-9٠]+)\.([0-9٠]+)\.([0-9٠]+){tail}", digits, re.DOTALL)
    if address:
        octets = address.groups()
        rules = (
            "[1-9][0-9٠]?|1[0-9٠]{2}|2[01][0-9٠]|22[0-3]",
            *["1?[0-9٠]{1,2}|2[0-4][0-9٠]|25[0-5]"] * 2,
            "[1-9][0-9٠]?|1[0-9٠]{2}|2[0-4][0-9٠]|25[0-4]",
        )
        private = r"(10|127)\..*|(169\.254|192\.168)\..*|172\.(1[6-9]|2[0-9٠]|3[01])\..*"
        if all(map(re.fullmatch, rules, octets)) and not re.fullmatch(private, ".".join(octets)):
            return True
    host = re.fullmatch(rf"([^:/?#]+){tail}", digits, re.DOTALL)
    if host is None:
        return False
    *labels, top = text[: host.end(1)].split(".")
    if not labels or not 2 <= len(top) <= 63 or not all(_has(character, wt.SPACY_LOWER) for character in top):
        return False
    return all(
        1 <= len(label) <= 64
        and _has(label[0], wt.URL_LABEL)
        and _has(label[-1], wt.URL_LABEL)
        and all(character in "-_" or _has(character, wt.URL_LABEL) for character in label)
        for label in labels
    )


def _second_pass(tokens: list[str], spaced: list[bool]) -> list[str]:
    """Replace adjacent tokens that are the pattern of a special case; `spaced` says which begin a chunk."""
    specials, patterns, _ = _strings()
    spans = [
        (end - start, -start)
        for start in range(len(tokens))
        for end in range(start + 2, min(start + wt.LONGEST_PATTERN, len(tokens)) + 1)
        if tuple(tokens[start:end]) in patterns
    ]
    chosen: dict[int, int] = {}
    taken: set[int] = set()
    for length, negative in sorted(spans, reverse=True):
        start = -negative
        if start not in taken and start + length - 1 not in taken:
            chosen[start] = length
        taken.update(range(start, start + length))
    result: list[str] = []
    i = 0
    while i < len(tokens):
        length = chosen.get(i, 0)
        if length and not any(spaced[i + 1 : i + length]):
            result += specials["".join(tokens[i : i + length])]
            i += length
        else:
            result.append(tokens[i])
            i += 1
    return result
