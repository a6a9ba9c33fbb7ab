"""What `pile check-worker` finds when nothing is wrong, and when something is."""

import time
from importlib import metadata

import numba
from typer.testing import CliRunner

from pile_builder.cli import app
from pile_builder.environment import environment
from pile_builder.storage import Store
from pile_builder.worker_check import machine, software
from pile_builder.worker_check.finding import run_checks
from pile_builder.worker_check.kernels import check_processor
from pile_builder.worker_check.machine import check_clock, check_machine
from pile_builder.worker_check.software import check_imports, check_models, check_versions
from pile_builder.worker_check.store import check_store


def failures(check, *arguments):
    return [one for one in run_checks([("it", lambda: check(*arguments))]) if not one.ok]


def test_a_good_machine_passes_every_check_and_builds_a_corpus(tmp_path):
    result = CliRunner().invoke(
        app, ["check-worker", "--out", str(tmp_path / "store"), "--threads", "1", "--ignore", "memory", "--json"]
    )
    assert result.exit_code == 0, result.output
    for check in ("imports", "versions", "models", "extraction", "trial build", "kernels", "create-if-absent", "clock"):
        assert f'"check": "{check}"' in result.output
    assert not list((tmp_path / "store").rglob("*.json"))


def test_a_module_that_cannot_be_imported_is_named(monkeypatch):
    monkeypatch.setattr(software, "MODULES", ("pile_builder.pipelines.build", "no_such_module"))
    (failure,) = failures(check_imports)
    assert "no_such_module: ModuleNotFoundError" in failure.found
    assert "requirements/dataflow.txt" in failure.fix


def test_a_store_whose_packages_are_missing_is_a_failure():
    (failure,) = failures(check_imports, "nosuch://bucket")
    assert "there is no nosuch://" in failure.found


def test_versions_are_compared_with_the_package_and_with_a_lock(monkeypatch):
    lock = {"libraries": {"numpy": "1.0"}, "package": "0.0.9", "python": environment()["python"]}
    found = [one.found for one in failures(check_versions, lock)]
    assert found == [
        f"numpy: the lock has 1.0, found {metadata.version('numpy')}",
        f"pile-builder: the lock has 0.0.9, found {environment()['pile-builder']}",
    ]
    monkeypatch.setattr(metadata, "version", lambda name: "0.1" if name == "ftfy" else environment().get(name, "999"))
    assert "ftfy: the package needs ==6.3.1, found 0.1" in [one.found for one in failures(check_versions)]


def test_another_model_is_a_failure():
    (failure,) = failures(check_models, {"models": {"lid.176.ftz": "0" * 64}})
    assert failure.found.startswith("lid.176.ftz: expected sha256 000000000000..., found 8f34")


def test_memory_and_space_that_do_not_suffice_say_what_would(monkeypatch):
    monkeypatch.setattr(machine, "usable_memory", lambda: 4 << 30)
    memory, space = failures(check_machine, 1000)
    assert (memory.check, space.check) == ("memory", "temporary space")
    assert "--threads 2" in memory.fix


def test_kernels_for_a_better_processor_are_a_failure(monkeypatch):
    monkeypatch.setattr(numba.config, "CPU_NAME", "x86-64-v4")
    monkeypatch.setattr("pile_builder.worker_check.kernels.get_host_cpu_features", lambda: {"avx2": True})
    (failure,) = failures(check_processor)
    assert "lacks bmi2, fma, avx512f" in failure.found


class Careless(Store):
    """Creates what is there already."""

    def create(self, name, data):
        self.write(name, data)
        return True


class Forgetful(Store):
    """Lists nothing."""

    def names(self, folder):
        return []


def test_stores_that_keep_no_promise_fail(tmp_path):
    (failure,) = failures(check_store, Careless(str(tmp_path)))
    assert failure.check == "create-if-absent"
    (failure,) = failures(check_store, Forgetful(str(tmp_path)))
    assert "a new file is not listed" in failure.found
    (failure,) = failures(check_store, Store("/proc/no-such-folder"))
    assert failure.check == "store"
    assert not list(tmp_path.rglob("*.*"))


def test_a_clock_that_is_off_is_a_failure(tmp_path, monkeypatch):
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 300)
    (failure,) = failures(check_clock, Store(str(tmp_path)))
    assert failure.found.startswith("+300")


def test_a_check_that_breaks_is_a_finding_and_the_others_go_on():
    def breaks():
        raise RuntimeError("broken")

    found = list(run_checks([("first", breaks), ("second", lambda: check_machine(0))]))
    assert found[0].found.startswith("RuntimeError: broken")
    assert len(found) == 3
