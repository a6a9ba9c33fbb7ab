"""Made-up documents: each a function of its number, and as often foreign, copied or faulty as they are said to be."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from pile_builder.annotate.language import LanguageModel
from pile_builder.source import Raw
from pile_builder.sources.rehearsal import EXACT, FOREIGN, LOG_DEVIATION, Rehearsal, RehearsalConfig
from pile_builder.sources.rehearsal.words import english

COUNT = 6_000


def source(**options: Any) -> Rehearsal:
    return Rehearsal(RehearsalConfig(inputs=("-",), **{"documents": COUNT, "split_documents": 700, **options}))


def read(made: Rehearsal) -> list[Raw]:
    found = [raw for split in made.splits() for raw in made.read(split)]
    assert all(isinstance(raw, Raw) for raw in found)
    return found  # type: ignore[return-value]


@pytest.fixture(scope="module")
def documents() -> list[Raw]:
    return read(source())


def test_a_document_is_a_function_of_its_number(documents: list[Raw]):
    assert len({raw.key for raw in documents}) == COUNT
    assert read(source(split_documents=611)) == documents
    other = read(source(seed=2))
    assert sum(a.payload == b.payload for a, b in zip(documents, other, strict=True)) < COUNT // 100


def test_splits_cover_all_numbers_once_in_the_order_of_their_names():
    splits = source(documents=10_001, split_documents=1_000).splits()
    assert [split.name for split in splits] == sorted(split.name for split in splits)
    assert sum(split.params["end"] - split.params["start"] for split in splits) == 10_001


def test_lengths_are_as_measured(documents: list[Raw]):
    sizes = np.array([len(raw.payload) for raw in documents])
    logs = np.log(sizes[sizes > 0])
    assert abs(sizes.mean() - 1_536) < 150
    assert abs(logs.std() - LOG_DEVIATION) < 0.1


def test_languages_are_recognised_and_as_frequent_as_measured(documents: list[Raw]):
    texts = [raw.payload.decode() for raw in documents[:2_000]]
    labels, scores = LanguageModel.load(None).predict([text[:1_000] for text in texts])
    shares = Counter(labels)
    assert abs(shares["en"] / len(texts) - 0.7) < 0.04
    for name, code in (("german", "de"), ("chinese", "zh"), ("polish", "pl"), ("greek", "el"), ("russian", "ru")):
        assert abs(shares[code] / len(texts) - 0.3 * FOREIGN[name]) < 0.02, name
    certain = [score for label, score in zip(labels, scores, strict=True) if label == "en"]
    assert np.mean(np.array(certain) >= 0.65) > 0.98


def test_copies_are_copies_to_the_byte(documents: list[Raw]):
    texts = Counter(raw.payload for raw in documents)
    lost = sum(count - 1 for count in texts.values())
    assert 0.6 * EXACT < lost / COUNT < EXACT
    assert max(texts.values()) > 10


def test_near_copies_differ_in_some_words_only():
    made = source(documents=3_000, foreign=0.0, quoting=0.0)
    by_start: dict[bytes, list[list[bytes]]] = {}
    for raw in {raw.payload: raw for raw in read(made)}.values():
        by_start.setdefault(b" ".join(raw.payload.split()[:6]), []).append(raw.payload.split())
    pairs = [group for group in by_start.values() if len(group) == 2 and len(group[0]) == len(group[1]) > 60]
    changed = [np.mean([a != b for a, b in zip(*pair, strict=True)]) for pair in pairs]
    assert len(pairs) > 20
    # A near-copy on a site with boilerplate of its own differs there too.
    assert np.median(changed) < 0.25


def test_some_documents_quote_an_eval_item():
    made = source(documents=500, quoting=0.1, eval_items=3, foreign=0.0)
    texts = [raw.payload.decode() for raw in read(made)]
    # Not the last word: what follows it depends on where it stands.
    quoted = [made.eval_item(number).split()[:30] for number in range(3)]
    found = [sum(" ".join(words[1:]) in " ".join(text.split()) for text in texts) for words in quoted]
    assert min(found) > 3


def test_words_are_distinct_and_zipfian_text_has_its_stop_words(documents: list[Raw]):
    assert len(set(english())) == len(english()) == 18_566
    counted = Counter(word for raw in documents[:1_000] for word in raw.payload.decode().lower().split())
    ordered = np.sort(np.array(list(counted.values())))[::-1]
    slope = np.polyfit(np.log(np.arange(10, 1_000)), np.log(ordered[10:1_000]), 1)[0]
    assert -1.2 < slope < -0.7
