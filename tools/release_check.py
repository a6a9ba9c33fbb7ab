"""Builds sdist and wheel, and lets somebody who has nothing else install the wheel and run the quickstart.

`make release-check` runs it: the wheel is built from the unpacked sdist, installed with pinned hashes into a new
virtual environment, and run in an empty folder, where its corpus must have the digest of tests/test_quickstart.py.
"""

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
NEEDED = (
    "pile_builder/py.typed",
    "pile_builder/cli.py",
    "pile_builder/spdx.txt",
    "pile_builder/models/lid.176.ftz",
    "pile_builder/models/blocks.trees",
    "pile_builder/audit/pile_table.json",
    "pile_builder/audit/page/templates/",
    "pile_builder/decontamination/probe.txt",
    "pile_builder/manifests/quickstart.yaml",
    "pile_builder/pipelines/build.py",
    "pile_builder/planning/profiles.yaml",
    "pile_builder/review/page.html",
    "pile_builder/samples/arxiv/",
    "pile_builder/samples/books/",
    "pile_builder/samples/common_crawl/",
    "pile_builder/samples/evals/",
    "pile_builder/samples/github/",
    "pile_builder/sources/common_crawl/",
    "pile_builder/text/tables/",
)
"""Files of the wheel, or folders that hold some."""
UNWANTED = re.compile(r"(^|/)(tests?|benchmarks|tools|docs|originals)/|(^|/)make_\w+\.py$|\.pyc$")
MOST_BYTES = 8 << 20
BUILD = "from setuptools import build_meta; build_meta.build_{kind}({folder!r})"


def main() -> int:
    """Run every check; returns the exit status."""
    with tempfile.TemporaryDirectory(prefix="pile-release-") as name:
        folder = Path(name)
        sdist = build("sdist", ROOT, folder / "dist")
        with tarfile.open(sdist) as archive:
            archive.extractall(folder / "unpacked", filter="data")
        (source,) = (folder / "unpacked").iterdir()
        wheel = build("wheel", source, folder / "dist")
        problems = contents(wheel)
        print(f"{sdist.name} {sdist.stat().st_size:,} bytes, {wheel.name} {wheel.stat().st_size:,} bytes", flush=True)
        if not problems:
            problems = quickstart(wheel, folder)
    for problem in problems:
        print(problem, file=sys.stderr)
    return int(bool(problems))


def build(kind: str, source: Path, folder: Path) -> Path:
    """Have setuptools build an sdist or a wheel of a tree; returns the file."""
    folder.mkdir(exist_ok=True)
    before = set(folder.iterdir())
    run(sys.executable, "-W", "ignore", "-c", BUILD.format(kind=kind, folder=str(folder)), cwd=source)
    (made,) = set(folder.iterdir()) - before
    return made


def contents(wheel: Path) -> list[str]:
    """What a wheel lacks or should not have."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    found = [f"{wheel.name} lacks {name}" for name in NEEDED if not any(one.startswith(name) for one in names)]
    found += [f"{wheel.name} holds {name}" for name in names if UNWANTED.search(name)]
    if (size := wheel.stat().st_size) > MOST_BYTES:
        found.append(f"{wheel.name} has {size:,} bytes, at most {MOST_BYTES:,} are expected")
    return found


def quickstart(wheel: Path, folder: Path) -> list[str]:
    """Install the wheel alone and run what its user would run first; returns what went wrong."""
    run(sys.executable, "-m", "venv", str(folder / "venv"))
    python = str(folder / "venv" / "bin" / "python")
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--require-hashes", "-r", str(ROOT / "requirements" / "run.txt"))
    run(*pip, "--no-deps", str(wheel))
    run(python, "-m", "pip", "check", "--disable-pip-version-check")
    pile = str(folder / "venv" / "bin" / "pile")
    home = folder / "home"
    home.mkdir()
    said = run(pile, "quickstart", "--out", "corpus", cwd=home)
    run(pile, "verify", "corpus", cwd=home)
    golden = re.search(r'"digest": "(\w+)"', (ROOT / "tests" / "test_quickstart.py").read_text())
    digest = re.search(r"digest (\w+)", said)
    if not golden or not digest or golden[1] != digest[1]:
        return [
            f"the quickstart's digest is {digest and digest[1]}, tests/test_quickstart.py has {golden and golden[1]}"
        ]
    print(f"quickstart from the wheel: digest {digest[1]}", flush=True)
    return []


def run(*command: str, cwd: Path | None = None) -> str:
    """Run a command without this checkout on its path; returns what it wrote."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
