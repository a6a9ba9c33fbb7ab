"""Which exports a build has, wherever they lie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from pile_builder.export.exported import EXPORT
from pile_builder.input_files import is_remote
from pile_builder.storage import Store

KNOWN = "work/exports.json"
"""Folders of a build's exports: below the build by relative name, others in full."""


def known_names(build: Store) -> list[str]:
    """What `KNOWN` lists."""
    return list(orjson.loads(build.read(KNOWN))) if build.exists(KNOWN) else []


def export_folder(build: Store, name: str) -> Store:
    """The folder of an export of that name."""
    return Store(name if is_remote(name) or name.startswith("/") else build.path(name), build.guard)


def known_exports(build: Store) -> Iterator[tuple[str, Store, dict[str, Any]]]:
    """Name, folder and export.json of every finished export."""
    for name in known_names(build):
        folder = export_folder(build, name)
        if folder.exists(EXPORT):
            yield name, folder, orjson.loads(folder.read(EXPORT))
