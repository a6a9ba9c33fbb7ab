"""Texts to token ids: a definition with the engine that honours it, loaded from a spec or from a build's folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any, Final

import numpy as np
import orjson

from pile_builder.errors import PileError
from pile_builder.storage import Store
from pile_builder.tokenizer.definition import Definition, find_end_token
from pile_builder.tokenizer.engines import Fitness, fast_engine, fit
from pile_builder.tokenizer.fast import FastEngine
from pile_builder.tokenizer.reference import Reference, reference_of
from pile_builder.tokenizer.sealed import sealed
from pile_builder.tokenizer.specs import read_definition
from pile_builder.tokens import TokenBatch

_FILES: Final = {"tokenizers": "tokenizer.json", "tiktoken": "tiktoken.json"}
_RECORD: Final = "record.json"


class Tokenizer:
    """Token ids of texts, none of which is ever a special token's.

    Attributes:
        name: short and fit for a path.
        digest: sha256 of the definition, in hexadecimal: of all that decides ids but the choice of the end token.
        vocabulary: the highest id plus one.
        end_token: the token that follows each document.
        end_id: its id.
        engine: the library that encodes, `tiktoken` or `tokenizers`.
        why_not: why that is not `tiktoken`; empty if it is.
    """

    def __init__(self, definition: Definition, end_token: str, end_id: int, fitness: Fitness | None = None) -> None:
        self._definition = definition
        self.name = definition.name
        self.digest = definition.digest
        self.vocabulary = definition.size
        self.end_token = end_token
        self.end_id = end_id
        content: Mapping[str, Any] = definition.content
        if definition.kind == "tokenizers":
            content = sealed(definition, end_token)
        self._reference = reference_of(definition, content, end_id)
        if end_id in self._reference.ids(end_token):
            msg = (
                f"tokenizer {self.name}: --end-token: {end_token!r} is what text may yield, so it cannot mark ends; "
                f"choose a special token: {', '.join(list(definition.special)[:20]) or 'there is none'}"
            )
            raise PileError(msg)
        fast = None
        if fitness is None:
            fitness, fast = fit(definition, content, end_id, self._reference)
        elif not fitness.why_not:
            fast = fast_engine(definition, content, end_id, fitness, self._reference)
        self._fitness = fitness
        self._engine: FastEngine | Reference = fast or self._reference
        # tiktoken by the pattern of its own encoding is the reference.
        self.engine = "tiktoken" if fast or definition.kind == "tiktoken" else "tokenizers"
        self.why_not = "" if self.engine == "tiktoken" else fitness.why_not

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """Each document's ids, with the end-of-document id after each; several threads may call it at once.

        Raises:
            PileError: a text holds half of a surrogate pair.
        """
        try:
            return self._engine.encode(texts)
        except (UnicodeEncodeError, TypeError) as error:  # tiktoken and tokenizers have one each
            broken = [i for i, text in enumerate(texts) if _is_broken(text)]
            if not broken:
                raise
            msg = f"document {broken[0]} of {len(texts)}: expected Unicode text, got half of a surrogate pair in it"
            raise PileError(msg) from error

    def reference(self, text: str) -> list[int]:
        """A text's ids by the library that defines them, without the end-of-document id."""
        return self._reference.ids(text)

    def spell(self, ids: Sequence[int]) -> list[str]:
        """How the vocabulary writes each id: of byte-level ones, a character for each byte, of which Ġ is a space."""
        spellings = self._definition.spellings
        return [spellings.get(number, "") for number in ids]

    def save(self, store: Store, folder: str) -> None:
        """Write the definition into a folder, with what was found out about it, for `open_tokenizer`."""
        file = _FILES[self._definition.kind]
        store.write(f"{folder}/{file}", orjson.dumps(self._definition.content))
        record = {
            "name": self.name,
            "kind": self._definition.kind,
            "digest": self.digest,
            "end_token": self.end_token,
            "why_not": self._fitness.why_not,
            "odd": self._fitness.odd.tolist(),
            "unmade": self._fitness.unmade,
            "libraries": _libraries(),
        }
        store.write(f"{folder}/{_RECORD}", orjson.dumps(record, option=orjson.OPT_INDENT_2))


def load_tokenizer(spec: str, end_token: str | None = None) -> Tokenizer:
    """The tokenizer that a spec names, see `SPEC_FORMS`.

    Args:
        spec: a file, a folder, a name on the hub, or an encoding of tiktoken.
        end_token: the token that follows each document; None finds it among the special tokens.

    Raises:
        PileError: the spec names none, or its end token is not clear.
    """
    try:
        definition = read_definition(spec)
        return Tokenizer(definition, *find_end_token(definition, end_token))
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        told = f"{type(error).__name__}: {error}"
        msg = f"tokenizer {spec}: expected a definition as its library writes it, something in it is not ({told})"
        raise PileError(msg) from error


def open_tokenizer(store: Store, folder: str) -> Tokenizer:
    """The tokenizer that `Tokenizer.save` wrote; tried out again only if the libraries are of another release.

    Raises:
        PileError: there is none, or it is not what was saved.
    """
    if not store.exists(f"{folder}/{_RECORD}"):
        msg = f"{store.path(folder)}: expected a saved tokenizer with {_RECORD}, there is none; run the export again"
        raise PileError(msg)
    record = orjson.loads(store.read(f"{folder}/{_RECORD}"))
    content = orjson.loads(store.read(f"{folder}/{_FILES[record['kind']]}"))
    definition = Definition(record["name"], record["kind"], content)
    if definition.digest != record["digest"]:
        msg = (
            f"{store.path(folder)}: expected the tokenizer with digest {record['digest']}, got {definition.digest}: "
            "it was changed after it was saved; remove the folder and run the export again"
        )
        raise PileError(msg)
    fitness = Fitness(record["why_not"], np.array(record["odd"], np.uint32), tuple(record["unmade"]))
    known = fitness if record["libraries"] == _libraries() else None
    return Tokenizer(definition, *find_end_token(definition, record["end_token"]), known)


def _libraries() -> dict[str, str]:
    return {name: metadata.version(name) for name in ("tiktoken", "tokenizers")}


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
