"""Builds on Flink, Spark and Prism with their own programs and an external worker pool, to the golden digest.

Run by `make test-runners`, which makes Flink's job server; Spark's and Prism are used where `make spark-jar` and
`make prism` left them.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from pile_builder.pipelines.runners.attended import free_port, is_listening
from tests.test_quickstart import GOLDEN

ROOT = Path(__file__).parents[2]
PROGRAMS = {
    "flink": "flink-job-server/flink-job-server.jar",
    "spark": "spark-job-server/spark-job-server.jar",
    "prism": "prism",
}
LIMIT = 600
"""Seconds after which a build counts as hung."""


def program(runner: str) -> Path:
    path = Path(os.environ["PILE_JOB_SERVERS"]).absolute() / PROGRAMS[runner]
    if not path.exists():
        pytest.skip(f"there is no {path}: make {'prism' if runner == 'prism' else f'{runner}-jar'}")
    return path


def manifest(folder: Path, runner: str, **profile: str | int) -> Path:
    """The quickstart with a profile `here`."""
    data = yaml.safe_load((ROOT / "manifests" / "quickstart.yaml").read_text())
    data["root"] = str(ROOT / "samples")
    data["decontaminate"]["evals"] = [str(ROOT / "samples" / "evals" / "evals.yaml")]
    data["runners"] = {"here": {"runner": runner, "job_server": str(program(runner)), **profile}}
    path = folder / "manifest.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def command(path: Path, out: Path) -> list[str]:
    pile = [sys.executable, "-m", "pile_builder.cli"]
    return [*pile, "build", str(path), "--out", str(out), "--runner", "here", "--workers", "2"]


def digest(path: Path, out: Path) -> str:
    done = subprocess.run(command(path, out), capture_output=True, text=True, check=False, timeout=LIMIT)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


@pytest.mark.parametrize("runner", ["flink", "spark", "prism"])
def test_the_quickstart_has_the_same_digest(runner: str, tmp_path: Path):
    assert digest(manifest(tmp_path, runner), tmp_path / "out") == GOLDEN["digest"]


def test_killed_workers_and_a_killed_build_end_in_the_same_digest(tmp_path: Path):
    with worker_pool(tmp_path) as (pool, port):
        path, out = manifest(tmp_path, "flink", worker_pool=f"localhost:{port}", cores=1), tmp_path / "out"
        with subprocess.Popen(command(path, out), stderr=subprocess.PIPE, text=True) as building:
            until(lambda: list((out / "work").glob("ingest/*.json")))
            workers = [child for server in children(pool.pid) for child in children(server)]
            assert workers
            for worker in workers:
                os.kill(worker, signal.SIGKILL)
            _, said = building.communicate(timeout=LIMIT)
        assert building.returncode == 1
        assert "broke off" in said
        with subprocess.Popen(command(path, out), stderr=subprocess.DEVNULL) as building:
            until(lambda: list((out / "work").glob("select/*.json")))
            servers = children(building.pid)
            os.kill(building.pid, signal.SIGKILL)
        assert servers
        until(lambda: not any(Path(f"/proc/{server}").exists() for server in servers))
        assert digest(path, out) == GOLDEN["digest"]


@contextmanager
def worker_pool(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A pool started by hand, in another folder, as a sidecar would be."""
    port = free_port()
    pile = [sys.executable, "-m", "pile_builder.cli"]
    with subprocess.Popen([*pile, "worker-pool", "--port", str(port)], cwd=folder) as pool:
        until(lambda: is_listening("localhost", port))
        yield pool, port
        pool.terminate()
        assert pool.wait(60) == 0


def children(parent: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def until(is_so: Callable[[], object], seconds: float = LIMIT) -> None:
    limit = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < limit
        time.sleep(0.05)
