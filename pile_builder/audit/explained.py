"""Documents' stories and domains as people read them in a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from pile_builder.terminal import Console

_SHOWN = 10
"""Lines of a kind that are shown; `--json` has all."""


def print_story(story: Mapping[str, Any], console: Console) -> None:
    """Print what `explain_document` tells of one document."""
    fate = _fate(story)
    console.print(Text.assemble((story["id"], "bold"), "  ", (fate, "green" if fate == "kept" else "red")))
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for name, value in _lines(story):
        table.add_row(f"  {name}", Text(value))
    console.print(table)
    if story.get("text"):
        console.print()
        console.print(Text(story["text"]))


def print_domain(found: Mapping[str, Any], console: Console) -> None:
    """Print what `explain_domain` tells."""
    counted = f"{found['documents']:,} documents and rejects from {found['domain']} and names below it"
    console.print(counted, highlight=False, markup=False)
    fates = Table(box=None, pad_edge=False)
    for name in ("source", "fate", "documents", "bytes"):
        fates.add_column(name, justify="right" if name in ("documents", "bytes") else "left")
    for one in found["fates"]:
        fates.add_row(one["source"], one["rule"], f"{one['documents']:,}", f"{one['bytes']:,}")
    console.print(fates)
    if not found["listed"]:
        return
    console.print(f"\nthe first {len(found['listed']):,} by id:", highlight=False)
    for one in found["listed"]:
        console.print(Text(f"{one['id']}  {one['rule']}  {one['key']}"), soft_wrap=True)


def _fate(story: Mapping[str, Any]) -> str:
    if "taken_down" in story:
        return "taken down"
    verdict = story.get("dropped") or story["verdict"]
    return "kept" if verdict == "kept" else f"dropped by {verdict}"


def _lines(story: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and value of what is told, in the order in which it happened."""
    yield from (("key", story["key"]),) if "key" in story else ()
    yield "split", story["split"]
    for name, value in story.get("taken_down", {}).items():
        yield name.replace("_", " "), value
    if story.get("detail"):
        yield "detail", story["detail"]
    for name, value in story.get("meta", {}).items():
        yield name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    if "verdict" not in story:
        return
    rewritten = f", {story['bytes_written']:,} after rewriting" if story["bytes_written"] != story["bytes"] else ""
    yield "bytes", f"{story['bytes']:,}{rewritten}"
    yield from _named("rules", _rules(story["rules"]))
    yield from _named("rewritten", _spans(story["spans"]))
    if story.get("cluster"):
        lost = story["cluster"]
        yield "duplicate", f"of {lost['lost_to']} ({lost['by']}, estimated Jaccard {lost['estimated_jaccard']:.2f})"
    yield from _named("repeated", [_plain(one) for one in story.get("removed_paragraphs", ())])
    yield from _named("eval items", [_plain(one) for one in story.get("contamination", ())])
    yield from _named("written", [_line(one) for one in story["written"]])
    for subset, lines in story.get("subsets", {}).items():
        yield from _named(f"subset {subset}", [_line(one) for one in lines])
    yield from _named("exports", [_plain(one) for one in story.get("exports", ())])


def _named(name: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:
    for at, value in enumerate(values[:_SHOWN]):
        yield "" if at else name, value
    if len(values) > _SHOWN:
        yield "", f"and {len(values) - _SHOWN:,} more (--json has all)"


def _rules(rules: Sequence[Mapping[str, Any]]) -> list[str]:
    failed = [one for one in rules if not one["pass"]]
    passed = f"{len(rules) - len(failed)} of {len(rules)} passed"
    return [passed] + [
        f"{one['rule']}: {one['value']:.6g}{_detail(one)}, dropped {one['drop']} {one['threshold']:.6g}"
        for one in failed
    ]


def _detail(rule: Mapping[str, Any]) -> str:
    return f" ({rule['detail']})" if rule.get("detail") else ""


def _spans(spans: Sequence[Mapping[str, Any]]) -> list[str]:
    cut: Counter[str] = Counter()
    times: Counter[str] = Counter()
    for span in spans:
        times[span["rule"]] += 1
        cut[span["rule"]] += span["end"] - span["start"]
    return [f"{rule}: {cut[rule]:,} bytes in {times[rule]:,} places" for rule in sorted(times)]


def _line(line: Mapping[str, Any]) -> str:
    which = "".join(f", {name} {line[name]}" for name in ("copy", "piece") if line[name])
    return f"{line['shard']} line {line['line']:,}, byte {line['offset']:,}{which}"


def _plain(values: Mapping[str, Any]) -> str:
    said = (f"{name} {value}" for name, value in values.items() if value not in (None, ""))
    return " ".join(", ".join(said).split())
