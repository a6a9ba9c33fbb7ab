"""Creative Commons licences by the URLs that texts state."""

from __future__ import annotations

import re

_LICENCE = re.compile(r"creativecommons\.org/licenses/(by[a-z-]*|sa|nc[a-z-]*|nd[a-z-]*)/(\d\.\d)(/igo)?", re.I)
_PUBLIC = re.compile(r"creativecommons\.org/(?:publicdomain/(zero|mark)|licenses/(publicdomain))", re.I)
_PUBLIC_NAMES = {"zero": "CC0-1.0", "mark": "CC-PDM-1.0", "publicdomain": "CC-PDDC"}


def creative_commons(text: str) -> str:
    """The SPDX name of the first licence, or dedication to the public domain, whose URL is in a text; "" if none is."""
    if found := _LICENCE.search(text):
        return f"CC-{found[1].upper()}-{found[2]}{'-IGO' if found[3] else ''}"
    found = _PUBLIC.search(text)
    return _PUBLIC_NAMES[(found[1] or found[2]).lower()] if found else ""
