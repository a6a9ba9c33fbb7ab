"""The texts that a classifier learns from, streamed from files or from the blocks of a finished build."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import yaml
from numpy.typing import NDArray

from pile_builder.blocks import open_parquet
from pile_builder.checked_yaml import unknown_word
from pile_builder.classifier.config import Input
from pile_builder.commits import Commits
from pile_builder.errors import InputError, PileError
from pile_builder.input_files import InputFile, list_files, open_input, resolve
from pile_builder.storage import Store, file_digest, fingerprint
from pile_builder.story import read_story
from pile_builder.streams import open_text_bytes, read_all
from pile_builder.takedown.state import taken_rows

_JSONL = (".jsonl", ".json", ".ndjson")


def texts(given: Input, root: str) -> Iterator[str]:
    """Every text of an input, in the order of names and lines, or of blocks and rows.

    Raises:
        ManifestError: a file is not there.
        PileError: a file is damaged or not what its name says; the build is not finished or has no such source.
    """
    if given.build:
        yield from _of_build(given, root)
        return
    for file in _files(given, root):
        try:
            yield from _of_file(file, given.field)
        except InputError as error:
            msg = f"{file.url}: {error}"
            raise PileError(msg) from error


def identity(given: Input, root: str) -> list[dict[str, Any]]:
    """What an input was, for the lock: files with their sha256, or a build with its digest. No path of the machine.

    Raises:
        ManifestError: a file is not there.
        PileError: the build is not finished or has no such source.
    """
    if given.build:
        store, blocks = _blocks(given, root)
        lock = yaml.load(store.read("manifest.lock.yaml"), Loader=yaml.CSafeLoader)
        keys = [[block["ingest"], block["settle"] if given.documents == "kept" else ""] for block in blocks]
        sources = sorted({block["source"] for block in blocks})
        return [
            {
                "build": lock["name"],
                "digest": lock["digest"],
                "sources": sources,
                "documents": given.documents,
                "fingerprint": fingerprint(keys),
            }
        ]
    found = []
    for file in _files(given, root):
        with open_input(file) as stream:
            found.append({"file": file.name, "size": file.size, "sha256": file_digest(stream)})
    return found


def _files(given: Input, root: str) -> list[InputFile]:
    return [file for pattern in given.files for file in list_files(pattern, root)]


def _of_file(file: InputFile, field: str) -> Iterator[str]:
    with open_text_bytes(file) as stream:
        if not any(suffix in _JSONL for suffix in PurePosixPath(file.name).suffixes):
            yield read_all(stream).decode(errors="replace")
            return
        for number, line in enumerate(stream, 1):
            try:
                text = orjson.loads(line)[field]
            except (orjson.JSONDecodeError, KeyError, TypeError) as error:
                msg = f"{file.url}, line {number}: expected a JSON object with a field {field!r}: {error!r}"
                raise PileError(msg) from error
            if not isinstance(text, str):
                msg = f"{file.url}, line {number}: expected text in the field {field!r}, got {type(text).__name__}"
                raise PileError(msg)
            yield text


def _blocks(given: Input, root: str) -> tuple[Store, list[Mapping[str, Any]]]:
    store = Store(resolve(given.build, root))
    blocks = read_story(store)["blocks"]
    known = {block["source"] for block in blocks}
    for source in given.sources:
        if source not in known:
            msg = f"{store.root}: {unknown_word('source', source, known)}"
            raise PileError(msg)
    return store, [block for block in blocks if not given.sources or block["source"] in given.sources]


def _of_build(given: Input, root: str) -> Iterator[str]:
    store, blocks = _blocks(given, root)
    for block in blocks:
        record = Commits(store, "ingest").load(block["ingest"])
        wanted = np.ones(sum(record["row_groups"]), np.bool_)
        if given.documents == "kept":
            wanted &= _kept(store, block)
        wanted[taken_rows(record)] = False
        with store.open(record["block"]) as stream:
            file = open_parquet(stream)
            row = 0
            for group in range(file.num_row_groups):
                found = file.read_row_group(group, columns=["text"])["text"]
                rows = len(found)
                yield from found.filter(pa.array(wanted[row : row + rows])).to_pylist()
                row += rows


def _kept(store: Store, block: Mapping[str, Any]) -> NDArray[np.bool_]:
    settled = Commits(store, "settle").load(block["settle"])
    with store.open(settled["verdicts"]) as stream:
        kept: NDArray[np.bool_] = open_parquet(stream).read(columns=["rule"])["rule"].is_null().to_numpy()
    return kept
