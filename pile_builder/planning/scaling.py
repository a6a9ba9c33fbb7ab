"""How many tokens a model wants: the allocations of Kaplan et al. 2020 and Hoffmann et al. 2022 side by side.

Both share C = 6 N D: training costs 6 floating-point operations a parameter and token (Kaplan et al. 2020, arXiv
2001.08361, section 2.1). N are parameters (Kaplan: without embeddings), D training tokens, C operations.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pile_builder.errors import PileError

PF_DAY: Final = 1e15 * 24 * 3600
"""Operations of a petaflop/s-day, Kaplan's unit of compute: 8.64e19."""
MAX_EPOCHS: Final = 4
"""Repeating data up to four times is nearly as good as new data, then its worth falls off (Muennighoff et al. 2023,
arXiv 2305.16264, abstract and section 6)."""

_KAPLAN_PARAMETERS: Final = 1.3e9
_KAPLAN_EXPONENT: Final = 0.73


@dataclass(frozen=True)
class Law:
    """A compute-optimal allocation: N(C); D follows from C = 6 N D.

    Attributes:
        name: authors, year, and which of their results.
        source: where the constants are from.
        parameters: N for a compute.
        compute: C for a number of parameters, the inverse.
    """

    name: str
    source: str
    parameters: Callable[[float], float]
    compute: Callable[[float], float]


@dataclass(frozen=True)
class Allocation:
    """A model and its training by one law."""

    law: str
    parameters: float
    tokens: float
    compute: float

    @property
    def tokens_per_parameter(self) -> float:
        """D / N."""
        return self.tokens / self.parameters


def _kaplan() -> Law:
    """N = 1.3e9 C_min^0.73 with C_min in petaflop/s-days (Kaplan et al. 2020, appendix A, table 6).

    C_min is compute at small batches. Trained at the critical batch size, as the paper advises, a model takes twice
    that (section 5.1, C = C_min (1 + B / B_crit)). This is what the table's D = 2e10 C_min^0.27 counts: 6 N D is
    2 C_min.
    """
    return Law(
        "Kaplan et al. 2020",
        "arXiv 2001.08361, table 6: N = 1.3e9 C^0.73, D = 2e10 C^0.27, C in PF-days at small batches",
        lambda compute: _KAPLAN_PARAMETERS * (compute / 2 / PF_DAY) ** _KAPLAN_EXPONENT,
        lambda parameters: 2 * PF_DAY * (parameters / _KAPLAN_PARAMETERS) ** (1 / _KAPLAN_EXPONENT),
    )


def _hoffmann(name: str, exponent: float, tokens_at_1b: float, tables: str) -> Law:
    """N proportional to C^a (Hoffmann et al. 2022, table 2), through the point that the paper gives for 1e9 parameters.

    Args:
        name: the approach.
        exponent: a.
        tokens_at_1b: D for 1e9 parameters.
        tables: of the paper, with these numbers.
    """
    compute_at_1b = 6 * 1e9 * tokens_at_1b
    return Law(
        f"Hoffmann et al. 2022, {name}",
        f"arXiv 2203.15556, {tables}: N ~ C^{exponent:g}, {tokens_at_1b / 1e9:g} B tokens for 1 B parameters",
        lambda compute: 1e9 * (compute / compute_at_1b) ** exponent,
        lambda parameters: compute_at_1b * (parameters / 1e9) ** (1 / exponent),
    )


LAWS: Final = (
    _kaplan(),
    _hoffmann("approach 1", 0.50, 20.2e9, "tables 2 and 3"),
    _hoffmann("approach 2", 0.49, 20.0e9, "tables 2 and A3"),
    _hoffmann("approach 3", 0.46, 27.1e9, "tables 2 and A3"),
    Law(
        "20 tokens a parameter",
        "rule of thumb after Hoffmann et al. 2022, table 3: D = 20 N, so N = sqrt(C / 120)",
        lambda compute: (compute / 120) ** 0.5,
        lambda parameters: 120 * parameters**2,
    ),
)
"""The laws, in the order in which they are shown."""
YARDSTICK: Final = LAWS[1].name
"""The law by which a plan counts epochs: approach 1, whose allocation Chinchilla was trained by."""


def allocations(*, compute: float | None = None, parameters: float | None = None) -> list[Allocation]:
    """What each law gives for a compute in operations, or for a number of parameters.

    Raises:
        PileError: not exactly one of them is given.
    """
    if (compute is None) == (parameters is None):
        msg = "give either --compute, in floating-point operations, or --parameters"
        raise PileError(msg)
    found = []
    for law in LAWS:
        size = parameters if parameters is not None else law.parameters(compute or 0.0)
        cost = compute if compute is not None else law.compute(size)
        found.append(Allocation(law.name, size, cost / (6 * size), cost))
    return found


_UNITS: Final = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


def parse_number(text: str, option: str) -> float:
    """A positive number such as 1e22, 6.7B or 350M.

    Raises:
        PileError: it is none.
    """
    match = re.fullmatch(r"\s*([0-9.]+(?:[eE][+-]?\d+)?)\s*([KMBT]?)\s*", text, re.ASCII)
    try:
        value = float(match.group(1)) * _UNITS[match.group(2)] if match else 0.0
    except ValueError:
        value = 0.0
    if not 0 < value < 1e40:
        msg = f"{option}: expected a number above 0 such as 1e22, 6.7B or 350M, got {text!r}"
        raise PileError(msg)
    return value
