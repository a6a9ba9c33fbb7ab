"""manifest.lock.yaml: everything that a build was a function of, and what came out."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

import yaml

import pile_builder
from pile_builder.annotate.language import LanguageModel
from pile_builder.manifest import Manifest
from pile_builder.masking import masked
from pile_builder.storage import Commits, Store, fingerprint
from pile_builder.takedown.listing import Takedown
from pile_builder.work import Work

LIBRARIES = (
    *("apache-beam", "fasttext-community", "fastwarc", "ftfy", "lxml", "numba", "numpy", "orjson", "pyarrow"),
    *("resiliparse", "trafilatura", "zstandard"),
)


class _LockDumper(yaml.SafeDumper):
    """Writes text of many lines as it reads."""


class _Lines(str):
    __slots__ = ()


_LockDumper.add_representer(_Lines, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, "|"))


def lock_text(
    store: Store,
    work: Work,
    manifest: Manifest,
    summary: Mapping[str, Any],
    shards: Sequence[Mapping[str, Any]],
    takedown: Takedown,
    subsets: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The lock as YAML. Names of inputs are relative to their root; no path of the machine appears."""
    time_limited = sorted(
        record for block in work.blocks for record in Commits(store, "ingest").load(block.ingest)["time_limited"]
    )
    lock = {
        "name": manifest.name,
        "digest": summary["digest"],
        "manifest": masked(manifest.given),
        "package": pile_builder.__version__,
        "python": platform.python_version(),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "models": {"lid.176.ftz": LanguageModel.load(None).digest},
        "fingerprints": {phase: fingerprint(work.keys(phase)) for phase in work.parts if work.keys(phase)}
        | {"assemble": fingerprint([work.mix, work.parts["assemble"]])},
        "inputs": [
            {"source": block.source, "name": file.name, "size": file.size, "version": file.version}
            for block in work.blocks
            for file in block.split.files
        ],
        "time_limited": time_limited,
        **({"takedown": _takedown(summary, takedown)} if takedown else {}),
        "files": [
            {"name": shard["name"], "size": shard["size"], "sha256": shard["sha256"], "digest": shard["digest"]}
            for shard in shards
        ],
    }
    if subsets:
        lock["subsets"] = list(subsets)
    return str(yaml.dump(lock, Dumper=_LockDumper, sort_keys=False, allow_unicode=True, width=120))


def _takedown(summary: Mapping[str, Any], takedown: Takedown) -> dict[str, Any]:
    """How many documents were taken out of this corpus, and all that are listed."""
    documents = sum(source["dropped"].get("takedown", 0) for source in summary["sources"].values())
    # One text, not a list: a million ids are read in seconds.
    return {"documents": documents, "ids": _Lines("\n".join(takedown.ids.to_pylist()) + "\n")}
