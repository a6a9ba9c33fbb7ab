"""Merges as ranks: equal to the library's on merges that no trainer would make, or refused."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from pile_builder.tokenizer import load_tokenizer
from pile_builder.tokenizer.byte_level import Unfit, byte_alphabet, merged_tokens, ranked_tokens, unmade_tokens
from tests.tokenizer import made

LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def _definition(merges: list[tuple[str, str]], **model: Any) -> str:
    vocab = {char: i for i, char in enumerate(byte_alphabet())}
    for left, right in merges:
        vocab.setdefault(left + right, len(vocab))
    vocab[made.END] = len(vocab)
    content = json.loads(made.json_of("gpt2"))
    content["added_tokens"][0]["id"] = vocab[made.END]
    content["model"] |= {"vocab": vocab, "merges": merges, **model}
    return json.dumps(content)


def _random_merges(draw: random.Random, letters: str, count: int) -> list[tuple[str, str]]:
    """Merges of tokens that are there, in an order that has nothing to do with how they are made."""
    tokens = list(letters)
    merges: list[tuple[str, str]] = []
    while len(merges) < count:
        pair = draw.choice(tokens), draw.choice(tokens)
        if len("".join(pair)) < 8 and "".join(pair) not in tokens:
            tokens.append("".join(pair))
            merges.append(pair)
    draw.shuffle(merges)
    return merges


@pytest.mark.parametrize("seed", range(12))
def test_merges_in_any_order_give_the_library_s_ids(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    path = tmp_path / "tokenizer.json"
    path.write_text(_definition(_random_merges(draw, "abĠ"[: 2 + seed % 2], 30)))
    tokenizer = load_tokenizer(str(path))
    assert tokenizer.engine == "tiktoken", tokenizer.why_not
    texts = ["".join(draw.choices("ab ", k=draw.randrange(1, 200))) for _ in range(100)]
    assert made.documents(tokenizer, texts) == [[*tokenizer.reference(text), tokenizer.end_id] for text in texts]


def test_tokens_that_no_text_leads_to_are_left_out() -> None:
    # `abc` would be a + bc, and ab is merged first.
    merges = [("a", "b"), ("b", "c"), ("a", "bc")]
    model = json.loads(_definition(merges))["model"]
    assert unmade_tokens(model, []) == {"abc"}
    assert [token for token, _ in ranked_tokens(model, {"abc"})][-2:] == [b"ab", b"bc"]


def test_ids_need_not_be_in_the_order_of_merges(tmp_path: Path) -> None:
    content = json.loads(_definition([("h", "e"), ("l", "l"), ("he", "ll"), ("hell", "o")]))
    vocab = content["model"]["vocab"]
    vocab["he"], vocab["hello"], vocab["h"] = vocab["hello"], vocab["he"], 1000
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    tokenizer = load_tokenizer(str(tmp_path))
    assert (tokenizer.engine, tokenizer.vocabulary) == ("tiktoken", 1001)
    assert tokenizer.encode(["hello hell h"]).tokens.tolist() == [
        vocab["hello"], vocab["Ġ"], vocab["hell"], vocab["Ġ"], 1000, tokenizer.end_id
    ]  # fmt: skip


def test_one_token_may_be_made_in_ways_that_follow_each_other() -> None:
    assert merged_tokens([("a", "b"), ("ab", "c"), ("a", "bc"), ("x", "y")]) == ["ab", "abc", "xy"]
    with pytest.raises(Unfit, match="'abc' at ranks that are not next to each other"):
        merged_tokens([("a", "b"), ("ab", "c"), ("b", "c"), ("a", "bc")])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"unk_token": "a"}, "its model has unk_token"),
        ({"byte_fallback": True}, "its model has byte_fallback"),
        ({"end_of_word_suffix": "</w>"}, "its model has end_of_word_suffix"),
        ({"ignore_merges": True}, "its token 'abc' is made of whole pieces only"),
    ],
)
def test_models_that_tiktoken_cannot_be(change: dict[str, Any], reason: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(_definition([("a", "b"), ("b", "c"), ("a", "bc")], **change))
    tokenizer = load_tokenizer(str(path))
    assert tokenizer.engine == "tokenizers"
    assert tokenizer.why_not == reason
    assert made.documents(tokenizer, ["abc ab"])[0][:-1] == tokenizer.reference("abc ab")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"normalizer": {"type": "Lowercase"}}, "its normalizer is Lowercase, not NFC or none"),
        ({"pre_tokenizer": None}, "its pre-tokenizer is none, not ByteLevel with one pattern"),
        (
            {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True}},
            "puts a space before",
        ),
        ({"pre_tokenizer": LEVEL | {"use_regex": False}}, "has no pattern"),
    ],
)
def test_definitions_that_tiktoken_cannot_honour(change: dict[str, Any], reason: str, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps(json.loads(made.json_of("gpt2")) | change))
    tokenizer = load_tokenizer(str(tmp_path))
    assert tokenizer.engine == "tokenizers"
    assert reason in tokenizer.why_not
    assert tokenizer.encode(["The harbour"]).tokens.tolist() == [*tokenizer.reference("The harbour"), tokenizer.end_id]


@pytest.mark.parametrize(
    ("split", "reason"),
    [
        ({"pattern": {"Regex": r"\w+|\W"}}, "none of those proven equal"),
        ({"pattern": {"String": " "}}, "does not part text into isolated matches"),
        ({"behavior": "Removed"}, "does not part text into isolated matches"),
        ({"type": "Digits"}, "its pre-tokenizer is Digits before ByteLevel, not one pattern"),
    ],
)
def test_patterns_that_are_not_known(split: dict[str, Any], reason: str, tmp_path: Path) -> None:
    content = json.loads(made.json_of("cl100k"))
    first = content["pre_tokenizer"]["pretokenizers"][0] | split
    if split.get("type") == "Digits":
        first = {"type": "Digits", "individual_digits": True}
    content["pre_tokenizer"]["pretokenizers"][0] = first
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    assert reason in load_tokenizer(str(tmp_path)).why_not


@pytest.mark.parametrize(
    ("tokens", "reason"),
    [
        ([" " * 2, " " * 4], "its added runs of spaces are not of all lengths from 2 on"),
        ([" "], "its added runs of spaces are not of all lengths from 2 on"),
        (["two words"], "its added token 'two words' goes on over spaces"),
        ([f"<{i}>" for i in range(65)], "it has 65 added tokens beside special ones and spaces, more than 64"),
    ],
)
def test_added_tokens_that_cannot_be_honoured(tokens: list[str], reason: str, tmp_path: Path) -> None:
    library = made.byte_level()
    library.add_tokens(tokens)
    library.save(str(tmp_path / "tokenizer.json"))
    tokenizer = load_tokenizer(str(tmp_path))
    assert tokenizer.why_not == reason
    assert "".join(tokenizer.spell(tokenizer.reference(f"a{tokens[0]}b"))).replace("Ġ", " ") == f"a{tokens[0]}b"
