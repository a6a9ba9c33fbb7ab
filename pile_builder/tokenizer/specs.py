"""From what a user names a tokenizer by to its definition."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson
import tiktoken
import tokenizers

from pile_builder.errors import PileError
from pile_builder.tokenizer.byte_level import byte_alphabet
from pile_builder.tokenizer.definition import Definition, path_safe

SPEC_FORMS: Final = (
    "a tokenizer.json, a folder with tokenizer.json or vocab.json + merges.txt or encoder.json + vocab.bpe, "
    "a name on the Hugging Face hub (name or name@revision), or tiktoken:NAME"
)
"""The forms that a tokenizer may be named in, for help and errors."""

_TIKTOKEN = "tiktoken:"
_HUB = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?(@[\w./-]+)?")
_PAIRS = (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe"))


def read_definition(spec: str) -> Definition:
    """The definition that a spec names.

    Raises:
        PileError: it is of no known form, or what it names is not there or not readable.
    """
    if spec.startswith(_TIKTOKEN):
        return _from_tiktoken(spec.removeprefix(_TIKTOKEN))
    path = Path(spec)
    if path.is_dir():
        return _from_folder(path)
    if path.is_file():
        return _from_file(path, path.parent.resolve().name if path.name == "tokenizer.json" else path.stem)
    is_path = path.is_absolute() or spec.startswith(".") or path.suffix in (".json", ".txt", ".bpe")
    if is_path or not _HUB.fullmatch(spec):
        msg = f"tokenizer {spec!r}: there is no such file or folder{_nearest(path)}. Expected {SPEC_FORMS}"
        raise PileError(msg)
    return _from_hub(spec)


def _from_file(path: Path, name: str) -> Definition:
    content = _json(path)
    if not isinstance(content.get("model"), Mapping) or "vocab" not in content["model"]:
        other = next((pair for pair in _PAIRS if path.name in pair), None)
        fix = f"; name the folder that holds {other[0]} and {other[1]}" if other else ""
        msg = f"tokenizer {path}: expected a tokenizer.json with model.vocab, got neither{fix}"
        raise PileError(msg)
    return Definition(path_safe(name), "tokenizers", content)


def _from_folder(folder: Path) -> Definition:
    name = folder.resolve().name
    if (folder / "tokenizer.json").is_file():
        return _from_file(folder / "tokenizer.json", name)
    for vocab, merges in _PAIRS:
        if (folder / vocab).is_file() and (folder / merges).is_file():
            if (folder / "added_tokens.json").is_file():
                msg = (
                    f"tokenizer {folder}: it has added_tokens.json, of which {vocab} and {merges} know nothing; "
                    "expected tokenizer.json beside it: save the tokenizer with the library that made it"
                )
                raise PileError(msg)
            return _from_vocabulary(folder / vocab, folder / merges, name)
    held = sorted(entry.name for entry in folder.iterdir())[:10]
    msg = (
        f"tokenizer {folder}: expected tokenizer.json, vocab.json and merges.txt, or encoder.json and vocab.bpe in "
        f"this folder, found {', '.join(held) or 'nothing'}"
    )
    loose = [one for one in held if one.endswith(".json")]
    raise PileError(f"{msg}; name the file {folder / loose[0]} if it is a tokenizer.json" if loose else msg)


def _from_vocabulary(vocab_file: Path, merges_file: Path, name: str) -> Definition:
    """GPT-2's two files: byte-level BPE with GPT-2's pattern. What no merge makes and is no byte is a special token."""
    vocab = _json(vocab_file)
    lines = _text(merges_file).split("\n")
    pairs = [line.rstrip("\r").split(" ") for line in lines if line.strip() and not line.startswith("#version")]
    for number, pair in enumerate(pairs, 1):
        if len(pair) != 2 or not {*pair, "".join(pair)} <= vocab.keys():
            msg = (
                f"tokenizer {merges_file}, merge {number}: expected two tokens of {vocab_file.name} that together are "
                f"a third, got {' '.join(pair)!r}"
            )
            raise PileError(msg)
    made = {left + right for left, right in pairs} | byte_alphabet().keys()
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    content = {
        "version": "1.0",
        "added_tokens": [
            {"id": number, "content": token, **flags, "special": True}
            for token, number in sorted(vocab.items(), key=lambda item: item[1])
            if token not in made
        ],
        "normalizer": None,
        "pre_tokenizer": level,
        "decoder": level,
        "model": {"type": "BPE", "vocab": vocab, "merges": pairs},
    }
    return Definition(path_safe(name), "tokenizers", content)


def _from_hub(spec: str) -> Definition:
    name, _, revision = spec.partition("@")
    try:
        library = tokenizers.Tokenizer.from_pretrained(name, revision=revision or "main")
    except Exception as error:  # the library and the hub's client raise many kinds
        msg = (
            f"tokenizer {spec!r}: there is no such file or folder{_nearest(Path(spec))}, and as a name on the Hugging "
            f"Face hub it cannot be fetched ({_first_line(error)}). Without network, download its tokenizer.json and "
            f"name that. Expected {SPEC_FORMS}"
        )
        raise PileError(msg) from error
    return Definition(path_safe(name.rpartition("/")[2]), "tokenizers", orjson.loads(library.to_str()))


def _from_tiktoken(name: str) -> Definition:
    known = tiktoken.list_encoding_names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.3)
        hint = f"; did you mean {_TIKTOKEN}{near[0]}?" if near else ""
        msg = f"tokenizer {_TIKTOKEN}{name}: unknown encoding{hint} Valid: {', '.join(sorted(known))}"
        raise PileError(msg)
    try:
        encoding = tiktoken.get_encoding(name)
    except (OSError, ValueError) as error:
        msg = (
            f"tokenizer {_TIKTOKEN}{name}: its vocabulary cannot be fetched ({_first_line(error)}). Connect to the "
            "network once, or set TIKTOKEN_CACHE_DIR to a folder that has it"
        )
        raise PileError(msg) from error
    content = {
        "pattern": encoding._pat_str,
        "ranks": {token.hex(): rank for token, rank in encoding._mergeable_ranks.items()},
        "special_tokens": dict(encoding._special_tokens),
    }
    return Definition(path_safe(name), "tiktoken", content)


def _json(path: Path) -> dict[str, Any]:
    try:
        content = orjson.loads(_text(path))
    except orjson.JSONDecodeError as error:
        msg = f"tokenizer {path}: not valid JSON: {error}. Expected {SPEC_FORMS}"
        raise PileError(msg) from error
    if not isinstance(content, dict):
        msg = f"tokenizer {path}: expected a JSON object, got {type(content).__name__}"
        raise PileError(msg)
    return content


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"tokenizer {path}: cannot be read: {error}. Expected {SPEC_FORMS}"
        raise PileError(msg) from error


def _nearest(path: Path) -> str:
    """A hint at the file beside a path that is not there whose name is most like it."""
    parent = path.parent
    while not parent.is_dir() and parent != parent.parent:
        path, parent = parent, parent.parent
    names = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.5)
    return f"; did you mean {parent / near[0]}?" if near else ""


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
