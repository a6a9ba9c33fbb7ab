"""Many jobs in one folder: slices side by side, then the rest, and the corpus is that of one build."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
import yaml
from typer.testing import CliRunner

from pile_builder.cli import app
from pile_builder.commits import Commits
from pile_builder.errors import PileError
from pile_builder.input_versions import Slice
from pile_builder.manifest import load_manifest
from pile_builder.pipelines.partial import Part
from pile_builder.storage import Store
from pile_builder.work import plan_work

SLICES = 4


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Two sources of made-up documents in ten splits, and one with files and a side table."""
    options = {"documents": 120, "split_documents": 24}
    papers = Path(__file__).parents[2] / "samples"
    data = {
        "name": "sliced",
        "sources": {
            "left": {"plugin": "rehearsal", "inputs": ["-"], "options": options},
            "right": {"plugin": "rehearsal", "inputs": ["-"], "options": options | {"seed": 2}},
            "arxiv": {
                "inputs": ["arxiv/*.tar"],
                "root": str(papers),
                "options": {"metadata": "arxiv/arxiv-metadata-oai-snapshot.json"},
            },
        },
        "dedup": {},
        "mix": {"validation": 0.05, "test": 0.05},
        "output": {"segment_bytes": 20_000, "shard_bytes": 60_000},
    }
    path = tmp_path / "sliced.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def pile(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pile_builder.cli", *arguments, "--workers", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )


def digest(out: Path) -> str:
    return str(orjson.loads((out / "report/summary.json").read_bytes())["digest"])


def test_slices_at_once_then_the_rest_make_the_same_corpus(manifest: Path, tmp_path: Path):
    whole, out = tmp_path / "whole", tmp_path / "out"
    runner = CliRunner()
    assert runner.invoke(app, ["build", str(manifest), "--out", str(whole)], catch_exceptions=False).exit_code == 0
    parts = [
        pile("build", str(manifest), "--out", str(out), "--only", "ingest,annotate", "--slice", f"{number}/{SLICES}")
        for number in range(1, SLICES + 1)
    ]
    for number, part in enumerate(parts, 1):
        printed, errors = part.communicate()
        assert part.returncode == 0, errors
        assert printed.startswith(f"slice {number}/{SLICES}: ingest: ")
    before = {path.name: path.stat().st_mtime_ns for path in (out / "work/ingest").glob("*.json")}
    assert len(before) == len(list((whole / "work/ingest").glob("*.json"))) == 11

    asked = ["build", str(manifest), "--out", str(out)]
    for phases in ("select,dedup", "settle,mix", "assemble"):
        result = runner.invoke(app, [*asked, "--only", phases], catch_exceptions=False)
        assert result.exit_code == 0
    assert runner.invoke(app, asked, catch_exceptions=False).exit_code == 0
    assert digest(out) == digest(whole)
    assert (out / "manifest.lock.yaml").read_bytes() == (whole / "manifest.lock.yaml").read_bytes()
    assert {path.name: path.stat().st_mtime_ns for path in (out / "work/ingest").glob("*.json")} == before


def test_a_later_phase_says_what_is_missing(manifest: Path, tmp_path: Path):
    out = tmp_path / "out"
    asked = ["build", str(manifest), "--out", str(out), "--only"]
    runner = CliRunner()
    runner.invoke(app, [*asked, "ingest", "--slice", "2/4"], catch_exceptions=False)
    failed = runner.invoke(app, [*asked, "dedup"])
    assert failed.exit_code
    said = str(failed.exception) + failed.output
    assert "8 of 11 tasks of ingest" in said
    assert "11 of 11 tasks of select" in said
    assert "--wait" in said


def test_whoever_waits_goes_on_when_the_others_are_done(manifest: Path, tmp_path: Path):
    out = str(tmp_path / "out")
    waiting = pile("build", str(manifest), "--out", out, "--only", "select", "--wait")
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(3)
    first = pile("build", str(manifest), "--out", out, "--only", "ingest,annotate")
    assert first.wait() == 0, first.stderr.read() if first.stderr else ""
    printed, errors = waiting.communicate(timeout=120)
    assert waiting.returncode == 0, errors
    assert "select: 11 tasks done" in printed


def test_a_slice_leaves_failures_and_notes_of_others_alone(manifest: Path, tmp_path: Path):
    loaded = load_manifest(manifest)
    store = Store(str(tmp_path / "out"))
    mine, other = (plan_work(loaded, store, Slice(number, 2)) for number in (1, 2))
    commits = Commits(store, "ingest")
    for work in (mine, other):
        commits.fail(work.blocks[0].ingest, "lost its disk")
        store.write(f"work/ingest/{work.blocks[0].ingest}.records", b"7")
    asked = ["build", str(manifest), "--out", store.root, "--only", "ingest", "--slice", "1/2"]
    assert CliRunner().invoke(app, asked, catch_exceptions=False).exit_code == 0
    assert commits.failures() == {other.blocks[0].ingest: "lost its disk"}
    assert commits.noted(commits.state().noted) == {other.blocks[0].ingest: 7}


def test_slices_are_the_whole_and_nothing_twice(manifest: Path, tmp_path: Path):
    loaded, store = load_manifest(manifest), Store(str(tmp_path / "out"))
    whole = plan_work(loaded, store)
    sliced = [plan_work(loaded, store, Slice(number, 5)) for number in range(1, 6)]
    for phase in ("ingest", "annotate", "select"):
        keys = [key for work in sliced for key in work.keys(phase)]
        assert sorted(keys) == sorted(whole.keys(phase))
    sizes = [len(work.blocks) for work in sliced]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("only", "given", "said"),
    [
        ("ingest,selct", "", "did you mean 'select'"),
        ("count", "", "part of decontaminate"),
        ("ingest", "0/4", "from 1 to N"),
        ("ingest", "5/4", "from 1 to N"),
        ("ingest", "one", "from 1 to N"),
        ("ingest,dedup", "1/4", "dedup cannot be cut"),
        ("", "1/4", "--only"),
    ],
)
def test_what_makes_no_sense_is_an_error(only: str, given: str, said: str):
    with pytest.raises(PileError, match=said):
        Part.parse(only, given)
