"""deploy/Dockerfile: linted, and in step with what the repository pins."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from deploy.try_steps import base_image, environment, instructions

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "deploy" / "Dockerfile").read_text()


def test_hadolint_finds_nothing():
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint is not installed")
    done = subprocess.run([hadolint, ROOT / "deploy" / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_base_image_version_and_label_are_those_that_are_pinned():
    pinned = dict(
        re.findall(r"^([a-z0-9-]+)(?:\[gcp\])?==(\S+)", (ROOT / "requirements/dataflow.txt").read_text(), re.M)
    )
    assert base_image(TEXT) == f"apache/beam_python3.11_sdk:{pinned['apache-beam']}"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f'version="{project["version"]}"' in TEXT
    assert "gcsfs" in pinned


def test_everything_that_is_copied_exists_and_reaches_the_build():
    allowed = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().splitlines()
    for word, rest in instructions(TEXT):
        if word == "COPY":
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source}" in allowed, source


def test_kernels_are_compiled_for_a_stated_processor():
    variables = {}
    for word, rest in instructions(TEXT):
        if word == "ENV":
            variables |= environment(rest)
    assert variables["NUMBA_CPU_NAME"] == "x86-64-v3"
    # Unset, numba would add the features of the machine that builds the image.
    assert variables["NUMBA_CPU_FEATURES"] == ""
    assert variables["NUMBA_CACHE_DIR"]
