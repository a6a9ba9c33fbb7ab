"""Which engine a definition may be given, and why not the fast one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pile_builder.tokenizer import characters
from pile_builder.tokenizer.byte_level import Unfit, ranked_tokens, unmade_tokens
from pile_builder.tokenizer.check import check_texts
from pile_builder.tokenizer.definition import Definition
from pile_builder.tokenizer.fast import FastEngine, FastParts, split
from pile_builder.tokenizer.patterns import PATTERNS, Pattern, pattern_of
from pile_builder.tokenizer.reference import Reference


@dataclass(frozen=True)
class Fitness:
    """The outcome of looking at a definition and trying it out.

    Attributes:
        why_not: what the fast engine cannot honour; empty if it can.
        odd: (n,) uint32, code points on which the two regex engines do not agree.
        unmade: tokens of the vocabulary that the merges list and never make.
    """

    why_not: str
    odd: NDArray[np.uint32]
    unmade: tuple[str, ...]


def fit(
    definition: Definition, content: Mapping[str, Any], end_id: int, reference: Reference
) -> tuple[Fitness, FastEngine | None]:
    """Look at a definition, at what single characters are to both engines, and compare them on texts of all sorts.

    Returns:
        The outcome, and the fast engine if it is fit for it.
    """
    try:
        _, pattern = _runs_and_pattern(definition, content)
        unmade = unmade_tokens(content["model"], definition.special) if definition.kind == "tokenizers" else set[str]()
    except Unfit as unfit:
        return Fitness(str(unfit), np.zeros(0, np.uint32), ()), None
    fitness = Fitness("", characters.disagreements(pattern.atoms), tuple(sorted(unmade)))
    engine = fast_engine(definition, content, end_id, fitness, reference)
    texts = check_texts(definition.special)
    exact = split(reference.encode(texts))
    for text, ids, true in zip(texts, split(engine.encode(texts)), exact, strict=True):
        if not np.array_equal(ids, true):
            return replace(fitness, why_not=f"it gave other ids than the reference on the text {text[:60]!r}"), None
    return fitness, engine


def fast_engine(
    definition: Definition, content: Mapping[str, Any], end_id: int, fitness: Fitness, reference: Reference
) -> FastEngine:
    """The fast engine of a definition that was found fit for it."""
    runs, pattern = _runs_and_pattern(definition, content)
    if definition.kind == "tiktoken":
        ranks = sorted(content["ranks"].items(), key=lambda item: item[1])
        tokens = [(bytes.fromhex(token), rank) for token, rank in ranks]
    else:
        tokens = ranked_tokens(content["model"], frozenset(fitness.unmade))
    composes = content.get("normalizer") is not None
    table = characters.class_table(fitness.odd, composes=composes)
    return FastEngine(FastParts(tokens, runs, pattern, composes, table), end_id, reference)


def _runs_and_pattern(definition: Definition, content: Mapping[str, Any]) -> tuple[dict[int, int], Pattern]:
    if definition.kind == "tiktoken":
        known = PATTERNS.get(content["pattern"])
        if known is None:
            raise Unfit("its pattern has no equal without look-ahead")
        return {}, known
    if (kind := _model_kind(content["model"])) != "BPE":
        raise Unfit(f"its model is {kind}, not BPE")
    normalizer = content.get("normalizer")
    if normalizer is not None and normalizer != {"type": "NFC"}:
        raise Unfit(f"its normalizer is {normalizer.get('type')}, not NFC or none")
    pattern = pattern_of(content.get("pre_tokenizer"))
    if isinstance(pattern, str):
        raise Unfit(pattern)
    return _runs(content.get("added_tokens") or (), definition.special), pattern


def _model_kind(model: Mapping[str, Any]) -> str:
    if "merges" in model:
        return "BPE"
    return str(model.get("type") or ("Unigram" if isinstance(model["vocab"], list) else "WordPiece"))


def _runs(added: Sequence[Mapping[str, Any]], special: Mapping[str, int]) -> dict[int, int]:
    """Ids of runs of spaces by their length, which are all that added tokens may be if they are not special."""
    runs: dict[int, int] = {}
    for token in added:
        if token["special"]:
            continue
        if token["content"].strip(" ") or any(token.get(name) for name in ("single_word", "lstrip", "rstrip")):
            raise Unfit(f"its added token {token['content']!r} is not a run of spaces")
        runs[len(token["content"])] = token["id"]
    if sorted(runs) != list(range(2, len(runs) + 2)):
        raise Unfit("its added runs of spaces are not of all lengths from 2 on")
    if runs and any("  " in token for token in special):
        raise Unfit("it has runs of spaces as added tokens and in special ones")
    return runs
