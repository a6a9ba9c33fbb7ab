"""Keeping documents by quality score: the Pareto rule by keyed hash, a threshold, and the presets of both.

GPT-3 (Brown et al. 2020, appendix A) and the Pile keep a document if `numpy.random.pareto(alpha) > 1 - score`, so that
some of every quality stays. That is a chance of (2 - score)^-alpha; drawn by a keyed hash of the document's id it is
the same document that stays, whatever the batch, the worker or the order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from pile_builder.mixing.keyed import key, keyed_hash

Window = Literal["pile", "whole"]
"""What of a text a model sees: the Pile's window, or all."""

PURPOSE: Final = "quality"
POSITIVE: Final = "__label__positive"


@dataclass(frozen=True)
class Preset:
    """A published way to keep documents by score.

    Attributes:
        alpha: of the Pareto rule; None where `threshold` decides.
        threshold: a document is kept if its score is above.
        window: what the model sees; a model of one's own says that itself, this is for a bare model file.
        positive: label of the positives in the published model, if there is one.
        source: where the values come from.
    """

    source: str
    window: Window
    alpha: int | None = None
    threshold: float = 0.0
    positive: str = POSITIVE


PRESETS: Final = {
    "pile": Preset("Gao et al. 2020 and EleutherAI/pile-cc-filtering", "pile", alpha=3),
    "gpt3": Preset("Brown et al. 2020, appendix A, which names no window", "whole", alpha=9),
    "dclm": Preset(
        "Li et al. 2024: best 10 % by their model (OpenHermes 2.5 and ELI5 against RefinedWeb); it means nothing for "
        "scores of another model",
        "whole",
        threshold=0.018112,
        positive="__label__hq",
    ),
}


def keep(
    preset: Preset, scores: NDArray[np.float64], ids64: NDArray[np.uint64], seed: int, purpose: str = PURPOSE
) -> NDArray[np.bool_]:
    """Which documents a preset keeps: bool[n] for scores and ids of shape (n,)."""
    if preset.alpha is not None:
        return pareto_keep(scores, ids64, seed, preset.alpha, purpose)
    return scores > preset.threshold


def pareto_keep(
    scores: NDArray[np.float64], ids64: NDArray[np.uint64], seed: int, alpha: int, purpose: str = PURPOSE
) -> NDArray[np.bool_]:
    """Which documents the Pareto rule keeps: those whose draw is below their chance, `u < (2 - s)^-alpha`.

    Args:
        scores: float64[n] in [0, 1].
        ids64: first 64 bits of each document's id hash, uint64[n].
        seed: the manifest's.
        alpha: 3 in the Pile, 9 in GPT-3; more keeps less of what scores low.
        purpose: separates this draw from others; name the source in it where sources may share ids.
    """
    return draws(ids64, seed, purpose) < chances(scores, alpha)


def chances(scores: NDArray[np.float64], alpha: int) -> NDArray[np.float64]:
    """(2 - s)^-alpha, the chance that a document with each score is kept: float64[n].

    Multiplied out, because powers of a library differ in the last bit from machine to machine.

    Raises:
        ValueError: alpha is not a whole number of at least 1.
    """
    if not isinstance(alpha, int) or alpha < 1:
        msg = f"expected alpha to be a whole number of at least 1 (the Pile: 3, GPT-3: 9), got {alpha!r}"
        raise ValueError(msg)
    base = 2.0 - scores
    product = base.copy()
    for _ in range(alpha - 1):
        product *= base
    return 1.0 / product


def draws(ids64: NDArray[np.uint64], seed: int, purpose: str = PURPOSE) -> NDArray[np.float64]:
    """Each document's number in [0, 1), uniform over ids: the upper 53 bits of its keyed hash. float64[n]."""
    return (keyed_hash(key(seed, purpose), ids64) >> np.uint64(11)).astype(np.float64) * 2.0**-53
