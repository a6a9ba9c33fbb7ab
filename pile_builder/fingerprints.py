"""Short names for what results depend on."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson


def fingerprint(parts: Any) -> str:
    """96 bits of the hash of JSON-able data, keys sorted, in hexadecimal."""
    return hashlib.blake2b(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=12).hexdigest()
