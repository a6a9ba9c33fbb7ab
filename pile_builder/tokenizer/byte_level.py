"""Byte-level BPE merges as tiktoken's ranks, where both make the same tokens of every piece.

`tokenizers` merges a listed pair by the rank of the pair; tiktoken merges any two neighbours whose bytes together are a
token, by the rank of that token. Let K be the tokens that `tokenizers` makes of their own bytes. If every merge into
a token of K has one rank (or ranks next to each other), tiktoken with K ordered by rank does the same:

Inside the span of a token T, until something is merged across its ends, either one goes through the same steps as over
T alone. If the span is two parts c, d and tiktoken merges them next, then `tokenizers`, which over T alone gets from
the same two parts to T, has c, d listed and merges them next as well; and the other way round T is in K, because its
own bytes lead to c, d and then to T.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from tokenizers import models

from pile_builder.tokenizer.definition import pair_of

_NEVER_IN_TEXT: Final = frozenset([0xC0, 0xC1, *range(0xF5, 0x100)])
"""Bytes that UTF-8 does not have; vocabularies trained on text may lack them."""


class Unfit(Exception):  # noqa: N818
    """A definition that the fast engine cannot honour; the message says why."""


def byte_alphabet() -> dict[str, int]:
    """The character that stands for each byte in byte-level vocabularies (Radford et al. 2019, `bytes_to_unicode`).

    Bytes that Latin-1 prints stand for themselves, the others for the characters from U+0100 on.
    """
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printed]
    return {chr(byte): byte for byte in printed} | {chr(256 + i): byte for i, byte in enumerate(others)}


def merged_tokens(merges: Sequence[tuple[str, str]]) -> list[str]:
    """The tokens that merges make, in the order of their ranks.

    Raises:
        Unfit: merges into one token are parted by merges into another.
    """
    made: dict[str, int] = {}
    for rank, (left, right) in enumerate(merges):
        token = left + right
        if made.get(token, rank - 1) != rank - 1:
            raise Unfit(f"its merges make {token!r} at ranks that are not next to each other")
        made[token] = rank
    return list(made)


def unmade_tokens(model: Mapping[str, Any], special: Collection[str]) -> set[str]:
    """The merged tokens that the model does not make of their own bytes, and so of no text.

    Raises:
        Unfit: the model has what tiktoken does not.
    """
    for name in ("unk_token", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback"):
        if model.get(name):
            raise Unfit(f"its model has {name}")
    vocab = model["vocab"]
    alphabet = byte_alphabet()
    if missing := [byte for char, byte in alphabet.items() if char not in vocab and byte not in _NEVER_IN_TEXT]:
        raise Unfit(f"its vocabulary has no token for the byte 0x{missing[0]:02x}")
    merges = [pair_of(merge) for merge in model["merges"]]
    alone = models.BPE(vocab=dict(vocab), merges=merges)
    letters = alphabet.keys()
    # What has characters that stand for no byte is never made of text.
    unmade = {
        token
        for token in merged_tokens(merges)
        if not letters >= set(token) or [part.id for part in alone.tokenize(token)] != [vocab[token]]
    }
    if model.get("ignore_merges"):
        # A piece that is a token is taken whole, and tiktoken would merge such a token inside of pieces too.
        made = {left + right for left, right in merges} - unmade
        whole = {token for token in vocab.keys() - made - letters - set(special) if letters >= set(token)}
        if whole:
            raise Unfit(f"its token {min(whole)!r} is made of whole pieces only")
    return unmade


def ranked_tokens(model: Mapping[str, Any], unmade: Collection[str]) -> list[tuple[bytes, int]]:
    """Bytes and id of each token that tiktoken shall know, in the order of ranks: single bytes, then merged ones.

    Args:
        model: of a definition.
        unmade: what `unmade_tokens` found in it.
    """
    vocab = model["vocab"]
    alphabet = byte_alphabet()
    single = [(bytes([byte]), vocab[char]) for char, byte in alphabet.items() if char in vocab]
    made = merged_tokens([pair_of(merge) for merge in model["merges"]])
    spell = alphabet.__getitem__
    return single + [(bytes(map(spell, token)), vocab[token]) for token in made if token not in unmade]
