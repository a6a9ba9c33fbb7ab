"""annotate: text of blocks to row-aligned sidecars, one file per annotation set, each committed on its own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from pile_builder.annotate.language import LanguageModel
from pile_builder.annotate.sample import Sampler
from pile_builder.annotate.set_names import SAMPLE
from pile_builder.annotate.sets import Annotations, annotate
from pile_builder.blocks import RowGroupWriter, open_parquet, write_table
from pile_builder.commits import Commits
from pile_builder.pipelines.engine import Task, TaskFunction
from pile_builder.storage import HashingWriter, Store

COLUMNS = ("id", "key", "bytes", "text")
"""What annotations read of a block."""


@dataclass
class SidecarPlan:
    """What a source's sidecars hold, with the model that they need."""

    wanted: Annotations
    model: LanguageModel | None = None

    def setup(self) -> None:
        """Load the model."""
        if self.wanted.language and self.model is None:
            self.model = LanguageModel.load(None)


class SidecarWriter:
    """Computes and writes the sets of one block as its text streams by.

    Attributes:
        records: once the block that it guards has ended, the record to commit under each set's key.
    """

    def __init__(self, store: Store, plan: SidecarPlan, keys: Mapping[str, str]) -> None:
        self._commits = Commits(store, "annotate")
        done = self._commits.done()
        self._keys = {name: key for name, key in keys.items() if key not in done}
        self._plan = plan
        self._stack = ExitStack()
        self._streams: dict[str, HashingWriter] = {}
        self._writers: dict[str, RowGroupWriter] = {}
        self._sampler = Sampler() if SAMPLE in self._keys else None
        self.records: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> SidecarWriter:
        return self

    def write(self, documents: pa.RecordBatch) -> None:
        """Annotate a batch with the columns `COLUMNS` of a block."""
        if not self._keys:
            return
        sizes = documents.column("bytes").to_numpy()
        picked = self._sampler.candidates(documents.column("id")) if self._sampler else np.zeros(0, np.int64)
        found = annotate(documents.column("text"), self._plan.wanted, set(self._keys), self._plan.model, picked)
        for name, batch in found.items():
            if name == SAMPLE and self._sampler:
                self._sampler.add(documents, picked, batch)
                continue
            if name not in self._writers:
                stream = self._stack.enter_context(self._commits.store.writing(self._commits.object_name))
                self._streams[name], self._writers[name] = stream, RowGroupWriter(stream, batch.schema)
            self._writers[name].write(batch, sizes)

    def __exit__(self, *error: Any) -> None:
        if error[0] is None:
            for writer in self._writers.values():
                writer.close()
            if self._sampler and self._sampler.table().num_rows:
                self._streams[SAMPLE] = self._stack.enter_context(
                    self._commits.store.writing(self._commits.object_name)
                )
                write_table(self._streams[SAMPLE], self._sampler.table())
        self._stack.__exit__(*error)
        for name, key in self._keys.items():
            # A block without documents has empty sidecars: no object, and nobody reads one.
            stream = self._streams.get(name)
            self.records[key] = {"object": stream.name if stream else "", "set": name}


@dataclass
class AnnotateBlock(TaskFunction):
    """Writes the missing sidecars of one block."""

    store: Store
    sidecars: Mapping[str, SidecarPlan]

    def setup(self) -> None:
        """Load the models."""
        for plan in self.sidecars.values():
            plan.setup()

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Commit the block's missing sets; the task itself goes by the key of the last of them."""
        block = Commits(self.store, "ingest").load(task["block"])
        sidecars = SidecarWriter(self.store, self.sidecars[task["source"]], task["sets"])
        with sidecars, self.store.open(block["block"]) as stream:
            for batch in open_parquet(stream).iter_batches(4_096, columns=list(COLUMNS)):
                sidecars.write(batch)
        commits = Commits(self.store, "annotate")
        records = dict(sidecars.records)
        last = records.pop(task["key"])
        for key, record in records.items():
            commits.put(key, record)
        return last
