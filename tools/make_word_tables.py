"""Generate the tables of words v1 from spaCy's English tokeniser, Python's `str` and datatrove's punctuation.

    python tools/make_word_tables.py

writes `pile_builder/text/tables/words_v1.npz` and, beside it, `words_v1.json` with the versions of its sources. spaCy
is a development dependency. The kernels implement spaCy's rules of more than one character by hand, so this script
stops if a spaCy release adds or changes one.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import spacy
from numpy.typing import NDArray
from spacy.lang import char_classes
from spacy.lang.en.punctuation import TOKENIZER_INFIXES
from spacy.lang.punctuation import TOKENIZER_PREFIXES, TOKENIZER_SUFFIXES
from spacy.lang.tokenizer_exceptions import URL_PATTERN
from spacy.pipeline.sentencizer import Sentencizer
from spacy.symbols import ORTH
from spacy.tokenizer import Tokenizer

from pile_builder.text import word_tables as wt

OUTPUT = Path(__file__).parents[1] / "pile_builder" / "text" / "tables"
CODE_POINTS = 0x110000

DATATROVE_VERSION = "0.10.1"
# datatrove.utils.text.PUNCTUATION_SET, as inclusive ranges of code points.
DATATROVE_PUNCTUATION = """
0-8 B-1F 21-2F 3A-40 5B-60 7B-9F AB B4 BB 589 61D-61F 6D4 700-702 7F9 837 839 83D-83E 964-965 104A-104B 1362 1367-1368
166E 1735-1736 17D4-17D6 17D9-17DA 1803 1809 1944-1945 1AA8-1AAB 1B5A-1B5B 1B5E-1B5F 1B7D-1B7E 1C3B-1C3C 1C7E-1C7F
2013-2014 2019 201C-201E 2026 203C-203D 2047-2049 2236 2501 25BA 2E2E 2E3C 2E53-2E54 3001-3002 3008-300D 3010-3011 A4FF
A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F A9C8-A9C9 AA5D-AA5F AAF0-AAF1 ABEB FE52 FE56-FE57 FF01 FF05 FF08-FF09 FF0C
FF0E FF11 FF1A-FF1B FF1F FF5E FF61 10A56-10A57 10F55-10F59 10F86-10F89 11047-11048 110BE-110C1 11141-11143 111C5-111C6
111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 1144B-1144C 115C2-115C3 115C9-115D7 11641-11642 1173C-1173E 11944 11946
11A42-11A43 11A9B-11A9C 11C41-11C42 11EF7-11EF8 11F43-11F44 16A6E-16A6F 16AF5 16B37-16B38 16B44 16E98 1BC9F 1DA88
"""

# SHA-256 over all regular expressions of the tokeniser: the kernels implement those of more than one character by hand.
RULES_DIGEST = "e6e50fb939dbb8919121dafae6b642cb3aa6856896187703c0b8eb367dc785df"

# What infixes of more than one character, or with neighbours to look at, begin with.
INFIX_STARTS = ".+-*^,–—~:<>=/"


def build_tables() -> wt.WordTables:
    """The tables, computed from the installed spaCy.

    Raises:
        ValueError: spaCy's rules are not the ones that the kernels know.
    """
    rules = (TOKENIZER_PREFIXES, TOKENIZER_SUFFIXES, TOKENIZER_INFIXES, URL_PATTERN)
    digest = hashlib.sha256(json.dumps(rules).encode()).hexdigest()
    if digest != RULES_DIGEST:
        msg = (
            f"spaCy {version('spacy')} has other rules than the kernels: expected digest {RULES_DIGEST}, got {digest};"
            " compare its punctuation and URL rules with word_splitting.py and word_urls.py, then give the tables a new"
            " version"
        )
        raise ValueError(msg)
    specials, patterns = _special_cases()
    bits = _character_bits()
    for code in range(0x80):
        plain = not any(re.fullmatch(r"[A-Za-z]+" + re.escape(chr(code)), text) for text in specials)
        bits[code] |= wt.PLAIN_MARK * (plain and bool(bits[code] & wt.SUFFIX))
    return wt.WordTables(_two_levels(bits), _strings(specials, patterns))


def versions() -> dict[str, str]:
    """Where the tables come from."""
    return {
        "spacy": version("spacy"),
        "unicode": unicodedata.unidata_version,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "datatrove": DATATROVE_VERSION,
    }


def main() -> None:
    tables = build_tables()
    np.savez_compressed(OUTPUT / "words_v1.npz", **tables._asdict())
    (OUTPUT / "words_v1.json").write_text(json.dumps(versions(), indent=2, sort_keys=True) + "\n")


def _single_characters(rules: Iterable[str]) -> str:
    """The regular expression of those rules that match one character whatever its neighbours."""
    return "|".join(rule for rule in rules if re.fullmatch(r"\\?\S|\[[^\[\]]*\]", rule))


def _character_bits() -> NDArray[np.uint32]:
    """The bits of every code point."""
    bits = np.zeros(CODE_POINTS, np.uint32)
    every = "".join(map(chr, range(CODE_POINTS)))
    (before_period,) = (rule for rule in TOKENIZER_SUFFIXES if re.fullmatch(r"\(\?<=\[0-9.{9,}\]\)\\\.", rule))
    patterns = {
        wt.PREFIX: _single_characters(TOKENIZER_PREFIXES),
        wt.SUFFIX: _single_characters(TOKENIZER_SUFFIXES),
        wt.INFIX: _single_characters(TOKENIZER_INFIXES),
        wt.BEFORE_PERIOD: before_period.removeprefix("(?<=").removesuffix(r")\."),
        wt.SPACY_UPPER: f"[{char_classes.ALPHA_UPPER}]",
        wt.SPACY_LOWER: f"[{char_classes.ALPHA_LOWER}]",
        wt.SPACY_ALPHA: f"[{char_classes.ALPHA}]",
        wt.QUOTE: f"[{char_classes.CONCAT_QUOTES}]",
        wt.URL_LABEL: r"[A-Za-z0-9\u00a1-\uffff]",
        wt.URL_SCHEME: r"[\w\+\-\.]",
        wt.DECIMAL: r"\d",
    }
    for bit, pattern in patterns.items():
        bits[[match.start() for match in re.finditer(pattern, every, re.DOTALL)]] |= bit
    predicates: dict[int, Callable[[str], bool]] = {
        wt.SPACE: str.isspace,
        wt.ALPHA: str.isalpha,
        wt.DIGIT: str.isdigit,
        wt.NUMERIC: str.isnumeric,
        wt.UPPER: str.isupper,
        wt.LOWER: str.islower,
        wt.LINE_BREAK: lambda character: character.splitlines() == [""],
        wt.UNICODE_PUNCTUATION: lambda character: unicodedata.category(character).startswith("P"),
        wt.SENTENCE_END: frozenset(Sentencizer.default_punct_chars).__contains__,
    }
    for bit, predicate in predicates.items():
        bits[[code for code, character in enumerate(every) if predicate(character)]] |= bit
    bits[[code for code, character in enumerate(every[:0x3000]) if character in INFIX_STARTS]] |= wt.MAY_BE_INFIX
    bits[bits & wt.INFIX != 0] |= wt.MAY_BE_INFIX
    for text in DATATROVE_PUNCTUATION.split():
        first, _, last = text.partition("-")
        bits[int(first, 16) : int(last or first, 16) + 1] |= wt.PUNCTUATION
    return bits


def _two_levels(bits: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The array `chars`: distinct blocks in order of their first use, behind where each is to be found."""
    places: dict[bytes, int] = {}
    rows = bits.reshape(wt.ASCII, 1 << wt.BLOCK_BITS)
    blocks = [places.setdefault(row.tobytes(), len(places)) for row in rows]
    first_level = wt.ASCII + (np.array(blocks, np.uint32) << wt.BLOCK_BITS)
    return np.concatenate([first_level.astype(np.uint32), np.frombuffer(b"".join(places), np.uint32)])


def _special_cases() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """(the tokens of every special case, those that the second pass looks for in the place of some of them)."""
    tokenizer = spacy.blank("en").tokenizer
    if not isinstance(tokenizer, Tokenizer):
        msg = f"expected spaCy's rule-based Tokenizer for English, got {type(tokenizer).__name__}"
        raise TypeError(msg)
    specials = {text: [token[ORTH] for token in rule] for text, rule in tokenizer.rules.items() if not text.isspace()}
    # What the affix rules alone make of a special case is what the second pass looks for.
    bare = Tokenizer(
        spacy.blank("en").vocab,
        prefix_search=tokenizer.prefix_search,
        suffix_search=tokenizer.suffix_search,
        infix_finditer=tokenizer.infix_finditer,
        url_match=tokenizer.url_match,
    )
    patterns = {
        text: [token.text for token in bare(text)]
        for text in specials
        if tokenizer.find_prefix(text) or tokenizer.find_suffix(text) or tokenizer.find_infix(text)
    }
    # A pattern of one token is a special case of one token: matching it changes nothing.
    patterns = {text: tokens for text, tokens in patterns.items() if len(tokens) > 1}
    _check_kernel_assumptions(specials, patterns)
    return specials, patterns


def _check_kernel_assumptions(specials: dict[str, list[str]], patterns: dict[str, list[str]]) -> None:
    """Raise ValueError if the special cases break what the kernels take for granted."""
    if max(len(tokens) for tokens in patterns.values()) > wt.LONGEST_PATTERN:
        msg = f"a pattern has more than LONGEST_PATTERN = {wt.LONGEST_PATTERN} tokens; raise the constant"
        raise ValueError(msg)
    if max(len(text.encode()) for text in specials) > wt.LONGEST_STRING:
        msg = f"a special case has more than LONGEST_STRING = {wt.LONGEST_STRING} bytes; widen the slots"
        raise ValueError(msg)
    for text, tokens in specials.items():
        if not re.fullmatch(r"[A-Za-z]+\.?", text):
            continue
        for first in range(len(tokens)):
            for end in range(first + 2, len(tokens) + 1):
                part = tokens[first:end]
                if patterns.get("".join(part)) == part != specials["".join(part)]:
                    msg = f"the second pass would change the special case {text!r}; tokenize must call is_joined for it"
                    raise ValueError(msg)


def _strings(specials: dict[str, list[str]], patterns: dict[str, list[str]]) -> NDArray[np.uint64]:
    """The array `strings`."""
    after_digit = {"+", *char_classes.CURRENCY.replace("\\", "").split("|"), *char_classes.UNITS.split("|")}
    gates = np.zeros((3, wt.GATE_WORDS), np.uint64)
    slots = np.zeros((1 << (wt.HASH_BITS - wt.SLOT_SHIFT), 1 << wt.SLOT_BITS), np.uint64)
    for text in sorted(specials.keys() | after_digit):
        encoded = text.encode()
        number = _hash(text) >> wt.SLOT_SHIFT
        while slots[number, wt.LENGTH]:
            number = (number + 1) % len(slots)
        slots[number, : wt.LENGTH] = np.frombuffer(encoded.ljust(wt.LONGEST_STRING, b"\0"), "<u8")
        slots[number, wt.LENGTH] = len(encoded)
        slots[number, wt.SPLITS] = _token_starts(specials.get(text, []))
        slots[number, wt.PATTERN] = _token_starts(patterns.get(text, []))
        slots[number, wt.AFTER_DIGIT] = text in after_digit
    first, second = (sorted({tokens[k] for tokens in patterns.values()}) for k in (0, 1))
    for gate, texts in zip(gates, (sorted(specials), first, second), strict=True):
        for hashed in map(_hash, texts):
            gate[hashed >> 6] |= np.uint64(1 << (hashed & 63))
    return np.concatenate([gates.ravel(), slots.ravel()])


def _token_starts(tokens: list[str]) -> int:
    """Bit k set where a token starts at byte k."""
    starts = position = 0
    for token in tokens:
        starts |= 1 << position
        position += len(token.encode())
    return starts


def _hash(text: str) -> int:
    encoded = text.encode()
    word = int.from_bytes(encoded[:8], "little")
    return (((word + len(encoded)) * int(wt.HASH_MULTIPLIER)) % 2**64) >> (64 - wt.HASH_BITS)


if __name__ == "__main__":
    main()
