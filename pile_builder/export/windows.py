"""Cutting a shard's token stream into windows, with the tail counted and an order of their own if asked for.

Windows follow each other without overlap; documents run across their borders. What does not fill a window (or the last
multiple of windows) is the tail.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pile_builder.export.format import ExportOptions
from pile_builder.mixing.keyed import key, keyed_hash
from pile_builder.tokens import TokenBatch

EMIT_TOKENS = 1 << 20
"""Tokens of a batch of shuffled windows."""


def window_order(count: int, seed: int, stem: str) -> NDArray[np.int64]:
    """Which window stands at each place of a shuffled shard: shape (count,), by keyed hash of the window's number."""
    numbers = np.arange(count, dtype=np.uint64)
    return np.argsort(keyed_hash(key(seed, f"windows:{stem}"), numbers), kind="stable")


def windows_to_take(fit: int, written: int, left: int, multiple: int) -> int:
    """How many of `left` sequences a file takes that holds `written`, if `fit` more are within its size; 0 ends it.

    A file ends at a multiple of sequences, for which it may pass its size by less than one multiple, and is never
    empty.
    """
    if fit >= left:
        return left
    whole = (written + fit) // multiple * multiple - written
    if whole > 0:
        return whole
    return min(-written % multiple or (0 if written else multiple), left)


class WindowCutter:
    """Takes batches of documents, hands on batches of windows.

    Attributes:
        tail: tokens left at the end that no window holds; set by `close`.
    """

    def __init__(self, options: ExportOptions, sink: Callable[[TokenBatch], None], spool: Path, stem: str) -> None:
        self._options, self._sink, self._stem = options, sink, stem
        self._waiting: list[NDArray[np.uint32]] = []
        self._count = 0
        self._spool = spool
        self._file = spool.open("wb") if options.shuffle else None
        self.tail: NDArray[np.uint32] = np.zeros(0, np.uint32)

    def write(self, batch: TokenBatch) -> None:
        """Append documents."""
        self._waiting.append(batch.tokens)
        self._count += len(batch.tokens)
        step = self._options.window * self._options.multiple
        if self._count >= max(step, EMIT_TOKENS):
            tokens = np.concatenate(self._waiting)
            whole = len(tokens) // step * step
            self._emit(tokens[:whole])
            self._waiting, self._count = [tokens[whole:]], len(tokens) - whole

    def close(self) -> None:
        """Hand on the last windows; a kept tail is a sequence of its own, the last."""
        step = self._options.window * self._options.multiple
        tokens = np.concatenate([np.zeros(0, np.uint32), *self._waiting])
        whole = len(tokens) // step * step
        self._emit(tokens[:whole])
        if self._file:
            self._file.close()
            self._emit_shuffled()
            self._spool.unlink()
        left = tokens[whole:]
        if self._options.tail == "keep" and len(left):
            self._sink(TokenBatch(left, np.array([len(left)], np.int64)))
        else:
            self.tail = left

    def _emit(self, tokens: NDArray[np.uint32]) -> None:
        if self._file:
            self._file.write(tokens.tobytes())
        elif len(tokens):
            self._hand_on(tokens)

    def _emit_shuffled(self) -> None:
        window = self._options.window
        count = self._spool.stat().st_size // (4 * window)
        if not count:
            return
        windows = np.memmap(self._spool, np.uint32, "r", shape=(count, window))
        order = window_order(count, self._options.seed, self._stem)
        per_batch = max(EMIT_TOKENS // window, 1)
        for start in range(0, count, per_batch):
            self._hand_on(windows[order[start : start + per_batch]].reshape(-1))

    def _hand_on(self, tokens: NDArray[np.uint32]) -> None:
        ends = np.arange(self._options.window, len(tokens) + 1, self._options.window, dtype=np.int64)
        self._sink(TokenBatch(np.ascontiguousarray(tokens), ends))
