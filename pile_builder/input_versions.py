"""Which version of an input file a build reads, and which of the splits are one job's when several share a build."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from pile_builder.input_files import InputFile, file_system, is_remote, open_input
from pile_builder.storage import Store, file_digest

_INPUTS = "work/inputs.json"
_SLICE_INPUTS = "work/inputs"


@dataclass(frozen=True)
class Slice:
    """Every n-th split of a build, from the `number`-th on: the part of its work that one of `of` jobs does."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def has(self, position: int) -> bool:
        """Whether the split at a position, counted from 0 over all sources, belongs to it."""
        return position % self.of == self.number - 1


WHOLE = Slice(1, 1)


class InputVersions:
    """Fills in the version of input files: sha256 of local ones (remembered by size and time), etag of remote ones.

    Slices, which may run at once, remember theirs in files of their own, which all read.
    """

    def __init__(self, store: Store, part: Slice) -> None:
        self._store = store
        slices = [f"{_SLICE_INPUTS}/{name}" for name in store.names(_SLICE_INPUTS)]
        self._known: dict[str, list[Any]] = {}
        for name in [*slices, *([_INPUTS] if store.exists(_INPUTS) else [])]:
            self._known |= orjson.loads(store.read(name))
        self._target = _INPUTS if part == WHOLE else f"{_SLICE_INPUTS}/{part.number}-of-{part.of}.json"
        self._changed = False

    def of(self, file: InputFile) -> InputFile:
        """The file with its version, which is made out if it does not say one."""
        if file.version:
            return file
        if is_remote(file.url):
            fs, path = file_system(file.url)
            info = fs.info(path)
            tag = next((info[name] for name in ("ETag", "etag", "md5Hash", "mtime", "created") if info.get(name)), "")
            return replace(file, version=f"etag:{tag}")
        stat = Path(file.url).stat()
        known = self._known.get(file.url)
        if not known or known[:2] != [stat.st_size, stat.st_mtime_ns]:
            with open_input(file) as stream:
                known = [stat.st_size, stat.st_mtime_ns, f"sha256:{file_digest(stream)}"]
            self._known[file.url] = known
            self._changed = True
        return replace(file, version=str(known[2]))

    def save(self) -> None:
        """Remember what was hashed."""
        if self._changed:
            self._store.write(self._target, orjson.dumps(self._known, option=orjson.OPT_SORT_KEYS))
