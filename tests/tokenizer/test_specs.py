"""Every form of spec to a tokenizer, what is saved and opened again, and errors that name the fix."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest
import tiktoken
import tokenizers as library

from pile_builder.errors import PileError
from pile_builder.storage import Store
from pile_builder.tokenizer import Tokenizer, engines, load_tokenizer, open_tokenizer, specs
from pile_builder.tokenizer import tokenizer as tokenizer_module
from tests.tokenizer import made

TIKTOKEN_CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]"
    r"|\s+(?!\S)|\s"
)
TEXTS = [made.TEXT, "", "a  b\n\n c \n ", f"x{made.END}y", "tail \n  ", " \n", "\t \n\r\n  x", "It'S 1234567"]


def _ranks() -> dict[bytes, int]:
    words = [b" t", b"he", b" the", b"  ", b"\n\n", b" \n", b"ll", b"'ll", b"12", b"123"]
    return {**{bytes([byte]): byte for byte in range(256)}, **{word: 256 + i for i, word in enumerate(words)}}


def _make_encoding(pattern: str) -> dict[str, Any]:
    special = {made.END: 300, "<|fim|>": 301}
    return {"name": "tiny", "pat_str": pattern, "mergeable_ranks": _ranks(), "special_tokens": special}


def _raise() -> dict[str, Any]:
    raise ConnectionError("no route")


@pytest.fixture
def encodings(monkeypatch: pytest.MonkeyPatch) -> None:
    constructors = {
        "tiny": lambda: _make_encoding(TIKTOKEN_CL100K),
        "other": lambda: _make_encoding(r"\w+|\W+?(?=\w)|\W"),
        "away": _raise,
    }
    monkeypatch.setattr(tiktoken.registry, "ENCODING_CONSTRUCTORS", constructors)
    monkeypatch.setattr(tiktoken.registry, "ENCODINGS", {})


def _pair(folder: Path, vocab_name: str, merges_name: str) -> Path:
    folder.mkdir()
    model = json.loads(made.json_of("gpt2"))["model"]
    (folder / vocab_name).write_text(json.dumps(model["vocab"]))
    lines = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    (folder / merges_name).write_text("\n".join(["#version: 0.2", *lines, ""]))
    return folder


def test_forms_of_one_definition_are_one(tmp_path: Path) -> None:
    folder = made.write(tmp_path, "gpt2")
    shutil.copy(folder / "tokenizer.json", tmp_path / "harbour v1.json")
    forms = [
        load_tokenizer(str(folder)),
        load_tokenizer(str(folder / "tokenizer.json")),
        load_tokenizer(str(tmp_path / "harbour v1.json")),
        load_tokenizer(str(_pair(tmp_path / "new", "vocab.json", "merges.txt"))),
        load_tokenizer(str(_pair(tmp_path / "old", "encoder.json", "vocab.bpe"))),
    ]
    assert [one.name for one in forms] == ["gpt2", "gpt2", "harbour-v1", "new", "old"]
    assert len({one.digest for one in forms}) == 1
    assert {(one.end_token, one.end_id, one.vocabulary, one.engine) for one in forms} == {
        (made.END, 0, 700, "tiktoken")
    }
    expected = [one.ids for one in made.library_of("gpt2").encode_batch(TEXTS)]
    for one in forms:
        assert [ids[:-1] for ids in made.documents(one, TEXTS)] == expected


def test_what_does_not_decide_ids_is_not_in_the_digest(tmp_path: Path) -> None:
    content = json.loads(made.json_of("neox"))
    folder = made.write(tmp_path, "neox")
    first = load_tokenizer(str(folder)).digest

    def digest(**change: Any) -> str:
        (tmp_path / "changed.json").write_text(json.dumps(content | change))
        return load_tokenizer(str(tmp_path / "changed.json")).digest

    assert digest(decoder=None, post_processor=None, truncation=None) == first
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in content["model"]["merges"]]
    assert digest(model=content["model"] | {"merges": merges, "dropout": 0.1}) == first
    assert digest(normalizer=None) != first
    assert digest(added_tokens=content["added_tokens"][:-1]) != first


def test_hub_names_pin_revisions_and_fail_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Hub:
        @staticmethod
        def from_pretrained(name: str, revision: str) -> library.Tokenizer:
            asked.append((name, revision))
            if name == "people/gone":
                raise OSError("no route to the hub\nand more")
            return tiny

    tiny = library.Tokenizer.from_str(made.json_of("gpt2"))
    monkeypatch.setattr(specs.tokenizers, "Tokenizer", Hub)
    found = [specs.read_definition(name) for name in ("people/harbour", "harbour", "people/harbour@refs/pr/1")]
    assert asked == [("people/harbour", "main"), ("harbour", "main"), ("people/harbour", "refs/pr/1")]
    assert {one.name for one in found} == {"harbour"}
    monkeypatch.undo()
    assert found[0].digest == load_tokenizer(str(made.write(tmp_path, "gpt2"))).digest
    monkeypatch.setattr(specs.tokenizers, "Tokenizer", Hub)
    with pytest.raises(PileError, match=r"cannot be fetched \(OSError: no route to the hub\)\. Without network, downl"):
        specs.read_definition("people/gone")


@pytest.mark.usefixtures("encodings")
@pytest.mark.parametrize("name", ["tiny", "other"])
def test_encodings_of_tiktoken(name: str, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(f"tiktoken:{name}")
    assert (tokenizer.name, tokenizer.vocabulary, tokenizer.end_id) == (name, 302, 300)
    assert (tokenizer.engine, tokenizer.why_not) == ("tiktoken", "")
    encoding = tiktoken.get_encoding(name)
    expected = [encoding.encode_ordinary(text) for text in TEXTS]
    assert [ids[:-1] for ids in made.documents(tokenizer, TEXTS)] == expected
    assert [tokenizer.reference(text) for text in TEXTS] == expected
    assert "".join(tokenizer.spell(expected[0])[:3]) == made.TEXT[:4]
    tokenizer.save(Store(str(tmp_path)), "here")
    again = open_tokenizer(Store(str(tmp_path)), "here")
    assert again.digest == tokenizer.digest
    assert made.documents(again, TEXTS) == made.documents(tokenizer, TEXTS)


@pytest.mark.usefixtures("encodings")
def test_tails_of_white_space_are_whole_in_tiktokens_cl100k() -> None:
    tokenizer, encoding = load_tokenizer("tiktoken:tiny"), tiktoken.get_encoding("tiny")
    tails = [
        f"{head}{tail}" for head in ("", "a", "!", "a b") for tail in (" \n ", "\n  ", "\n\n", " \n", "  ", "\t\n\t")
    ]
    assert [ids[:-1] for ids in made.documents(tokenizer, tails)] == [encoding.encode_ordinary(one) for one in tails]


@pytest.mark.usefixtures("encodings")
def test_white_space_beyond_tiktokens_limit() -> None:
    text = "x" + " " * 1_000_001 + "x"
    assert len(load_tokenizer("tiktoken:tiny").encode([text]).tokens) == 500_004
    with pytest.raises(PileError, match="tiktoken cannot match its own pattern against a text of 1,000,003 characters"):
        load_tokenizer("tiktoken:tiny").reference(text)


@pytest.mark.usefixtures("encodings")
@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("tiktoken:tinny", "unknown encoding; did you mean tiktoken:tiny. Valid: away, other, tiny"),
        (
            "tiktoken:away",
            r"cannot be fetched \(ConnectionError: no route\)\. Connect to the network once",
        ),
        ("{}/gpt3", r"no such file or folder; did you mean .*/gpt2\?\. Expected a tokenizer\.json, a folder with"),
        ("{}/gpt3/tokenizer.json", r"no such file or folder; did you mean .*/gpt2\?"),
        ("{}/empty", r"expected tokenizer\.json, vocab\.json and merges\.txt, or .* found nothing"),
        ("{}/loose", r"found my_tokenizer\.json; name the file .*my_tokenizer\.json if it is"),
        (
            "{}/pair/vocab.json",
            r"expected a tokenizer\.json with model\.vocab, got neither; name the folder",
        ),
        ("{}/broken.json", "not valid JSON"),
        ("{}/list.json", "expected a JSON object, got list"),
        ("{}/strange.json", r"expected a tokenizer\.json that tokenizers .* reads"),
        ("{}/added", r"has added_tokens\.json, of which vocab\.json and merges\.txt know nothing"),
        (
            "{}/merges",
            r"merges\.txt, merge 1: expected two tokens of vocab\.json that together are a third, got 'q zz'",
        ),
        ("no such: thing", "no such file or folder"),
    ],
)
def test_errors_name_the_forms_and_the_nearest(spec: str, message: str, tmp_path: Path) -> None:
    made.write(tmp_path, "gpt2")
    (tmp_path / "empty").mkdir()
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / "my_tokenizer.json").write_text("{}")
    _pair(tmp_path / "pair", "vocab.json", "merges.txt")
    (_pair(tmp_path / "added", "vocab.json", "merges.txt") / "added_tokens.json").write_text("{}")
    (_pair(tmp_path / "merges", "vocab.json", "merges.txt") / "merges.txt").write_text("q zz\n")
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    end = {"id": 0, "content": "</s>", "special": True}
    strange = {"model": {"type": "New", "vocab": {"</s>": 0}}, "added_tokens": [end]}
    (tmp_path / "strange.json").write_text(json.dumps(strange))
    with pytest.raises(PileError, match=message):
        load_tokenizer(spec.format(tmp_path))


@pytest.mark.parametrize(
    ("special", "given", "message"),
    [
        (["<a>", "<b>"], None, "no special token known to end one; name it with --end-token. Candidates: <a>, <b>"),
        (["</s>", made.END], None, rf"several special tokens .* Candidates: {made.END.replace('|', '.')}, </s>"),
        (["<a>"], "<c>", "--end-token: expected a token of the vocabulary, got '<c>'. Special tokens: <a>"),
        (["<a>"], "a", "the special token 'a' is a character that its model needs for text"),
    ],
)
def test_end_tokens_that_are_not_clear(special: list[str], given: str | None, message: str, tmp_path: Path) -> None:
    made.byte_level(special=tuple(special)).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(PileError, match=message):
        load_tokenizer(str(tmp_path), given)


def test_end_tokens_may_be_chosen(tmp_path: Path) -> None:
    made.byte_level(special=("<a>", made.END)).save(str(tmp_path / "tokenizer.json"))
    assert load_tokenizer(str(tmp_path)).end_id == 1
    assert load_tokenizer(str(tmp_path), "<a>").encode(["", "<a>"]).tokens[0] == 0
    with pytest.raises(PileError, match="also stands for text that the model does not know"):
        load_tokenizer(str(made.write(tmp_path, "words")), "[UNK]")


def test_the_outcome_of_the_start_is_saved(
    tokenizers: dict[str, Tokenizer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(str(tmp_path))
    for name, tokenizer in tokenizers.items():
        tokenizer.save(store, f"work/{name}")

    def refuse(*_: Any) -> None:
        raise AssertionError("tried out again")

    monkeypatch.setattr(tokenizer_module, "fit", refuse)
    for name, tokenizer in tokenizers.items():
        again = open_tokenizer(store, f"work/{name}")
        for attribute in ("name", "digest", "vocabulary", "end_token", "end_id", "engine", "why_not"):
            assert getattr(again, attribute) == getattr(tokenizer, attribute)
        assert made.documents(again, TEXTS) == made.documents(tokenizer, TEXTS)
    monkeypatch.setattr(tokenizer_module, "_libraries", lambda: {"tiktoken": "0"})
    with pytest.raises(AssertionError, match="tried out again"):
        open_tokenizer(store, "work/gpt2")


def test_a_saved_tokenizer_that_was_changed_is_refused(tokenizers: dict[str, Tokenizer], tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with pytest.raises(PileError, match=r"expected a saved tokenizer with record\.json, there is none"):
        open_tokenizer(store, "here")
    tokenizers["gpt2"].save(store, "here")
    content = orjson.loads(store.read("here/tokenizer.json"))
    content["model"]["merges"].pop()
    store.write("here/tokenizer.json", orjson.dumps(content))
    with pytest.raises(PileError, match="it was changed after it was saved"):
        open_tokenizer(store, "here")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("unigram", "its model is Unigram, not BPE"),
        ("wordpiece", "its model is WordPiece, not BPE"),
        ("words", "its model is WordLevel, not BPE"),
        ("sentencepiece", "its normalizer is Sequence, not NFC or none"),
    ],
)
def test_why_an_engine_is_not_tiktoken(tokenizers: dict[str, Tokenizer], name: str, reason: str) -> None:
    assert tokenizers[name].why_not == reason


def test_an_engine_that_gives_other_ids_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made.write(tmp_path, "gpt2")
    monkeypatch.setattr(engines, "ranked_tokens", lambda model, _: [(bytes([byte]), byte) for byte in range(256)])
    tokenizer = load_tokenizer(str(folder))
    assert tokenizer.engine == "tokenizers"
    assert tokenizer.why_not.startswith("it gave other ids than the reference on the text")
    assert made.documents(tokenizer, ["harbour"])[0][:-1] == made.library_of("gpt2").encode("harbour").ids
