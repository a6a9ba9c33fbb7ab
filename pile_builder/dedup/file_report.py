"""What `pile dedup` says about its work: who lost to whom, counts that add up, examples; and the folder they lie in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pile_builder import __version__
from pile_builder.dedup.file_inputs import Input
from pile_builder.dedup.file_outputs import REJECTS, Written
from pile_builder.dedup.file_sketches import Corpus
from pile_builder.errors import PileError
from pile_builder.input_files import file_system, is_remote, spelling
from pile_builder.masking import mask
from pile_builder.storage import Store
from pile_builder.text.column import from_strings
from pile_builder.text.json_lines import BLANK, REASONS

REPORT, DUPLICATES = "report.json", "duplicates.parquet"
RESERVED = (REPORT, DUPLICATES, REJECTS)
"""Names in the folder that no output may have."""
EXAMPLES = 20
"""Rejected lines, and clusters, that the report shows."""


@dataclass(frozen=True, slots=True)
class Losers:
    """k documents that lost, by their number, ascending, to others.

    `documents` and `winners` are int64[k]; `is_exact`, bool[k], says which have their winner's content; `jaccard` is
    float64[k], the estimated similarity to the winner, which is below the threshold where others connect the two.
    """

    documents: NDArray[np.int64]
    winners: NDArray[np.int64]
    is_exact: NDArray[np.bool_]
    jaccard: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Places:
    """Where documents lie: `rows` is int64[m], the line of each document among those of all inputs."""

    inputs: Sequence[Input]
    bases: NDArray[np.int64]
    rows: NDArray[np.int64]

    def of(self, documents: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The number of each document's input, and its line in there, from 1."""
        rows = self.rows[documents]
        inputs = np.searchsorted(self.bases, rows, side="right") - 1
        return inputs, rows - self.bases[inputs] + 1


def check_folder(store: Store, inputs: Sequence[Input]) -> None:
    """Make sure that nothing is lost when the folder is written to.

    Raises:
        PileError: an output or a file of an earlier run is an input, or a file would be replaced that is of no run; or
            the folder is no place to write to.
    """
    fs, root = file_system(store.root)
    if store.root.startswith(("http://", "https://")):
        msg = f"--out: expected a local folder or a store that can be written to (s3://, gs://), got {store.root}"
        raise PileError(msg)
    if fs.isfile(root):
        msg = f"--out: expected a folder, got the file {store.root}"
        raise PileError(msg)
    earlier = set(_earlier(store))
    names = {REPORT, DUPLICATES, *(name for source in inputs for name in _names(source))}
    taken = {_place(store.path(name)) for name in names | earlier}
    for source in inputs:
        if _place(source.file.url) in taken:
            msg = f"--out: expected another folder than that of the inputs, {source.file.url} would be lost"
            raise PileError(msg)
    for name in sorted(names - earlier - {REPORT}):
        if store.exists(name):
            msg = (
                f"--out: expected a folder of an earlier run or without files of these names, found {store.path(name)}"
            )
            raise PileError(msg)


def claim_folder(store: Store, inputs: Sequence[Input]) -> None:
    """Remove what an earlier run wrote, and say in the report's place which files are about to be written."""
    for name in _earlier(store):
        store.remove(name)
    store.write(REPORT, orjson.dumps({"complete": False, "outputs": _outputs(inputs)}))


def finish(store: Store, inputs: Sequence[Input], report: dict[str, Any]) -> None:
    """Put the report in place: the folder is complete."""
    outputs = [name for name in _outputs(inputs) if store.exists(name)]
    content = {"complete": True, "version": __version__} | report | {"outputs": outputs}
    store.write(REPORT, orjson.dumps(content, option=orjson.OPT_INDENT_2))


def write_duplicates(store: Store, places: Places, losers: Losers) -> None:
    """Write who lost to whom: file, line, winner_file, winner_line, rule (exact or near), jaccard (estimated)."""
    # Not by pa.array, which imports pandas where it is installed: a fifth of a second.
    names = from_strings([source.name for source in places.inputs]).to_arrow()
    columns: dict[str, pa.Array] = {}
    for prefix, documents in (("", losers.documents), ("winner_", losers.winners)):
        inputs, lines = places.of(documents)
        columns[f"{prefix}file"] = pa.DictionaryArray.from_arrays(_column(inputs), names)
        columns[f"{prefix}line"] = _column(lines)
    rules = from_strings(["near", "exact"]).to_arrow()
    columns["rule"] = pa.DictionaryArray.from_arrays(_column(losers.is_exact.astype(np.int64)), rules)
    columns["jaccard"] = _column(losers.jaccard)
    with store.writing(lambda _: DUPLICATES) as file:
        pq.write_table(pa.table(columns), file, compression="zstd")


def summarise(
    places: Places, corpus: Corpus, losers: Losers, written: Sequence[Written], threshold: float
) -> dict[str, Any]:
    """Counts, by file and together: read = kept + dropped + rejected. Clusters, and examples of rejects."""
    inputs, _ = places.of(losers.documents)
    exact, near = (
        np.bincount(inputs[rule], minlength=len(places.inputs)) for rule in (losers.is_exact, ~losers.is_exact)
    )
    files = []
    for number, (source, output) in enumerate(zip(places.inputs, written, strict=True)):
        dropped = {"exact": int(exact[number]), "near": int(near[number])}
        kinds = corpus.kinds[places.bases[number] : places.bases[number + 1]]
        rejected = {reason: int((kinds == kind).sum()) for kind, reason in REASONS.items() if (kinds == kind).any()}
        blank = int((kinds == BLANK).sum())
        read = len(kinds) - blank
        files.append(
            {
                "input": mask(source.file.url),
                "name": source.name,
                "output": source.output,
                "read": read,
                "kept": read - sum(dropped.values()) - sum(rejected.values()),
                "dropped": dropped,
                "rejected": rejected,
                "blank_lines": blank,
                "bytes_read": source.file.size,
                "bytes_written": output.size,
                "sha256": output.sha256,
            }
        )
    return _total(files) | {
        "below_threshold": int((losers.jaccard < threshold).sum()),
        "clusters": _clusters(places, losers),
        "rejected_examples": [
            {
                "file": places.inputs[reject.input].name,
                "line": reject.row + 1,
                "reason": reject.reason,
                "begins": reject.excerpt,
            }
            for reject in corpus.rejects[:EXAMPLES]
        ],
        "files": files,
    }


def _total(files: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The sum of the files' counts."""
    result: dict[str, Any] = {}
    for name in ("read", "kept", "blank_lines", "bytes_read", "bytes_written"):
        result[name] = sum(file[name] for file in files)
    for name in ("dropped", "rejected"):
        counts = Counter[str]()
        for file in files:
            counts.update(file[name])
        result[name] = dict(counts)
    return result


def _clusters(places: Places, losers: Losers) -> dict[str, Any]:
    """How many clusters there are, of which sizes, and where the winners of the largest lie."""
    winners, lost = np.unique(losers.winners, return_counts=True)
    sizes, numbers = np.unique(lost + 1, return_counts=True)
    largest = np.lexsort((winners, -lost))[:EXAMPLES]
    inputs, lines = places.of(winners[largest])
    return {
        "number": len(winners),
        "sizes": {str(size): int(number) for size, number in zip(sizes, numbers, strict=True)},
        "largest": [
            {"documents": int(count) + 1, "file": places.inputs[number].name, "line": int(line)}
            for count, number, line in zip(lost[largest], inputs, lines, strict=True)
        ],
    }


def _column(values: NDArray[np.int64] | NDArray[np.float64]) -> pa.Array:
    kind = pa.int64() if values.dtype == np.int64 else pa.float64()
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _names(source: Input) -> tuple[str, str]:
    return source.output, f"{REJECTS}/{source.name}"


def _outputs(inputs: Sequence[Input]) -> list[str]:
    return [DUPLICATES, *(name for source in inputs for name in _names(source))]


def _earlier(store: Store) -> list[str]:
    """Files that an earlier run wrote, or was about to."""
    if not store.exists(REPORT):
        return []
    report = orjson.loads(store.read(REPORT))
    if not isinstance(report, dict) or "outputs" not in report:
        msg = f"{store.path(REPORT)}: expected a report of `pile dedup`, got another file; choose another folder"
        raise PileError(msg)
    return [str(name) for name in report["outputs"]]


def _place(path: str) -> str:
    place = spelling(*file_system(path))
    return place if is_remote(place) else str(Path(place).resolve())
