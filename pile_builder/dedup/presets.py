"""Parameters of MinHash deduplication that published corpora and tools use, and what parameters mean.

A pair of documents of Jaccard similarity s is found if all `rows` minima of one of `bands` agree. `probability` says
how likely that is; its curve is what a choice of bands and rows buys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pile_builder.checked_yaml import unknown_word
from pile_builder.errors import PileError


@dataclass(frozen=True, slots=True)
class Preset:
    """A published choice: words per shingle, bands, rows per band, where it is from and what differs here."""

    ngram: int
    bands: int
    rows: int
    source: str


_BARS = " ▁▂▃▄▅▆▇█"
_UNSTATED = "n-gram not stated there, 5 words here"
PRESETS: Final[Mapping[str, Preset]] = {
    "fineweb": Preset(5, 14, 8, "datatrove examples/fineweb.py; Penedo et al. 2024 (FineWeb)"),
    "pile-2020": Preset(5, 3, 3, "Gao et al. 2020 (the Pile): 10 permutations at 0.5, as datasketch solves it"),
    "redpajama-v2-0.7": Preset(13, 14, 9, "RedPajama-Data-v2: 128 permutations at 0.7"),
    "redpajama-v2-0.8": Preset(13, 9, 13, "RedPajama-Data-v2: 128 permutations at 0.8"),
    "redpajama-v2-0.9": Preset(13, 5, 25, "RedPajama-Data-v2: 128 permutations at 0.9"),
    # An English word and its space take about six characters.
    "nemo-curator": Preset(4, 20, 13, "NeMo Curator fuzzy deduplication: 24 characters there, 4 words here"),
    # RefinedWeb's section 3.3 has the two numbers the other way round; its appendix has them so.
    "refinedweb": Preset(5, 450, 20, "Lee et al. 2022, appendix A; Penedo et al. 2023 (RefinedWeb), appendix G.3.1"),
    "dclm": Preset(5, 93, 15, f"Li et al. 2024 (DCLM): 1,395 permutations; {_UNSTATED}"),
    "duplodocus": Preset(5, 20, 5, f"duplodocus defaults; {_UNSTATED}"),
    "data-juicer-2.0": Preset(5, 32, 8, f"Data-Juicer 2.0 benchmark: 256 permutations; {_UNSTATED}"),
    "bigcode": Preset(5, 25, 10, "BigCode near-deduplication: 256 permutations at 0.7"),
}
"""By name. Shingles are of words v2 in all of them."""


def preset_of(name: str) -> Preset:
    """The preset of that name.

    Raises:
        PileError: there is none; the message names the nearest.
    """
    if name not in PRESETS:
        raise PileError(unknown_word("preset", name, PRESETS))
    return PRESETS[name]


def curve(bands: int, rows: int, points: int) -> str:
    """`probability` over similarities from 0 to 1 as a line of `points` bars."""
    return "".join(
        _BARS[round(probability(number / (points - 1), bands, rows) * (len(_BARS) - 1))] for number in range(points)
    )


def probability(similarity: float, bands: int, rows: int) -> float:
    """The probability that documents of a Jaccard similarity share a band: 1 - (1 - s^r)^b (Indyk & Motwani 1998)."""
    return 1.0 - (1.0 - similarity**rows) ** bands


def solve(threshold: float, permutations: int) -> tuple[int, int]:
    """The (bands, rows) with the least false positives and negatives at a threshold, as datasketch solves it.

    Raises:
        ValueError: the threshold is not between 0 and 1, or there are fewer than 2 permutations.
    """
    # Imported where it is used: it brings scipy.integrate along, and no worker needs either.
    from datasketch import MinHashLSH

    solved = MinHashLSH(threshold=threshold, num_perm=permutations)
    return int(solved.b), int(solved.r)
