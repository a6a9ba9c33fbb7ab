"""`pile classifier train`: examples to a fastText model, its report and its lock, written as one folder at once.

fastText runs on one thread, because several write into the model as they please. The same texts and settings then make
the same file with the same release of fastText on the same kind of processor.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any, Final

import fasttext
import numpy as np
import orjson
import yaml
from numpy.typing import NDArray

import pile_builder
from pile_builder.annotate.keep import POSITIVE
from pile_builder.annotate.quality import LABEL_PREFIX, LOCK, NEGATIVE, QualityModel
from pile_builder.classifier.config import ClassifierConfig
from pile_builder.classifier.curve import curve_svg
from pile_builder.classifier.documents import identity
from pile_builder.classifier.evaluate import evaluate
from pile_builder.classifier.examples import ExampleFiles, Watch, write_examples
from pile_builder.errors import PileError
from pile_builder.input_files import is_remote
from pile_builder.storage import TEMPORARY

WORDS: Final = 30
"""Words on each side of the report's list of the most telling ones."""
WORDS_SEEN: Final = 20
"""Words seen less often are not listed: one document's names tell a lot and mean nothing."""
WORDS_TRIED: Final = 50_000
_BATCH: Final = 4096

Say = Callable[[str], None]


def train_classifier(config: ClassifierConfig, out: str, watch: Watch, say: Say) -> dict[str, Any]:
    """Train, judge and write a classifier into the folder `out`, which appears when all is done.

    Writes the model (`model.bin` or `model.ftz`), `report.json`, `curve.svg` and `config.lock.yaml`. An earlier
    classifier there is replaced.

    Returns:
        What report.json says.

    Raises:
        ManifestError, PileError: an input is missing or damaged; a class has nothing to train with; `out` is not a
            local folder, or holds something else.
    """
    target = _target(out)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=target.parent) as work:
        folder = Path(work) / "classifier"
        folder.mkdir()
        inputs = {
            name: [one for given in examples.inputs for one in identity(given, config.root)]
            for name, examples in config.classes.items()
        }
        files = write_examples(config, Path(work), watch)
        for name, count in files.counts.items():
            if not count.training_lines:
                msg = f"{name}s: expected text to train with, got {count.documents} documents and none is left"
                raise PileError(f"{msg} (held out: {count.heldout}, blank: {count.blank})")
        say(f"training on {sum(count.training_lines for count in files.counts.values()):,} examples, one thread")
        path = folder / ("model.ftz" if config.quantize else "model.bin")
        words = _train(config, files.training, path)
        model = QualityModel(path, config.window, config.lower)
        say("scoring what was held out")
        report = _report(config, files, model, words)
        (folder / "report.json").write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n")
        (folder / "curve.svg").write_text(curve_svg(report), encoding="utf-8")
        (folder / LOCK).write_text(_lock(config, inputs, files, model), encoding="utf-8")
        _put(folder, target, Path(work))
    return report


def _target(out: str) -> Path:
    if is_remote(out):
        msg = f"--out {out}: expected a local folder (fastText writes no other); copy it from there"
        raise PileError(msg)
    target = Path(out).absolute()
    taken = target.exists() and (not target.is_dir() or any(target.iterdir()))
    if taken and not (target / LOCK).is_file():
        msg = f"--out {out}: expected a new or empty folder, or an earlier classifier (with {LOCK}) to replace"
        raise PileError(msg)
    return target


def _put(folder: Path, target: Path, work: Path) -> None:
    if target.exists():
        target.rename(work / "earlier")
    folder.chmod(0o755)
    folder.rename(target)


def _train(config: ClassifierConfig, training: Path, path: Path) -> dict[str, list[list[Any]]]:
    """Write the model; return the words that weigh most."""
    asked = config.fasttext
    model = fasttext.train_supervised(
        str(training),
        dim=asked.dim,
        wordNgrams=asked.word_ngrams,
        epoch=asked.epoch,
        lr=asked.lr,
        minCount=asked.min_count,
        bucket=asked.bucket,
        label=LABEL_PREFIX,
        seed=config.seed,
        thread=1,
        verbose=0,
    )
    words = _telling_words(model)
    if config.quantize:
        model.quantize(qnorm=True, thread=1)
    model.save_model(str(path))
    return words


def _telling_words(model: Any) -> dict[str, list[list[Any]]]:
    """The words whose own vectors, all n-grams aside, speak most for either class, with that weight and frequency."""
    labels = model.get_labels()
    output = model.get_output_matrix()
    direction = output[labels.index(POSITIVE)] - output[labels.index(NEGATIVE)]
    words, counts = model.get_words(include_freq=True)
    rows = [i for i in range(min(len(words), WORDS_TRIED)) if counts[i] >= WORDS_SEEN and words[i] != "</s>"]
    weights = [float(np.dot(model.get_input_vector(i), direction)) for i in rows]
    ranked = sorted(zip(weights, rows, strict=True))
    told = [[words[i], round(weight, 3), int(counts[i])] for weight, i in ranked]
    half = min(WORDS, len(told) // 2)
    return {"positive": told[::-1][:half], "negative": told[:half]}


def _report(
    config: ClassifierConfig, files: ExampleFiles, model: QualityModel, words: dict[str, list[list[Any]]]
) -> dict[str, Any]:
    scores = {name: _scores(path, model) for name, path in files.heldout.items()}
    return {
        "name": config.name,
        "examples": {name: asdict(count) for name, count in files.counts.items()},
        "model": {"file": model.path.name, "bytes": model.path.stat().st_size, "sha256": model.file_digest},
        "heldout": evaluate(scores["positive"], scores["negative"]),
        "words": words,
    }


def _scores(path: Path, model: QualityModel) -> NDArray[np.float64]:
    parts = [model.score(lines) for lines in _lines(path)]
    return np.concatenate([np.zeros(0, np.float64), *parts])


def _lines(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8", newline="\n") as stream:
        while lines := [line.removesuffix("\n") for line in islice(stream, _BATCH)]:
            yield lines


def _lock(config: ClassifierConfig, inputs: dict[str, Any], files: ExampleFiles, model: QualityModel) -> str:
    lock = {
        "name": config.name,
        "config": config.given,
        "package": pile_builder.__version__,
        "libraries": {name: metadata.version(name) for name in ("fasttext-community", "numpy", "orjson", "pyarrow")},
        "model": {
            "file": model.path.name,
            "sha256": model.file_digest,
            "window": model.window,
            "lower": model.lower,
            "positive": model.positive,
        },
        "training_sha256": files.training_digest,
        "inputs": inputs,
    }
    return str(yaml.safe_dump(lock, sort_keys=False, allow_unicode=True, width=120))
