"""Second-stage features: what the first stage thought of a block's neighbours, containers and tag paths."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from pile_builder.main_content import measures as m
from pile_builder.main_content.block_text import ELEMENT
from pile_builder.main_content.features import LEVELS, path_groups
from pile_builder.main_content.scan import CLASS_PATH, PARENT, PATH, Scan

REACH = 3
CONTEXT: tuple[str, ...] = (
    "own_probability",
    *(f"block{step:+}_probability" for step in range(-REACH, REACH + 1) if step),
    *("near_probability", "around_probability", "before_probability", "after_probability"),
    *(f"container{level}_{name}" for level in range(LEVELS) for name in ("probability", "content_share")),
    *("path_probability", "class_path_probability", "page_probability", "page_best", "page_content"),
    *("since_content", "until_content", "in_best_container", "above_best_container"),
)
"""Names of the columns. Probabilities are means weighted by length."""


def probabilities(margins: NDArray[np.float32]) -> NDArray[np.float64]:
    """A stand-in for the logistic function that needs no exponential, float64[n] in (0, 1), one half at margin 0."""
    wide = margins.astype(np.float64)
    return np.asarray(0.5 + 0.5 * wide / (1.0 + np.abs(wide)))


def context_features(page: Scan, measures: NDArray[np.int64], margins: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the first stage's margins say around each block, float32[blocks, CONTEXT]."""
    found = np.zeros((len(page.blocks), len(CONTEXT)), np.float32)
    if len(found):
        paths = path_groups(page.blocks, page.elements, PATH), path_groups(page.blocks, page.elements, CLASS_PATH)
        _fill(page.blocks, page.elements, measures, probabilities(margins), paths[0], paths[1], found)
    return found


@numba.njit(cache=True, nogil=True, inline="always")
def _mean(total: float, weight: float) -> float:
    return total / weight if weight > 0 else 0.0


@numba.njit(cache=True, nogil=True)
def _window(values: NDArray[np.float64], weights: NDArray[np.float64], start: int, stop: int, own: int) -> float:
    """The mean of values from start to stop, the own one left out."""
    total = weight = 0.0
    for other in range(start, stop):
        if other != own:
            total += values[other] * weights[other]
            weight += weights[other]
    return _mean(total, weight)


@numba.njit(cache=True, nogil=True)
def _fill(
    blocks: NDArray[np.int64],
    elements: NDArray[np.int64],
    measures: NDArray[np.int64],
    values: NDArray[np.float64],
    paths: NDArray[np.int64],
    class_paths: NDArray[np.int64],
    found: NDArray[np.float32],
) -> None:
    n = len(blocks)
    weights = np.empty(n, np.float64)
    sums = np.zeros((len(elements), 3), np.float64)
    path_sums = np.zeros((2, n, 2), np.float64)
    best = 0.0
    for b in range(n):
        weights[b] = measures[b, m.WEIGHT]
        row = sums[blocks[b, ELEMENT]]
        row[0] += weights[b] * values[b]
        row[1] += weights[b]
        row[2] += weights[b] * (values[b] - 0.5)
        path_sums[0, paths[b], 0] += weights[b] * values[b]
        path_sums[0, paths[b], 1] += weights[b]
        path_sums[1, class_paths[b], 0] += weights[b] * values[b]
        path_sums[1, class_paths[b], 1] += weights[b]
        best = max(best, values[b])
    best_element = 0
    for e in range(len(elements) - 1, 0, -1):
        for k in range(3):
            sums[elements[e, PARENT], k] += sums[e, k]
    for e in range(len(elements)):
        # Of equal ones the deepest.
        if sums[e, 2] >= sums[best_element, 2]:
            best_element = e
    inside = np.zeros(len(elements), np.uint8)
    inside[best_element] = 1
    for e in range(best_element + 1, len(elements)):
        inside[e] = inside[elements[e, PARENT]]
    page = sums[0]
    last = -1
    before = 0.0
    for b in range(n):
        row = found[b]
        row[0] = values[b]
        k = 1
        for step in range(-REACH, REACH + 1):
            if step != 0:
                row[k] = values[b + step] if 0 <= b + step < n else 0.0
                k += 1
        row[k + 0] = _window(values, weights, max(b - 2, 0), min(b + 3, n), b)
        row[k + 1] = _window(values, weights, max(b - 8, 0), min(b + 9, n), b)
        row[k + 2] = _mean(before, page[0])
        row[k + 3] = _mean(page[0] - before - weights[b] * values[b], page[0])
        k += 4
        container = blocks[b, ELEMENT]
        for _ in range(LEVELS):
            row[k] = _mean(sums[container, 0], sums[container, 1])
            row[k + 1] = _mean(sums[container, 0], page[0])
            k += 2
            if elements[container, PARENT] >= 0:
                container = elements[container, PARENT]
        row[k + 0] = _mean(path_sums[0, paths[b], 0], path_sums[0, paths[b], 1])
        row[k + 1] = _mean(path_sums[1, class_paths[b], 0], path_sums[1, class_paths[b], 1])
        row[k + 2] = _mean(page[0], page[1])
        row[k + 3] = best
        row[k + 4] = page[0]
        k += 5
        row[k] = b - last if last >= 0 else 255
        if values[b] > 0.5:
            last = b
        row[k + 2] = inside[blocks[b, ELEMENT]]
        # Steps down from the smallest element around both to the best one.
        up = best_element
        steps = 0
        while up > blocks[b, ELEMENT]:
            up = elements[up, PARENT]
            steps += 1
        row[k + 3] = steps
        before += weights[b] * values[b]
    following = -1
    for b in range(n - 1, -1, -1):
        found[b, len(CONTEXT) - 3] = following - b if following >= 0 else 255
        if values[b] > 0.5:
            following = b
