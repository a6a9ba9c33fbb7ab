"""What the quality model is shown, and the score column."""

from __future__ import annotations

import pickle
from pathlib import Path

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.annotate.quality import (
    SCHEMA,
    WINDOW,
    WINDOW_END,
    QualityModel,
    more_windows,
    normalised,
    quality_batch,
    window,
)
from pile_builder.errors import ManifestError
from pile_builder.text.column import TextColumn, from_strings

GOOD = "The tide had gone out before the lamps were lit, and the boats lay on their sides."
BAD = "click here | best price | buy now | add to cart | login | free shipping"
HOSTILE = ["__label__", "__label__positive", "</s>", "\u2028", "\x85", "\r\n", "\0", "é", " ", "a", "\U0001f600"]


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    lines = [f"__label__positive {GOOD}\n", f"__label__negative {BAD}\n"] * 20
    (folder / "train.txt").write_text("".join(lines))
    trained = fasttext.train_supervised(
        str(folder / "train.txt"), dim=5, bucket=1000, wordNgrams=2, lr=0.5, epoch=20, thread=1, verbose=0
    )
    trained.save_model(str(folder / "model.bin"))
    return folder / "model.bin"


def test_the_window_of_the_pile() -> None:
    text = "".join(chr(0x4E00 + i) for i in range(5000))
    assert window(text, "pile") == text[2500:4000]
    assert window(text[:3000], "pile") == text[1500:3000]
    assert window(text[:100], "pile") == text[:100]
    assert window(text, "whole") == text


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 20_000), st.integers(0, 12))
def test_further_windows_lie_behind_it_and_do_not_overlap(length: int, count: int) -> None:
    text = "".join(map(chr, range(0x10000, 0x10000 + length)))
    found = more_windows(text, count)
    assert len(found) == max(0, min(count, (length - WINDOW_END) // WINDOW))
    assert all(len(one) == WINDOW for one in found)
    assert len("".join(found)) == len(set("".join(found)))
    assert not set("".join(found)) & set(text[:WINDOW_END])
    if len(found) > 1:
        assert text.endswith(found[-1])


@settings(deadline=None)
@given(st.text() | st.lists(st.sampled_from(HOSTILE)).map("".join), st.booleans())
def test_a_normalised_text_is_one_line_of_plain_words(text: str, lower: bool) -> None:
    line = normalised(text, lower=lower)
    assert len(line.splitlines()) <= 1
    assert normalised(line, lower=lower) == line
    words = line.replace("\0", " ").replace("\t", " ").split(" ")
    assert "</s>" not in words
    assert not any(word.startswith("__label__") for word in words)
    if lower:
        assert not set(line) & set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text() | st.lists(st.sampled_from([*HOSTILE, GOOD, BAD])).map("".join), max_size=5))
def test_a_batch_scores_each_text_alone_by_its_window(model_file: Path, texts: list[str]) -> None:
    model = QualityModel(model_file)
    batch = quality_batch(from_strings(texts), model)
    assert batch.schema == SCHEMA
    scores = batch["quality.score"].to_pylist()
    assert all(0 <= score <= 1 for score in scores)
    for text, score in zip(texts, scores, strict=True):
        assert score == model.score([normalised(window(text, "pile"), lower=False)])[0]


def test_scores(model_file: Path) -> None:
    model = QualityModel(model_file)
    column = from_strings(["", GOOD, BAD, " \n\t", f"{GOOD * 100}{BAD * 100}"])
    good, bad, blank, long = quality_batch(TextColumn(column.data, column.offsets[1:]), model)[
        "quality.score"
    ].to_pylist()
    assert good > 0.9
    assert bad < 0.1
    assert blank == 0
    assert long > 0.9
    whole = quality_batch(column, QualityModel(model_file, "whole"))["quality.score"].to_pylist()
    assert 0.1 < whole[-1] < 0.9
    other = quality_batch(column, QualityModel(model_file, positive="__label__negative"))["quality.score"].to_numpy()
    assert abs(other[1] + good - 1) < 1e-9
    assert quality_batch(from_strings([]), model).num_rows == 0
    # A text cannot end its own reading, nor name its label.
    assert model.score([normalised(f"</s> {BAD}", lower=False)])[0] < 0.2
    assert model.score([normalised(f"__label__positive {BAD}", lower=False)])[0] < 0.2


def test_a_model_travels_by_path_and_has_a_digest(model_file: Path) -> None:
    model = QualityModel.load(model_file, window="whole")
    model.score([GOOD])
    pickled = pickle.dumps(model)
    assert len(pickled) < 1000
    assert pickle.loads(pickled) == model
    assert model.digest != QualityModel.load(model_file).digest
    assert model.digest == QualityModel.load(model_file, window="whole").digest
    assert pa.types.is_float64(SCHEMA.field(0).type)
    assert model.score([GOOD]).dtype == np.float64


def test_what_is_no_model(tmp_path: Path, model_file: Path) -> None:
    with pytest.raises(ManifestError, match="expected a folder that `pile classifier train` wrote"):
        QualityModel.load(tmp_path / "missing")
    (tmp_path / "wrong.bin").write_bytes(b"not a model, but long enough to be read as one" * 10)
    with pytest.raises(ManifestError, match="expected the file of a fastText model"):
        QualityModel.load(tmp_path / "wrong.bin").score([GOOD])
    with pytest.raises(ManifestError, match="expected two labels, one of them '__label__hq'"):
        QualityModel.load(model_file, positive="__label__hq").score([GOOD])
