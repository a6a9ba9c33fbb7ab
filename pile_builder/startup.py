"""Starts a long command sooner."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Around imports: what they make stays, and to search it for garbage over and over takes a quarter of their time.

    Nothing that exists when the block ends is searched later either.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
