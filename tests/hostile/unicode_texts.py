"""Texts of strange characters, words and lines, which every phase after ingest has to bear."""

import random

from tests.hostile.cases import Case
from tests.hostile.made import STORY, html_response, tar_of

FLOODS = {
    "combining": "e" + "\u0301\u0323" * 200_000,
    "combining-words": ("e" + "\u0301" * 300 + " ") * 2_000,
    "combining-only": "\u0301" * 100_000,
    "bidi": "\u202e\u202d\u2066\u2069" * 100_000,
    "zero-width": "\u200b\u200c\u200d\ufeff" * 100_000,
    "private": "\ue000\uf8ff\U000f0000" * 50_000,
    "noncharacters": "\ufffe\uffff\ufdd0\U0010ffff " * 20_000,
    "unassigned": "\u0378\u0379\U000e0fff " * 20_000,
    "tags": "".join(map(chr, range(0xE0020, 0xE0080))) * 500,
    "controls": "".join(map(chr, [*range(1, 32), *range(127, 160)])) * 500,
    "replacement": "\ufffd" * 200_000,
    "spaces": "\u00a0\u2003\u3000\u2028\u2029\x85" * 50_000,
    "hangul": "\u1100\u1161\u11a8" * 100_000,
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467\U0001f3fd\ufe0f" * 20_000,
    "flags": "\U0001f1e6" * 100_001,
    "mojibake": "Ã¢â‚¬â„¢" * 60_000,
    "mojibake-chain": "Â" * 30_000 + "©",
    "ligatures": "\ufb01\ufdfa\u3300" * 50_000,
    "math-letters": "\U0001d49c\U0001d68a" * 100_000,
    "long-word": "a" * 3_000_000,
    "long-word-dots": "a." * 1_000_000,
    "long-number": "9" * 1_000_000,
    "long-url": "http://" + "a/" * 500_000,
    "at-signs": "a@" * 500_000,
    "mails": "a@b.c " * 200_000,
    "phones": "+1 (555) " * 200_000,
    "addresses": "1.2.3." * 200_000,
    "colons": "::" * 300_000,
    "hex": "0123456789abcdef:" * 100_000,
    "keys": "AKIA" * 300_000,
    "dots": "." * 1_000_000,
    "ellipses": "…" * 300_000,
    "bullets": "- \n" * 200_000,
    "newlines": "\n" * 1_000_000,
    "carriage-returns": "\r" * 500_000,
    "curly": "{" * 300_000,
    "lorem": "lorem ipsum " * 100_000,
    "one-letter-words": "a " * 500_000,
    "same-line": (STORY + "\n") * 2_000,
    "apostrophes": "'" * 300_000 + "s",
    "hyphens": "a-" * 500_000,
    "underscores": "_" * 500_000,
    "quotes": "“" * 200_000 + "”",
    "special-tokens": "<|endoftext|><s></s>[UNK]<pad>" * 5_000,
    "javascript": "javascript {}; cookies policy terms of use\n" * 20_000,
}


def _noise(seed: int) -> str:
    draw = random.Random(seed)
    points = [point for point in (draw.randrange(0x110000) for _ in range(60_000)) if not 0xD800 <= point < 0xE000]
    return "".join(map(chr, points))


def _wet(text: str, name: str) -> bytes:
    from tests.hostile.made import warc_record

    return warc_record((STORY + text).encode(), f"http://a.example/{name}", "conversion", "text/plain")


CASES = [
    *(
        Case("common_crawl", f"text-{what}.warc.wet", lambda what=what, text=text: _wet(text, what), 1)
        for what, text in FLOODS.items()
    ),
    *(
        Case("common_crawl", f"text-noise-{seed}.warc.wet", lambda seed=seed: _wet(_noise(seed), f"noise-{seed}"), 1)
        for seed in range(3)
    ),
    Case("books", "text-combining.txt", (STORY * 8 + FLOODS["combining"]).encode(), 0, "not_a_book"),
    Case("books", "text-mojibake.txt", (STORY * 8 + FLOODS["mojibake"]).encode(), 0, "not_a_book"),
    Case("books", "text-line-60m.txt", lambda: STORY.encode() * 8 + b"word " * (12 << 20), 1, is_large=True),
    Case("books", "text-word-60m.txt", lambda: STORY.encode() * 8 + b"w" * (60 << 20), 1, is_large=True),
    Case("books", "text-line-100m.txt", lambda: b"word " * (20 << 20), 0, "too_large", is_large=True),
    Case(
        "common_crawl",
        "html-word-60m.warc",
        lambda: html_response("w" * (60 << 20), "http://a.example/w"),
        0,
        "no_text",
        is_large=True,
    ),
    Case(
        "common_crawl",
        "wet-combining-60m.warc.wet",
        lambda: _wet("e" + "\u0301\u0323" * (15 << 20), "marks"),
        1,
        is_large=True,
    ),
    Case("common_crawl", "wet-mojibake-60m.warc.wet", lambda: _wet("Ã¢â‚¬â„¢" * (3 << 20), "moji"), 1, is_large=True),
    Case("github", "text-combining.tar", lambda: tar_of({"r/a.py": ("# e" + "\u0301\u0323" * 40_000).encode()}), 1),
]
