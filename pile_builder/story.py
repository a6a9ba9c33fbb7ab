"""What the last finished build says of itself, for those that ask it about documents."""

from __future__ import annotations

from typing import Any

import orjson

from pile_builder.errors import PileError
from pile_builder.storage import Store

STORY = "work/story.json"
"""The build's blocks by rank with their keys, what applied to each source, shards, subsets, takedowns, and the key of
the index that `locate` made."""


def read_story(store: Store) -> dict[str, Any]:
    """What `STORY` says.

    Raises:
        PileError: no build got to its end here.
    """
    if not store.exists(STORY):
        msg = f"{store.root}: no build here that got as far as its end; run `pile build` first"
        raise PileError(msg)
    return dict(orjson.loads(store.read(STORY)))
