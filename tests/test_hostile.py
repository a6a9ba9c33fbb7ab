"""Corpora of hostile input: each case ends as it says, the rest of the corpus is built, memory and time stay bounded.

`make hostile` adds the large cases. Cases are in `tests.hostile`, a module for each family.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.cases import all_cases, all_readers
from tests.hostile.commands import all_commands

MEMORY = 1 << 30
"""Most that all processes of a build may take beyond what a build of one good file takes."""
SECONDS = 30
"""Most CPU time of a case's reading and annotating; what is extracted has the same limit in the pool."""


ALONE = ("common_crawl", "arxiv", "github", "books")
"""Readers with so many cases that each has a corpus of its own; those of the others lie in one."""


@pytest.mark.parametrize(
    "readers", [*ALONE, ",".join(sorted(all_readers().keys() - set(ALONE)))], ids=[*ALONE, "others"]
)
def test_every_case_is_accounted_for_and_the_rest_is_built(readers: str, tmp_path: Path):
    command = [sys.executable, "-m", "tests.hostile.driver", readers, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-5000:]
    found = json.loads(done.stdout.splitlines()[-1])
    wrong = {}
    for case in all_cases():
        if case.reader in found["outcomes"] and (not case.is_large or os.environ.get("PILE_HOSTILE")):
            outcome = found["outcomes"][case.reader].get(case.name)
            if outcome != case.expected:
                wrong[case.reader, case.name] = (outcome, case.expected)
    assert not wrong
    for reader, outcomes in found["outcomes"].items():
        for name in all_readers()[reader].good:
            assert outcomes[name]["kept"], (reader, name)
            assert not outcomes[name]["dropped"], (reader, name)
    assert all(found["balanced"].values()), found["balanced"]
    assert found["memory"] < MEMORY, f"{found['memory'] / 2**20:.0f} MiB"
    assert not {name: seconds for name, seconds in found["seconds"].items() if seconds > SECONDS}
    assert not [path for path in tmp_path.rglob("*evil*") if "in" not in path.relative_to(tmp_path).parts]
    assert not Path("/tmp/evil.py").exists()
    assert not list(tmp_path.parent.glob("evil*"))


def test_there_are_many_cases_and_no_two_share_a_name():
    # Some file systems take names for the same that differ in case.
    cases = [(case.reader, case.name.lower()) for case in all_cases()]
    assert len(set(cases)) == len(cases)
    assert len(cases) + len(list(all_commands())) >= 1_000


def test_commands_end_well_or_with_a_clear_error(tmp_path: Path):
    command = [sys.executable, "-m", "tests.hostile.commands", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    ended = {line["name"]: line for line in lines}
    expected = {each.name: each for each in all_commands()}
    crashed = next((name for name in expected if name not in ended), "")
    assert done.returncode == 0, f"{crashed}: {done.stderr[-3000:]}"
    for name, each in expected.items():
        line = ended[name]
        assert line["kind"] in ("ok", "error"), f"{name}: {line}"
        assert (line["kind"] == "error") == bool(each.error), f"{name}: {line}"
        assert each.error in line["output"], f"{name}: {line}"
        assert not set(line["output"]) & set("\x1b\x07\x00\x9b"), f"{name}: {line}"
        assert line["seconds"] < SECONDS, f"{name}: {line}"
        assert line["memory"] < MEMORY, f"{name}: {line}"


def test_a_missing_input_is_a_clear_error(tmp_path: Path):
    (tmp_path / "m.yaml").write_text("name: x\nsources: {books: {inputs: [gone.txt]}}\n")
    words = [
        sys.executable,
        "-m",
        "pile_builder.cli",
        "build",
        str(tmp_path / "m.yaml"),
        "--out",
        str(tmp_path / "out"),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "gone.txt" in done.stderr
    assert "not found" in done.stderr
    assert "Traceback" not in done.stderr
