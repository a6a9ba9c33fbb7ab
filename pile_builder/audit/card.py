"""The dataset card: corpus/README.md, by which `datasets.load_dataset` finds the splits."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from pile_builder.manifest import Manifest
from pile_builder.masking import mask
from pile_builder.terminal import shown


def dataset_card(manifest: Manifest, summary: Mapping[str, Any], shards: Sequence[Mapping[str, Any]]) -> str:
    """The card as Markdown with its YAML head."""
    splits: dict[str, list[str]] = {}
    for shard in shards:
        splits.setdefault(shard["split"], []).append(shard["name"])
    files = [
        {"split": split, "path": names[0] if len(names) == 1 else f"{split}/*.jsonl.zst"}
        for split, names in splits.items()
    ]
    head = yaml.safe_dump(
        {"pretty_name": manifest.name, "configs": [{"config_name": "default", "data_files": files}]}, sort_keys=False
    )
    rows = "\n".join(
        f"| {_cell(manifest.set_name(name))} | {source['read']:,} | {source['kept']:,} | {source['kept_bytes']:,} "
        f"| {source['epochs']} | {source['weight']:.2%} |"
        for name, source in summary["sources"].items()
    )
    written = "\n".join(
        f"| {split} | {counts['documents']:,} | {counts['bytes']:,} |" for split, counts in summary["written"].items()
    )
    subsets = "\n".join(
        f"| {one['folder'].removeprefix('corpus/')} | {one['documents']:,} | {one['bytes']:,} | {one['share']:.2%} |"
        for one in summary.get("subsets", ())
    )
    nested = f"""
| nested subset of train | documents, with copies | bytes of text | share |
|---|---:|---:|---:|
{subsets}
"""
    gone = sum(source["dropped"].get("takedown", 0) for source in summary["sources"].values())
    taken_down = f"\n{gone:,} documents were taken down; copies made before may hold them.\n" if gone else ""
    about = f"{mask(manifest.description.strip())}\n\n" if manifest.description else ""
    return f"""---
{head}---

# {manifest.name}

{about}Each line is `{{"text": ..., "meta": {{"pile_set_name": ...}}}}`. Digest `{summary["digest"]}`.

| source | read | kept | kept bytes | epochs | weight |
|---|---:|---:|---:|---:|---:|
{rows}

| split | documents, with copies | bytes of text |
|---|---:|---:|
{written}
{nested if subsets else ""}{taken_down}
    from datasets import load_dataset
    corpus = load_dataset("path/to/this/folder", split="train", streaming=True)
"""


def _cell(text: str) -> str:
    """Text as a cell of a Markdown table: nothing in it is markup, and it ends where it should."""
    plain = html.escape(" ".join(shown(text).split()))
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", plain)
