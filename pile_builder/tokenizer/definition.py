"""What a tokenizer is, apart from the engine that runs it: a definition, its digest and its special tokens."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import orjson

from pile_builder.errors import PileError

Kind = Literal["tokenizers", "tiktoken"]

END_TOKENS: Final = (
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|end▁of▁sentence|>",
    "<｜end▁of▁sentence｜>",
    "<|eos|>",
    "</s>",
    "<eos>",
    "<EOS>",
    "[EOS]",
    "<|EOS|>",
    "[SEP]",
)
"""Special tokens that published tokenizers put between documents."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Definition:
    """A tokenizer's definition.

    Attributes:
        name: short and fit for a path.
        kind: the library in whose form the content is.
        content: of `tokenizers`: the object of a tokenizer.json. Of `tiktoken`: `pattern`, `ranks` (bytes in
            hexadecimal to rank) and `special_tokens` (text to id).
    """

    name: str
    kind: Kind
    content: Mapping[str, Any]

    @cached_property
    def digest(self) -> str:
        """sha256 of what decides the ids of a text, in hexadecimal: neither file names nor decoders nor padding."""
        canonical = _canonical(self.content) if self.kind == "tokenizers" else dict(self.content)
        return hashlib.sha256(orjson.dumps([self.kind, canonical], option=orjson.OPT_SORT_KEYS)).hexdigest()

    @cached_property
    def special(self) -> dict[str, int]:
        """Special tokens and their ids."""
        if self.kind == "tiktoken":
            return dict(self.content["special_tokens"])
        return {
            token["content"]: token["id"] for token in self.content.get("added_tokens") or () if token.get("special")
        }

    @cached_property
    def vocabulary(self) -> dict[str, int]:
        """Ids of all tokens that have a text; of `tiktoken` the special ones only."""
        if self.kind == "tiktoken":
            return self.special
        known = model_vocabulary(self.content["model"])
        return known | {token["content"]: token["id"] for token in self.content.get("added_tokens") or ()}

    @cached_property
    def size(self) -> int:
        """The highest id plus one."""
        ids = self.vocabulary.values()
        ranks = self.content["ranks"].values() if self.kind == "tiktoken" else ()
        return max((*ids, *ranks), default=-1) + 1

    @cached_property
    def spellings(self) -> dict[int, str]:
        """How the vocabulary writes each id; bytes of `tiktoken` that are no text by escapes."""
        ranks = self.content["ranks"].items() if self.kind == "tiktoken" else ()
        plain = {rank: bytes.fromhex(token).decode(errors="backslashreplace") for token, rank in ranks}
        return plain | {number: token for token, number in self.vocabulary.items()}

    @property
    def unknown(self) -> str | None:
        """The token that stands for what the model does not know, which text does yield."""
        if self.kind == "tiktoken":
            return None
        model = self.content["model"]
        if model.get("unk_id") is not None and isinstance(model.get("vocab"), list):
            return str(model["vocab"][model["unk_id"]][0])
        unknown = model.get("unk_token")
        return str(unknown) if unknown else None


def model_vocabulary(model: Mapping[str, Any]) -> dict[str, int]:
    """Ids of a model's own tokens; a Unigram's are positions in its list."""
    vocab = model["vocab"]
    return {piece: i for i, (piece, _) in enumerate(vocab)} if isinstance(vocab, list) else dict(vocab)


def model_kind(model: Mapping[str, Any]) -> str:
    """BPE, Unigram, WordPiece or WordLevel; older files do not say which."""
    if "merges" in model:
        return "BPE"
    return str(model.get("type") or ("Unigram" if isinstance(model["vocab"], list) else "WordPiece"))


def path_safe(name: str) -> str:
    """A name of letters, digits, dots, dashes and underscores, made of any text."""
    return _UNSAFE.sub("-", name).strip(".-") or "tokenizer"


def find_end_token(definition: Definition, given: str | None) -> tuple[str, int]:
    """The token that ends documents, and its id.

    Raises:
        PileError: the given one is not in the vocabulary or stands for unknown text; or none is given and the
            vocabulary has none or several.
    """
    special = definition.special
    if given is None:
        found = [token for token in END_TOKENS if token in special]
        if len(found) != 1:
            listed = ", ".join(found or list(special)[:20]) or "none"
            told = "several special tokens that could end a document" if found else "no special token known to end one"
            msg = f"tokenizer {definition.name}: {told}; name it with --end-token. Candidates: {listed}"
            raise PileError(msg)
        given = found[0]
    if given not in definition.vocabulary:
        msg = (
            f"tokenizer {definition.name}: --end-token: expected a token of the vocabulary, got {given!r}. "
            f"Special tokens: {', '.join(list(special)[:20]) or 'none'}"
        )
        raise PileError(msg)
    if given == definition.unknown:
        msg = (
            f"tokenizer {definition.name}: --end-token: {given!r} also stands for text that the model does not know, "
            f"so it cannot mark ends; choose another. Special tokens: {', '.join(list(special)[:20])}"
        )
        raise PileError(msg)
    return given, definition.vocabulary[given]


def _canonical(content: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a tokenizer.json that decide ids, with the library's defaults written out."""
    model = {
        key: value
        for key, value in content["model"].items()
        if key != "dropout" and value is not None and value is not False and value != ""
    }
    model["type"] = model_kind(content["model"])
    if "merges" in model:
        model["merges"] = [list(pair_of(merge)) for merge in model["merges"]]
    added = content.get("added_tokens") or ()
    return {
        "model": model,
        "normalizer": content.get("normalizer"),
        "pre_tokenizer": _with_defaults(content.get("pre_tokenizer")),
        "special": {token["content"]: token["id"] for token in added if token.get("special")},
        "added": sorted((dict(token) for token in added if not token.get("special")), key=lambda token: token["id"]),
    }


def _with_defaults(step: Any) -> Any:
    if not isinstance(step, Mapping):
        return step
    if step.get("type") == "Sequence":
        return {"type": "Sequence", "pretokenizers": [_with_defaults(one) for one in step["pretokenizers"]]}
    if step.get("type") == "ByteLevel":
        return {
            "type": "ByteLevel",
            "add_prefix_space": step.get("add_prefix_space", True),
            "use_regex": step.get("use_regex", True),
        }
    return dict(step)


def pair_of(merge: str | list[str]) -> tuple[str, str]:
    """A merge as its two tokens; older files write them with a space between."""
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left, right
