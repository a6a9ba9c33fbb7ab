"""Plans of the toy corpus against its build: intervals over many seeds, cost, tokens, the commands."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from typer.testing import CliRunner

from pile_builder.annotate.language import LanguageModel
from pile_builder.annotate.sets import plan_annotations
from pile_builder.cli import app
from pile_builder.dedup.config import Dedup
from pile_builder.errors import BuildError, PileError
from pile_builder.input_files import InputFile
from pile_builder.manifest import Manifest
from pile_builder.pipelines import sample as sampling
from pile_builder.pipelines.ingest import extraction_of
from pile_builder.pipelines.plan import PlanOptions, plan_build
from pile_builder.pipelines.sample import SURVIVORS, TEXT_BYTES, Sampler
from pile_builder.pipelines.sample_units import Hashes, draw_records, units_of
from pile_builder.planning.compare import actual_numbers, compare, compare_build
from pile_builder.planning.costs import load_profile
from pile_builder.planning.estimates import Estimate
from pile_builder.planning.plan import expected_loss
from pile_builder.planning.plan_json import PLAN, plan_json
from pile_builder.planning.scaling import YARDSTICK, allocations
from pile_builder.pool import ExtractionPool
from pile_builder.source import Raw, Reject, Skipped
from pile_builder.storage import Store
from pile_builder.tokenizer import load_tokenizer
from tests.test_build import run
from tests.toy_source import Toy, ToyConfig

Make = Callable[..., Manifest]
SELECT = {
    "language": {"keep": ["en"], "min_score": 0.2, "gate_score": 0.1},
    "recipes": ["gopher_quality_v1"],
    "thresholds": {"gopher_quality_v1.min_words": 150},
}


def samplers(manifest: Manifest, pool: ExtractionPool, seed: int, records: int) -> list[Sampler]:
    model = LanguageModel.load(None)
    return [
        Sampler(
            name=name,
            set_name=manifest.set_name(name),
            plugin=plugin,
            select=manifest.select_of(name),
            wanted=plan_annotations(manifest, name, model.digest),
            pool=pool,
            model=model,
            seed=seed,
            build_seed=manifest.seed,
            records=records,
            level=3,
        )
        for name, plugin in manifest.plugins.items()
    ]


def test_intervals_hold_what_select_keeps_over_many_seeds(toy_manifest: Make, tmp_path: Path):
    manifest = toy_manifest(select=SELECT)
    summary = run(manifest, tmp_path / "out")
    actual = {name: actual_numbers(source) for name, source in summary["sources"].items()}
    pool = ExtractionPool({name: extraction_of(manifest, name, {}) for name in manifest.plugins}, 1, 4 << 30)
    hits = {SURVIVORS: 0, TEXT_BYTES: 0}
    tried, values = 0, set()
    try:
        # Everything is read in a last, larger sample: what is known then is what the build found.
        for seed in range(20):
            for sampler in samplers(manifest, pool, seed, 40):
                population = sampler.run().population
                survivors = population.part(SURVIVORS)
                hits[SURVIVORS] += survivors.low <= actual[sampler.name]["survivors"] <= survivors.high
                tried += 1
                values.add(round(survivors.value, 3))
                assert population.records() == Estimate.exactly(190)
                assert population.sampled == 40
                assert survivors.low < survivors.high
        for sampler in samplers(manifest, pool, 1, 200):
            population = sampler.run().population
            assert population.part(SURVIVORS) == Estimate.exactly(actual[sampler.name]["survivors"])
    finally:
        pool.close()
    assert hits[SURVIVORS] / tried >= 0.8
    assert len(values) > 5


def test_a_plan_that_reads_everything_is_the_build(toy_manifest: Make, tmp_path: Path):
    manifest = toy_manifest(select=SELECT, dedup=None)
    summary = run(manifest, tmp_path / "out")
    plan = plan_build(manifest, PlanOptions(records=200))
    comparisons = list(compare(plan_json(plan), summary))
    assert {one.what for one in comparisons} >= {"records", "documents", "survivors", "kept", "kept_bytes"}
    for one in comparisons:
        if one.what != "train_bytes":
            assert one.planned.value == pytest.approx(one.actual), one
            assert one.is_inside
    left = plan.sources[0]
    assert left.epochs == 1.5
    # Held-out documents are written once, which the plan does not know.
    trained = sum(split["bytes"] for split in summary["sources"]["left"]["written"].values())
    assert left.train_bytes.value == pytest.approx(trained, rel=0.06)
    dropped = summary["sources"]["left"]["dropped"]
    assert left.dropped == dict(sorted(dropped.items(), key=lambda item: (-item[1], item[0])))


def test_the_same_seed_gives_the_same_plan_but_for_its_clock(toy_manifest: Make):
    def numbers(seed: int) -> Any:
        data = plan_json(plan_build(toy_manifest(select=SELECT), PlanOptions(records=30, seed=seed)))
        return {name: source["survivors"] for name, source in data["sources"].items()}

    assert numbers(1) == numbers(1)
    assert numbers(1) != numbers(2)


def test_units_are_read_from_their_beginning_where_they_are_large(
    toy_manifest: Make, toy_files: Path, monkeypatch: pytest.MonkeyPatch
):
    words = ["the river and the stone"]
    for number in range(4):
        lines = (" ".join(words * (30 + row * 7 % 20)) for row in range(12_000))
        (toy_files / f"{number}.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(sampling, "READ_BYTES", 2 << 20)
    plan = plan_build(toy_manifest(dedup=None), PlanOptions(records=50))
    for source in plan.sources:
        assert source.read_bytes < 0.3 * source.input_bytes
        assert source.records.value == pytest.approx(24_000, rel=0.07)
        assert source.records.low < source.records.value < source.records.high


class _SameKeys(Toy):
    """Lines whose keys are their numbers, in every file the same."""

    def read_file(self, file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        for number, record in enumerate(super().read_file(file)):
            yield replace(record, key=str(number)) if isinstance(record, Raw) else record


def test_files_with_the_same_keys_are_drawn_from_on_their_own(toy_files: Path):
    plugin = _SameKeys(ToyConfig(inputs=("*.txt",), root=str(toy_files)))
    skipped = Counter[str]()
    units = units_of(plugin)
    drawn = [draw_records(plugin, unit, Hashes(1, "toy"), 30, 1 << 30, skipped) for unit in units]
    assert [unit.records for unit in drawn] == [95] * 4
    assert skipped == {"blank": 8}
    keys = [{key for key, _, _ in unit.drawn} for unit in drawn]
    assert all(len(each) == 30 for each in keys)
    assert len(set.intersection(*keys)) < 5


def test_what_a_model_wants_and_how_often_that_repeats(toy_manifest: Make):
    laws = allocations(parameters=1e6)
    plan = plan_build(toy_manifest(), PlanOptions(records=40, laws=laws, profile=load_profile("machine")))
    law = next(one for one in laws if one.law == YARDSTICK)
    epochs = plan.epochs_for(law)
    assert epochs["left"] / epochs["right"] == pytest.approx(1.5)
    read = sum(source.tokens.value / source.epochs * epochs[source.name] for source in plan.sources)
    assert read == pytest.approx(law.tokens)
    assert "more than 4" in plan.warnings[0]
    assert plan.core_hours.value == pytest.approx(sum(one.core_hours.value for one in plan.phases))
    phases = ["ingest", "annotate", "select", "dedup", "settle", "mix", "assemble", "audit"]
    assert [one.phase for one in plan.phases] == phases
    assert plan.cost["hours"]["value"] > 6 * 0.1 / 60


def test_every_phase_has_its_cost_and_what_is_assumed_a_wider_interval(
    toy_manifest: Make, toy_files: Path, byte_tokenizer: str
):
    question = {"q": "which of the seven lanterns of the old harbour wall burns longest"}
    (toy_files / "quiz.jsonl").write_bytes(orjson.dumps(question))
    evals = {"evals": [{"name": "quiz", "files": ["quiz.jsonl"], "question": "q"}]}
    (toy_files / "evals.yaml").write_text(yaml.safe_dump(evals))
    exports = [{"format": form, "tokenizer": byte_tokenizer} for form in ("nanogpt", "olmo")]
    exports.append({"format": "megatron", "tokenizer": byte_tokenizer, "splits": ["train"]})
    manifest = toy_manifest(
        select=SELECT, dedup={"paragraphs": {}}, decontaminate={"evals": ["evals.yaml"]}, exports=exports
    )
    plan = plan_build(manifest, PlanOptions(records=200))
    costs = {one.phase: one for one in plan.phases}
    after = ["paragraphs", "decontaminate", "settle", "mix", "assemble", "audit", "tokenize"]
    assert list(costs) == ["ingest", "annotate", "select", "dedup", *after]
    assert all(one.core_hours.value > 0 for one in costs.values())
    for phase, one in costs.items():
        spread = one.core_hours.high / one.core_hours.low
        assert (spread >= 2) == ("factor" in one.basis or "up to" in one.basis), phase
    assert costs["tokenize"].basis.endswith("; 2 streams")
    assert sum(one.core_hours.value for one in plan.phases) == pytest.approx(plan.core_hours.value)
    assert plan.driver_hours.value + plan.shared_hours.value == pytest.approx(plan.core_hours.value)
    measured = plan_build(manifest, PlanOptions(records=50, tokenizer=load_tokenizer(byte_tokenizer)))
    assert next(one for one in measured.phases if one.phase == "tokenize").basis == "measured; 2 streams"
    assert measured.sources[0].bytes_per_token.value == pytest.approx(1, rel=0.01)


@pytest.fixture
def byte_tokenizer(tmp_path: Path) -> str:
    """A token a byte."""
    vocabulary = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab={**vocabulary, "<|endoftext|>": 256}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    tokenizer.save(str(tmp_path / "bytes.json"))
    return str(tmp_path / "bytes.json")


def test_damaged_inputs_and_a_greedy_mixture_are_warned_of(toy_manifest: Make, toy_files: Path):
    (toy_files / "0.txt").write_text("raise\n" * 150 + "fine words of the river\n" * 30)
    (toy_files / "1.txt").write_text("raise\n" * 20)
    sources = {
        "left": {"plugin": "toy", "inputs": ["0.txt", "1.txt"], "weight": 1},
        "right": {"plugin": "toy", "inputs": ["2.txt", "3.txt"], "weight": 1},
    }
    manifest = toy_manifest(sources=sources, mix={"total": 200_000})
    plan = plan_build(manifest, PlanOptions(records=400))
    damaged, repeated = plan.warnings
    assert damaged.startswith("left: 170 of 200 records drawn are damaged (ingest.error 170)")
    assert "max_reject_rate" in damaged
    assert "the mixture reads the text of left" in repeated
    assert plan.sources[0].train_bytes == Estimate.exactly(100_000)


def test_losses_to_duplicates_are_assumed_or_the_manifests():
    assert expected_loss(None, "a")[0] == Estimate.exactly(0)
    assert expected_loss(Dedup(action="tag"), "a")[0] == Estimate.exactly(0)
    assert expected_loss(Dedup(expected={"a": (0.2, 0.4)}), "a") == (
        Estimate(pytest.approx(0.3), 0.2, 0.4),
        "dedup.expected of the manifest",
    )
    assert "assumed" in expected_loss(Dedup(expected={"a": (0.2, 0.4)}), "b")[1]


def test_nothing_to_train_on_says_how_to_look_further(toy_manifest: Make):
    select = {**SELECT, "thresholds": {"gopher_quality_v1.min_words": 1e6}}
    with pytest.raises(BuildError, match="--sample"):
        plan_build(toy_manifest(select=select), PlanOptions(records=20))


def test_the_commands(toy_manifest: Make, toy_files: Path, tmp_path: Path):
    manifest = toy_manifest(select=SELECT)
    path, out, report = toy_files / "m.yaml", tmp_path / "out", tmp_path / "plan.json"
    path.write_text(yaml.safe_dump(manifest.given))
    arguments = ["plan", str(path), "--sample", "60", "--runner", "dataflow", "--parameters", "1M", "--out", str(out)]
    done = CliRunner().invoke(app, [*arguments, "--json", str(report)], env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.output
    for word in ("left", "Dataflow", "Kaplan", "more than 4", "assumed", "GPT-2"):
        assert word in done.output
    assert orjson.loads(report.read_bytes()) == orjson.loads((out / PLAN).read_bytes())
    with pytest.raises(PileError, match="no finished build"):
        compare_build(Store(str(out)))
    run(manifest, out)
    compared = CliRunner().invoke(app, ["plan", "--against", str(out)], env={"COLUMNS": "160"})
    assert compared.exit_code == 0, compared.output
    assert "inside their 90 % intervals" in compared.output
    with pytest.raises(PileError, match="no plan here"):
        compare_build(Store(str(tmp_path / "other")))
