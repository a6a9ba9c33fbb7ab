"""The texts of drawn documents, each read from the one zstd frame of its shard that holds it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import zstandard

from pile_builder.commits import Commits
from pile_builder.errors import DamagedError, PileError
from pile_builder.review.draw import Drawn, key_of
from pile_builder.storage import Store
from pile_builder.takedown.listing import FILE, takedown_of
from pile_builder.takedown.state import applied_entries

SHOWN = 20_000
"""Characters of a document that are shown."""
_FRAMES = 2
"""Frames that are kept; one holds 64 MiB of text unless the manifest says otherwise."""


class GoneError(PileError):
    """A drawn document can't be shown any more."""


@dataclass(frozen=True)
class Document:
    """What is shown of a document: its upstream key, the pieces that cuts left of it, and how long they are in all."""

    key: str
    pieces: Sequence[str]
    characters: int
    bytes: int


class Texts:
    """Reads documents of a local build; the last frames are kept. Safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._frames: OrderedDict[tuple[str, str, int], bytes] = OrderedDict()
        self._list_state = self._state_of_list()
        self._taken = takedown_of(applied_entries(store))

    def read(self, one: Drawn) -> Document:
        """A document, its text cut to `SHOWN` characters.

        Raises:
            GoneError: it was taken down, or the corpus is another one by now.
        """
        with self._lock:
            self._check_list(one)
            try:
                texts, address = self._texts(one), key_of(self._store, one)
            except (OSError, LookupError, ValueError, zstandard.ZstdError, DamagedError) as error:
                raise GoneError(self._changed(one)) from error
            shown, left = [], SHOWN
            for text in texts:
                shown.append(text[:left])
                left -= len(shown[-1])
            pieces = [text for text in shown if text]
            return Document(address, pieces, sum(map(len, texts)), sum(one.sizes))

    def _texts(self, one: Drawn) -> list[str]:
        record = Commits(self._store, "assemble").load(one.shard)
        bounds = [0, *accumulate(frame["bytes"] for frame in record["frames"])]
        number = int(np.searchsorted(bounds, one.offset, side="right")) - 1
        frame, start = self._frame(record, number), one.offset - bounds[number]
        texts = []
        for size in one.sizes:
            end = frame.index(b"\n", start)
            texts.append(str(orjson.loads(frame[start:end])["text"]))
            start = end + 1
            if len(texts[-1].encode()) != size:
                raise GoneError(self._changed(one))
        return texts

    def _frame(self, record: dict[str, Any], number: int) -> bytes:
        place = (record["name"], record["sha256"], number)
        if place not in self._frames:
            frame = record["frames"][number]
            with self._store.open(f"corpus/{record['name']}") as stream:
                stream.seek(frame["offset"])
                data = stream.read(frame["size"])
            self._frames[place] = zstandard.ZstdDecompressor().decompress(data, max_output_size=frame["bytes"])
            while len(self._frames) > _FRAMES:
                self._frames.popitem(last=False)
        self._frames.move_to_end(place)
        return self._frames[place]

    def _changed(self, one: Drawn) -> str:
        return (
            f"expected {one.identity} where the build's index has it, the shard holds something else: the corpus was "
            "changed since the draw; stop `pile review` and start it again"
        )

    def _check_list(self, one: Drawn) -> None:
        if (state := self._state_of_list()) != self._list_state:
            self._list_state, self._taken = state, takedown_of(applied_entries(self._store))
        if len(self._taken.find(pa.array([one.identity]))):
            msg = f"{one.identity} was taken down; go on with the next document"
            raise GoneError(msg)

    def _state_of_list(self) -> tuple[int, int]:
        path = Path(self._store.path(FILE))
        return (path.stat().st_size, path.stat().st_mtime_ns) if path.exists() else (0, 0)
