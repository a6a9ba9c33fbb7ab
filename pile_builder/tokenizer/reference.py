"""The reference engines: what a text's ids are, by the libraries themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np
import orjson
import tokenizers
from numpy.typing import NDArray
from tiktoken import Encoding

from pile_builder.errors import PileError
from pile_builder.tokenizer.definition import Definition
from pile_builder.tokens import TokenBatch, batch_of

_GROUP: Final = 1 << 18
"""Characters handed to `tokenizers` at once: it keeps about a hundred bytes for each token until they are taken."""

_SOUGHT: Final = "<|endoftext|>"
"""What tiktoken is told to look for and never to take."""


class Reference(Protocol):
    """An engine whose ids are right by definition."""

    def ids(self, text: str) -> list[int]:
        """A text's ids, without the end of the document."""

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """Ids of texts, with the end-of-document id after each."""


class TokenizersReference:
    """`tokenizers`, told to find no special tokens in text and to add none."""

    def __init__(self, content: Mapping[str, Any], name: str, end_id: int) -> None:
        self._library = library_tokenizer(content, name)
        self._end = np.array([end_id], np.uint32)

    def ids(self, text: str) -> list[int]:
        """A text's ids, without the end of the document."""
        return self._batch([text])[0]

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """Ids of texts, with the end-of-document id after each."""
        found: list[NDArray[np.uint32]] = []
        for group in groups(texts, _GROUP):
            found += [np.concatenate([np.array(ids, np.uint32), self._end]) for ids in self._batch(group)]
        return batch_of(found)

    def _batch(self, texts: Sequence[str]) -> list[list[int]]:
        # Of the calls that encode, those on batches alone let other threads run meanwhile.
        return [one.ids for one in self._library.encode_batch_fast(list(texts), add_special_tokens=False)]


class TiktokenReference:
    """tiktoken, with special tokens as the ordinary text that they are."""

    def __init__(self, content: Mapping[str, Any], name: str, end_id: int) -> None:
        ranks = {bytes.fromhex(token): rank for token, rank in content["ranks"].items()}
        self._encoding = core(name, content["pattern"], ranks)
        self._end = np.array([end_id], np.uint32)

    def ids(self, text: str) -> list[int]:
        """A text's ids, without the end of the document."""
        return [int(one) for one in self._ids(text)]

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """Ids of texts, with the end-of-document id after each."""
        return batch_of([np.concatenate([self._ids(text), self._end]) for text in texts])

    def _ids(self, text: str) -> NDArray[np.uint32]:
        try:
            return ids_of(self._encoding, text)
        except UnicodeEncodeError:
            raise
        except ValueError as error:
            msg = (
                f"tiktoken cannot match its own pattern against a text of {len(text):,} characters that begins with "
                f"{text[:40]!r}: expected no run of white space of hundreds of thousands of characters; drop it"
            )
            raise PileError(msg) from error


def core(name: str, pattern: str, ranks: Mapping[bytes, int]) -> Encoding:
    """A tiktoken encoding that is only good for `ids_of`."""
    # The call that gives a buffer looks for special tokens all the same; without any it would stop at every byte.
    return Encoding(
        name, pat_str=pattern, mergeable_ranks=dict(ranks), special_tokens={_SOUGHT: max(ranks.values()) + 1}
    )


def ids_of(encoding: Encoding, text: str) -> NDArray[np.uint32]:
    """A text's ordinary ids, read-only, without a Python integer for each.

    Raises:
        ValueError: the pattern cannot be matched against this text within the regex engine's limit.
    """
    return np.frombuffer(encoding._core_bpe.encode_to_tiktoken_buffer(text, set()), np.uint32)


def reference_of(definition: Definition, content: Mapping[str, Any], end_id: int) -> Reference:
    """The reference engine of a definition whose content may have been sealed."""
    kind = TokenizersReference if definition.kind == "tokenizers" else TiktokenReference
    return kind(content, definition.name, end_id)


def library_tokenizer(content: Mapping[str, Any], name: str) -> tokenizers.Tokenizer:
    """The object of a tokenizer.json as the library's tokenizer that only encodes text: nothing padded, cut or drawn.

    Raises:
        PileError: the library cannot read it.
    """
    plain = {**content, "truncation": None, "padding": None, "post_processor": None}
    if plain["model"].get("dropout"):
        plain["model"] = {**plain["model"], "dropout": None}
    try:
        library = tokenizers.Tokenizer.from_str(orjson.dumps(plain).decode())
    except Exception as error:  # the library raises nothing narrower
        msg = f"tokenizer {name}: expected a tokenizer.json that tokenizers {tokenizers.__version__} reads: {error}"
        raise PileError(msg) from error
    library.encode_special_tokens = True
    return library


def groups(texts: Iterable[str], most: int) -> Iterator[list[str]]:
    """Texts in order, in groups of about `most` characters and at least one text."""
    group: list[str] = []
    size = 0
    for text in texts:
        group.append(text)
        size += len(text)
        if size >= most:
            yield group
            group, size = [], 0
    if group:
        yield group
