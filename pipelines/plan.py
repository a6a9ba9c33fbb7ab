"""plan: a sample of every source, and what follows from it for the build. Runs in the driver and its pool, no Beam."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pile_builder.annotate.language import LanguageModel
from pile_builder.annotate.sets import plan_annotations
from pile_builder.decontamination.index import build_index
from pile_builder.decontamination.items import EvalItem
from pile_builder.errors import BuildError
from pile_builder.lookup import build_lookup, with_tables
from pile_builder.manifest import Manifest
from pile_builder.mixing.weights import plan_mixture
from pile_builder.pipelines.ingest import DAMAGE, extraction_of
from pile_builder.pipelines.mix import mixture_spec
from pile_builder.pipelines.sample import (
    DOCUMENT_BYTES,
    DOCUMENTS,
    SURVIVORS,
    TEXT_BYTES,
    Sampler,
    SourceSample,
)
from pile_builder.pipelines.sample_driver import measure_mix
from pile_builder.planning.costs import Profile, describe, price_of
from pile_builder.planning.estimates import Estimate
from pile_builder.planning.plan import (
    BYTES_PER_TOKEN,
    BYTES_PER_TOKEN_SOURCE,
    DRIVER,
    Plan,
    SourcePlan,
    expected_loss,
    measured_bytes_per_token,
    phase_costs,
)
from pile_builder.planning.scaling import Allocation
from pile_builder.pool import ExtractionPool
from pile_builder.tokenizer import Tokenizer

STEPS = (
    *("read", "extract", "write", "annotate", "select", "paragraphs", "decontaminate", "settle", "reread"),
    *("assemble", "tokenize"),
)
_WORDS, _ITEMS = 40, 2_000
"""Of made-up eval items, against which the scan for n-grams is timed."""


@dataclass(frozen=True)
class PlanOptions:
    """How a plan is made.

    Attributes:
        records: to draw of each source.
        seed: of the choice; the manifest's unless given.
        workers: extraction processes.
        profile: what the build is to run on.
        laws: what scaling laws ask for.
        tokenizer: to count tokens with.
        watch: called as (phase, sources done, sources in all, records drawn).
        say: called with lines for the user.
    """

    records: int = 200
    seed: int | None = None
    workers: int = 2
    profile: Profile | None = None
    laws: Sequence[Allocation] = ()
    tokenizer: Tokenizer | None = None
    watch: Callable[[str, int, int, int], None] = lambda *_: None
    say: Callable[[str], None] = lambda _: None


def plan_build(manifest: Manifest, options: PlanOptions) -> Plan:
    """Plan a build from a sample of its sources.

    Raises:
        PileError: an input is missing, or the mixture cannot be made of what survives.
    """
    started = time.monotonic()
    samples = _samples(manifest, options)
    driver = measure_mix()
    sources = [_source_plan(manifest, name, sample, options, driver) for name, sample in samples.items()]
    sources = _with_training(manifest, sources)
    phases = ["ingest", "annotate", "select"]
    phases += ["dedup"] if manifest.dedup else []
    phases += ["paragraphs"] if manifest.dedup and manifest.dedup.paragraphs else []
    phases += ["decontaminate"] if manifest.decontaminate else []
    phases += ["settle", "mix", "assemble", "audit"]
    streams = len({(one.tokenizer, one.end_token, one.splits, one.subset) for one in manifest.exports})
    phases += ["tokenize"] if options.tokenizer or streams else []
    costs = phase_costs(sources, phases, streams)
    seed = manifest.seed if options.seed is None else options.seed
    plan = Plan(
        name=manifest.name,
        seed=seed,
        seconds=time.monotonic() - started,
        sources=sources,
        phases=costs,
        assumptions=_assumptions(sources, manifest),
        laws=options.laws,
        damage=_damage(sources, manifest),
    )
    if options.profile is None:
        return plan
    cost = price_of(plan.shared_hours, len(set(phases) - set(DRIVER)), options.profile, plan.driver_hours)
    priced = {"hours": cost.hours.as_json(), "price": cost.price.as_json(), "profile": describe(options.profile)}
    return replace(plan, cost=priced)


def _samples(manifest: Manifest, options: PlanOptions) -> dict[str, SourceSample]:
    model = LanguageModel.load(None)
    wanted = {name: plan_annotations(manifest, name, model.digest) for name in manifest.sources}
    seed = manifest.seed if options.seed is None else options.seed
    samples = {}
    drawn = 0
    index = build_index(_made_up_items(seed), manifest.decontaminate.ngram) if manifest.decontaminate else None
    with tempfile.TemporaryDirectory(prefix="pile-plan-") as folder:
        extractions = {
            name: extraction_of(manifest, name, _side_tables(manifest, name, Path(folder), options))
            for name in manifest.sources
        }
        pool = ExtractionPool(extractions, options.workers, manifest.limits.worker_memory)
        try:
            pool.warm()
            options.watch("plan", 0, len(wanted), 0)
            for done, name in enumerate(manifest.sources, 1):
                sampler = Sampler(
                    name=name,
                    set_name=manifest.set_name(name),
                    plugin=with_tables(manifest.plugins[name], extractions[name].tables),
                    select=manifest.select_of(name),
                    wanted=wanted[name],
                    pool=pool,
                    model=model,
                    seed=seed,
                    build_seed=manifest.seed,
                    records=options.records,
                    level=manifest.output.level,
                    tokenizer=options.tokenizer,
                    paragraphs=manifest.dedup.paragraphs if manifest.dedup else None,
                    index=index,
                )
                sampler.warm_up()
                samples[name] = sampler.run()
                drawn += samples[name].population.sampled
                options.watch("plan", done, len(wanted), drawn)
        finally:
            pool.close()
    return samples


def _made_up_items(seed: int) -> Iterator[EvalItem]:
    """Eval items that no text holds."""
    randomness = random.Random(seed)
    for number in range(_ITEMS):
        words = " ".join(f"{randomness.getrandbits(40):x}" for _ in range(_WORDS))
        yield EvalItem("made up", str(number), words)


def _side_tables(manifest: Manifest, name: str, folder: Path, options: PlanOptions) -> dict[str, str]:
    paths = {}
    plugin = manifest.plugins[name]
    for table, files in plugin.side_tables().items():
        options.say(f"{name}: indexing {table}, which its records are looked up in")
        path = folder / f"{name}-{table}.sqlite"
        build_lookup(plugin.read_table(table, files), path)
        paths[table] = str(path)
    return paths


def _source_plan(
    manifest: Manifest, name: str, sample: SourceSample, options: PlanOptions, driver: Mapping[str, float]
) -> SourcePlan:
    population = sample.population
    loss, loss_source = expected_loss(manifest.dedup, name)
    measured = bool(options.tokenizer and len(sample.tokens))
    return SourcePlan(
        name=name,
        units=population.count,
        units_read=len(population.units),
        input_bytes=population.size,
        read_bytes=sum(unit.read for unit in population.units),
        sampled=population.sampled,
        records=population.records(),
        documents=population.part(DOCUMENTS),
        document_bytes=population.total(DOCUMENT_BYTES),
        survivors=population.part(SURVIVORS),
        text_bytes=population.total(TEXT_BYTES),
        loss=loss,
        loss_source=loss_source,
        bytes_per_token=measured_bytes_per_token(sample.tokens) if measured else BYTES_PER_TOKEN,
        token_source=f"measured with {options.tokenizer.name}"
        if options.tokenizer and measured
        else BYTES_PER_TOKEN_SOURCE,
        dropped=dict(sorted(sample.dropped.items(), key=lambda item: (-item[1], item[0]))),
        rates={**{step: sample.seconds.rate(step) for step in STEPS}, **driver},
    )


def _with_training(manifest: Manifest, sources: Sequence[SourcePlan]) -> list[SourcePlan]:
    """The sources with their epochs and training bytes, by the manifest's mixture over what is expected to be kept."""
    available = {source.name: round(source.kept_bytes.value) for source in sources}
    try:
        mixture = plan_mixture(available, mixture_spec(manifest))
    except ValueError as error:
        msg = f"{error} (in the sample; --sample N draws more records)"
        raise BuildError(msg) from error
    made = []
    for source in sources:
        share = mixture.share(source.name)
        # By weights, the total decides how much is written; by epochs, what is kept does.
        is_fixed = manifest.mix.total is not None and not share.capped
        target = Estimate.exactly(share.target) if is_fixed else source.kept_bytes.scaled(float(share.epochs))
        made.append(replace(source, epochs=float(share.epochs), train_bytes=target))
    return made


def _damage(sources: Sequence[SourcePlan], manifest: Manifest) -> list[str]:
    """Sources of whose sample more is damaged than the manifest allows a split."""
    lines = []
    for source in sources:
        rules = {rule: count for rule, count in source.dropped.items() if rule.removeprefix("ingest.") in DAMAGE}
        damaged, rate = sum(rules.values()), manifest.sources[source.name].max_reject_rate
        if damaged > rate * source.sampled:
            shown = ", ".join(f"{rule} {count}" for rule, count in rules.items())
            lines.append(
                f"{source.name}: {damaged} of {source.sampled} records drawn are damaged ({shown}); a build stops at a "
                f"split with more than {rate:.0%}, see sources.{source.name}.max_reject_rate"
            )
    return lines


def _assumptions(sources: Sequence[SourcePlan], manifest: Manifest) -> list[str]:
    lines = [
        "core-hours: CPU time of the sample on one core of this machine, times totals; the table says what is assumed"
    ]
    if manifest.dedup:
        lines += [f"duplicates: {text}" for text in dict.fromkeys(source.loss_source for source in sources)]
    if manifest.decontaminate:
        lines.append("eval passages: nothing is assumed to be cut or dropped; it is a fraction of a percent as a rule")
    lines += [f"tokens: {text}" for text in dict.fromkeys(source.token_source for source in sources)]
    lines.append("held-out sets are counted as training")
    return lines
