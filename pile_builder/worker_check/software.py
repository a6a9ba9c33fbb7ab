"""Checks of what is installed: modules, versions against the package's needs and a lock, models."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping
from importlib import import_module, metadata
from importlib.resources import files
from typing import Any

from packaging.requirements import Requirement

import pile_builder
from pile_builder.annotate.language import LanguageModel
from pile_builder.input_files import file_system
from pile_builder.source import ENTRY_POINT_GROUP
from pile_builder.worker_check.finding import Finding

MODULES = (
    "apache_beam.runners.worker.sdk_worker_main",
    "pile_builder.pipelines.build",
    "pile_builder.pipelines.tokenize",
    "pile_builder.pipelines.takedown",
)
"""What a worker imports when it unpickles a phase's functions."""
MODEL = "lid.176.ftz"
MODEL_DIGEST = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
"""SHA-256 of the language model that comes with the package."""
ENGLISH = "The quick brown fox jumps over the lazy dog while the children watch from the garden wall."


def check_imports(url: str = "") -> Iterator[Finding]:
    """Import what phases and source plugins need, and the file system of a store's URL."""
    points = metadata.entry_points(group=ENTRY_POINT_GROUP)
    names = [*MODULES, *(point.value.split(":")[0] for point in points)]
    failed = 0
    for name in names:
        try:
            import_module(name)
        except Exception as error:  # A module may raise anything when what it needs is missing.
            failed += 1
            found = f"{name}: {type(error).__name__}: {error}"
            yield Finding(
                "imports", ok=False, found=found, fix="install requirements/dataflow.txt as deploy/Dockerfile does"
            )
    if url:
        file_system(url)
    if not failed:
        yield Finding("imports", ok=True, found=f"{len(names)} modules, {len(points)} of them source plugins")


def check_versions(lock: Mapping[str, Any] | None = None) -> Iterator[Finding]:
    """Compare what is installed with what the package asks for, and with a lock if one is given."""
    wrong = list(_unmet())
    for name, wanted, found in wrong:
        fix = f"pip install '{name}{wanted}', or install requirements/dataflow.txt"
        yield Finding("versions", ok=False, found=f"{name}: the package needs {wanted or 'it'}, found {found}", fix=fix)
    if lock is not None:
        differing = list(_differing(lock))
        wrong += differing
        for name, wanted, found in differing:
            fix = "build the image from the commit and requirements of that build, or expect another digest"
            yield Finding("versions", ok=False, found=f"{name}: the lock has {wanted}, found {found}", fix=fix)
    if not wrong:
        against = "the package's needs" if lock is None else "the package's needs and the lock"
        found = f"pile-builder {pile_builder.__version__}, Python {platform.python_version()}: as {against}"
        yield Finding("versions", ok=True, found=found)


def check_models(lock: Mapping[str, Any] | None = None) -> Iterator[Finding]:
    """Load the language model, compare its digest, and let it judge a sentence."""
    model = LanguageModel.load(None)
    wanted = (lock or {}).get("models", {}).get(MODEL, MODEL_DIGEST)
    fix = "install the package again; its wheel holds pile_builder/models"
    if model.digest != wanted:
        found = f"{MODEL}: expected sha256 {wanted[:12]}..., found {model.digest[:12]}..."
        yield Finding("models", ok=False, found=found, fix=fix)
        return
    for name, wanted_digest in (lock or {}).get("models", {}).items():
        if name != MODEL and (found_digest := _digest(name)) != wanted_digest:
            found = f"{name}: expected sha256 {wanted_digest[:12]}..., found {found_digest[:12] or 'no such file'}..."
            yield Finding("models", ok=False, found=found, fix=fix)
            return
    (label,), (score,) = model.predict([ENGLISH])
    yield Finding(
        "models", label == "en", f"{MODEL}: sha256 {wanted[:12]}..., English {score:.2f}", "" if label == "en" else fix
    )


def _digest(model: str) -> str:
    """SHA-256 of a model that comes with the package, empty if there is none of that name."""
    path = files("pile_builder.models") / model
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _unmet() -> Iterator[tuple[str, str, str]]:
    """Requirements of the package that are not met: name, wanted, found."""
    for line in metadata.requires("pile-builder") or ():
        wanted = Requirement(line)
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        found = _installed(wanted.name)
        if found == "nothing" or not wanted.specifier.contains(found, prereleases=True):
            yield wanted.name, str(wanted.specifier), found


def _differing(lock: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, wanted in lock.get("libraries", {}).items():
        if (found := _installed(name)) != wanted:
            yield name, wanted, found
    if (wanted := lock.get("package")) != pile_builder.__version__:
        yield "pile-builder", str(wanted), pile_builder.__version__
    # Patch releases of Python change no result; text goes through tables of the package's own.
    mine = platform.python_version_tuple()[:2]
    if tuple(str(lock.get("python", "")).split(".")[:2]) != mine:
        yield "Python", str(lock.get("python")), ".".join(mine)


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "nothing"
