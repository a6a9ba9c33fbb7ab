"""The quality annotation: a fastText classifier's probability that a text is one of its positives.

Training and scoring show the model the same thing: `window`, then `normalised`. Words are what stands between white
space, which is fastText's own splitting: the classifiers of the Pile and of DCLM saw text that way, so their published
models can be used as they are, and what clings to words (pipes, ellipses, markup) is part of what tells good text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import fasttext
import numpy as np
import pyarrow as pa
import yaml
from numpy.typing import NDArray

from pile_builder.annotate.keep import POSITIVE, Window
from pile_builder.errors import ManifestError
from pile_builder.storage import fingerprint
from pile_builder.text.column import TextColumn

SCHEMA = pa.schema([pa.field("quality.score", pa.float64(), nullable=False)])

WINDOW: Final = 1500
WINDOW_END: Final = 4000
"""The Pile's window: the last 1,500 of a text's first 4,000 code points (EleutherAI/pile-cc-filtering)."""

LABEL_PREFIX: Final = "__label__"
NEGATIVE: Final = "__label__negative"
LOCK: Final = "config.lock.yaml"
"""What `pile classifier train` writes beside a model: among other things which text the model is shown."""

_END_OF_SENTENCE: Final = "</s>"
_WHITE_SPACE: Final = " \t\n\v\f\r\0"
_BATCH: Final = 1024


@dataclass(frozen=True)
class QualityModel:
    """A fastText model of two labels and what it is shown, read from disk when first used in a process.

    Attributes:
        path: the model's file.
        window: the part of a text that the model sees: `pile` (see `WINDOW`), or `whole`.
        lower: whether A to Z become lower case.
        positive: the label whose probability is the score (DCLM's model: `__label__hq`).
    """

    path: Path
    window: Window = "pile"
    lower: bool = False
    positive: str = POSITIVE

    @classmethod
    def load(
        cls, path: str | Path, *, window: Window = "pile", lower: bool = False, positive: str = POSITIVE
    ) -> QualityModel:
        """The model in a folder that `pile classifier train` wrote, or in the file of a fastText model.

        Args:
            path: the folder, whose lock says the rest; or the file, for which the other arguments count.
            window: as the attribute.
            lower: as the attribute.
            positive: as the attribute.

        Raises:
            ManifestError: there is neither; or the folder's model is not the one that was trained.
        """
        path = Path(path)
        if path.is_file():
            return cls(path, window, lower, positive)
        if not (path / LOCK).is_file():
            msg = f"quality model {path}: expected a folder that `pile classifier train` wrote, or a fastText model"
            raise ManifestError(msg)
        made = yaml.safe_load((path / LOCK).read_text(encoding="utf-8"))["model"]
        model = cls(path / made["file"], made["window"], made["lower"], made["positive"])
        if not model.path.is_file() or model.file_digest != made["sha256"]:
            msg = f"quality model {model.path}: expected the file with sha256 {made['sha256']} that {LOCK} names"
            raise ManifestError(f"{msg}; train it again")
        return model

    @cached_property
    def file_digest(self) -> str:
        """SHA-256 of the model's file, in hexadecimal."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    @cached_property
    def digest(self) -> str:
        """All that a score depends on besides the text, in hexadecimal."""
        return fingerprint([self.file_digest, self.window, self.lower, self.positive])

    def score(self, seen: Sequence[str]) -> NDArray[np.float64]:
        """The probability of the positive label for texts as `normalised` returns them, float64[n] in [0, 1].

        What is less likely than not is 1 minus the other label's probability (as DCLM counts: fastText adds 0.00001 to
        each). Text of nothing but white space has the score 0.
        """
        scores = np.zeros(len(seen), np.float64)
        for start in range(0, len(seen), _BATCH):
            part = list(seen[start : start + _BATCH])
            labels, probabilities = self._model.predict(part)
            for i, text in enumerate(part):
                if labels[i] and text.strip(_WHITE_SPACE):
                    likely = min(float(probabilities[i][0]), 1.0)
                    scores[start + i] = likely if labels[i][0] == self.positive else 1.0 - likely
        return scores

    @cached_property
    def _model(self) -> Any:
        try:
            model = fasttext.load_model(str(self.path))
        except ValueError as error:
            msg = f"quality model {self.path}: expected the file of a fastText model: {error}"
            raise ManifestError(msg) from error
        labels = sorted(model.get_labels())
        if len(labels) != 2 or self.positive not in labels:
            msg = f"quality model {self.path}: expected two labels, one of them {self.positive!r}; got {labels[:5]}"
            raise ManifestError(msg)
        return model

    def __reduce__(self) -> tuple[type[QualityModel], tuple[Any, ...]]:
        """A pickle carries no model: every process reads it for itself."""
        return QualityModel, (self.path, self.window, self.lower, self.positive)


def quality_batch(column: TextColumn, model: QualityModel) -> pa.RecordBatch:
    """The score of each document as a batch of `SCHEMA`."""
    bounds = zip(column.offsets[:-1].tolist(), column.offsets[1:].tolist(), strict=True)
    seen = [normalised(_window_of_bytes(column.data[a:b], model.window), lower=model.lower) for a, b in bounds]
    return pa.record_batch([pa.array(model.score(seen), pa.float64())], schema=SCHEMA)


def window(text: str, which: Window) -> str:
    """The part of a text that the model sees."""
    return text[:WINDOW_END][-WINDOW:] if which == "pile" else text


def more_windows(text: str, count: int) -> list[str]:
    """Up to `count` further windows of `WINDOW` code points, spread evenly over what lies behind the Pile's window."""
    room = len(text) - WINDOW_END
    count = min(count, room // WINDOW)
    starts = [WINDOW_END + i * (room - WINDOW) // max(count - 1, 1) for i in range(count)]
    return [text[start : start + WINDOW] for start in starts]


def normalised(text: str, *, lower: bool) -> str:
    """A text as one line in which no word means anything to fastText.

    Line ends become spaces, on request A to Z become lower case (only these: other letters' case is a matter of Unicode
    versions). fastText would take a word that starts with its label prefix for a label, and end the text at `</s>`:
    both get a space inside.
    """
    text = " ".join(text.splitlines())
    if lower:
        text = text.encode().lower().decode()
    if LABEL_PREFIX in text:
        text = text.replace(LABEL_PREFIX, "__ label__")
    return text.replace(_END_OF_SENTENCE, "< /s>")


def _window_of_bytes(data: NDArray[np.uint8], which: Window) -> str:
    """`window` of UTF-8 bytes; of a long text only the head is decoded, a code point cut by its end is left out."""
    if which == "pile":
        data = data[: 4 * WINDOW_END]
    return window(data.tobytes().decode(errors="ignore"), which)
