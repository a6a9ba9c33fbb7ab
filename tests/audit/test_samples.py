"""Documents that were taken down appear in no stored excerpt and on no page, and nothing is built again for it."""

import json
from collections.abc import Callable
from pathlib import Path

from pile_builder.audit.status import build_status
from pile_builder.audit.verify import verify_corpus
from pile_builder.manifest import Manifest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.takedown import propose, take_down
from pile_builder.storage import Store
from pile_builder.takedown.look_up import Wanted


def everywhere(out: Path, needle: str) -> list[str]:
    folders = ("report", "work/annotate")
    return [
        path.name
        for folder in folders
        for path in (out / folder).rglob("*")
        if path.is_file() and needle.encode() in path.read_bytes()
    ]


def test_removed_samples_are_gone(toy_manifest: Callable[..., Manifest], tmp_path: Path):
    out, store = tmp_path / "out", Store(str(tmp_path / "out"))
    manifest = toy_manifest(select={"recipes": ["gopher_quality_v1"]})
    build(manifest, str(out), RunOptions())
    audit = json.loads((out / "report/audit.json").read_bytes())
    shown = [one["id"] for rule in audit["rules"] for side in ("dropped", "kept") for one in rule["samples"][side]]
    ids = {audit["samples"]["left"][0]["id"], *shown[:3]}
    proposal = propose(store, Wanted(ids=frozenset(ids)), only_listed=True)
    take_down(store, proposal, "", "", RunOptions())
    for identity in ids:
        assert everywhere(out, identity) == []
    again = json.loads((out / "report/audit.json").read_bytes())
    assert len(again["samples"]["left"]) == len(audit["samples"]["left"])
    assert {row.next for row in build_status(manifest, store)} == {"nothing to do"}
    assert not [problem for check in verify_corpus(store) for problem in check.problems]
