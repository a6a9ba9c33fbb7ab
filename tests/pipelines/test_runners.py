"""Runner profiles and what they start, without a cluster; `make test-runners` builds on Flink."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pile_builder.environment import check_environment, environment
from pile_builder.errors import BuildError, ManifestError
from pile_builder.manifest import Manifest, manifest_to_json
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.runners.attended import free_port, is_listening
from pile_builder.pipelines.runners.choice import make_runner
from pile_builder.runners.flink import Flink
from pile_builder.runners.prism import Prism
from pile_builder.runners.spark import Spark
from pile_builder.storage import Store
from pile_builder.work import plan_work

ROOT = Path(__file__).parents[2]
Make = Callable[..., Manifest]


def test_an_error_in_a_profile_names_field_and_nearest_word(toy_manifest: Make):
    with pytest.raises(
        ManifestError, match=r"runners\.big\.flink\.mastr: unknown key 'mastr'; did you mean 'master'\?"
    ):
        toy_manifest(runners={"big": {"runner": "flink", "mastr": "x:1"}})
    with pytest.raises(ManifestError, match=r"runners\.big\.runner: unknown runner 'flonk'; did you mean 'flink'\?"):
        toy_manifest(runners={"big": {"runner": "flonk"}})
    with pytest.raises(ManifestError, match="unknown runner 'flik'; did you mean 'flink'"):
        toy_manifest().runner("flik")
    assert toy_manifest().runner("flink") == Flink()


def test_variables_of_a_profile_stay_out_of_what_a_build_keeps(toy_manifest: Make, tmp_path: Path):
    profile = {"runner": "direct", "flags": ["--token=${PILE_TEST_TOKEN}"]}
    unset = toy_manifest(runners={"here": profile})
    with pytest.raises(ManifestError, match=r"runners\.here\.flags\.0: \$\{PILE_TEST_TOKEN\} is not set"):
        unset.runner("here")
    assert unset.runner("direct")
    variables = {"PILE_TEST_TOKEN": "se-cr-et"}
    manifest = toy_manifest(variables, runners={"here": profile})
    assert manifest.runner("here").flags == ("--token=se-cr-et",)
    with make_runner(manifest.runner("here"), 2) as runner:
        build(manifest, str(tmp_path / "out"), RunOptions(runner=runner))
    lock = yaml.safe_load((tmp_path / "out" / "manifest.lock.yaml").read_text())
    assert lock["manifest"]["runners"] == {"here": profile}
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file() and b"se-cr-et" in path.read_bytes()]
    assert "se-cr-et" not in str(manifest_to_json(manifest))
    with pytest.raises(ManifestError) as wrong:
        toy_manifest(variables, runners={"here": {"runner": "flink", "parallelism": "${PILE_TEST_TOKEN}"}})
    assert "runners.here.flink.parallelism" in str(wrong.value)
    assert "se-cr-et" not in str(wrong.value)


def test_a_profile_changes_no_fingerprint(toy_manifest: Make, tmp_path: Path):
    plain, other = toy_manifest(), toy_manifest(runners={"big": {"runner": "flink", "parallelism": 500}})
    assert plan_work(plain, Store(str(tmp_path))) == plan_work(other, Store(str(tmp_path)))


def test_workers_from_a_pool_give_the_same_corpus(toy_manifest: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    digest = build(toy_manifest(), str(tmp_path / "here"), RunOptions())["digest"]
    # Beam's local job service takes the jobs, so that all but the cluster is as on Flink.
    with make_runner(Flink(), 2, ["--job_endpoint=embed"]) as runner:
        summary = build(toy_manifest(), str(tmp_path / "pool"), RunOptions(runner=runner))
    assert summary["digest"] == digest


def test_missing_programs_are_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for profile, said in (
        (Flink(job_server="nowhere.jar"), "got 'nowhere.jar', and there is no such file"),
        (Prism(job_server="nowhere"), "make prism"),
    ):
        with make_runner(profile, 1, ["--environment_type=EXTERNAL"]) as runner, pytest.raises(BuildError, match=said):
            runner.run(lambda root: root, "job")
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        make_runner(Spark(), 1, ["--environment_type=EXTERNAL"]) as runner,
        pytest.raises(BuildError, match="Java 11 or 17"),
    ):
        runner.run(lambda root: root, "job")


def test_workers_must_have_the_same_versions():
    check_environment(environment())
    with pytest.raises(BuildError, match=rf"numpy {environment()['numpy']} instead of 1\.0"):
        check_environment({**environment(), "numpy": "1.0"})


STARTS_A_SERVER = """
import sys, time
from pathlib import Path
from pile_builder.pipelines.runners.attended import Attended
command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", sys.argv[1]]
assert Attended(command, Path(sys.argv[2])).wait_for_port(int(sys.argv[1]), 60)
print("up", flush=True)
time.sleep(600)
"""


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path):
    port = free_port()
    command = [sys.executable, "-c", STARTS_A_SERVER, str(port), str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == b"up\n"
        os.kill(parent.pid, signal.SIGKILL)
    for _ in range(300):
        if not is_listening("localhost", port):
            return
        time.sleep(0.1)
    pytest.fail("the server still listens")
