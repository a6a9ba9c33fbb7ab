"""The commands that show what there is to choose from: `pile manifest`, `pile rules`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Table

from pile_builder.terminal import Console, echo

manifests = typer.Typer(no_args_is_help=True, help="Look at what a manifest may say.")
rules = typer.Typer(no_args_is_help=True, help="Look at quality rules and try them.")


@manifests.command("schema")
def schema() -> None:
    """Print the JSON schema of manifests."""
    from pile_builder.manifest import manifest_schema

    echo(orjson.dumps(manifest_schema(), option=orjson.OPT_INDENT_2).decode())


@manifests.command("check")
def check(manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="a manifest (YAML)")]) -> None:
    """Check a manifest and that its inputs exist."""
    from pile_builder.manifest import load_manifest

    loaded = load_manifest(manifest)
    splits = {name: len(list(plugin.splits())) for name, plugin in loaded.plugins.items()}
    echo(f"{manifest}: valid; " + ", ".join(f"{name}: {count} splits" for name, count in splits.items()))


@rules.command("list")
def list_rules() -> None:
    """List every recipe and its rules with their thresholds and where they come from."""
    from pile_builder.recipes import RECIPES

    for recipe in RECIPES.values():
        echo(f"{recipe.name}: {recipe.source}")
        for rule in recipe.rules:
            echo(f"    {rule.name:<26} drops {rule.condition:<50} {rule.source}")


@rules.command("presets")
def list_presets() -> None:
    """List every preset: what it follows, its recipes and rules, what it needs and what it leaves out."""
    from pile_builder.presets import PRESETS
    from pile_builder.recipes import RECIPES

    for preset in PRESETS.values():
        echo(f"{preset.name}: {preset.description}\n    source: {preset.source}")
        if preset.language:
            echo(f"    language: {', '.join(preset.language['keep'])}, score {preset.language['min_score']}")
        if preset.licences:
            echo(f"    licences: {', '.join(preset.licences['allow'])}; unknown: {preset.licences['unknown']}")
        for name in preset.recipes:
            echo(f"    {name}")
            for rule in RECIPES[name].rules:
                echo(f"        {rule.name:<28} drops {rule.condition}")
        for need in preset.needs:
            echo(f"    needs {need.name}: {need.what} ({' or '.join(need.fields)})")
        if preset.left_out:
            echo(f"    not done: {preset.left_out}")
        echo("")


@rules.command("try")
def try_rules(
    name: Annotated[str, typer.Argument(metavar="RECIPE", help="a recipe, see `pile rules list`")],
    files: Annotated[
        list[Path], typer.Argument(metavar="FILES", help="text files, or .jsonl[.zst|.gz] with a text field")
    ],
) -> None:
    """Apply a recipe to documents and show what it measures, drops and why."""
    from pile_builder.audit.trial import try_recipe

    console = Console()
    table = Table(box=None, pad_edge=False)
    for column in ("document", "verdict", "value", "threshold"):
        table.add_column(column, overflow="fold")
    dropped = total = 0
    for row in try_recipe(name, files):
        total += 1
        dropped += bool(row.rule)
        table.add_row(row.name, row.rule or "kept", _number(row.value), _number(row.threshold))
    console.print(table)
    console.print(f"{total - dropped:,} of {total:,} kept", highlight=False)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
