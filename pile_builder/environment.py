"""What the results of a build depend on besides its inputs: Python, this package and the libraries that it uses."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from importlib import metadata

import pile_builder
from pile_builder.errors import BuildError

LIBRARIES = (
    *("apache-beam", "fasttext-community", "fastwarc", "ftfy", "lxml", "numba", "numpy", "orjson", "pyarrow"),
    *("resiliparse", "selectolax", "trafilatura", "zstandard"),
)


@cache
def environment() -> Mapping[str, str]:
    """Versions by name: `python`, `pile-builder` and every library of `LIBRARIES`."""
    return {
        "python": platform.python_version(),
        "pile-builder": pile_builder.__version__,
        **{name: metadata.version(name) for name in LIBRARIES},
    }


def check_environment(expected: Mapping[str, str]) -> None:
    """Make sure that this worker is like the machine that started the build.

    Raises:
        BuildError: it has other versions; the corpus would depend on which machine did what.
    """
    here = environment()
    differing = [
        f"{name} {here.get(name)} instead of {version}"
        for name, version in expected.items()
        if here.get(name) != version
    ]
    if differing:
        msg = (
            f"a worker has {', '.join(differing)}: the corpus would depend on which machine did what. Install the same "
            "versions (requirements/run.txt) on the workers and on the machine that starts the build"
        )
        raise BuildError(msg)
