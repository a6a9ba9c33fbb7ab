"""`pile audit` of a million documents: the benchmark's generated records, measured in a process of its own."""

import sys
from collections.abc import Callable
from pathlib import Path

import orjson

from benchmarks.audit_scale import BLOCKS, MEMORY, ROWS, SELECT, SOURCES, write_records
from pile_builder.manifest import Manifest
from pile_builder.storage import Store
from tests import peak_memory


def test_a_million_documents_in_bounded_memory(toy_manifest: Callable[..., Manifest], tmp_path: Path):
    sources = {f"source{number:02}": {"plugin": "toy", "inputs": ["0.txt"]} for number in range(SOURCES)}
    store = Store(str(tmp_path / "out"))
    summary = write_records(store, toy_manifest(sources=sources, select=SELECT, dedup=None))
    assert summary["documents"]["read"] == BLOCKS * ROWS
    done, memory = peak_memory.run([sys.executable, "-m", "pile_builder.cli", "audit", str(tmp_path / "out")])
    assert done.returncode == 0, done.stderr
    assert memory < MEMORY, f"{memory / 2**20:.0f} MiB"
    audit = orjson.loads(store.read("report/audit.json"))
    assert not [alarm for alarm in audit["alarms"] if alarm["kind"] == "balance"]
    assert len(store.read("report/index.html")) < 8 << 20
