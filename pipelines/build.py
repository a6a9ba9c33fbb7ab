"""A whole build: every phase in order, each resumed where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from pile_builder.audit.card import dataset_card
from pile_builder.audit.contamination import contamination_report
from pile_builder.audit.lock import lock_text
from pile_builder.audit.privacy import privacy_report
from pile_builder.audit.report import write_audit
from pile_builder.audit.subsets import WrittenSubset, subset_card, subset_lock, subset_story, subset_summary
from pile_builder.audit.summary import summarise
from pile_builder.checked_yaml import absolute
from pile_builder.commits import Commits
from pile_builder.dedup.config import Dedup
from pile_builder.errors import PileError
from pile_builder.finished import keep_plan
from pile_builder.lookup import build_lookup
from pile_builder.manifest import Manifest
from pile_builder.pipelines.annotate import AnnotateBlock, SidecarPlan
from pile_builder.pipelines.assemble import BlockFiles, WriteShard, shard_tasks
from pile_builder.pipelines.decontaminate import run_decontaminate
from pile_builder.pipelines.dedup import run_dedup
from pile_builder.pipelines.dedup_check import check_sample, largest_excerpts
from pile_builder.pipelines.engine import RunOptions, forget_run, run_tasks
from pile_builder.pipelines.exports import export_changes, export_tokens
from pile_builder.pipelines.fragments import forget_fragments, run_fragments
from pile_builder.pipelines.ingest import IngestSplit, PoolHandle, extraction_of
from pile_builder.pipelines.ledgers import dedup_ledgers
from pile_builder.pipelines.locate import forget_indexes, run_locate
from pile_builder.pipelines.mix import run_mix
from pile_builder.pipelines.paragraphs import run_paragraphs
from pile_builder.pipelines.purge import check_returned, forget_purged, forget_purges, run_purge, time_limited_before
from pile_builder.pipelines.recount import recount_tasks, run_recount
from pile_builder.pipelines.repair import repair, sweep_unnamed
from pile_builder.pipelines.select import SelectBlock
from pile_builder.pipelines.settle import SettleBlock
from pile_builder.pipelines.stored import stored
from pile_builder.pipelines.subsets import run_subsets
from pile_builder.redo import changes, input_changes, read_again, remember, remember_blocks
from pile_builder.repeated_ids import describe_repeated
from pile_builder.storage import Store, fingerprint, forget_local_file
from pile_builder.story import STORY
from pile_builder.takedown.listing import Takedown, all_entries, forget_lists, write_list
from pile_builder.takedown.state import CORPUS, disagrees, shards_state
from pile_builder.work import PHASES, VERSIONS, Work, plan_work, split_to_json

ASK_SECONDS = 600
"""Seconds of a core that reading again may take without a question."""
REPAIRS = 8
"""Times that a build goes on after something of its work was found damaged; it is found one reading after another."""


def build(manifest: Manifest, out: str, options: RunOptions) -> dict[str, Any]:
    """Build a corpus at `out`, redoing only what has changed or is damaged; returns the summary.

    Nobody else may build there meanwhile: see `pile_builder.holding`.

    Raises:
        PileError: the manifest or an input is wrong, tasks failed, or another builder took the folder over.
    """
    # Absolute: a worker on a cluster starts in a folder of its own.
    store = Store(absolute(out, Path()), options.guard)
    options = replace(options, corpus=manifest.name)
    repair(store, options.say)
    for _ in range(REPAIRS):
        try:
            return _build(store, manifest, options)
        except PileError:
            if not repair(store, options.say):
                raise
        except Exception:
            raise
        except BaseException:
            # Stopped from outside, while threads were writing.
            store.sweep_temporaries()
            raise
    return _build(store, manifest, options)


def _build(store: Store, manifest: Manifest, options: RunOptions) -> dict[str, Any]:
    work = plan_work(manifest, store)
    announce(store, work, manifest, options)
    takedown = write_list(store, all_entries(store, manifest))
    remember(work, store)
    remember_blocks(work, store)
    forget_purged(store, work, manifest, takedown, options)
    mix, shards, subsets = run_phases(store, work, manifest, takedown, options)
    finish(store, work, manifest, mix, shards, subsets, takedown)
    if manifest.exports:
        inside = [one.model_copy(update={"out": store.path(one.out) if one.out else ""}) for one in manifest.exports]
        export_tokens(store.root, inside, options)
    return close(store)


def run_phases(
    store: Store, work: Work, manifest: Manifest, takedown: Takedown, options: RunOptions
) -> tuple[dict[str, Any], list[dict[str, Any]], list[WrittenSubset]]:
    """Run every phase; returns what mix planned, the records of the shards, and the subsets."""
    run_ingest(store, work, manifest, options)
    check_returned(store)
    run_annotate(store, work, options)
    run_select(store, work, manifest, options)
    run_duplicates(store, work, manifest, options)
    if manifest.decontaminate:
        run_decontaminate(store, work, manifest, manifest.decontaminate, options)
    run_settle(store, work, options)
    run_locate(store, work, options)
    run_purge(store, takedown, options)
    options.watch("mix", 0, 1, 0)
    mix = run_mix(store, work, manifest, options)
    options.watch("mix", 1, 1, 0)
    shards = run_assemble(store, work, manifest, mix, takedown, options)
    subsets = run_subsets(store, work, manifest, mix, takedown, options)
    run_recount(store, work, shards, options)
    return mix, shards, subsets


def announce(store: Store, work: Work, manifest: Manifest, options: RunOptions) -> None:
    """Say what is redone and why, before it is; asks first where much would be read again.

    Raises:
        PileError: the answer was no.
    """
    for reason in input_changes(work, store):
        options.say(f"{reason}: blocks are made, and what compares or mixes blocks is redone")
    for phase, reasons in changes(work, store).items():
        more = f"; and {len(reasons) - 5} more" if len(reasons) > 5 else ""
        options.say(f"{phase} and what follows is redone: {'; '.join(reasons[:5])}{more}")
    for reason in export_changes(store, manifest):
        options.say(reason)
    again = read_again(work, store)
    if not again:
        return
    options.say(f"ingest: {again}")
    if again.seconds >= ASK_SECONDS and not options.confirm(f"{again}. Go on?"):
        msg = f"{store.root}: nothing was changed; --yes goes on without asking, another --out keeps this build"
        raise PileError(msg)


def pool_handle(store: Store, work: Work, manifest: Manifest, options: RunOptions) -> PoolHandle:
    """The extraction pool of a build; indexes the sources' side tables first."""
    time_limited = time_limited_before(store)
    extractions = {
        name: extraction_of(manifest, name, _side_tables(store, work, name, manifest), time_limited)
        for name in manifest.plugins
    }
    return PoolHandle(extractions, options.runner.pool_processes, manifest.limits.worker_memory)


def run_ingest(store: Store, work: Work, manifest: Manifest, options: RunOptions) -> None:
    """Read every split that has no block yet."""
    commits = Commits(store, "ingest")
    done = commits.done()
    tasks = [
        block.task(block.ingest) | {"split": split_to_json(block.split), "sets": dict(block.sets)}
        for block in work.blocks
        if block.ingest not in done
    ]
    if not tasks and not options.task.startswith("ingest:"):
        forget_run(commits, options)
        options.watch("ingest", len(work.blocks), len(work.blocks), 0)
        forget_fragments(store, work, options)
        return
    # Whatever is read now is whole.
    forget_purges(store)
    options = options.for_tasks(len(tasks))
    handle = pool_handle(store, work, manifest, options)
    run_fragments(store, work, handle.extractions, options)
    # Held here, so that the pool starts while Beam does, and outlives the phase's threads.
    pool = handle.acquire() if options.runner.in_process else None
    if pool:
        pool.warm()
    rates = {name: entry.max_reject_rate for name, entry in manifest.sources.items()}
    function = IngestSplit(store, handle, _sidecar_plans(work), rates)
    try:
        run_tasks(commits, work.keys("ingest"), tasks, function, options)
    finally:
        if pool:
            pool.close()
        for extraction in handle.extractions.values():
            for path in extraction.tables.values():
                forget_local_file(path)
    forget_fragments(store, work, options)


def run_annotate(store: Store, work: Work, options: RunOptions) -> None:
    """Compute every sidecar that ingest did not make on its way."""
    commits = Commits(store, "annotate")
    done = commits.done()
    tasks = []
    for block in work.blocks:
        missing = {name: key for name, key in block.sets.items() if key not in done}
        if missing:
            last = list(missing.values())[-1]
            tasks.append(block.task(last) | {"block": block.ingest, "sets": missing})
    function = AnnotateBlock(store, _sidecar_plans(work))
    run_tasks(commits, work.keys("annotate"), tasks, function, options)


def run_select(store: Store, work: Work, manifest: Manifest, options: RunOptions) -> None:
    """Apply the rules to every block."""
    selects = {name: manifest.select_of(name) for name in manifest.sources}
    tasks = [block.task(block.select) | {"block": block.ingest, "sets": dict(block.sets)} for block in work.blocks]
    run_tasks(Commits(store, "select"), work.keys("select"), tasks, SelectBlock(store, selects, manifest.seed), options)


def run_duplicates(store: Store, work: Work, manifest: Manifest, options: RunOptions) -> None:
    """Find copies of documents, then of paragraphs, as far as the manifest asks for it."""
    if manifest.dedup:
        order = manifest.dedup.source_priority or tuple(manifest.sources)
        run_dedup(store, work, manifest.dedup, order, options)
        if manifest.dedup.paragraphs:
            run_paragraphs(store, work, manifest.dedup, order, options)


def run_settle(store: Store, work: Work, options: RunOptions) -> None:
    """Write every block's verdicts."""
    ledgers = dedup_ledgers(store, work)
    tasks = [
        block.task(block.settle)
        | {"block": block.ingest, "select": block.select, "spans": block.spans}
        | {"dedup": ledgers.get(block.ingest, "")}
        | {"sets": dict(block.sets)}
        | {"paragraphs": block.paragraphs, "decontaminate": block.decontaminate}
        for block in work.blocks
    ]
    run_tasks(Commits(store, "settle"), work.keys("settle"), tasks, SettleBlock(store), options)


def run_assemble(
    store: Store,
    work: Work,
    manifest: Manifest,
    mix: Mapping[str, Any],
    takedown: Takedown,
    options: RunOptions,
) -> list[dict[str, Any]]:
    """Write every shard and remove what another mixture left; returns the shards' records, in order.

    Shards that disagree with `takedown` are written again.
    """
    store.check()
    commits = Commits(store, "assemble")
    tasks = shard_tasks(work, mix)
    key = fingerprint([task["key"] for task in tasks])
    state = shards_state(store)
    if state.get("key") != key:
        # Shards of another mixture have the same names: their records must not vouch for ours.
        store.remove_folder("corpus")
        store.remove_folder("report")
        store.remove_folder("work/assemble")
    is_other_list = state.get("takedown", "") != takedown.digest
    if state.get("key") != key or is_other_list:
        store.write(CORPUS, orjson.dumps({"key": key, "takedown": None}))
    done = commits.done()
    for task in tasks:
        if task["key"] not in done:
            continue
        record = commits.load(task["key"])
        is_whole = store.size(f"corpus/{task['name']}") == record["size"]
        if not is_whole or (is_other_list and disagrees(store, record, takedown)):
            commits.forget(task["key"])
    files = {block.rank: BlockFiles(block.source, block.ingest, block.settle) for block in work.blocks}
    names = {name: manifest.set_name(name) for name in manifest.sources}
    seed, level = manifest.seed, manifest.output.level
    with stored(commits, files) as kept:
        function = WriteShard(store, work.mix, kept, names, seed, level, takedown.object)
        run_tasks(commits, [task["key"] for task in tasks], tasks, function, options)
    store.write(CORPUS, orjson.dumps({"key": key, "takedown": takedown.digest}))
    return list(commits.load_all(task["key"] for task in tasks))


def finish(
    store: Store,
    work: Work,
    manifest: Manifest,
    mix: Mapping[str, Any],
    shards: list[dict[str, Any]],
    subsets: Sequence[WrittenSubset],
    takedown: Takedown,
) -> dict[str, Any]:
    """Write the reports, the lock and the dataset cards; sweep what crashes left behind. Returns the summary."""
    store.check()
    summary = summarise(store, work, manifest, mix, shards, takedown)
    held_out = [shard for shard in shards if shard["split"] != "train"]
    repeated = Commits(store, "locate").load(work.locate)["repeated"]
    if repeated["ids"]:
        blocks = {block.rank: (block.name, block.ingest) for block in work.blocks}
        summary["repeated_ids"] = describe_repeated(store, repeated, blocks)
    if subsets:
        summary["subsets"] = [subset_summary(one, summary, held_out) for one in subsets]
    recounts = {rank: task["key"] for rank, task in recount_tasks(store, work, shards).items()} if takedown else {}
    story = {
        "blocks": [
            block.task(block.settle)
            | {"ingest": block.ingest, "select": block.select, "settle": block.settle, "sets": dict(block.sets)}
            | {"paragraphs": block.paragraphs, "decontaminate": block.decontaminate}
            | {"recount": recounts.get(block.rank, "")}
            for block in work.blocks
        ],
        "selects": {name: manifest.select_of(name).model_dump(mode="json") for name in manifest.sources},
        "sources": {name: source_story(work, manifest, name) for name in manifest.sources},
        "phases": {phase: {"version": VERSIONS[phase], "tasks": len(work.keys(phase))} for phase in PHASES},
        "seed": manifest.seed,
        "dedup": work.dedup,
        "locate": work.locate,
        "mix": work.mix,
        "shards": shard_tasks(work, mix),
        "subsets": [subset_story(one) for one in subsets],
        "takedown": takedown.object,
    }
    store.write(STORY, orjson.dumps(story))
    forget_lists(store, takedown.object)
    forget_indexes(store, work.locate)
    keep_plan(store, manifest, work)
    locked = [subset_lock(one, held_out) for one in subsets]
    store.write("manifest.lock.yaml", lock_text(store, work, manifest, summary, shards, takedown, locked).encode())
    store.write("corpus/README.md", dataset_card(manifest, summary, shards).encode())
    for subset, counts in zip(subsets, summary.get("subsets", ()), strict=True):
        store.write(f"corpus/{subset.folder}/README.md", subset_card(manifest, subset, counts).encode())
    if manifest.dedup:
        report = dedup_report(store, work, manifest.dedup)
        store.write("report/dedup.json", orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n")
        summary["alarms"] = report["alarms"]
    if any(manifest.select_of(name).privacy for name in manifest.sources):
        replaced = privacy_report(store, work, manifest)
        store.write("report/privacy.json", orjson.dumps(replaced, option=orjson.OPT_INDENT_2) + b"\n")
    if manifest.decontaminate:
        found = contamination_report(store, work, manifest)
        store.write("report/decontamination.json", orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
    store.write("report/summary.json", orjson.dumps(summary, option=orjson.OPT_INDENT_2) + b"\n")
    store.sweep_temporaries()
    sweep_unnamed(store)
    return summary


def close(store: Store) -> dict[str, Any]:
    """Once the exports stand, write the audit; returns the summary, to which that has added."""
    write_audit(store)
    whole: dict[str, Any] = orjson.loads(store.read("report/summary.json"))
    return whole


def source_story(work: Work, manifest: Manifest, name: str) -> dict[str, Any]:
    """What the audit wants to know of a source beside its records."""
    files = {file.name: file.size for source, file in work.inputs() if source == name}
    entry = manifest.sources[name]
    return {
        "set_name": manifest.set_name(name),
        "plugin": entry.plugin or name,
        "expected": entry.expected.model_dump(mode="json"),
        "inputs": {"files": len(files), "bytes": sum(files.values())},
    }


def dedup_report(store: Store, work: Work, config: Dedup) -> dict[str, Any]:
    """What the dedup phase did, how good its links are by a sample of texts, and what its largest clusters hold."""
    report = dict(Commits(store, "dedup").load(work.dedup)["summary"])
    excerpts = largest_excerpts(store, work)
    report["largest"] = [
        {**cluster, "excerpt": text} for cluster, text in zip(report["largest"], excerpts, strict=True)
    ]
    return {"parameters": config.model_dump(mode="json"), **report, "check": check_sample(store, work, config)}


def _sidecar_plans(work: Work) -> dict[str, SidecarPlan]:
    return {name: SidecarPlan(wanted) for name, wanted in work.annotations.items()}


def _side_tables(store: Store, work: Work, name: str, manifest: Manifest) -> dict[str, str]:
    plugin = manifest.plugins[name]
    paths = {}
    for table, files in plugin.side_tables().items():
        key = fingerprint([name, table, work.parts["ingest"][name]["tables"][table], plugin.version])
        index = f"work/tables/{key}.sqlite"
        if not store.exists(index):
            with store.staging() as folder:
                build_lookup(plugin.read_table(table, files), folder / table)
                store.adopt(folder / table, index)
        paths[table] = store.path(index)
    return paths
