"""What extractors keep and lose of pages that are not news: a draw of pages by kind, a table of all extractors on them.

    python -m benchmarks.extraction_look FOLDER... [--quota 12] [--out TABLE.tsv] [--pages FOLDER]

FOLDER holds WARC files. Pages of each kind are drawn by keyed hash of their address, at most PER_HOST from one host, so
that the same files give the same pages. Kinds are told by rules over address and markup alone (`KINDS`), never by what
an extractor makes of a page; the first rule that fits decides, and most pages fit none: news, blogs, home pages.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from pile_builder.errors import InputError
from pile_builder.extraction.console import Trials, print_marks, print_overview
from pile_builder.extraction.pages import archive_pages
from pile_builder.extraction.trials import EXTRACTORS, Choice, Confined, parse_choice
from pile_builder.input_files import InputFile
from pile_builder.source import Raw
from pile_builder.sources.common_crawl.charset import decode
from pile_builder.terminal import Console

KEY = b"extraction look 1"
PER_HOST = 3
LEAST_WORDS = 40
"""Visible words below which there is nothing to look at."""
WIDTH = 150
"""Columns of what is written to read."""
HEAD = 600_000
"""Characters of a page that the rules look at."""
TIMED = 0.05
"""Seconds of repeated runs of each extractor on each page."""
_ARCHIVED = re.compile(r"^https?://web\.archive\.org/web/\d+[a-z_]*/(?=https?://)")
_HOST = re.compile(r"^https?://(?:www\.)?([^/:?#]+)")


@dataclass(frozen=True)
class Cues:
    """What the rules see of a page: address without an archive's own, markup in lower case, counts of tags."""

    url: str
    page: str
    tags: Counter[str]

    def names(self, pattern: str) -> bool:
        """Whether the address matches, what is asked for left out: a search has the words of everything."""
        found = re.search(pattern, self.url)
        return found is not None and found.end() <= len(self.url.partition("?")[0]) + 7

    def says(self, pattern: str) -> bool:
        """Whether the markup matches."""
        return re.search(pattern, self.page) is not None

    def is_a(self, schema: str) -> bool:
        """Whether the page says in schema.org's words to be that, as microdata or JSON-LD, and no news."""
        typed = rf'schema\.org/(?:{schema})\b|"@type"\s*:\s*\[?\s*"(?:{schema})"'
        return self.says(typed) and not self.says(r'"@type"\s*:\s*\[?\s*"newsarticle"')

    def made_by(self, program: str) -> bool:
        """Whether the page names the program that made it as its generator."""
        return self.says(rf"<meta[^>]{{0,100}}generator[^>]{{0,100}}(?:{program})")


KINDS: dict[str, Callable[[Cues], bool]] = {
    "wiki": lambda cues: (
        cues.names(r"wiki(?!media|leaks)|/index\.php\?title=") or cues.made_by("mediawiki|dokuwiki|moinmoin|wikidot")
    ),
    "list": lambda cues: cues.names(r"search|/s\?|/tags?/|/categor|browse|/index\.(?:html?|php)$|directory|/results"),
    "question": lambda cues: (
        cues.names(r"/questions?/|stackoverflow|stackexchange|/faqs?\b|faq[._]|quora\.com|answers\.")
        or cues.is_a("qapage|faqpage|question")
    ),
    "forum": lambda cues: (
        cues.names(r"(?<![a-z])forums?(?![a-z])|viewtopic|showthread|/threads?/|post-view|posts-display")
        or cues.made_by("phpbb|vbulletin|xenforo|discourse|smf|mybb|invision")
        or cues.says(r'<html[^>]{0,300}id="xf"|class="message-body')
        or cues.is_a("discussionforumposting")
    ),
    "recipe": lambda cues: (
        cues.names(r"rezept|recipe|przepis|recette|ricett|kochbar|chefkoch|backen\.de") or cues.is_a("recipe")
    ),
    "shop": lambda cues: (
        cues.names(r"shop(?![a-z])|/products?/|wholesale|/store/|catalogue|/cart|booking|hotel")
        or cues.says(r'og:type" content="product|in den warenkorb</|class="[^"]*single-product[" ]')
        or (cues.is_a("product") and cues.is_a("offer|aggregateoffer"))
    ),
    "code": lambda cues: (
        cues.names(r"github\.com|gitlab|gist\.|pastebin|bitbucket|/src/")
        or cues.tags["pre"] >= 8
        or (cues.tags["pre"] >= 2 and cues.tags["code"] >= 2)
        or cues.tags["code"] >= (8 if cues.tags["pre"] else 20)
    ),
    "documentation": lambda cues: (
        cues.names(
            r"/docs?[/.]|documentation|manual|/reference|/man\d?/|/help|/api\b|/guides?/|/rfcs?/|tutori|lexikon|glossar|how-?to"
            r"|policy|privacy|terms|conduct|accessibility|/about/|iana\.org/|ccbot|impressum|trials\.gov"
        )
        or cues.made_by("sphinx|mkdocs|docusaurus|doxygen|gitbook|javadoc")
    ),
    "table": lambda cues: cues.tags["th"] >= 4 and len(re.findall(r"<td[^>]*>[^<]*\d[\d.,:%]+\d", cues.page)) >= 20,
}
"""The first that fits decides: a search for a wiki is a list, a wiki's page on a hotel is a wiki's."""


def pages(folders: list[Path]) -> Iterator[tuple[InputFile, int, Raw]]:
    """Every HTML page of the WARC files in the folders, with its file and number there."""
    for folder in folders:
        for path in sorted(folder.rglob("*.warc*")):
            file = InputFile(str(path.relative_to(folder.parent)), str(path), path.stat().st_size, version="as it is")
            with suppress(InputError):
                for number, raw in enumerate(archive_pages(file), 1):
                    yield file, number, raw


def kind_of(url: str, page: str) -> str:
    """The kind by the first rule that fits, empty if none does."""
    head = page[:HEAD].lower()
    cues = Cues(_ARCHIVED.sub("", url).lower(), head, Counter(re.findall(r"<([a-z]+)", head)))
    return next((kind for kind, fits in KINDS.items() if fits(cues)), "")


def draw(folders: list[Path], quota: int) -> tuple[dict[str, list[tuple[str, Raw]]], Counter[str]]:
    """Pages by kind, each with where it lies, in the order of their hashes; and how many there were of each kind."""
    ranked: dict[str, list[tuple[bytes, str, Raw]]] = {kind: [] for kind in KINDS}
    seen: set[str] = set()
    counts: Counter[str] = Counter()
    for file, number, raw in pages(folders):
        url = str(raw.meta.get("url", ""))
        decoded = decode(raw.payload, raw.media_type)
        if url in seen or not decoded:
            continue
        seen.add(url)
        kind = kind_of(url, decoded[0])
        counts[kind or "none of them"] += 1
        if kind:
            rank = hashlib.blake2b(url.encode("utf-8", "replace"), key=KEY, digest_size=8).digest()
            ranked[kind].append((rank, f"{file.name}#{number}", raw))
    chosen: dict[str, list[tuple[str, Raw]]] = {}
    for kind, found in ranked.items():
        hosts: Counter[str] = Counter()
        few: list[tuple[str, Raw]] = []
        many: list[tuple[str, Raw]] = []
        for _, where, raw in sorted(found, key=lambda each: each[0]):
            host = _host(str(raw.meta.get("url", "")))
            hosts[host] += 1
            (few if hosts[host] <= PER_HOST else many).append((where, raw))
        # A second portion of a host's pages only where there are too few others.
        chosen[kind] = (few + many)[: quota * 2]
    return chosen, counts


def _host(url: str) -> str:
    found = _HOST.match(_ARCHIVED.sub("", url))
    return found[1] if found else url


def main() -> None:
    """Draw, extract, print shares by kind; write the table, and the pages to read, where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extraction_look", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--quota", type=int, default=12, help="pages of each kind")
    parser.add_argument("--out", type=Path, help="a row for each page, tab-separated")
    parser.add_argument("--pages", type=Path, help="a folder: each page as text, its lines with marks of who kept them")
    parser.add_argument("--kind", choices=list(KINDS), help="only pages of that kind")
    parser.add_argument("--lines", type=int, default=120, help="of a page in --pages")
    parser.add_argument("-e", "--extractor", action="append", type=parse_choice, help="NAME[:SETTING], again for more")
    arguments = parser.parse_args()
    choices = arguments.extractor or [*map(Choice, EXTRACTORS), Choice("trafilatura", "precision")]
    chosen, counts = draw(arguments.folders, arguments.quota)
    print(", ".join(f"{kind} {count:,}" for kind, count in counts.most_common()), file=sys.stderr)
    if not any(chosen.values()):
        parser.error(f"expected WARC files with pages in {', '.join(map(str, arguments.folders))}; there are none")
    table: list[dict[str, object]] = []
    with Confined(timed=TIMED) as confined:
        for kind, found in chosen.items():
            if arguments.kind not in (None, kind):
                continue
            taken = 0
            for where, raw in found:
                if taken == arguments.quota:
                    break
                seen = confined.look(raw)
                trials = Trials(seen, [])
                if trials.visible.word_count < LEAST_WORDS and not seen.problem:
                    continue
                taken += 1
                trials = Trials(seen, [confined.try_extractor(raw, choice) for choice in choices])
                table.append({"kind": kind, "page": where, "url": raw.meta.get("url", ""), **row(trials)})
                if arguments.pages:
                    arguments.pages.mkdir(parents=True, exist_ok=True)
                    _write(trials, arguments.pages / f"{kind}-{taken:02}.txt", arguments.lines)
                print(f"{kind} {taken}: {where}", file=sys.stderr)
    if arguments.out:
        with arguments.out.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(table[0]), delimiter="\t", lineterminator="\n")
            writer.writeheader()
            writer.writerows(table)
    print("\n".join(summary(table, [choice.label for choice in choices])))


def _write(trials: Trials, path: Path, lines: int) -> None:
    with path.open("w") as stream:
        console = Console(width=WIDTH)
        console.file = stream
        print_overview(console, trials)
        print_marks(console, trials, lines)


def summary(table: Sequence[Mapping[str, object]], labels: Sequence[str]) -> list[str]:
    """Lines of a Markdown table: for each kind the mean over its pages of the share of visible words kept.

    In brackets how many pages gave no text at all; for an extractor that may leave a page to another one, after a slash
    how many it left.
    """
    lines = [f"| kind | pages | {' | '.join(labels)} |", f"|---|---|{'---|' * len(labels)}"]
    for kind in dict.fromkeys(str(each["kind"]) for each in table):
        rows = [each for each in table if each["kind"] == kind]
        cells = []
        for label in labels:
            shares = [float(str(each[f"{label} kept"])) / max(float(str(each["visible"])), 1) for each in rows]
            nothing = sum(isinstance(each[f"{label} words"], str) for each in rows)
            left = sum(bool(each[f"{label} by"]) for each in rows)
            cells.append(f"{sum(shares) / len(shares):.2f}{f' ({nothing})' * bool(nothing)}{f' /{left}' * bool(left)}")
        lines.append(f"| {kind} | {len(rows)} | {' | '.join(cells)} |")
    return lines


def row(trials: Trials) -> dict[str, object]:
    """Numbers of a page: words kept and lost by extractor, or the rule of its reject, and agreement of each two."""
    visible = trials.visible.word_count
    found: dict[str, object] = {"visible": visible}
    for number, trial in enumerate(trials.trials):
        kept = trials.visible.count_in(trials.texts[number])
        label = trial.choice.label
        found[f"{label} words"] = trial.rule or trials.texts[number].word_count
        found[f"{label} kept"] = kept
        found[f"{label} lost"] = visible - kept
        found[f"{label} by"] = trial.meta.get("extractor", "")
        found[f"{label} ms"] = f"{1000 * trial.seconds:.1f}" if trial.seconds is not None else ""
    for one, other in combinations(range(len(trials.trials)), 2):
        name = f"{trials.trials[one].choice.label} ~ {trials.trials[other].choice.label}"
        found[name] = f"{trials.agreement(one, other):.2f}"
    return found


if __name__ == "__main__":
    main()
