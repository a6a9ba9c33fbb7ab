"""Shards are the same however few of the blocks that they are made of are open at a time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pile_builder.manifest import Manifest
from pile_builder.pipelines import assemble
from tests.test_build import run

Make = Callable[..., Manifest]


def test_few_open_blocks_make_the_same_shards(toy_manifest: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # Texts are rewritten, so that spans are open beside blocks.
    manifest = toy_manifest(select={"language": None, "privacy": ["email"]})
    digest = run(manifest, tmp_path / "many")["digest"]
    kept: list[int] = []
    close_oldest = assemble._Opened._close_oldest

    def counted(self: assemble._Opened) -> None:
        kept.append(len(self._files))
        close_oldest(self)

    monkeypatch.setattr(assemble._Opened, "_close_oldest", counted)
    monkeypatch.setattr(assemble, "OPEN_BLOCKS", 1)
    assert run(manifest, tmp_path / "few")["digest"] == digest
    assert len(kept) > 4
    assert max(kept) == 1
