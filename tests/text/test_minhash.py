"""Sketches against a plain-Python twin and against exact Jaccard similarity."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.dedup.links import estimate_jaccard
from pile_builder.dedup.presets import probability
from pile_builder.text.column import from_strings
from pile_builder.text.minhash import NO_BAND, sketch
from pile_builder.text.normalise import hash_words

MASK = 2**64 - 1
MIX_1, MIX_2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def mix(value: int) -> int:
    value = (value ^ value >> 30) * MIX_1 & MASK
    value = (value ^ value >> 27) * MIX_2 & MASK
    return value ^ value >> 31


def plain_sketch(words: list[int], content: int, ngram: int, bands: int, rows: int, seed: int):
    polynomials = []
    for start in range(len(words) - ngram + 1):
        polynomial = 0
        for word in words[start : start + ngram]:
            polynomial = polynomial * 0x9E3779B97F4A7C15 + word & MASK
        polynomials.append(polynomial)
    shingles = [((p ^ p >> 32) * MIX_1 & MASK) >> 32 for p in polynomials or [content]]
    minima = []
    for number in range(bands * rows):
        key = seed.to_bytes(8, "little", signed=True)
        digest = hashlib.blake2b(number.to_bytes(4, "little"), digest_size=8, key=key, person=b"minhash").digest()
        a, b = int.from_bytes(digest[:4], "little") | 1, int.from_bytes(digest[4:], "little")
        minima.append(min((a * x + b) % 2**32 for x in shingles))
    hashes = []
    for band in range(bands):
        result = mix(band + 1)
        for minimum in minima[band * rows : (band + 1) * rows]:
            result = (result ^ minimum) * MIX_2 & MASK
            result ^= result >> 29
        hashes.append(max(mix(result), 1) if polynomials else 0)
    return hashes, [(m * 0x9E3779B1 % 2**32) >> 24 for m in minima]


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.text(st.sampled_from("ab cd\x00é日 "), max_size=60), max_size=4),
    st.integers(1, 6),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(-5, 5),
)
def test_kernel_agrees_with_the_twin(texts, ngram, bands, rows, seed):
    column = from_strings(texts)
    words = hash_words(column)
    result = sketch(column, ngram=ngram, bands=bands, rows=rows, seed=seed)
    assert result.words.tolist() == np.diff(words.offsets).tolist()
    assert result.content.tolist() == words.content.tolist()
    for row in range(len(texts)):
        own = words.hashes[words.offsets[row] : words.offsets[row + 1]].tolist()
        hashes, signature = plain_sketch(own, int(words.content[row, 0]), ngram, bands, rows, seed)
        assert result.bands[row].tolist() == hashes
        assert result.signature[row].tolist() == signature


@settings(deadline=None)
@given(st.lists(st.text(max_size=200), max_size=5))
def test_a_sketch_depends_on_its_own_text_only(texts):
    together = sketch(from_strings(texts))
    for row, text in enumerate(texts):
        alone = sketch(from_strings([text]))
        assert alone.bands[0].tolist() == together.bands[row].tolist()
        assert alone.signature[0].tolist() == together.signature[row].tolist()
        assert (alone.bands[0] == NO_BAND).all() == (alone.words[0] < 5)


def pairs_of_similar_texts(count: int) -> tuple[list[str], list[str], np.ndarray]:
    """Pairs of 300-word texts over the whole range of similarity, with their exact Jaccard similarity in 5-grams."""
    generator = np.random.default_rng(7)
    left, right, exact = [], [], []
    for number in range(count):
        one = generator.integers(0, 5000, 300)
        other = one.copy()
        places = generator.random(300) < 0.25 * number / count
        other[places] = generator.integers(0, 5000, places.sum())
        shingles = [{tuple(words[at : at + 5].tolist()) for at in range(296)} for words in (one, other)]
        exact.append(len(shingles[0] & shingles[1]) / len(shingles[0] | shingles[1]))
        left.append(" ".join(f"w{word}" for word in one))
        right.append(" ".join(f"w{word}" for word in other))
    return left, right, np.array(exact)


def test_estimate_is_unbiased_and_as_exact_as_theory_says():
    left, right, exact = pairs_of_similar_texts(1500)
    error = estimate_jaccard(sketch(from_strings(left)).signature, sketch(from_strings(right)).signature) - exact
    # 112 Bernoulli draws at rate J + (1 - J) / 256, scaled back.
    rate = exact + (1 - exact) / 256
    theory = np.sqrt(np.mean(rate * (1 - rate) / 112)) / (1 - 1 / 256)
    assert abs(error.mean()) < 0.004
    assert np.sqrt(np.mean(error**2)) < 1.1 * theory


def test_bands_collide_as_often_as_theory_says():
    left, right, exact = pairs_of_similar_texts(1500)
    shared = (sketch(from_strings(left)).bands == sketch(from_strings(right)).bands).any(axis=1)
    for low, high in ((0.0, 0.4), (0.5, 0.7), (0.7, 0.85), (0.9, 1.01)):
        inside = (exact >= low) & (exact < high)
        expected = np.mean([probability(similarity, 14, 8) for similarity in exact[inside]])
        assert shared[inside].mean() == pytest.approx(expected, abs=0.08)


def test_short_documents_have_no_bands_but_agree_with_their_equals_only():
    result = sketch(from_strings(["one two three four", "One, two; three: four!", "one two three five", ""]))
    assert (result.bands == NO_BAND).all()
    estimate = estimate_jaccard(result.signature[[0, 0, 0]], result.signature[[1, 2, 3]])
    assert estimate[0] == 1
    assert (estimate[1:] < 0.1).all()


def test_bands_differ_in_their_hash_even_where_their_minima_are_equal():
    result = sketch(from_strings(["a a a a a a a a"]), ngram=2)
    assert len(set(result.bands[0].tolist())) == 14


def test_impossible_parameters_are_refused():
    with pytest.raises(ValueError, match="1 or more, got 0, 14 and 8"):
        sketch(from_strings(["a"]), ngram=0)
