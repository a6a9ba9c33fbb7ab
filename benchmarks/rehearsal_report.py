"""What the rehearsal found, to be read: REHEARSAL.md, its tables and curves, and what a large corpus would take."""

from __future__ import annotations

import datetime
import os
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.rehearsal_curves import curves
from pile_builder.dedup.components import union_find_bytes
from pile_builder.planning.costs import load_profile

Measured = Mapping[str, Any]
HERE = Path(__file__).parent
GIB = 2**30
PILE_BYTES = 825.18 * GIB
PILE_DOCUMENTS = round(PILE_BYTES / (5.91 * 1024))
"""Text of the Pile before epochs and its documents, of 5.91 KiB on average (Gao et al. 2020, table 1)."""
WORKERS = 100
BLOCK_BYTES = 64 << 20
"""Text of a block there: splits are 64 to 512 MiB of input."""
MEAN_BYTES = 1_536
"""Of a made-up document."""
EXTRACTION_HOURS = 400
"""Core-hours of main-content extraction for Pile-CC, which made-up documents don't need: a fifth of the 2,000 that
trafilatura would take, by pages a second (benchmarks, extraction); not measured in this rehearsal."""
LINKS_A_SECOND = 14e6
"""Links that one worker joins a second (benchmarks, dedup-scale)."""
BY_DOCUMENTS = ("select", "dedup", "settle")
"""Phases whose time follows the number of documents; that of the others follows the text."""
SERIAL = ("plan", "mix", "report")
"""Phases that the driver does alone, wholly or in part."""


def plain_lines(measured: Measured) -> Iterator[str]:
    """A table of one size's phases."""
    documents = measured["documents"]
    yield f"{documents:,} documents in {measured['blocks']:,} blocks, {measured['kept']:,} kept"
    yield f"{'phase':<14}{'s':>8}{'cpu s':>8}{'µs/doc':>8}{'GiB':>6}{'shuffled':>14}{'group':>11}"
    for one in measured["phases"]:
        rate = 1e6 * one["processor"] / documents
        yield (
            f"{one['name']:<14}{one['seconds']:8.1f}{one['processor']:8.1f}{rate:8.1f}{one['memory'] / GIB:6.2f}"
            f"{one['shuffled']:14,}{one['group']:11,}"
        )
    yield f"disk {sum(measured['disk'].values()):,} bytes in {sum(measured['objects'].values()):,} files"


def write_report(measured: Sequence[Measured]) -> str:
    """Write REHEARSAL.md and its drawings; returns its path."""
    names = list(dict.fromkeys(phase["name"] for one in measured for phase in one["phases"]))
    by_size = {one["documents"]: {phase["name"]: phase for phase in one["phases"]} for one in measured}
    time = {
        name: [(size, 1e6 * phases[name]["processor"] / size) for size, phases in by_size.items() if name in phases]
        for name in names
    }
    memory = {
        name: [(size, phases[name]["memory"] / GIB) for size, phases in by_size.items() if name in phases]
        for name in names
    }
    (HERE / "rehearsal-time.svg").write_text(curves("Processor time a document", "µs", time))
    (HERE / "rehearsal-memory.svg").write_text(curves("Memory of all processes, at most", "GiB", memory))
    lines = [*_head(measured), *_table(measured), *_growth(measured, names), *_account(measured[-1])]
    target = HERE / "REHEARSAL.md"
    target.write_text("\n".join(lines) + "\n")
    return str(target)


def _head(measured: Sequence[Measured]) -> Iterator[str]:
    sizes = ", ".join(f"{one['documents']:,}" for one in measured)
    loads = ", ".join(f"{one['load']:.0f}" for one in measured)
    yield from (
        "# A rehearsal of the whole program",
        "",
        "    python -m benchmarks.rehearsal 100000 1000000 10000000",
        "",
    )
    yield from _paragraph(
        "The source `rehearsal` makes documents on the fly that look to every phase as crawled text does: lengths,",
        "languages, copies, near-copies, boilerplate and failures of quality rules come as often as measured on 2,336",
        "real pages; how, and where it differs, stands in [sources/rehearsal](../sources/rehearsal/__init__.py). The",
        "build has every phase: language, the recipes of FineWeb, deduplication, decontamination, 1.5 epochs, held-out",
        "sets, shards, the audit; and, at the smallest size, Megatron's token shards.",
    )
    yield from _paragraph(
        f"Measured: {sizes} documents of 1.5 KiB on average, each size once, in blocks of 20,000, with two workers on",
        f"{os.cpu_count()} cores. Load of the machine over five minutes at the end of each: {loads}. Where that is",
        "above the number of cores, others were at work; seconds by the clock say nothing then, and processor seconds",
        f"grow too, as caches are shared. Written {datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}.",
    )


def _paragraph(*parts: str) -> Iterator[str]:
    yield from textwrap.wrap(" ".join(parts), 125, break_long_words=False, break_on_hyphens=False)
    yield ""


def _table(measured: Sequence[Measured]) -> Iterator[str]:
    for one in measured:
        documents = one["documents"]
        kept, text = one["kept"] / documents, one["kept_bytes"] / 1e6
        yield from (
            f"## {documents:,} documents",
            "",
            f"{one['blocks']:,} blocks; {kept:.0%} kept, {text:,.0f} MB; digest `{one['digest']}`.",
            "",
            "| phase | seconds | processor seconds | documents a second and core | memory, GiB | shuffled, MB | "
            "largest group, MB |",
            "|---|---|---|---|---|---|---|",
        )
        for phase in one["phases"]:
            used = phase["processor"]
            rate = f"{documents / used:,.0f}" if used >= 0.05 else ""
            memory = f"{phase['memory'] / GIB:.2f}" if phase["memory"] else ""
            shuffled = [f"{phase[name] / 1e6:,.1f}" if phase[name] else "" for name in ("shuffled", "group")]
            cells = [phase["name"], f"{phase['seconds']:,.1f}", f"{used:,.1f}", rate, memory, *shuffled]
            yield f"| {' | '.join(cells)} |"
        largest = sorted(one["disk"].items(), key=lambda each: -each[1])[:6]
        disk = ", ".join(f"{name} {size / 1e6:,.0f}" for name, size in largest)
        yield from (
            "",
            f"Disk: {sum(one['disk'].values()) / 1e6:,.0f} MB in {sum(one['objects'].values()):,} files; in MB {disk}.",
            "",
        )


def _growth(measured: Sequence[Measured], names: Sequence[str]) -> Iterator[str]:
    yield from ("## What grows", "", "Processor microseconds a document, and over the smallest size:", "")
    sizes = " | ".join(f"{one['documents']:,}" for one in measured)
    yield f"| phase | {sizes} | growth |"
    yield f"|---|{'---|' * len(measured)}---|"
    phases = [{phase["name"]: phase["processor"] for phase in one["phases"]} for one in measured]
    rows = {name: [found.get(name) for found in phases] for name in names}
    rows["all but tokens"] = [sum(v for name, v in found.items() if name != "tokenize") for found in phases]
    for name, seconds in rows.items():
        each = [
            None if used is None else 1e6 * used / one["documents"] for used, one in zip(seconds, measured, strict=True)
        ]
        known = [value for value in each if value is not None]
        growth = f"{known[-1] / known[0]:.2f}" if len(known) > 1 and known[0] else ""
        yield f"| {name} |{''.join(' |' if value is None else f' {value:.1f} |' for value in each)} {growth} |"
    yield from (
        "",
        "![processor time a document by phase](rehearsal-time.svg)",
        "",
        "![memory by phase](rehearsal-memory.svg)",
        "",
    )


def _account(one: Measured) -> Iterator[str]:
    """What a corpus of the Pile's size would take, from the largest rehearsal."""
    profile = load_profile("dataflow", WORKERS)
    phases = {phase["name"]: phase for phase in one["phases"] if phase["name"] != "tokenize"}
    by_text, by_documents = PILE_BYTES / one["kept_bytes"], PILE_DOCUMENTS / one["kept"]
    scale = {name: by_documents if name in BY_DOCUMENTS else by_text for name in phases}
    shared = sum(scale[name] * phases[name]["processor"] for name in phases if name not in SERIAL) / 3600
    alone = sum(scale[name] * phases[name]["processor"] for name in SERIAL if name in phases) / 3600
    links = by_documents * sum(one["dropped"].get(f"dedup.{rule}", 0) for rule in ("exact", "near"))
    joining = links / LINKS_A_SECOND / 3600
    cores = profile.workers * profile.vcpus
    spread_hours = (shared + EXTRACTION_HOURS) / (cores * profile.vcpu_speed * profile.busy)
    serial_hours = (alone + joining) / profile.vcpu_speed
    waiting = len(phases) * profile.phase_minutes / 60
    hours = spread_hours + serial_hours + waiting
    dollars = hours * profile.workers * profile.worker_hour
    shuffled = sum(scale[name] * phase["shuffled"] for name, phase in phases.items())
    group = max(phases.values(), key=lambda phase: phase["group"])
    read = PILE_DOCUMENTS * one["documents"] / one["kept"]
    blocks = by_text * one["documents"] * MEAN_BYTES / BLOCK_BYTES
    files = blocks * sum(count for name, count in one["objects"].items() if name not in _NOT_BY_BLOCK) / one["blocks"]
    disk = by_text * sum(size for name, size in one["disk"].items() if name != "tokens")
    yield from ("## The Pile's 825 GiB on 100 workers", "")
    yield from _paragraph(
        "An extrapolation, not a measurement: nothing of this size has been built, and made-up documents stand for",
        f"real ones. From {one['documents']:,} documents here to {PILE_DOCUMENTS / 1e6:,.0f} million kept ones of",
        "5.91 KiB there:",
    )
    for item in (
        f"text is scaled by {by_text:,.0f} = 825.18 GiB / {one['kept_bytes'] / GIB:.3f} GiB kept here, documents by "
        f"{by_documents:,.0f} = {PILE_DOCUMENTS:,} / {one['kept']:,};",
        f"processor hours that workers share = sum over phases of scale x processor seconds / 3600 = {shared:,.0f}; "
        f"{', '.join(BY_DOCUMENTS)} follow documents, the others text;",
        f"to that come {EXTRACTION_HOURS:,} core-hours for extracting web pages, which the rehearsal does not have;",
        f"on one core, for {', '.join(SERIAL)} and for joining {links / 1e6:,.0f} million links at "
        f"{LINKS_A_SECOND / 1e6:.0f} million a second: {alone + joining:,.1f} hours;",
        f"{WORKERS} workers of {profile.vcpus} virtual CPUs, each {profile.vcpu_speed:g} of a core here and busy "
        f"{profile.busy:.0%} of the time, {profile.phase_minutes:g} minutes a phase to start: profile `dataflow` of "
        f"`pile plan`, whose prices are of {profile.price_dates}.",
    ):
        wrapped = textwrap.wrap(item, 123, break_long_words=False, break_on_hyphens=False)
        yield from (f"{'- ' if not number else '  '}{line}" for number, line in enumerate(wrapped))
    yield from (
        "",
        "| | | how |",
        "|---|---|---|",
        f"| hours | {hours:,.1f} | ({shared:,.0f} + {EXTRACTION_HOURS:,}) / ({cores} x {profile.vcpu_speed:g} x "
        f"{profile.busy:g}) + {alone + joining:,.1f} / {profile.vcpu_speed:g} + {len(phases)} x "
        f"{profile.phase_minutes:g} min |",
        f"| dollars | {dollars:,.0f} | hours x {profile.workers} x {profile.worker_hour:.3f} {profile.currency} a "
        "worker and hour; shuffle service, storage and network not counted |",
        f"| documents read | {read / 1e6:,.0f} million | kept ones / share kept here |",
        f"| shuffled | {shuffled / GIB:,.0f} GiB | bytes of packed elements, scaled by documents; no text among them |",
        f"| largest group | {group['group'] / 2**20:.1f} MiB here, in {group['name']} | ranges of hashes are halved as "
        "documents double, so groups stay below 16 MiB, unless one text has near-copies by the 100,000 |",
        f"| joining links | {union_find_bytes(int(read)) / GIB:.1f} GiB on one worker | 5 bytes a document read |",
        f"| blocks | {blocks:,.0f} | text read / 64 MiB |",
        f"| files and objects | {files:,.0f} | {files / blocks:.0f} a block, as here |",
        f"| disk | {disk / 2**40:,.1f} TiB | all but token shards, scaled by text |",
        "",
    )


_NOT_BY_BLOCK = ("corpus", "report", "tokens", "assemble", "mix", "manifest.lock.yaml", "work")
