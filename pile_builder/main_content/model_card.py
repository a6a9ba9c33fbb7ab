"""The model's file and the card beside it: what it was trained on, how good it is, what it looks at."""

from __future__ import annotations

from pathlib import Path

from pile_builder.main_content.build_model import FAVOR, SILVER_IMPORTANCE, Built
from pile_builder.main_content.train import FOLDS, SETTINGS, TREES

SHOWN = 25
"""Columns of the greatest gain that the card lists, for each stage."""
_KNOWN_ERRORS = """\
- Captions, titles, bylines and sub-headings: labels of different origin do not agree on them, nor does the model.
- Pages that are several articles one after the other; an article spread over unlike containers.
- Pop-ups and lists of links inside a paragraph cannot be parted from it.
- Short pages lose a paragraph sooner than long ones. Legal notes below press releases are often kept.
- Labels are mostly news and blogs. Forums, shops, documentation and recipes are seen through silver labels only."""


def write_model(built: Built, path: Path) -> None:
    """Write a model, and its card as `path` with the suffix .md."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for target, data in ((path, built.data), (path.with_suffix(".md"), card(built, path.name).encode())):
        partial = target.with_name(target.name + ".partial")
        partial.write_bytes(data)
        partial.replace(target)


def card(built: Built, name: str) -> str:
    """The card as Markdown. It names labels by the last part of their path."""
    thresholds = built.header["thresholds"]
    libraries = ", ".join(f"{library} {version}" for library, version in sorted(built.header["libraries"].items()))
    settings = ", ".join(f"{key} {value}" for key, value in SETTINGS.items())
    lines = [
        f"# {name}",
        "",
        "A classifier of the blocks of a web page: which are its main content. Two stages of "
        f"{' and '.join(map(str, TREES.values()))} gradient-boosted trees. It is read by `extractor: blocks`.",
        "",
        f"- {len(built.data):,} bytes, sha256 `{built.digest}`",
        f"- Least margin (logarithm of the odds): balanced {thresholds['balanced']:.1f}, precision and recall "
        f"{FAVOR:.1f} above and below; pages more uncertain than {built.header['uncertain']:g} go to trafilatura",
        f"- Trained with {libraries}: {settings}",
        "",
        "## Data and how well it is found",
        "",
        f"Cross-validated by host in {FOLDS} folds: a page is judged by stages that saw no page of its host. "
        f"Silver labels count {SILVER_IMPORTANCE:g} of others.",
        "",
        "| labels | pages | F1 | precision | recall |",
        "|---|---|---|---|---|",
    ]
    for source, found in built.agreements.items():
        shares = f"{found.f1:.4f} | {found.precision:.4f} | {found.recall:.4f}"
        lines.append(f"| {Path(source).name} | {built.pages[source]:,} | {shares} |")
    lines += ["", "## Known errors", "", _KNOWN_ERRORS, "", "## What it looks at", ""]
    for name, ranked in zip(("first", "second"), built.importance, strict=True):
        shares = ", ".join(f"{column} {100 * share:.1f}" for column, share in ranked[:SHOWN])
        lines += [f"Per cent of the {name} stage's gain: {shares}.", ""]
    return "\n".join(lines)
