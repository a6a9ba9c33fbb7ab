"""What a build is expected to give and cost: data, and the arithmetic from samples to totals. Knows no pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pile_builder.dedup.config import Dedup
from pile_builder.planning.estimates import NOTHING, Estimate, add, students_t
from pile_builder.planning.scaling import MAX_EPOCHS, YARDSTICK, Allocation

BYTES_PER_TOKEN: Final = Estimate(3.9, 2.6, 4.7)
BYTES_PER_TOKEN_SOURCE: Final = (
    "assumed: 3.4 bytes a token is GPT-2's vocabulary on the whole Pile (Gao et al. 2020, arXiv 2101.00027, section "
    "3.1: 0.29335 tokens a byte), 3.9 a vocabulary of 128,000 on English (Grattafiori et al. 2024, arXiv 2407.21783, "
    "section 3.2: 3.94 characters a token); half a megabyte each, measured with the vocabularies of GPT-2 and "
    "GPT-NeoX: code 2.6 and 3.2, papers 3.7 and 4.0, books 3.8 and 4.0, English web pages 4.7 and 4.6; --tokenizer "
    "measures it"
)
DEDUP_LOSS: Final = Estimate(0.15, 0.0, 0.3)
DEDUP_LOSS_SOURCE: Final = (
    "assumed, a sample cannot tell: the Pile lost 26 % of Pile-CC and 28 % of OpenWebText2 (Gao et al. 2020); "
    "dedup.expected in the manifest replaces it"
)

DEDUP_SECONDS: Final = 1.3e-5
"""Core-seconds of the dedup phase for a document: 1,000,000 took 6.4 s on 2 cores (benchmarks/RESULTS.md)."""
DEDUP_FACTOR: Final = 2.0
"""By which that may be wrong either way: it is of generated sketches on one machine."""
SCAN_FACTOR: Final = 2.0
"""Times as much as measured that looking for n-grams and paragraphs may take: an index larger than the processor's
caches, and sorting, which a sample is too small to show."""
AUDIT_BLOCK: Final = 0.02
"""Core-seconds of the audit for a block: 1,000 of them took 23 s (benchmarks/RESULTS.md)."""
AUDIT_FACTOR: Final = 2.0
TOKENIZE_BYTES: Final = 2e7
"""Bytes that a core tokenizes a second: GPT-2's vocabulary to Megatron's files (benchmarks/RESULTS.md)."""
TOKENIZE_FACTOR: Final = 3.0
"""By which that may be wrong either way: tokenizers that are no byte-level BPE are slower."""
GROUP_BYTES: Final = 4 << 20
"""Text of a row group."""
DRIVER: Final = ("mix", "audit")
"""Phases that one core does while the workers wait."""
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

    @property
    def shared_hours(self) -> Estimate:
        """Core-hours of the phases that workers share."""
        return _sum_of_ends([phase.core_hours for phase in self.phases if phase.phase not in DRIVER])

    @property
    def driver_hours(self) -> Estimate:
        """Core-hours of the phases that one core does."""
        return _sum_of_ends([phase.core_hours for phase in self.phases if phase.phase in DRIVER])

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
    half = min(students_t(texts - 1) * error, ratio * 0.9)
    return Estimate(ratio, ratio - half, ratio + half)


def phase_costs(sources: Sequence[SourcePlan], manifest_phases: Sequence[str], streams: int = 1) -> list[PhaseCost]:
    """Core-hours of each phase that a manifest has; those of a sample are what its steps took, times the totals.

    `streams` says how often the corpus is tokenized: exports with the same tokenizer share one reading.
    """
    costs = []
    for phase in manifest_phases:
        parts = [core_seconds(phase, source) for source in sources]
        times = max(streams, 1) if phase == "tokenize" else 1
        total = _sum_of_ends(parts).scaled(times * (1 + BEAM_SHARE) / CORE_HOUR)
        basis = _BASIS.get(phase, "measured")
        if phase == "tokenize":
            is_measured = any(source.rates["tokenize"] for source in sources)
            basis = "measured" if is_measured else f"assumed: 20 MB/s a core, within a factor of {TOKENIZE_FACTOR:g}"
            basis += f"; {streams} streams" if streams > 1 else ""
        costs.append(PhaseCost(phase, total, basis))
    return costs


_BASIS: Final = {
    "dedup": f"assumed: 13 core-seconds a million documents, within a factor of {DEDUP_FACTOR:g}",
    "paragraphs": f"two readings, hashing measured; up to {SCAN_FACTOR:g} times that with sorting",
    "decontaminate": f"two readings, measured on a small index; up to {SCAN_FACTOR:g} times that on a large one",
    "mix": "on one core; measured on generated documents and row groups",
    "audit": f"on one core; assumed: {1000 * AUDIT_BLOCK:g} ms a block, within a factor of {AUDIT_FACTOR:g}",
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
            return _within(source.survivors.scaled(DEDUP_SECONDS), DEDUP_FACTOR, DEDUP_FACTOR)
        case "paragraphs" | "decontaminate":
            return _within(source.kept_bytes.scaled(2 * (rate["reread"] + rate[phase])), 1.0, SCAN_FACTOR)
        case "settle":
            return source.documents.scaled(rate["settle"])
        case "mix":
            groups = source.train_bytes.scaled(rate["mix_group"] / GROUP_BYTES)
            return _sum_of_ends([source.kept.scaled(rate["mix_document"]), groups])
        case "assemble":
            return source.train_bytes.scaled(rate["reread"] + rate["assemble"])
        case "audit":
            return _within(Estimate.exactly(source.units * AUDIT_BLOCK), AUDIT_FACTOR, AUDIT_FACTOR)
        case "tokenize":
            if rate["tokenize"]:
                return source.train_bytes.scaled(rate["tokenize"])
            return _within(source.train_bytes.scaled(1 / TOKENIZE_BYTES), TOKENIZE_FACTOR, TOKENIZE_FACTOR)
        case _:
            msg = f"no cost is known of phase {phase!r}"
            raise ValueError(msg)


def _within(estimate: Estimate, down: float, up: float) -> Estimate:
    """An estimate that may be wrong by these factors beside what its interval says."""
    return Estimate(estimate.value, estimate.low / down, estimate.high * up)


def _rest(loss: Estimate) -> Estimate:
    return Estimate(1 - loss.value, 1 - loss.high, 1 - loss.low)


def _sum_of_ends(estimates: Sequence[Estimate]) -> Estimate:
    return Estimate(
        sum(one.value for one in estimates), sum(one.low for one in estimates), sum(one.high for one in estimates)
    )
