"""Annotation sets: which sidecars a source's blocks get, and what each depends on.

A set is one sidecar file beside a block. It has its own fingerprint, so a new rule or another sketch size recomputes
that set and no other. Signals see the text with the spans of the recipes before their own applied, those behind the
last of them also with the private text replaced; the sketch sees what training will see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.annotate.bad_words import BadWords, bad_words_batch, load_bad_words
from pile_builder.annotate.edits import edit_texts
from pile_builder.annotate.keep import PRESETS
from pile_builder.annotate.language import LanguageModel, language_batch
from pile_builder.annotate.privacy import privacy_batch
from pile_builder.annotate.private_kinds import Kind
from pile_builder.annotate.quality import QualityModel, quality_batch
from pile_builder.annotate.sample import CHARACTERS, DOCUMENTS, excerpts
from pile_builder.annotate.set_names import SAMPLE, SPAN_SETS
from pile_builder.annotate.signals import signals
from pile_builder.annotate.sketch import SketchConfig, sketch_batch
from pile_builder.dedup.config import Dedup
from pile_builder.errors import ManifestError
from pile_builder.input_files import resolve
from pile_builder.manifest import Manifest
from pile_builder.pieces import merge_spans
from pile_builder.recipes import RECIPES, Edit
from pile_builder.selection import Quality
from pile_builder.spans import apply_spans
from pile_builder.text.column import TextColumn, from_arrow
from pile_builder.text.words import find_words

ENTRY_POINT_GROUP = "pile_builder.signals"
VERSIONS = {
    "language": 1,
    "quality": 1,
    "lines": 2,
    "privacy": 1,
    "signals": 1,
    "sketch": 2,
    "bad_words": 1,
    "sample": 1,
}
"""Raised whenever a set's values change for the same text."""
SignalFunction = Callable[[TextColumn], pa.RecordBatch]


@dataclass(frozen=True)
class Annotations:
    """What is computed for the blocks of one source.

    Attributes:
        language: digest of the language model, or None.
        quality: classifier that scores the text as ingested, or None.
        privacy: kinds of private text that spans replace.
        edits: what rewrites the text, in order.
        groups: signal groups over the text behind each number of edits, 0 to all; the last see all spans.
        bad_words: list that is searched for in the text after spans, or None.
        own: names of one's own signal functions, over the text after spans.
        sketch: parameters of the sketch, or None.
        sample: whether excerpts of some documents are kept for the audit.
    """

    language: str | None = None
    quality: QualityModel | None = None
    privacy: tuple[Kind, ...] = ()
    edits: tuple[Edit, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ((),)
    bad_words: BadWords | None = None
    own: tuple[str, ...] = ()
    sketch: Dedup | None = None
    sample: bool = False
    versions: Mapping[str, Any] = field(default_factory=dict)

    def sets(self) -> dict[str, Any]:
        """Each set's name and what its values depend on (besides the text)."""
        found: dict[str, Any] = {}
        if self.language:
            found["language"] = {"version": VERSIONS["language"], "model": self.language}
        if self.quality:
            found["quality"] = {"version": VERSIONS["quality"], "model": self.quality.digest}
        if self.edits:
            found["lines"] = {"version": VERSIONS["lines"], "edits": self.edits}
        if self.privacy:
            found["privacy"] = {"version": VERSIONS["privacy"], "kinds": sorted(self.privacy)}
        spans = {name: found[name] for name in SPAN_SETS if name in found}
        if any(self.groups):
            seen = spans if any(self.groups[1:]) else None
            found["signals"] = {"version": VERSIONS["signals"], "groups": self.groups, "spans": seen}
        if self.bad_words:
            words = {"mode": self.bad_words.mode, "list": self.bad_words.digest}
            found["bad_words"] = {"version": VERSIONS["bad_words"], "words": words, "spans": spans}
        for name in self.own:
            found[f"own-{name}"] = {"function": self.versions.get(name), "spans": spans}
        if self.sketch:
            shape = {"ngram": self.sketch.ngram, "bands": self.sketch.bands, "rows": self.sketch.rows}
            found["sketch"] = {"version": VERSIONS["sketch"], "shape": shape, "spans": spans}
        if self.sample:
            limits = {"documents": DOCUMENTS, "characters": CHARACTERS}
            found[SAMPLE] = {"version": VERSIONS[SAMPLE], "limits": limits, "spans": spans}
        return found


def plan_annotations(manifest: Manifest, source: str, language_digest: str) -> Annotations:
    """What a manifest asks of one source's text.

    Raises:
        ManifestError: a signal function is not installed, or a model or a list of bad words cannot be read.
    """
    select = manifest.select_of(source)
    edits: list[Edit] = []
    groups: list[list[str]] = [[]]
    for name in select.recipes:
        recipe = RECIPES[name]
        if recipe.edit and recipe.edit not in edits:
            edits.append(recipe.edit)
            groups.append([])
        groups[-1] += [group for group in recipe.groups if group not in groups[-1]]
    words = select.bad_words
    own = tuple(dict.fromkeys(rule.signal.split(".")[0] for rule in select.rules))
    versions = {name: _point(name).value for name in own}
    return Annotations(
        language=language_digest if select.language else None,
        quality=_quality_model(manifest.root, select.quality) if select.quality else None,
        privacy=select.privacy,
        edits=tuple(edits),
        groups=tuple(map(tuple, groups)),
        bad_words=load_bad_words(words.list, manifest.root, words.mode) if words else None,
        own=own,
        sketch=manifest.dedup,
        sample=True,
        versions=versions,
    )


def _quality_model(root: str, quality: Quality) -> QualityModel:
    preset = PRESETS[quality.keep]
    return QualityModel.load(resolve(quality.model, root), window=preset.window, positive=preset.positive)


def annotate(
    texts: pa.Array,
    wanted: Annotations,
    names: set[str],
    model: LanguageModel | None,
    picked: NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Compute the named sets for a batch of text.

    Args:
        texts: the batch.
        wanted: what each set holds.
        names: of the sets.
        model: for the language.
        picked: rows of which the set `sample` has excerpts; all others have a row per text.

    Returns:
        For each name a record batch.
    """
    column = from_arrow(texts)
    done: dict[str, pa.RecordBatch] = {}
    words = None
    stages = [column]
    n_words: list[NDArray[np.int64] | None] = [None]
    layers = []
    if wanted.edits and names - {"language", "quality"}:
        words = find_words(column) if wanted.groups[0] and "signals" in names else None
        stages, n_words, spans, edit_signals = edit_texts(column, wanted.edits, words)
        layers.append(spans)
        done["lines"] = beside([pa.record_batch({"spans": spans}), *edit_signals])
    edited = stages[-1]
    if wanted.privacy and names - {"language", "quality", "lines"}:
        done["privacy"] = privacy_batch(column, wanted.privacy)
        layers.append(done["privacy"].column("spans"))
        edited = apply_spans(column, merge_spans(layers))
        if wanted.edits:
            # What is replaced has other words.
            stages[-1], n_words[-1] = edited, None
    if "quality" in names and wanted.quality:
        done["quality"] = quality_batch(column, wanted.quality)
    if "language" in names:
        if model is None:
            msg = "a language set is wanted and no language model is loaded"
            raise TypeError(msg)
        done["language"] = language_batch(column, model)
    if "signals" in names:
        known = [words, *(None for _ in wanted.edits)]
        measured = zip(stages, wanted.groups, known, n_words, strict=True)
        done["signals"] = beside([signals(text, groups, own, count) for text, groups, own, count in measured if groups])
    if "sketch" in names and wanted.sketch:
        shape = wanted.sketch
        done["sketch"] = sketch_batch(edited, SketchConfig(shape.ngram, shape.bands, shape.rows))
    if "bad_words" in names and wanted.bad_words:
        done["bad_words"] = bad_words_batch(edited, wanted.bad_words)
    if SAMPLE in names and picked is not None:
        done[SAMPLE] = excerpts(edited, picked)
    for name in wanted.own:
        if f"own-{name}" in names:
            done[f"own-{name}"] = _own(name, edited)
    return {name: batch for name, batch in done.items() if name in names}


def beside(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Batches of equal length side by side."""
    return pa.record_batch(
        [column for part in parts for column in part.columns], [name for part in parts for name in part.schema.names]
    )


def signal_functions() -> list[str]:
    """Names of the installed signal functions of one's own."""
    return sorted(point.name for point in entry_points(group=ENTRY_POINT_GROUP))


@cache
def _point(name: str) -> EntryPoint:
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if point.name == name:
            return point
    known = ", ".join(signal_functions()) or "none"
    msg = f"signal function {name!r} is not installed in the entry-point group {ENTRY_POINT_GROUP} (there: {known})"
    raise ManifestError(msg)


@cache
def _function(name: str) -> SignalFunction:
    loaded: SignalFunction = _point(name).load()
    return loaded


def _own(name: str, column: TextColumn) -> pa.RecordBatch:
    batch = _function(name)(column)
    if not isinstance(batch, pa.RecordBatch) or batch.num_rows != len(column):
        got = f"{batch.num_rows} rows" if isinstance(batch, pa.RecordBatch) else type(batch).__name__
        msg = f"signal function {name!r}: expected a RecordBatch of {len(column)} rows, got {got}"
        raise TypeError(msg)
    return batch.rename_columns([f"{name}.{column}" for column in batch.schema.names])
