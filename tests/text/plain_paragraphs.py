"""Paragraphs in plain Python: what they are, their normal form, and texts without some of them."""

import re
from itertools import pairwise

from pile_builder.text.normalise import BLOCK, load_table

INDEX, ENTRIES = load_table()


def spans(text: str, *, lines: bool) -> list[tuple[int, int]]:
    """Start and end of each paragraph or line, in characters."""
    found: list[tuple[int, int]] = []
    was_blank = True
    for match in re.finditer(r"[^\n]+", text):
        if not match[0].strip():
            was_blank = True
            continue
        between = text[found[-1][1] : match.start()] if found else ""
        if lines or was_blank or between.count("\n") > 1:
            found.append(match.span())
        else:
            found[-1] = (found[-1][0], match.end())
        was_blank = False
    return found


def normal(text: str) -> str:
    return "".join(lower(character) for character in " ".join(text.split()))


def lower(character: str) -> str:
    point = ord(character)
    return chr(point + (int(ENTRIES[int(INDEX[point // BLOCK]) * BLOCK + point % BLOCK]) >> 3))


def without(text: str, lost: list[bool], *, lines: bool) -> str:
    """The text without its lost paragraphs; between two that stay, the widest of the separators there were."""
    found = spans(text, lines=lines)
    kept = [i for i, gone in enumerate(lost) if not gone]
    if not kept:
        return "" if found else text
    separators = [text[a[1] : b[0]] for a, b in pairwise(found)]
    result = text[: found[0][0]]
    for before, i in zip([None, *kept], kept, strict=False):
        if before is not None:
            result += max(separators[before:i], key=lambda one: one.count("\n"))
        result += text[slice(*found[i])]
    return result + text[found[-1][1] :]
