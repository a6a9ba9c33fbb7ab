"""How good near-duplicate links are on real text: recall and precision against exact Jaccard, agreement with people.

Recall counts the pairs of documents with a true similarity of `ALIKE` that end in one cluster; precision counts links
whose true similarity is `RIGHT`. True pairs come from all texts' n-grams, not from sketches.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Result, Row, per_cent
from benchmarks.settings import Settings
from pile_builder.dedup.components import components
from pile_builder.dedup.exact import common, jaccard, shingle_sets
from pile_builder.dedup.links import estimate_jaccard, near_links
from pile_builder.dedup.presets import PRESETS, probability
from pile_builder.text.column import from_strings
from pile_builder.text.minhash import sketch

PRESET = PRESETS["fineweb"]
THRESHOLD = 0.7
ALIKE = 0.8
RIGHT = 0.65
RECALL, PRECISION = 0.95, 0.99
"""Targets."""
SEED = 5
PASSAGE_WORDS = 300
COMMON = 50
"""n-grams in more texts than that suggest no pair: pairs that share no rarer one are not looked at."""
JUDGEMENTS = "copycat/copycat-spark/src/main/resources/canonical-link-edges-human-judgments/judgments-by-daniel"
GRADES = ("0.5", "1", "2", "3")
"""What a person gave a pair of copycat, from hardly alike to the same; about a fifth have none."""
DUPLICATE = 2.0
"""The least grade of a pair that counts as duplicates."""
THRESHOLDS = (0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@dataclass(frozen=True)
class Quality:
    """Counts of one set of texts; `recall` and `precision` are shares, 1 where there is nothing to find."""

    name: str
    texts: int
    alike: int
    found: int
    links: int
    right: int

    @property
    def recall(self) -> float:
        """Share of alike pairs that end in one cluster."""
        return self.found / self.alike if self.alike else 1.0

    @property
    def precision(self) -> float:
        """Share of links that hold."""
        return self.right / self.links if self.links else 1.0


def rate(name: str, texts: Sequence[str]) -> Quality:
    """Deduplicate texts with the preset and compare with brute force."""
    column = from_strings(texts)
    sketches = sketch(column, ngram=PRESET.ngram, bands=PRESET.bands, rows=PRESET.rows)
    small, large = near_links(sketches, THRESHOLD)
    members, component = components(small, large)
    cluster_of = dict(zip(members.tolist(), component.tolist(), strict=True))
    sets = shingle_sets(column, PRESET.ngram)
    alike = found = 0
    for a, b in sharing(sets):
        if similarity(sets[a], sets[b]) >= ALIKE:
            alike += 1
            found += cluster_of.get(a, -1) == cluster_of.get(b, -2)
    ends = list(zip(small.tolist(), large.tolist(), strict=True))
    right = sum(similarity(sets[a], sets[b]) >= RIGHT for a, b in ends)
    return Quality(name, len(texts), alike, found, len(ends), right)


def similarity(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> float:
    """Exact Jaccard similarity of two sets of n-grams."""
    return jaccard(common(a, b), len(a), len(b))


def sharing(sets: Sequence[NDArray[np.uint64]]) -> Iterator[tuple[int, int]]:
    """Pairs of texts that share an n-gram which few have, each once."""
    holders = np.repeat(np.arange(len(sets)), [len(one) for one in sets])
    values = np.concatenate(sets)
    order = np.lexsort((holders, values))
    holders = holders[order]
    starts = np.flatnonzero(np.diff(values[order], prepend=values[order][0] + np.uint64(1)))
    seen: set[tuple[int, int]] = set()
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(holders)], strict=True):
        if 1 < end - start <= COMMON:
            seen.update(combinations(holders[start:end].tolist(), 2))
    yield from sorted(seen)


def passages(folder: Path) -> list[str]:
    """Passages of the books in a folder."""
    found = []
    for path in sorted(folder.glob("*.txt")):
        words = path.read_text("latin-1").split(" ")
        found += [" ".join(words[at : at + PASSAGE_WORDS]) for at in range(0, len(words), PASSAGE_WORDS)]
    return found


def with_edits(texts: Sequence[str]) -> list[str]:
    """The texts and an edited copy of each: words replaced, left out and put in, a passage moved or cut."""
    randomness = random.Random(SEED)
    vocabulary = sorted({word for text in texts[:200] for word in text.split(" ")})
    copies = []
    for text in texts:
        words = text.split(" ")
        for _ in range(randomness.randrange(0, max(len(words) // 25, 2))):
            at = randomness.randrange(len(words))
            words[at : at + randomness.randrange(2)] = [randomness.choice(vocabulary)] * randomness.randrange(2)
        if randomness.random() < 0.2 and len(words) > 10:
            del words[: randomness.randrange(len(words) // 5)]
        copies.append(" ".join(words))
    return [*texts, *copies]


def judged_pairs(folder: Path) -> tuple[list[str], list[str], list[str]]:
    """The pairs of copycat that a person graded: first texts, second texts, grades."""
    first, second, grades = [], [], []
    for pair in sorted(folder.iterdir()):
        # One grade has a letter after it, some a space.
        grade = (pair / "label").read_text().strip().rstrip("s")
        if grade in GRADES:
            first.append((pair / "src-doc").read_text())
            second.append((pair / "target-doc").read_text())
            grades.append(grade)
    return first, second, grades


def agreement(first: Sequence[str], second: Sequence[str], grades: Sequence[str]) -> str:
    """What thresholds of the estimate keep of the pairs graded 2 or better, and of those graded 3, as a table."""
    signatures = [sketch(from_strings(texts)).signature for texts in (first, second)]
    estimate = estimate_jaccard(*signatures)
    grade = np.array([float(one) for one in grades])
    duplicate = grade >= DUPLICATE

    def shares(threshold: float, wanted: NDArray[np.bool_]) -> tuple[float, float]:
        both = int(((estimate >= threshold) & wanted).sum())
        return both / max(int((estimate >= threshold).sum()), 1), both / int(wanted.sum())

    precision, recall = shares(THRESHOLD, duplicate)
    lines = [
        f"Agreement with people: {len(grades)} pairs of web pages with one canonical address and an S3 score of 0.4 "
        f"or more, graded by hand; {per_cent(duplicate.mean())} are duplicates (2 or 3). What a threshold means for a "
        f"reader: at {THRESHOLD}, the default, a person calls {per_cent(precision)} of the linked pairs duplicates, "
        f"and {per_cent(recall)} of the duplicates are linked; a higher one links fewer pairs that a person would keep "
        "apart and leaves more duplicates in. Shares are of pairs that are compared, for which they need a band in "
        "common.",
        "",
        "  | threshold | chance to be compared | precision, graded 2 or 3 | recall, graded 2 or 3 | "
        "precision, graded 3 | recall, graded 3 |",
        "  |---|---|---|---|---|---|",
    ]
    for threshold in THRESHOLDS:
        cells = [*shares(threshold, duplicate), *shares(threshold, grade == 3.0)]
        found = probability(threshold, PRESET.bands, PRESET.rows)
        lines.append(f"  | {threshold:.2f} | {' | '.join(f'{100 * share:.0f} %' for share in (found, *cells))} |")
    middles = ((name, np.median(estimate[grade == float(name)])) for name in GRADES)
    medians = ", ".join(f"{name}: {value:.2f}" for name, value in middles)
    lines += ["", f"  Median similarity by grade: {medians}."]
    return "\n".join(lines)


def run(settings: Settings) -> Result:
    """Recall and precision of each set, which do not vary, and the curve."""
    folder = settings.data / "neardup"
    if not folder.is_dir():
        return Result(notes=[f"Near-duplicates: not measured, there is no {folder.name} in PILE_DATA."])
    news = [line.split(" ", 1)[1] for line in (folder / "planted-news/articles_2500.train").read_text().splitlines()]
    books = passages(folder / "gutenberg-editions")
    first, second, grades = judged_pairs(folder / JUDGEMENTS)
    sets = {
        "planted edits": {
            "planted-news with edits": with_edits(news),
            "passages of books with edits": with_edits(books),
        },
        "neardup": {"planted-news": news, "editions of books": books, "copycat": [*first, *second]},
    }
    rows, notes = [], []
    for group, texts in sets.items():
        rated = [rate(name, each) for name, each in texts.items()]
        whole = Quality(group, *(sum(counts) for counts in zip(*(astuple(one)[1:] for one in rated), strict=True)))
        rows.append(_row(f"near-duplicates, {group}: recall of {whole.alike:,} pairs", whole.recall, RECALL))
        rows.append(_row(f"near-duplicates, {group}: precision of {whole.links:,} links", whole.precision, PRECISION))
        parts = (
            f"{one.name}: recall {per_cent(one.recall)} of {one.alike:,}, precision {per_cent(one.precision)} of "
            f"{one.links:,}"
            for one in rated
        )
        notes.append(f"near-duplicates, {group}: {'; '.join(parts)}.")
    notes.append(
        f"Near-duplicates, preset fineweb, threshold {THRESHOLD}: recall is the share of the pairs of a true Jaccard "
        f"similarity of {ALIKE} or more that end in one cluster, precision the share of links of {RIGHT} or more."
    )
    return Result(rows, [*notes, agreement(first, second, grades)])


def _row(work: str, share: float, least: float) -> Row:
    return Row(work, per_cent(share), target=per_cent(least), reached=share >= least)
