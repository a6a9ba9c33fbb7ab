"""Datasets of the Hugging Face Hub, or in folders that `datasets` reads, streamed shard by shard."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from os.path import normpath
from typing import Any, ClassVar

from pydantic import Field

from pile_builder.errors import InputError, ManifestError
from pile_builder.input_files import InputFile, is_remote, list_files, relative_name, resolve
from pile_builder.source import Raw, Reject, Skipped, Split
from pile_builder.sources.records import Keys, RecordConfig, RecordSource

_COMMIT = re.compile(r"[0-9a-f]{40}")
_FOLDER = ("/", "./", "../")


class HuggingFaceConfig(RecordConfig):
    """Which part of the datasets, and of which state; then which of their columns is what."""

    inputs: tuple[str, ...] = Field(
        description="names on the Hub, as in allenai/c4; or folders, which start with /, ./ or ../"
    )
    config: str = Field(default="", description="the datasets' configuration (subset); their only one if empty")
    split: str = Field(default="train", description="the split: train, validation, ...")
    revision: str = Field(default="", description="branch, tag or commit; the main branch's last commit if empty")


class HuggingFace(RecordSource):
    """Datasets by name from the Hugging Face Hub, or in a local folder, through the library `datasets`.

    Upstream: none of its own; https://huggingface.co/datasets, datasets of data files (Parquet, JSON, CSV, text, ...).
    Those that are a script cannot be read any more by any current `datasets`. Licence: each dataset's own; see its
    card. Needs `pip install 'pile-builder[hub]'`.

    Comes out: as of `jsonl` and `parquet`, whose fields are named the same way. The key is the column `id`, or where
    there is none `DATASET/CONFIG/SPLIT#SHARD:ROW`.

    A name is looked up once, when a build is planned: the commit that its revision stands for is part of the build's
    identity and what every worker reads. A revision that is a whole commit hash needs no look-up. Of a folder, the
    files' digests are. A shard, mostly a file, is a split.

    Dropped: columns that nothing names. Skipped: nothing.

    Rejects: `damaged` (a shard that cannot be read to its end), `no_column`, `wrong_type`, `no_text`, `too_large`. What
    the Hub does not answer is an error, and tried again, and no reject.
    """

    pile_set_name: ClassVar[str] = "huggingface"
    libraries: ClassVar[tuple[str, ...]] = ("datasets",)
    licence: ClassVar[str] = "each dataset's own"
    sample: ClassVar[Mapping[str, Any]] = {"inputs": ("./almanac",)}
    Config = HuggingFaceConfig
    config: HuggingFaceConfig

    def splits(self) -> Iterable[Split]:
        """The shards of every dataset. Asks the Hub for the commit and for the list of files.

        Raises:
            ManifestError: the Hub does not answer, or there is no such dataset, configuration, split or revision.
        """
        found = []
        for name in self.config.inputs:
            file = self._pinned(name)
            shards = self._load(file).num_shards
            for shard in range(shards):
                part = f"{self._label(file)}#{shard:05d}-of-{shards:05d}"
                found.append(Split(part, (file,), {"shard": shard, "shards": shards}))
        return sorted(found, key=lambda split: split.name)

    def list_files(self) -> tuple[InputFile, ...]:
        """The files of datasets in folders."""
        folders = [resolve(name, self.config.root) for name in self.config.inputs if name.startswith(_FOLDER)]
        return tuple(file for folder in folders for file in list_files(folder, self.config.root))

    def read(self, split: Split) -> Iterator[Raw | Reject | Skipped]:
        """The rows of a shard."""
        [file] = split.files
        shard, label, known = split.params["shard"], self._label(file), Keys()
        number = -1
        try:
            rows = self._load(file)
            if rows.column_names is not None:
                rows = rows.select_columns(self._columns(rows.column_names, file.name))
            with _damage(file):
                for number, row in enumerate(rows.shard(split.params["shards"], shard)):
                    yield self.offered(row, f"{label}#{shard:05d}:{number}", known)
        except InputError as error:
            yield Reject(error.rule, f"{error.detail} (after {number + 1:,} rows)", key=split.name)

    def _pinned(self, name: str) -> InputFile:
        """A dataset with the commit that is read; that of a folder is what `list_files` lists."""
        if name.startswith(_FOLDER):
            folder = normpath(resolve(name, self.config.root))
            return InputFile(relative_name(folder, normpath(self.config.root), folder), folder, 0, "listed")
        commit = self.config.revision
        if not _COMMIT.fullmatch(commit):
            hub = _library("huggingface_hub")
            try:
                commit = hub.HfApi().dataset_info(name, revision=commit or None).sha
            except (OSError, ValueError, hub.errors.HfHubHTTPError, hub.errors.OfflineModeIsEnabled) as error:
                msg = (
                    f"dataset {name!r}, revision {self.config.revision or 'main'!r}: expected the Hub to tell its "
                    f"commit: {error}. Check the name and the connection, or give the whole commit hash as `revision`"
                )
                raise ManifestError(msg) from error
        return InputFile(name, f"hf://datasets/{name}@{commit}", 0, f"commit:{commit}")

    def _load(self, file: InputFile) -> Any:
        """The dataset as a stream.

        Raises:
            ManifestError: it cannot be loaded.
        """
        datasets = _library("datasets")
        is_hub = is_remote(file.url)
        try:
            return datasets.load_dataset(
                file.name if is_hub else file.url, self.config.config or None, split=self.config.split, streaming=True,
                revision=file.version.removeprefix("commit:") if is_hub else None,
            )  # fmt: skip
        except (datasets.exceptions.DatasetsError, OSError, RuntimeError, ValueError) as error:
            which = f"config {self.config.config!r}, " if self.config.config else ""
            msg = f"dataset {file.name!r}, {which}split {self.config.split!r}: cannot be loaded: {error}"
            raise ManifestError(msg) from error

    def _label(self, file: InputFile) -> str:
        return "/".join(part for part in (file.name, self.config.config, self.config.split) if part)

    def _columns(self, available: list[str], name: str) -> list[str]:
        for wanted in self.config.text_fields:
            if wanted not in available and wanted.partition(".")[0] not in available:
                shown = ", ".join(available[:30])
                detail = f"{name}: expected a column {wanted!r}; there are {shown}. Name the text's by `text`"
                raise InputError("no_column", detail)
        return self.columns(available)


def _library(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        msg = "datasets of the Hub need a library that is not installed: pip install 'pile-builder[hub]'"
        raise ManifestError(msg) from error


@contextmanager
def _damage(file: InputFile) -> Iterator[None]:
    """What is wrong with a dataset's files as an error of the input; what is wrong with the way to them passes."""
    datasets = _library("datasets")
    try:
        yield
    except (datasets.exceptions.DatasetsError, OSError, RuntimeError, ValueError) as error:
        if isinstance(error, OSError) and (error.errno is not None or is_remote(file.url)):
            raise
        raise InputError("damaged", f"{file.name}: {error}") from error
