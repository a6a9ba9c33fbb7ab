"""manifest.lock.yaml: everything that a build was a function of, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pile_builder.annotate.language import LanguageModel
from pile_builder.checked_yaml import read_yaml
from pile_builder.commits import Commits
from pile_builder.environment import LIBRARIES, environment
from pile_builder.errors import ManifestError
from pile_builder.manifest import Manifest
from pile_builder.masking import masked
from pile_builder.storage import Store, fingerprint
from pile_builder.takedown.listing import Takedown
from pile_builder.work import Work


def read_lock(path: Path) -> dict[str, Any]:
    """A lock as data.

    Raises:
        ManifestError: it cannot be read, or is no lock.
    """
    data = read_yaml(path, Manifest)
    if not {"libraries", "manifest", "models"} <= data.keys():
        msg = f"{path}: expected a manifest.lock.yaml, with libraries and models; got the keys {', '.join(data)}"
        raise ManifestError(msg)
    return data


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
        one
        for record in Commits(store, "ingest").load_all(block.ingest for block in work.blocks)
        for one in record["time_limited"]
    )
    versions = environment()
    lock = {
        "name": manifest.name,
        "digest": summary["digest"],
        "manifest": masked(manifest.given),
        "package": versions["pile-builder"],
        "python": versions["python"],
        "libraries": {name: versions[name] for name in LIBRARIES},
        "models": {"lid.176.ftz": LanguageModel.load(None).digest},
        "fingerprints": {phase: fingerprint(work.keys(phase)) for phase in work.parts if work.keys(phase)}
        | {"assemble": fingerprint([work.mix, work.parts["assemble"]])},
        "inputs": [
            {"source": source, "name": file.name, "size": file.size, "version": file.version}
            for source, file in work.inputs()
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
