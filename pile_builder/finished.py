"""What a finished build keeps of itself, so that it can be explained and changed without the raw inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import orjson

from pile_builder.errors import PileError
from pile_builder.manifest import Manifest, manifest_from_json, manifest_to_json
from pile_builder.masking import masked
from pile_builder.storage import Store
from pile_builder.work import BlockWork, FragmentWork, Work, split_from_json, split_to_json

_PLAN = "work/plan.json"


def keep_plan(store: Store, manifest: Manifest, work: Work) -> None:
    """Keep what a build was asked for and its tasks' keys; the secrets in its URLs and options are masked."""
    kept = masked({**manifest_to_json(manifest), "work": _work_to_json(work)})
    store.write(_PLAN, orjson.dumps(kept, option=orjson.OPT_NON_STR_KEYS))


def kept_plan(store: Store) -> tuple[Manifest, Work]:
    """The manifest and tasks of the last build that got to its end; what annotations hold is not among them.

    Raises:
        PileError: there is none, or an earlier version made it.
    """
    if not store.exists(_PLAN):
        msg = f"{store.root}: no finished build of this version here; run `pile build` to its end first"
        raise PileError(msg)
    data = orjson.loads(store.read(_PLAN))
    try:
        work = _work_from_json(data["work"])
    except TypeError as error:
        msg = f"{store.root}: an earlier version made this build ({error}); run `pile build` once more"
        raise PileError(msg) from error
    return manifest_from_json(data), work


def _work_to_json(work: Work) -> dict[str, Any]:
    rest = {
        field.name: getattr(work, field.name)
        for field in fields(work)
        if field.name not in ("fragments", "blocks", "annotations")
    }
    fragments = [{**asdict(one), "split": split_to_json(one.split)} for one in work.fragments]
    blocks = [{**asdict(block), "split": split_to_json(block.split)} for block in work.blocks]
    return {**rest, "fragments": fragments, "blocks": blocks}


def _work_from_json(data: Mapping[str, Any]) -> Work:
    blocks = tuple(BlockWork(**{**block, "split": split_from_json(block["split"])}) for block in data["blocks"])
    fragments = tuple(
        FragmentWork(**{**one, "split": split_from_json(one["split"])}) for one in data.get("fragments", ())
    )
    return Work(**{**data, "fragments": fragments, "blocks": blocks, "annotations": {}})
