"""Manifests that come with the program, with the samples that they build from."""

from __future__ import annotations

from pathlib import Path

from pile_builder.errors import ManifestError

_PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """Where a manifest lies: beside the package's modules, or, in a checkout, beside the package.

    Raises:
        ManifestError: it is not part of the installation.
    """
    for folder in (_PACKAGE, _PACKAGE.parent):
        path = folder / "manifests" / name
        if path.is_file():
            return path
    msg = f"manifest {name!r} is not part of this installation; install pile-builder from its wheel or a checkout"
    raise ManifestError(msg)
