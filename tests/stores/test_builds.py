"""Whole builds in object stores: the same corpus as on this machine, killed, robbed, and with a store that fails."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
import yaml
from typer.testing import CliRunner, Result

from pile_builder.cli import app
from pile_builder.commits import Commits
from pile_builder.errors import HeldError
from pile_builder.holding import holding
from pile_builder.manifest import Manifest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.partial import Part, build_part
from pile_builder.storage import LOCK, Store
from tests.stores.object_stores import Faults, upload
from tests.test_quickstart import GOLDEN, ROOT

Make = Callable[..., Manifest]
URL = "http://tidewaterallotments.example/notes/leaf-mould.html"


def pile(*arguments: str) -> Result:
    done = CliRunner().invoke(app, arguments)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_the_quickstart_and_what_one_does_with_it(bucket: str, tmp_path: Path):
    """Inputs, side tables and output in the store."""
    upload(ROOT / "samples", f"{bucket}/in")
    given = yaml.safe_load((ROOT / "manifests" / "quickstart.yaml").read_text())
    given |= {"root": f"{bucket}/in", "decontaminate": {"evals": [str(ROOT / "samples/evals/evals.yaml")]}}
    manifest = tmp_path / "m.yaml"
    manifest.write_text(yaml.safe_dump(given))
    out = f"{bucket}/out"
    assert f"digest {GOLDEN['digest']}" in pile("build", str(manifest), "--out", out).output
    assert pile("status", str(manifest), "--out", out).output.count("nothing to do") == 10
    assert pile("verify", out).output.endswith("digests and counts as recorded\n")
    if not out.startswith("s3://"):
        return
    assert orjson.loads(pile("explain", out, URL, "--json").output)[0]["written"]
    words = tmp_path / "tokenizer.json"
    pile("tokenizer", "train", out, "--vocabulary", "400", "--out", str(words))
    pile("tokenize", out, "--format", "nanogpt", "--tokenizer", str(words))
    (tmp_path / "urls").write_text(URL)
    assert "1 documents are listed" in pile("takedown", out, "--urls", str(tmp_path / "urls"), "--yes").output
    assert pile("verify", out).output.endswith("digests and counts as recorded\n")
    assert "digest" in pile("audit", out).output
    alarms = orjson.loads(Store(out).read("report/summary.json"))["alarms"]
    assert "balance" not in {alarm["kind"] for alarm in alarms}


KILLED = """
import sys
from tests.conftest import register_toy, toy_data
from pile_builder.holding import holding
from pile_builder.manifest import check_manifest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.partial import Part, build_part
register_toy()
with holding(sys.argv[2], "pile build") as store:
    manifest = check_manifest(toy_data(sys.argv[1]), f"{sys.argv[1]}/m.yaml", {})
    build(manifest, sys.argv[2], RunOptions(guard=store.guard))
"""


def test_killed_and_taken_over(toy_manifest: Make, toy_files: Path, tmp_path: Path, s3: str):
    expected = build(toy_manifest(), str(tmp_path / "whole"), RunOptions())["digest"]
    with subprocess.Popen([sys.executable, "-c", KILLED, str(toy_files), s3], start_new_session=True) as process:
        while not Commits(Store(s3), "ingest").done():
            assert process.poll() is None
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGKILL)
    with pytest.raises(HeldError, match=f"process {process.pid} "), holding(s3, "pile build"):
        pass
    with holding(s3, "pile build", take_over=True) as store:
        assert build(toy_manifest(), s3, RunOptions(guard=store.guard))["digest"] == expected
    assert len(Store(s3).names(LOCK)) == 1


def test_slices_share_a_store_and_the_rest_has_it_alone(toy_manifest: Make, tmp_path: Path, s3: str):
    expected = build(toy_manifest(), str(tmp_path / "whole"), RunOptions())["digest"]
    with holding(s3, "slice 1", shared=True) as one, holding(s3, "slice 2", shared=True) as two:
        for number, store in enumerate((one, two), 1):
            part = Part.parse("ingest,annotate", f"{number}/2")
            build_part(toy_manifest(), s3, part, RunOptions(guard=store.guard), wait=False)
            with pytest.raises(HeldError, match=r"`slice \d`"), holding(s3, "pile build"):
                pass
    with holding(s3, "pile build") as store:
        assert build(toy_manifest(), s3, RunOptions(guard=store.guard))["digest"] == expected
    assert len(Store(s3).names(LOCK)) == 1


def test_one_request_in_twenty_fails(toy_manifest: Make, toy_files: Path, tmp_path: Path, s3: str, faults: Faults):
    expected = build(toy_manifest(), str(tmp_path / "whole"), RunOptions())["digest"]
    upload(toy_files, f"{s3}/in")
    faults.every = 20
    manifest = toy_manifest(root=f"{s3}/in")
    with holding(f"{s3}/out", "pile build") as store:
        assert build(manifest, store.root, RunOptions(guard=store.guard))["digest"] == expected
    assert faults.failed > 20
