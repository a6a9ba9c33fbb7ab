"""Rows of eval sets: from jsonl, json, csv, tsv and parquet files, and from Hugging Face datasets."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow.parquet

from pile_builder.decontamination.eval_templates import Fields, field
from pile_builder.errors import InputError, ManifestError
from pile_builder.input_files import InputFile, open_input, resolve
from pile_builder.streams import open_text_bytes

_NAME = re.compile(r"(?P<path>.+)\.(?:(?P<text>jsonl|json|csv|tsv)(?:\.(?:gz|bz2|xz|zst))?|(?P<parquet>parquet))")


@dataclass(frozen=True)
class Row:
    """One row: where it lies, for messages; the id it has by its place, counted from 0; its fields."""

    where: str
    id: str
    fields: Fields


def file_rows(files: Sequence[InputFile], records: str = "", columns: Sequence[str] = ()) -> Iterator[Row]:
    """Rows of files, streamed (a json file is read whole); ids are `file-stem:row`, with folders where stems repeat.

    Args:
        files: their format is told by their names; text formats may be compressed.
        records: dotted path of the list in a json file; empty takes the file's list, or its only list.
        columns: names of the columns of csv and tsv files; empty takes them from the first row.

    Raises:
        ManifestError: damaged, not of its format, or a row is no object.
    """
    names = [_NAME.fullmatch(file.name) for file in files]
    stems = [named["path"].rpartition("/")[2] for named in names if named]
    for file, named in zip(files, names, strict=True):
        if not named:
            msg = f"{file.url}: expected a name that ends in .jsonl, .json, .csv, .tsv (or these with .gz) or .parquet"
            raise ManifestError(msg)
        stem = named["path"].rpartition("/")[2]
        prefix = stem if stems.count(stem) == 1 else named["path"]
        kind = named["text"] or named["parquet"]
        number = -1
        try:
            for number, fields in enumerate(_read(file, kind, records, columns)):
                yield _row(fields, file.url, prefix, number)
        except (InputError, OSError, ValueError, csv.Error) as error:
            msg = f"{file.url}: row {number + 1}: cannot be read as {kind}: {error}"
            raise ManifestError(msg) from error


def dataset_rows(
    dataset: str, config: str, splits: Sequence[str], root: str, options: Mapping[str, Any]
) -> Iterator[Row]:
    """Rows of a Hugging Face dataset, streamed; ids are `split:row`.

    Args:
        dataset: a name on the Hub, or a folder if it starts with `/`, `./` or `../` (relative to `root`).
        config: the configuration (subset); empty takes the only one.
        splits: read one after the other.
        root: what a relative folder is relative to.
        options: further arguments of `datasets.load_dataset`.

    Raises:
        ManifestError: `datasets` is not installed, or cannot load it.
    """
    try:
        from datasets import load_dataset
        from datasets.exceptions import DatasetsError
    except ImportError as error:
        msg = f"dataset {dataset!r} needs a library that is not installed: pip install 'pile-builder[hub]'"
        raise ManifestError(msg) from error
    path = resolve(dataset, root) if dataset.startswith(("./", "../")) else dataset
    for split in splits:
        where = f"dataset {dataset!r}{f', config {config!r}' if config else ''}, split {split!r}"
        try:
            rows = load_dataset(path, config or None, split=split, streaming=True, **options)
            for number, fields in enumerate(rows):
                yield _row(fields, where, split, number)
        except (DatasetsError, OSError, RuntimeError, ValueError) as error:
            msg = f"{where}: cannot be loaded: {error}"
            raise ManifestError(msg) from error


def _row(fields: Any, where: str, prefix: str, number: int) -> Row:
    where = f"{where}: row {number}"
    if not isinstance(fields, Mapping):
        msg = f"{where}: expected an object with fields; got {type(fields).__name__}"
        raise ManifestError(msg)
    return Row(where, f"{prefix}:{number}", fields)


def _read(file: InputFile, kind: str, records: str, columns: Sequence[str]) -> Iterator[Any]:
    if kind == "parquet":
        with open_input(file) as stored, pyarrow.parquet.ParquetFile(stored) as table:
            for batch in table.iter_batches(1024):
                yield from batch.to_pylist()
    else:
        with open_text_bytes(file) as stream:
            yield from _READERS[kind](stream, file, records, columns)


def _jsonl(stream: BinaryIO, *_: Any) -> Iterator[Any]:
    for line in io.TextIOWrapper(stream, "utf-8-sig", newline="\n"):
        if line.strip():
            yield json.loads(line)


def _json(stream: BinaryIO, file: InputFile, records: str, _: Any) -> Iterator[Any]:
    data = json.loads(stream.read().decode("utf-8-sig"))
    if records:
        data = field(data, records)
    elif isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list)]
        if len(lists) != 1:
            msg = f"{file.url}: has {len(lists)} lists: name one by `records`. Keys: {', '.join(data) or 'none'}"
            raise ManifestError(msg)
        data = lists[0]
    if not isinstance(data, list):
        msg = f"{file.url}: expected a list{f' at {records!r}' if records else ''}; got {type(data).__name__}"
        raise ManifestError(msg)
    yield from data


def _separated(stream: BinaryIO, file: InputFile, columns: Sequence[str], form: dict[str, Any]) -> Iterator[Any]:
    rows = csv.reader(io.TextIOWrapper(stream, "utf-8-sig", newline=""), strict=True, **form)
    names = columns or next(rows, [])
    if len(set(names)) < len(names):
        msg = f"{file.url}: a column's name is given twice: {', '.join(names)}"
        raise ManifestError(msg)
    for row in rows:
        if row and len(row) != len(names):
            msg = (
                f"{file.url}: line {rows.line_num}: expected {len(names)} columns ({', '.join(names)}); got {len(row)}"
            )
            raise ManifestError(msg)
        if row:
            yield dict(zip(names, row, strict=True))


_READERS: dict[str, Callable[[BinaryIO, InputFile, str, Sequence[str]], Iterator[Any]]] = {
    "jsonl": _jsonl,
    "json": _json,
    "csv": lambda stream, file, _, columns: _separated(stream, file, columns, {}),
    # The format knows no quotes; where a writer put some they are punctuation to the n-grams.
    "tsv": lambda stream, file, _, columns: _separated(
        stream, file, columns, {"delimiter": "\t", "quoting": csv.QUOTE_NONE}
    ),
}
