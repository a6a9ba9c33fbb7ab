"""A definition in which no text leads to a special token.

`tokenizers` can be told to look for no special tokens in text, but a model that has them in its vocabulary may make
them all the same: a Unigram finds `</s>` as a piece, a BPE whose merges were derived from its vocabulary puts it
together. Here they are out of the model's reach and keep their ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

from pile_builder.errors import PileError
from pile_builder.tokenizer.definition import Definition, model_vocabulary, pair_of


def sealed(definition: Definition, end_token: str) -> Mapping[str, Any]:
    """The object of a tokenizer.json that makes neither special tokens nor `end_token` of any text.

    The model's token for unknown text stays, for text that the model does not know.

    Raises:
        PileError: a special token is a single character that the model needs.
    """
    model = definition.content["model"]
    closed = {*definition.special, end_token} - {definition.unknown}
    within = _within_reach(model, closed)
    if not within:
        return definition.content
    if plain := sorted(token for token in within if "merges" in model and len(token) == 1):
        msg = (
            f"tokenizer {definition.name}: the special token {plain[0]!r} is a character that its model needs for "
            "text; expected special tokens that text does not yield: take it off the tokenizer's special tokens"
        )
        raise PileError(msg)
    # No text holds these but one made with this file at hand.
    names = {
        token: f"\U0010fffd{hashlib.sha256(f'{definition.digest} {token}'.encode()).hexdigest()}" for token in within
    }
    vocab = model["vocab"]
    changed: dict[str, Any] = dict(model)
    if isinstance(vocab, list):
        changed["vocab"] = [[names.get(piece, piece), score] for piece, score in vocab]
    else:
        changed["vocab"] = {names.get(token, token): number for token, number in vocab.items()}
    if "merges" in model:
        pairs = map(pair_of, model["merges"])
        changed["merges"] = [[a, b] for a, b in pairs if a + b not in names and a not in names and b not in names]
    # The library numbers added tokens that the model does not have one after another: those stay.
    added = [token for token in definition.content.get("added_tokens") or () if token["content"] not in names]
    return {**definition.content, "model": changed, "added_tokens": added}


def _within_reach(model: Mapping[str, Any], tokens: Collection[str]) -> set[str]:
    known = model_vocabulary(model)
    inside = {token for token in tokens if token in known}
    if "merges" not in model or model.get("ignore_merges"):
        return inside
    made = {left + right for left, right in map(pair_of, model["merges"])}
    return {token for token in inside if token in made or len(token) == 1}
