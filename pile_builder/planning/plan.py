"""What a build is expected to give and cost: data, and the arithmetic from samples to totals. Knows no pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from pile_builder.dedup.config import Dedup
from pile_builder.planning.estimates import LEVEL, NOTHING, Estimate, add
from pile_builder.planning.scaling import MAX_EPOCHS, YARDSTICK, Allocation

BYTES_PER_TOKEN: Final = Estimate(3.9, 3.4, 4.4)
BYTES_PER_TOKEN_SOURCE: Final = (
    "assumed: 3.4 bytes a token is GPT-2's vocabulary on the whole Pile (Gao et al. 2020, arXiv 2101.00027, section 4: "
    "0.29335 tokens a byte), 3.9 a vocabulary of 128,000 on English (Grattafiori et al. 2024, arXiv 2407.21783, "
    "section 3.2), code and mathematics have less; --tokenizer measures it"
)
DEDUP_LOSS: Final = Estimate(0.15, 0.0, 0.3)
DEDUP_LOSS_SOURCE: Final = (
    "assumed, a sample cannot tell: the Pile lost 26 % of Pile-CC and 28 % of OpenWebText2 (Gao et al. 2020); "
    "dedup.expected in the manifest replaces it"
)

DEDUP_SECONDS: Final = 1.3e-5
"""Core-seconds of the dedup phase for a document: 1,000,000 took 6.4 s on 2 cores (benchmarks/RESULTS.md)."""
SCAN_BYTES: Final = 1e8
"""Bytes a second and core that a phase reads and scans: the n-gram scan alone does 299 MB/s (benchmarks/RESULTS.md)."""
BEAM_SHARE: Final = 0.06
"""Beam's own share of a phase (benchmarks/RESULTS.md: 4 to 6 %)."""
CORE_HOUR: Final = 3600


@dataclass(frozen=True)
class SourcePlan:
    """One source: its input, what survives, and what that means for training.

    Attributes:
        units, units_read, input_bytes, read_bytes, sampled: of the sample.
        records: that the source offers.
        documents, document_bytes: that ingest makes of them.
        survivors, text_bytes: that select keeps, as they would be written, before duplicates go.
        loss: share of the survivors that deduplication takes, with `loss_source`.
        kept, kept_bytes: what is left after that.
        bytes_per_token: with `token_source`.
        dropped: records of the sample by the rule that drops them.
        rates: core-seconds by step, see `core_seconds`.
        epochs, train_bytes, tokens: in training.
    """

    name: str
    units: int
    units_read: int
    input_bytes: int
    read_bytes: int
    sampled: int
    records: Estimate
    documents: Estimate
    document_bytes: Estimate
    survivors: Estimate
    text_bytes: Estimate
    loss: Estimate
    loss_source: str
    bytes_per_token: Estimate
    token_source: str
    dropped: Mapping[str, int]
    rates: Mapping[str, float]
    epochs: float = 0.0
    train_bytes: Estimate = NOTHING

    @property
    def kept(self) -> Estimate:
        """Documents that deduplication leaves."""
        return self.survivors.times(_rest(self.loss))

    @property
    def kept_bytes(self) -> Estimate:
        """Their bytes."""
        return self.text_bytes.times(_rest(self.loss))

    @property
    def tokens(self) -> Estimate:
        """Training tokens, copies counted."""
        b = self.bytes_per_token
        return self.train_bytes.times(Estimate(1 / b.value, 1 / b.high, 1 / b.low))


@dataclass(frozen=True)
class PhaseCost:
    """Core-hours of a phase, and whether they were measured on the sample or assumed."""

    phase: str
    core_hours: Estimate
    basis: str


@dataclass(frozen=True)
class Plan:
    """A whole plan.

    Attributes:
        name, seed, seconds: of the manifest and of the sampling.
        sources: in the manifest's order.
        phases: in order.
        cost: profile, hours and price, as JSON.
        damage: sources whose records are so often damaged that a build may stop, a line each.
        laws: what each scaling law asks for; empty unless a compute or a size was given.
        assumptions: what was not measured, a line each.
    """

    name: str
    seed: int
    seconds: float
    sources: Sequence[SourcePlan]
    phases: Sequence[PhaseCost]
    assumptions: Sequence[str]
    laws: Sequence[Allocation] = ()
    cost: Mapping[str, Any] = field(default_factory=dict)
    damage: Sequence[str] = ()

    @property
    def tokens(self) -> Estimate:
        """Training tokens of one pass over the planned mixture."""
        return add([source.tokens for source in self.sources])

    @property
    def core_hours(self) -> Estimate:
        """Of all phases; their errors have common causes, so ends are added."""
        return _sum_of_ends([phase.core_hours for phase in self.phases])

    def passes(self, law: Allocation) -> float:
        """How often training reads the planned mixture for the tokens of a law."""
        return law.tokens / self.tokens.value if self.tokens.value else 0.0

    def epochs_for(self, law: Allocation) -> dict[str, float]:
        """How often each surviving byte of each source is read in that training."""
        return {source.name: source.epochs * self.passes(law) for source in self.sources}

    @property
    def warnings(self) -> list[str]:
        """What speaks against the plan: damaged inputs, and sources that repeat too often."""
        law = next((law for law in self.laws if law.law == YARDSTICK), None)
        mixture = {source.name: source.epochs for source in self.sources}
        found = [
            *self.damage,
            *_too_often("the mixture reads", mixture),
            *_too_often(f"{law.tokens:,.0f} tokens read" if law else "", self.epochs_for(law) if law else {}),
        ]
        return list(dict.fromkeys(found))


def _too_often(who: str, epochs: Mapping[str, float]) -> Iterator[str]:
    often = ", ".join(f"{name} {times:,.1f} times" for name, times in epochs.items() if times > MAX_EPOCHS)
    if often:
        yield (
            f"{who} the text of {often}: more than {MAX_EPOCHS} times (Muennighoff et al. 2023, arXiv 2305.16264); "
            "find more of it, lower its epochs or weight, or train on fewer tokens"
        )


def expected_loss(dedup: Dedup | None, source: str) -> tuple[Estimate, str]:
    """The share that deduplication takes of a source, and where that is from."""
    if dedup is None or dedup.action == "tag":
        return Estimate.exactly(0.0), "nothing is deduplicated"
    if source in dedup.expected:
        low, high = dedup.expected[source]
        return Estimate((low + high) / 2, low, high), "dedup.expected of the manifest"
    return DEDUP_LOSS, DEDUP_LOSS_SOURCE


def measured_bytes_per_token(counts: NDArray[np.int64]) -> Estimate:
    """Bytes a token as the ratio of both sums, r = sum b / sum t, over int64[n, 2] of bytes and tokens of n texts.

    Variance of a ratio (Cochran 1977, 2.11): sum (b_i - r t_i)^2 / (n (n - 1) mean(t)^2), Student's t, n - 1 degrees.
    """
    texts = len(counts)
    size, tokens = counts[:, 0].astype(np.float64), counts[:, 1].astype(np.float64)
    if not texts or not tokens.sum():
        return BYTES_PER_TOKEN
    ratio = float(size.sum() / tokens.sum())
    if texts < 2:
        return Estimate(ratio, ratio * 0.8, ratio * 1.25)
    residuals = size - ratio * tokens
    error = float(np.sqrt(residuals @ residuals / (texts * (texts - 1)))) / float(tokens.mean())
    half = min(float(stdtrit(texts - 1, 1 - (1 - LEVEL) / 2)) * error, ratio * 0.9)
    return Estimate(ratio, ratio - half, ratio + half)


def phase_costs(sources: Sequence[SourcePlan], manifest_phases: Sequence[str]) -> list[PhaseCost]:
    """Core-hours of each phase that a manifest has; those of a sample are what its steps took, times the totals."""
    costs = []
    for phase in manifest_phases:
        parts = [core_seconds(phase, source) for source in sources]
        total = _sum_of_ends(parts).scaled((1 + BEAM_SHARE) / CORE_HOUR)
        costs.append(PhaseCost(phase, total, _BASIS.get(phase, "measured")))
    return costs


_BASIS: Final = {
    "dedup": "assumed: 13 core-seconds a million documents",
    "paragraphs": "assumed: two readings at 100 MB/s",
    "decontaminate": "assumed: two readings at 100 MB/s",
}


def core_seconds(phase: str, source: SourcePlan) -> Estimate:
    """What a phase takes for one source."""
    rate = source.rates
    match phase:
        case "ingest":
            parts = [
                Estimate.exactly(source.input_bytes * rate["read"]),
                source.records.scaled(rate["extract"]),
                source.document_bytes.scaled(rate["write"]),
            ]
            return _sum_of_ends(parts)
        case "annotate":
            return source.document_bytes.scaled(rate["annotate"])
        case "select":
            return source.documents.scaled(rate["select"])
        case "dedup":
            return source.survivors.scaled(DEDUP_SECONDS)
        case "paragraphs" | "decontaminate":
            return source.kept_bytes.scaled(2 / SCAN_BYTES)
        case "assemble":
            return source.train_bytes.scaled(rate["assemble"])
        case "tokenize":
            return source.train_bytes.scaled(rate["tokenize"])
        case _:
            msg = f"no cost is known of phase {phase!r}"
            raise ValueError(msg)


def _rest(loss: Estimate) -> Estimate:
    return Estimate(1 - loss.value, 1 - loss.high, 1 - loss.low)


def _sum_of_ends(estimates: Sequence[Estimate]) -> Estimate:
    return Estimate(
        sum(one.value for one in estimates), sum(one.low for one in estimates), sum(one.high for one in estimates)
    )
