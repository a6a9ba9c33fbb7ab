"""Language identification: labels, the part of a text that counts, and how the model travels."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.annotate.language import EXCERPT, EXCERPTS, SCHEMA, LanguageModel, excerpts, language_batch
from pile_builder.errors import ManifestError
from pile_builder.text.column import TextColumn, from_strings

ENGLISH = "The ferry leaves at nine, and whoever misses it has to wait for the evening boat."
GERMAN = "Die Fähre legt um neun Uhr ab, und wer sie verpasst, wartet bis zum Abend auf das nächste Schiff."
RUSSIAN = "Паром отходит в девять часов утра, а кто опоздает, тот будет ждать до вечера."
MODEL = LanguageModel.load(None)


def test_labels_and_scores() -> None:
    labels, scores = MODEL.predict([ENGLISH, GERMAN, RUSSIAN, "", " \n\t", ENGLISH])
    assert labels == ["en", "de", "ru", "und", "und", "en"]
    assert scores.dtype == np.float32
    assert (scores[:3] > 0.8).all()
    assert scores[3:5].tolist() == [0, 0]
    assert scores[0] == scores[5]
    assert MODEL.predict([])[0] == []


def test_the_shipped_model() -> None:
    assert MODEL.digest == "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"


def test_a_long_text_is_judged_by_all_its_parts_and_line_feeds_are_spaces() -> None:
    body = f"{ENGLISH} " * 60
    assert len(excerpts(body)) == EXCERPTS * EXCERPT + EXCERPTS - 1
    assert excerpts(body).startswith(body[:EXCERPT])
    assert excerpts(body).endswith(body[-EXCERPT:])
    one, other = MODEL.predict([body, body.replace(" ", "\n")])[1]
    assert one == other
    assert language_batch(from_strings([f"{ENGLISH} {RUSSIAN * 800}"]), MODEL)["language"].to_pylist() == ["ru"]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text() | st.text("aé日😀\n", min_size=990, max_size=1010), max_size=4))
def test_a_batch_says_what_predict_says(texts: list[str]) -> None:
    batch = language_batch(from_strings(texts), MODEL)
    labels, scores = MODEL.predict(texts)
    assert batch.schema == SCHEMA
    assert batch["language"].to_pylist() == labels
    assert batch["language_score"].to_numpy().tolist() == scores.tolist()
    assert ((scores >= 0) & (scores <= 1)).all()
    for text, label, score in zip(texts, labels, scores, strict=True):
        alone, alone_score = MODEL.predict([text])
        assert (alone, alone_score[0]) == ([label], score)


def test_a_part_of_a_column() -> None:
    whole = from_strings([RUSSIAN, ENGLISH, GERMAN])
    assert language_batch(TextColumn(whole.data, whole.offsets[1:]), MODEL)["language"].to_pylist() == ["en", "de"]
    assert language_batch(from_strings([]), MODEL).num_rows == 0


def test_a_pickle_carries_the_path_only() -> None:
    MODEL.predict([ENGLISH])
    pickled = pickle.dumps(MODEL)
    assert len(pickled) < 1000
    assert pickle.loads(pickled).predict([GERMAN])[0] == ["de"]


def test_a_model_of_ones_own(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="expected the file of a fastText model"):
        LanguageModel.load(tmp_path / "missing.ftz")
    wrong = tmp_path / "wrong.ftz"
    wrong.write_bytes(b"not a model, but long enough to be read as one" * 10)
    model = LanguageModel.load(wrong)
    assert model.digest != MODEL.digest
    with pytest.raises(ManifestError, match=r"wrong\.ftz: expected the file of a fastText model"):
        model.predict([ENGLISH])


def test_columns() -> None:
    assert pa.types.is_string(SCHEMA.field("language").type)
    assert pa.types.is_float32(SCHEMA.field("language_score").type)
