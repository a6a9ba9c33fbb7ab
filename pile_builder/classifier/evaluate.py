"""How well scores tell positives from negatives, on documents that never trained: what report.json holds.

Everything follows from counts of integers divided once, so the same scores make the same report on every machine.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pile_builder.annotate.keep import PRESETS, chances

THRESHOLDS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
BINS: Final = 20
"""Equal bins of [0, 1] in the score histograms."""
POINTS: Final = 200
"""Most points that a curve is thinned to."""

_DIGITS: Final = 6


def evaluate(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> dict[str, Any]:
    """Judge scores of held-out windows of both classes, float64 of any length, in any order.

    Returns:
        `auc` (chance that a positive scores above a negative, half of ties), `average_precision`, `curve` (points of
        threshold, true and false positive rate, precision), `confusion` at `THRESHOLDS`, `histogram`, and what presets
        that apply to any model would keep. Empty but for the histogram if a class has no scores.
    """
    edges = np.linspace(0, 1, BINS + 1)
    told: dict[str, Any] = {
        "histogram": {
            "positive": np.histogram(positive, edges)[0].tolist(),
            "negative": np.histogram(negative, edges)[0].tolist(),
        }
    }
    if not len(positive) or not len(negative):
        return told
    steps = _Steps.of(positive, negative)
    kept = {name: preset.alpha for name, preset in PRESETS.items() if preset.alpha is not None}
    return {
        "auc": round(steps.auc(), _DIGITS),
        "average_precision": round(steps.average_precision(), _DIGITS),
        "confusion": [_confusion(positive, negative, threshold) for threshold in THRESHOLDS],
        "kept_by": {
            name: {"positive": _mean(chances(positive, alpha)), "negative": _mean(chances(negative, alpha))}
            for name, alpha in kept.items()
        },
        "curve": steps.points(),
        **told,
    }


class _Steps:
    """Counts of both classes at and above each distinct score, from the highest score down."""

    def __init__(self, scores: NDArray[np.float64], true: NDArray[np.int64], false: NDArray[np.int64]) -> None:
        self.scores = scores
        self.true = true
        self.false = false

    @classmethod
    def of(cls, positive: NDArray[np.float64], negative: NDArray[np.float64]) -> _Steps:
        """Count."""
        scores, place = np.unique(-np.concatenate([positive, negative]), return_inverse=True)
        is_positive = np.arange(len(place)) < len(positive)
        true = np.bincount(place[is_positive], minlength=len(scores))
        false = np.bincount(place[~is_positive], minlength=len(scores))
        return cls(-scores, np.cumsum(true), np.cumsum(false))

    def auc(self) -> float:
        """Area under the ROC curve by trapezoids, which is the Mann-Whitney statistic with ties as halves."""
        widths = np.diff(self.false, prepend=0)
        heights = self.true + np.concatenate([[0], self.true[:-1]])
        return int((widths * heights).sum()) / (2 * int(self.true[-1]) * int(self.false[-1]))

    def average_precision(self) -> float:
        """Sum of precision times the recall gained, over thresholds from high to low."""
        gained = np.diff(self.true, prepend=0)
        parts = gained * self.true / (self.true + self.false)
        return float(np.cumsum(parts)[-1]) / int(self.true[-1])

    def points(self) -> list[dict[str, float]]:
        """At most `POINTS` thresholds, evenly over the steps, the last one always."""
        chosen = np.unique(np.linspace(0, len(self.scores) - 1, POINTS).astype(np.int64))
        return [
            {
                "threshold": round(float(self.scores[i]), _DIGITS),
                "true_positive_rate": round(int(self.true[i]) / int(self.true[-1]), _DIGITS),
                "false_positive_rate": round(int(self.false[i]) / int(self.false[-1]), _DIGITS),
                "precision": round(int(self.true[i]) / int(self.true[i] + self.false[i]), _DIGITS),
            }
            for i in chosen.tolist()
        ]


def _confusion(positive: NDArray[np.float64], negative: NDArray[np.float64], threshold: float) -> dict[str, Any]:
    true, false = int((positive >= threshold).sum()), int((negative >= threshold).sum())
    return {
        "threshold": threshold,
        "true_positive": true,
        "false_negative": len(positive) - true,
        "false_positive": false,
        "true_negative": len(negative) - false,
    }


def _mean(values: NDArray[np.float64]) -> float:
    return round(float(np.cumsum(np.sort(values))[-1]) / len(values), _DIGITS)
