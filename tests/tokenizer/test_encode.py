"""Ids are the reference's, whatever the text; no text yields a special token; documents and threads do not meet."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pile_builder.errors import PileError
from pile_builder.tokenizer import Tokenizer
from pile_builder.tokenizer.fast import LONGEST_PART, FastEngine, cut
from tests.tokenizer import made

SPACES = " \n\r\t\x0b\x0c\x1c\x85\u00a0\u1680\u2000\u2003\u2028\u3000\u200b\ufeff"
MARKS = "e\u0301\u0316a\u030a\u0345\u1100\u1161\u11a8가\u09c7\u09be\u0344\u212b\u1e9b\u0323\U0001d15e"
text_of_all = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
texts = st.one_of(
    text_of_all,
    st.text(st.sampled_from(SPACES + "a1!'é中"), max_size=60),
    st.text(st.sampled_from("  \n\tab\U0010fffe\U0010ffff<|"), max_size=60),
    st.text(st.sampled_from(MARKS + " x"), max_size=40),
    st.text(st.sampled_from("'’sStTrReEvVmMlLdDſK 1é"), max_size=40),
    st.text(st.sampled_from("<|endoftext|>[SEP]</s>quayside <tool>zz"), max_size=60),
    st.lists(st.sampled_from([*made.TEXT.split(" "), "  ", "\n", made.END, "<tool>", "</s>"]), max_size=40).map(
        " ".join
    ),
)
several = st.lists(texts, max_size=6)
check = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _expected(name: str, tokenizer: Tokenizer, documents: list[str]) -> list[list[int]]:
    library = made.library_of(name)
    return [[*encoding.ids, tokenizer.end_id] for encoding in library.encode_batch(documents, add_special_tokens=False)]


@pytest.mark.parametrize("name", made.FAST)
@check
@given(documents=several)
def test_byte_level_ids_are_the_library_s(tokenizers: dict[str, Tokenizer], name: str, documents: list[str]) -> None:
    tokenizer = tokenizers[name]
    assert tokenizer.engine == "tiktoken", tokenizer.why_not
    expected = _expected(name, tokenizer, documents)
    assert made.documents(tokenizer, documents) == expected
    assert [[*tokenizer.reference(one), tokenizer.end_id] for one in documents] == expected


@pytest.mark.parametrize("name", ["unigram", "wordpiece"])
@check
@given(documents=several)
def test_other_ids_are_the_library_s(tokenizers: dict[str, Tokenizer], name: str, documents: list[str]) -> None:
    tokenizer = tokenizers[name]
    assert tokenizer.engine == "tokenizers"
    documents = [one.replace("</s>", "") for one in documents]
    assert made.documents(tokenizer, documents) == _expected(name, tokenizer, documents)


@pytest.mark.parametrize("name", made.MAKERS)
def test_special_tokens_in_text_are_text(tokenizers: dict[str, Tokenizer], name: str) -> None:
    tokenizer = tokenizers[name]
    definition = tokenizer._definition
    special = {token: number for token, number in definition.special.items() if token != definition.unknown}
    assert special
    for token in special:
        planted = [token, f"a{token}b", f" {token} {token}", token * 3, token[:-1] + token, f"{token}\n\n  x"]
        for ids in made.documents(tokenizer, planted):
            assert not set(ids[:-1]) & set(special.values()), (token, ids)
            assert ids[-1] == tokenizer.end_id


def test_words_that_are_special_tokens_keep_their_other_ids(tokenizers: dict[str, Tokenizer]) -> None:
    tokenizer = tokenizers["neox"]
    text = "The quayside master, quayside"
    assert "".join(tokenizer.spell(tokenizer.reference(text))) == text.replace(" ", "Ġ")


def test_truncation_and_padding_of_a_definition_do_not_apply(tokenizers: dict[str, Tokenizer]) -> None:
    short, long = made.documents(tokenizers["wordpiece"], ["harbour", "harbour " * 50])
    assert len(short) < 12
    assert len(long) > 50


@pytest.mark.parametrize("name", ["gpt2", "neox", "o200k", "llama3", "unigram"])
def test_long_documents_are_encoded_in_parts(tokenizers: dict[str, Tokenizer], name: str) -> None:
    draw = random.Random(5)
    words = [*made.TEXT.split(" "), "", "", "\n", "e\u0301"]
    long = " ".join(draw.choices(words, k=LONGEST_PART // 2))
    documents = ["short", long, "", long[: LONGEST_PART + 10], "x" * 10]
    assert name == "unigram" or len(list(cut(long))) > 2
    assert made.documents(tokenizers[name], documents) == _expected(name, tokenizers[name], documents)


@pytest.mark.parametrize("name", ["gpt2", "neox", "cl100k", "o200k"])
@pytest.mark.parametrize(
    "text",
    [" ", "\n", "a", "A", "1", "🙂", "!", "中", "\x00", "\t\n", "aB", "x   ", "e\u0301", "\n "],
    ids=lambda text: text.encode("unicode_escape").decode(),
)
def test_long_runs_have_the_library_s_ids(tokenizers: dict[str, Tokenizer], name: str, text: str) -> None:
    run = text * (20_000 // len(text))
    documents = [run, f"{run}x", f"x {run}.", f"{run}\n x"]
    assert made.documents(tokenizers[name], documents) == _expected(name, tokenizers[name], documents)


def test_runs_of_a_million_take_no_more_than_linear_time(tokenizers: dict[str, Tokenizer]) -> None:
    for name in ("gpt2", "cl100k"):
        for text in (" " * 10**6 + "x", "\n" * 10**6 + "x", "a" * 10**6, "\n " * 500_000 + "x"):
            assert made.documents(tokenizers[name], [text])[0][-1] == tokenizers[name].end_id


@pytest.mark.parametrize("name", made.MAKERS)
def test_threads_give_what_one_gives(tokenizers: dict[str, Tokenizer], name: str) -> None:
    draw = random.Random(2)
    words = [*made.TEXT.split(" "), "  ", "\U0010fffe", "e\u0301", "<tool>"]
    batches = [[" ".join(draw.choices(words, k=100)) for _ in range(10)] for _ in range(12)]
    alone = [tokenizers[name].encode(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(tokenizers[name].encode, batches))
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one.tokens, other.tokens)
        assert np.array_equal(one.ends, other.ends)


@pytest.mark.parametrize("name", ["gpt2", "unigram"])
def test_batches_have_their_types_even_if_empty(tokenizers: dict[str, Tokenizer], name: str) -> None:
    for documents, ends in (([], []), ([""], [1]), (["", ""], [1, 2])):
        batch = tokenizers[name].encode(documents)
        assert batch.tokens.dtype == np.uint32
        assert batch.ends.dtype == np.int64
        assert batch.ends.tolist() == ends
        assert batch.tokens.tolist() == [tokenizers[name].end_id] * len(documents)


@pytest.mark.parametrize("name", ["gpt2", "unigram"])
def test_half_a_surrogate_pair_is_an_error_that_names_the_document(tokenizers: dict[str, Tokenizer], name: str) -> None:
    with pytest.raises(PileError, match="document 1 of 2: expected Unicode text"):
        tokenizers[name].encode(["fine \U0001f642", "half \ud83d"])


def test_text_on_which_engines_disagree_goes_through_the_reference(tokenizers: dict[str, Tokenizer]) -> None:
    tokenizer = tokenizers["qwen"]
    engine = tokenizer._engine
    assert isinstance(engine, FastEngine)
    asked: list[str] = []

    class Watching:
        def ids(self, text: str) -> list[int]:
            raise NotImplementedError

        def encode(self, texts: list[str]):
            asked.extend(texts)
            return tokenizer._reference.encode(texts)

    from pile_builder.tokenizer import breaks

    table = engine._table.copy()
    table[ord("é")] |= breaks.ODD
    documents = ["plain", "e\u0301t\u00e9", "A\u030a", "caf\u00e9", "\U0010fffe", "z\U0010ffff", "end"]
    expected = made.documents(tokenizer, documents)
    patched = FastEngine.__new__(FastEngine)
    patched.__dict__.update(engine.__dict__, _table=table, _reference=Watching())
    batch = patched.encode(documents)
    assert asked == ["e\u0301t\u00e9", "caf\u00e9", "\U0010fffe", "z\U0010ffff"]
    assert batch.tokens.tolist() == [number for ids in expected for number in ids]
