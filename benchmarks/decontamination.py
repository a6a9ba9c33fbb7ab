"""Decontamination on English web pages: speed of the scan, matches against brute force, recall of the probe."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from benchmarks.inputs import english_pages
from benchmarks.kernels import one_core
from benchmarks.ngram_scan import NGRAMS, TARGET, scan_speed
from benchmarks.report import Result, Row, per_cent
from benchmarks.settings import Settings
from pile_builder.decontamination import brute_force
from pile_builder.decontamination.disguises import FORMS, WHOLE, planted_forms
from pile_builder.decontamination.evals import load_eval_list, load_items
from pile_builder.decontamination.index import build_index
from pile_builder.decontamination.items import EvalItem
from pile_builder.decontamination.match import find_matches
from pile_builder.decontamination.probe import probe
from pile_builder.text.column import from_strings
from pile_builder.text.repair import repair_texts

EVALS = Path(__file__).parent.parent / "manifests" / "evals" / "common.yaml"
SEED = 7
PLANTED_IN = 2
"""Items are planted in one page of so many, from one to `MOST_PLANTED` in each."""
MOST_PLANTED = 3


def run(settings: Settings) -> Result:
    """Extract the pages, then measure and compare."""
    texts = repair_texts(english_pages(settings.data))
    sets = load_eval_list(EVALS, {"PILE_EVALS": str((settings.data / "evals").absolute())})
    items = [item for one in sets for item in load_items(one, "")]
    with one_core():
        speed = scan_speed(texts, settings.repetitions) / 1e6
    name = f"n-gram scan against {NGRAMS / 1e6:g} M n-grams, one core"
    scan = Row(name, f"{speed:.0f} MB/s", target=f"{TARGET:g} MB/s", reached=speed >= TARGET)
    result = Result([scan, _against_brute_force(texts, items)])
    _add_recall(result, texts, items)
    return result


def _against_brute_force(texts: Sequence[str], items: Sequence[EvalItem]) -> Row:
    planted = _plant(texts, items)
    found = find_matches(from_strings(planted), build_index(items))
    passages = zip(found.document.tolist(), found.item.tolist(), found.start.tolist(), found.end.tolist(), strict=True)
    coverage = zip(
        found.covered_document.tolist(),
        found.covered_item.tolist(),
        found.seen.tolist(),
        found.total.tolist(),
        strict=True,
    )
    ours = {*(("passage", *row) for row in passages), *(("coverage", *row) for row in coverage)}
    expected = brute_force.matches(planted, items)
    theirs = {*(("passage", *row) for row in expected[0]), *(("coverage", *row) for row in expected[1])}
    missed, more = len(theirs - ours), len(ours - theirs)
    name = f"matches against brute force: {len(items):,} items, {len(expected[0]):,} passages"
    return Row(name, f"{missed} missed, {more} more", target="0 and 0", reached=missed == more == 0)


def _plant(texts: Sequence[str], items: Sequence[EvalItem]) -> list[str]:
    """The texts with items between words of some of them, in any form."""
    choice = random.Random(SEED)
    planted = list(texts)
    for number in range(0, len(texts), PLANTED_IN):
        words = texts[number].split(" ")
        for _ in range(choice.randint(1, MOST_PLANTED)):
            form = choice.choice(list(planted_forms(choice.choice(items)).values()))
            words.insert(choice.randint(0, len(words)), form)
        planted[number] = " ".join(words)
    return planted


def _add_recall(result: Result, texts: Sequence[str], items: Sequence[EvalItem]) -> None:
    report = probe(items, texts)
    shares = []
    for form in FORMS:
        results = [each.forms[form] for each in report.sets]
        planted, caught = (sum(getattr(one, name) for one in results) for name in ("planted", "caught"))
        if form in WHOLE:
            name = f"recall of {planted:,} planted items, {form}"
            result.rows.append(Row(name, per_cent(caught / planted), target=per_cent(1), reached=caught == planted))
        else:
            shares.append(f"{form} {per_cent(caught / planted)}")
    short = sum(len(each.unprotectable) for each in report.sets)
    result.notes.append(
        f"decontamination: {len(items):,} items, {report.ngrams:,} n-grams, {report.index_bytes / 2**20:.0f} MiB, "
        f"{short} items too short to protect; {report.hosts:,} passages of {len(texts):,} pages, which hold "
        f"{len(report.contamination)} items of their own. Also caught: {', '.join(shares)}."
    )
