"""Write pile_builder/text/tables/repair_v1.npz: what ftfy and NFC do to each character, and ftfy's mojibake pattern.

Everything is derived from the installed ftfy, which must be the version that `repair` names: its regular expression for
suspicious character sequences becomes a deterministic automaton over classes of characters, and its character fixers,
run in ftfy's order on one character at a time, become a map. Usage: python tools/make_repair_tables.py
"""

from __future__ import annotations

import re
import sys
import unicodedata
from pathlib import Path
from typing import Any

import ftfy
import numpy as np
from ftfy import fixes
from ftfy.badness import BADNESS_RE
from numpy.typing import NDArray

from pile_builder.text.repair_kernel import CALM, CONTEXT

FTFY_VERSION = "6.3.1"
TARGET = Path(__file__).parents[1] / "pile_builder" / "text" / "tables" / "repair_v1.npz"
CODE_POINTS = 0x110000
BLOCK = 128
MATCH = 1  # the automaton's accepting state; 0 is its start

Pattern = tuple[bytes, ...]  # one membership mask over all code points, as bytes, per character matched


def main() -> None:
    if ftfy.__version__ != FTFY_VERSION:
        sys.exit(f"expected ftfy {FTFY_VERSION}, found {ftfy.__version__}: review ftfy's fixers before moving the pin")
    patterns = suspicious_sequences()
    class_of, samples = character_classes(patterns)
    automaton = build_automaton(patterns, samples)
    stage1, stage2, kinds, output, output_classes = character_kinds(class_of)
    np.savez_compressed(
        TARGET,
        ftfy_version=np.array(FTFY_VERSION),
        unicode_version=np.array(unicodedata.unidata_version),
        automaton=automaton,
        stage1=stage1,
        stage2=stage2,
        kinds=kinds,
        output=output,
        output_classes=output_classes,
    )
    sizes = {"states": automaton.shape[0], "classes": automaton.shape[1], "kinds": len(kinds), "blocks": len(stage2)}
    print(TARGET, TARGET.stat().st_size, "bytes", sizes)


def suspicious_sequences() -> list[Pattern]:
    """ftfy's BADNESS_RE as fixed-length sequences of character sets.

    An anchor at the start of a segment is dropped, so that one rule matches more than it does in ftfy.
    """
    tree = re._parser.parse(BADNESS_RE.pattern, BADNESS_RE.flags)  # type: ignore[attr-defined]
    (branch,) = tree
    assert str(branch[0]) == "BRANCH"
    patterns: list[Pattern] = []
    for alternative in branch[1][1]:
        patterns.extend(expand(list(alternative)))
    for pattern in patterns:
        ascii_lead = next(at for at, mask in enumerate([*pattern, b""]) if not any(mask[:128]))
        assert ascii_lead < len(pattern), "a rule matches plain ASCII"
        assert ascii_lead <= CONTEXT, f"a rule begins with {ascii_lead} characters of ASCII: raise CONTEXT"
        assert len(pattern) - 1 <= CALM, f"a rule has {len(pattern)} characters: raise CALM"
    return patterns


def expand(items: list[tuple[Any, Any]]) -> list[Pattern]:
    """Every sequence of character sets that one alternative of the pattern stands for."""
    if not items:
        return [()]
    (operation, argument), rest = items[0], expand(items[1:])
    if str(operation) == "AT":
        assert str(argument) == "AT_BEGINNING"
        return rest
    if str(operation) == "MAX_REPEAT":
        low, high, inner = argument
        assert (low, high) == (0, 1)
        return rest + [first + tail for first in expand(list(inner)) for tail in rest]
    mask = membership(operation, argument).tobytes()
    return [(mask, *tail) for tail in rest]


def membership(operation: Any, argument: Any) -> NDArray[Any]:
    """Which code points one node of the parsed pattern matches: bool[CODE_POINTS]."""
    mask = np.zeros(CODE_POINTS, bool)
    name = str(operation)
    if name == "LITERAL":
        mask[argument] = True
    elif name == "ANY":
        mask[:] = True
        mask[ord("\n")] = False
    elif name == "RANGE":
        low, high = argument
        mask[low : high + 1] = True
    elif name == "CATEGORY":
        pattern = {"CATEGORY_WORD": r"\w", "CATEGORY_SPACE": r"\s"}[str(argument)]
        mask[[ord(char) for char in re.findall(pattern, "".join(map(chr, range(CODE_POINTS))))]] = True
    elif name == "IN":
        negate = str(argument[0][0]) == "NEGATE"
        for node in argument[negate:]:
            mask |= membership(*node)
        if negate:
            mask = ~mask
    else:
        msg = f"ftfy's patterns use {name} {argument!r}, which this table maker does not know; add it above"
        raise ValueError(msg)
    return mask


def character_classes(patterns: list[Pattern]) -> tuple[NDArray[np.uint8], list[int]]:
    """Classes of code points that no rule tells apart: class of each code point, one sample of each class."""
    masks = sorted({mask for pattern in patterns for mask in pattern})
    class_of = np.zeros(CODE_POINTS, np.int64)
    for mask in masks:
        _, class_of = np.unique(class_of * 2 + np.frombuffer(mask, np.uint8), return_inverse=True)
    _, samples = np.unique(class_of, return_index=True)
    assert len(samples) < 256
    return class_of.astype(np.uint8), samples.tolist()


def build_automaton(patterns: list[Pattern], samples: list[int]) -> NDArray[Any]:
    """Subset construction for "some pattern ends here": uint8[states, classes], next state."""
    steps = [[[bool(mask[sample]) for sample in samples] for mask in pattern] for pattern in patterns]
    start = frozenset((index, 0) for index in range(len(patterns)))
    matched: frozenset[tuple[int, int]] = frozenset()
    numbers = {start: 0, matched: MATCH}
    queue, rows = [start], {MATCH: [MATCH] * len(samples)}
    for state in queue:
        row = []
        for character in range(len(samples)):
            moved = {(index, at + 1) for index, at in state if steps[index][at][character]}
            target = matched if any(at == len(steps[index]) for index, at in moved) else frozenset(moved) | start
            if target not in numbers:
                numbers[target] = len(numbers)
                queue.append(target)
            row.append(numbers[target])
        rows[numbers[state]] = row
    assert len(rows) < 256
    return np.array([rows[number] for number in range(len(rows))], np.uint8)


def character_kinds(class_of: NDArray[np.uint8]) -> tuple[NDArray[Any], ...]:
    """Two-stage table from code point to kind, and what each kind means.

    Returns stage1 uint16[CODE_POINTS / BLOCK], stage2 uint16[blocks, BLOCK], kinds int32[n, 6] (automaton class,
    combining class, output bytes from and to, their classes from and to; output from = -1: the character stays),
    output uint8, output_classes uint8. Kind 0: only ftfy can tell.
    """
    composing = second_of_composition()
    kinds: dict[tuple[int, int, str | None], int] = {(0, -1, None): 0}
    kind_of = np.zeros(CODE_POINTS, np.uint16)
    for point in range(CODE_POINTS):
        char = chr(point)
        if unicodedata.category(char) in ("Cn", "Cs") or char == "\x1b" or char in composing:
            continue
        mapped = fix_character(char)
        key: tuple[int, int, str | None]
        if mapped == char:
            key = (int(class_of[point]), unicodedata.combining(char), None)
        elif all(
            fix_character(one) == one and one not in composing and not unicodedata.combining(one) for one in mapped
        ):
            key = (int(class_of[point]), 0, mapped)
        else:
            continue
        kind_of[point] = kinds.setdefault(key, len(kinds))
    rows, output, output_classes = [], bytearray(), bytearray()
    for automaton_class, combining, becomes in kinds:
        first, first_class = len(output), len(output_classes)
        if becomes is not None:
            output += becomes.encode()
            output_classes += bytes(int(class_of[ord(one)]) for one in becomes)
        stays = becomes is None
        rows.append((automaton_class, combining, -1 if stays else first, len(output), first_class, len(output_classes)))
    blocks, stage1 = np.unique(kind_of.reshape(-1, BLOCK), axis=0, return_inverse=True)
    return (
        stage1.reshape(-1).astype(np.uint16),
        blocks,
        np.array(rows, np.int32),
        np.frombuffer(bytes(output), np.uint8),
        np.frombuffer(bytes(output_classes), np.uint8),
    )


def fix_character(char: str) -> str:
    """One round of ftfy's character fixers in ftfy's order, then NFC, on a single character."""
    for fix in (
        fixes.fix_c1_controls,
        fixes.fix_latin_ligatures,
        fixes.fix_character_width,
        fixes.uncurl_quotes,
        fixes.fix_line_breaks,
        fixes.remove_control_chars,
    ):
        char = fix(char)
    return unicodedata.normalize("NFC", char)


def second_of_composition() -> set[str]:
    """Characters that NFC can join to one before them (NFC_Quick_Check=Maybe in UAX 15)."""
    composing = {chr(point) for point in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))}
    for point in range(CODE_POINTS):
        decomposition = unicodedata.decomposition(chr(point))
        if decomposition and not decomposition.startswith("<"):
            parts = [chr(int(part, 16)) for part in decomposition.split()]
            if len(parts) == 2 and unicodedata.normalize("NFC", "".join(parts)) == chr(point):
                composing.add(parts[1])
    return composing


if __name__ == "__main__":
    main()
