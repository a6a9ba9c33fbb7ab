"""What a build says before it does anything again: what, why, and what it took the last time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pile_builder import work
from pile_builder.audit.status import build_status
from pile_builder.errors import PileError
from pile_builder.manifest import Manifest
from pile_builder.pipelines import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.storage import Store
from tests.toy_source import Toy

Make = Callable[..., Manifest]


def to_do(manifest: Manifest, out: Path) -> dict[str, str]:
    return {row.phase: row.next for row in build_status(manifest, Store(str(out)))}


def test_status_and_build_say_what_is_redone_and_why(
    toy_manifest: Make, toy_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "out"
    build.build(toy_manifest(), str(out), RunOptions())
    assert set(to_do(toy_manifest(), out).values()) == {"nothing to do"}

    said = to_do(toy_manifest(sources=_with_suffix()), out)["ingest"]
    assert 'left.options.suffix: "" -> "!"' in said
    assert "2 splits (0.2 MiB) are read again, " in said
    assert "core-hours the last time" in said

    with monkeypatch.context() as patch:
        patch.setattr(Toy, "version", 7)
        assert "left.plugin_version: 1 -> 7" in to_do(toy_manifest(), out)["ingest"]
    with monkeypatch.context() as patch:
        patch.setattr(work, "version", lambda name: "99.9")
        assert '-> "99.9"' in to_do(toy_manifest(), out)["ingest"]
    with monkeypatch.context() as patch:
        # Named by options, not by the class.
        patch.setattr(Toy, "text_libraries", lambda self: ("numpy",))
        assert "left.libraries.numpy" in to_do(toy_manifest(), out)["ingest"]
    with monkeypatch.context() as patch:
        patch.setitem(work.VERSIONS, "settle", 99)
        assert "left" not in to_do(toy_manifest(), out)["ingest"]
        assert to_do(toy_manifest(), out)["settle"].startswith("runs 4")

    (toy_files / "1.txt").write_text("changed words\n")
    (toy_files / "2.txt").unlink()
    (toy_files / "4.txt").write_text("new words\n")
    sources = toy_manifest().given["sources"]
    sources["right"]["inputs"] = ["3.txt", "4.txt"]
    changed = toy_manifest(sources=sources)
    expected = (
        "left: 1 input files changed (1.txt)",
        "right: 1 input files new (4.txt)",
        "right: 1 input files gone (2.txt)",
    )
    assert all(one in to_do(changed, out)["ingest"] for one in expected)
    lines: list[str] = []
    build.build(changed, str(out), RunOptions(say=lines.append))
    assert all(any(one in line for line in lines) for one in expected)


def test_it_asks_before_much_is_read_again(toy_manifest: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    out = tmp_path / "out"
    digest = build.build(toy_manifest(), str(out), RunOptions())["digest"]
    monkeypatch.setattr(build, "ASK_SECONDS", 0)
    asked: list[str] = []

    def refuse(question: str) -> bool:
        asked.append(question)
        return False

    changed = toy_manifest(sources=_with_suffix())
    with pytest.raises(PileError, match="nothing was changed; --yes"):
        build.build(changed, str(out), RunOptions(confirm=refuse))
    assert len(asked) == 1
    # What the earlier manifest asks for still stands.
    assert set(to_do(toy_manifest(), out).values()) == {"nothing to do"}
    assert build.build(toy_manifest(), str(out), RunOptions(confirm=refuse))["digest"] == digest
    assert len(asked) == 1


def _with_suffix() -> dict[str, Any]:
    return {
        "left": {"plugin": "toy", "inputs": ["0.txt", "1.txt"], "epochs": 1.5, "options": {"suffix": "!"}},
        "right": {"plugin": "toy", "inputs": ["2.txt", "3.txt"]},
    }
