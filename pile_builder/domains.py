"""The domain of a document: the host of its key where that is a URL, else of the `url` in its metadata."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import orjson

from pile_builder.errors import PileError

AUTHORITY = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//(?:[^/?#@]*@)?([^/?#:\s]*|\[[^\]]*\])(?::\d*)?", re.IGNORECASE)
"""What a URL begins with; the host is its first group."""
_LEVELS = 8
"""Domains above a host that are told apart; names with more labels are known by these and as a whole."""
_LONGEST = 253
"""Characters of a host name (RFC 1035)."""
_ADDRESS = re.compile(r"[\d.]+|\[.*\]")


def host_of(url: str) -> str:
    """Host of a URL in lower case, without user, port and final dot; empty if there is none."""
    match = AUTHORITY.match(url.strip())
    return match[1].lower().rstrip(".") if match else ""


def document_host(key: str, meta: str) -> str:
    """The host of a document, empty if it has none or one longer than names can be.

    Args:
        key: the upstream's key.
        meta: metadata as a JSON object.
    """
    host = host_of(key) or (url_host(orjson.loads(meta).get("url")) if '"url"' in meta else "")
    return host if len(host) <= _LONGEST else ""


def url_host(url: Any) -> str:
    """The host of what metadata call a URL, empty if it is none."""
    return host_of(url) if isinstance(url, str) else ""


def domains_above(host: str) -> Iterator[str]:
    """The domains that a host lies in, itself the last, down from two labels; a leading `www.` is no level.

    >>> list(domains_above("www.a.example.org"))
    ['example.org', 'a.example.org']
    """
    plain = host.removeprefix("www.")
    labels = plain.split(".")
    if not _ADDRESS.fullmatch(plain):
        for count in range(2, min(len(labels), _LEVELS + 1)):
            yield ".".join(labels[-count:])
    if plain:
        yield plain


def domain_hash(domain: str) -> int:
    """64 bits that stand for a domain, with or without `www.`."""
    plain = domain.removeprefix("www.").encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(plain, digest_size=8, person=b"domain").digest(), "little")


def in_domain(host: str, domain: str) -> bool:
    """Whether a host is a domain or lies below it, label by label."""
    return host == domain or host.endswith(f".{domain}")


def parse_domain(given: str) -> str:
    """A domain as people spell it (`example.org`, `*.example.org`, a URL), in lower case, in ASCII.

    Raises:
        PileError: it is no domain, or has no dot, so that it would stand for a whole top-level domain.
    """
    plain = (host_of(given) or given.lower()).removeprefix("*").strip("./")
    if "." not in plain or any(letter.isspace() for letter in plain):
        msg = f"expected domains such as example.org, got {given!r}: name the registered domain, or give URLs or ids"
        raise PileError(msg)
    try:
        return plain if plain.isascii() else plain.encode("idna").decode()
    except UnicodeError as error:
        msg = f"expected domains such as example.org, got {given!r}: {error}"
        raise PileError(msg) from error
