"""Runs the steps of deploy/Dockerfile without Docker, in a virtual environment and a folder in place of the image.

COPY, ENV and RUN are done as written, with the image's folder /opt/pile-builder replaced by the one given. What it
can't show: the base image, its own libraries and entry point. `python deploy/try_steps.py FOLDER [--index-flags ...]`
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INSIDE = "/opt/pile-builder"


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """The instructions of a Dockerfile with their arguments; comments left out, continued lines joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        word, _, rest = line.partition(" ")
        yield word.upper(), rest.strip()


def base_image(text: str) -> str:
    """What the Dockerfile builds upon."""
    return next(rest for word, rest in instructions(text) if word == "FROM")


def environment(rest: str) -> dict[str, str]:
    """The variables of an ENV instruction."""
    return dict(part.split("=", 1) for part in shlex.split(rest))  # type: ignore[misc]


def run_steps(text: str, folder: Path) -> None:
    """Do what the Dockerfile says, below `folder`; raises CalledProcessError when a step fails."""
    venv.create(folder / "venv", with_pip=True)
    known = {"PATH": f"{folder / 'venv' / 'bin'}:{os.environ['PATH']}", "HOME": str(folder)}
    here = folder
    for word, rest in instructions(text):
        inside = rest.replace(INSIDE, str(folder / "image"))
        if word == "ENV":
            known |= environment(inside)
        elif word == "WORKDIR":
            here = Path(inside)
            here.mkdir(parents=True, exist_ok=True)
        elif word == "COPY":
            *sources, target = shlex.split(inside)
            for source in sources:
                copy(
                    ROOT / source, here / target / source.rsplit("/", 1)[-1] if target.endswith("/") else here / target
                )
        elif word == "RUN":
            print(f"RUN {inside}", flush=True)
            started = time.monotonic()
            subprocess.run(["/bin/sh", "-c", inside], cwd=here, env={**os.environ, **known}, check=True)
            print(f"    {time.monotonic() - started:.0f} s", flush=True)


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder without compiled Python."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


def main() -> None:
    """Run the steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="new folder for the environment and what the image would hold")
    folder = parser.parse_args().folder.absolute()
    if folder.exists():
        sys.exit(f"{folder}: expected a new folder")
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    print(f"FROM {base_image(text)}: not here; {sys.version.split()[0]} of this machine instead")
    run_steps(text, folder)


if __name__ == "__main__":
    main()
