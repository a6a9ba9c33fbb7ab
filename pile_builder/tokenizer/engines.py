"""Which engine a definition may be given, and why not the fast one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import normalizers

from pile_builder.tokenizer import characters
from pile_builder.tokenizer.byte_level import Unfit, ranked_tokens, unmade_tokens
from pile_builder.tokenizer.check import check_texts
from pile_builder.tokenizer.definition import Definition, model_kind
from pile_builder.tokenizer.fast import FastEngine, FastParts, split
from pile_builder.tokenizer.patterns import PATTERNS, Pattern, pattern_of
from pile_builder.tokenizer.reference import Reference

_MOST_WATCHED: Final = 64
"""Added tokens that texts are searched for, one after another."""


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


@dataclass(frozen=True)
class _Added:
    runs: Mapping[int, int]
    watched: tuple[str, ...]


def fit(
    definition: Definition, content: Mapping[str, Any], end_id: int, reference: Reference
) -> tuple[Fitness, FastEngine | None]:
    """Look at a definition, at what single characters are to both engines, and compare them on texts of all sorts.

    Returns:
        The outcome, and the fast engine if it is fit for it.
    """
    try:
        _, pattern = _added_and_pattern(definition, content)
        unmade = unmade_tokens(content["model"], definition.special) if definition.kind == "tokenizers" else set[str]()
    except Unfit as unfit:
        return Fitness(str(unfit), np.zeros(0, np.uint32), ()), None
    # An encoding of tiktoken is compared with tiktoken, whose regex engine is the same.
    odd = characters.disagreements(pattern.atoms if definition.kind == "tokenizers" else ())
    fitness = Fitness("", odd, tuple(sorted(unmade)))
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
    added, pattern = _added_and_pattern(definition, content)
    if definition.kind == "tiktoken":
        ranks = sorted(content["ranks"].items(), key=lambda item: item[1])
        tokens = [(bytes.fromhex(token), rank) for token, rank in ranks]
    else:
        tokens = ranked_tokens(content["model"], frozenset(fitness.unmade))
    composes = content.get("normalizer") is not None
    table = characters.class_table(fitness.odd, composes=composes)
    return FastEngine(FastParts(tokens, added.runs, added.watched, pattern, composes, table), end_id, reference)


def _added_and_pattern(definition: Definition, content: Mapping[str, Any]) -> tuple[_Added, Pattern]:
    if definition.kind == "tiktoken":
        known = PATTERNS.get(content["pattern"])
        if known is None:
            raise Unfit("its pattern has no equal without look-ahead")
        return _Added({}, ()), known
    if (kind := model_kind(content["model"])) != "BPE":
        raise Unfit(f"its model is {kind}, not BPE")
    normalizer = content.get("normalizer")
    if normalizer is not None and normalizer != {"type": "NFC"}:
        raise Unfit(f"its normalizer is {normalizer.get('type')}, not NFC or none")
    pattern = pattern_of(content.get("pre_tokenizer"))
    if isinstance(pattern, str):
        raise Unfit(pattern)
    return _added(content.get("added_tokens") or (), definition.special), pattern


def _added(tokens: Sequence[Mapping[str, Any]], special: Mapping[str, int]) -> _Added:
    """The added tokens that are not special: runs of spaces, if they are of all lengths from 2 on, and others."""
    plain = [token for token in tokens if not token.get("special")]
    spaces = [token for token in plain if not token["content"].strip(" ")]
    others = [token for token in plain if token["content"].strip(" ")]
    if any(token.get(flag) for flag in ("single_word", "lstrip", "rstrip") for token in spaces):
        raise Unfit("its added runs of spaces take white space beside them as well")
    runs = {len(token["content"]): int(token["id"]) for token in spaces}
    if sorted(runs) != list(range(2, len(runs) + 2)):
        raise Unfit("its added runs of spaces are not of all lengths from 2 on")
    if runs and any("  " in token for token in special):
        raise Unfit("it has runs of spaces as added tokens and in special ones")
    if len(others) > _MOST_WATCHED:
        raise Unfit(f"it has {len(others)} added tokens beside special ones and spaces, more than {_MOST_WATCHED}")
    if spread := [token["content"] for token in others if token.get("rstrip") or " " in token["content"]]:
        # A long text may be cut in the middle of it.
        raise Unfit(f"its added token {spread[0]!r} goes on over spaces")
    compose = normalizers.NFC().normalize_str
    return _Added(runs, tuple(sorted({form(token["content"]) for token in others for form in (str, compose)})))
