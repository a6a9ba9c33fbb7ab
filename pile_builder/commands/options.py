"""Options that a plugin defines, given as `-o KEY=VALUE`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from pile_builder.errors import ManifestError


def parse_options(given: Sequence[str]) -> dict[str, Any]:
    """Options by name, values read as YAML.

    Raises:
        ManifestError: one is not KEY=VALUE.
    """
    options: dict[str, Any] = {}
    for pair in given:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            msg = f"--option: expected KEY=VALUE, got {pair!r}"
            raise ManifestError(msg)
        try:
            options[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            msg = f"--option: expected a YAML value after {name}=, got {value!r}"
            raise ManifestError(msg) from error
    return options
