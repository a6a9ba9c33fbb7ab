"""Which web pages a build leaves out by address: excluded domains, and block lists of domains and URLs."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from pile_builder.domains import AUTHORITY, host_of
from pile_builder.input_files import InputFile
from pile_builder.streams import open_text_bytes

PILE_DOMAINS = (
    "arxiv.org",
    "courtlistener.com",
    "en.m.wikipedia.org",
    "en.wikipedia.org",
    "exporter.nih.gov",
    "github.com",
    "irclogs.ubuntu.com",
    "mathoverflow.net",
    "ncbi.nlm.nih.gov",
    "news.ycombinator.com",
    "reddit.com",
    "stackexchange.com",
    "stackoverflow.com",
    "statmt.org",
    "uspto.gov",
)
"""Sites that other components of the Pile cover: what DCLM's refinedweb.yaml bans as Pile-like, and Wikipedia's mobile
twin."""


class HashedSet:
    """A set of strings kept as sorted 64-bit hashes: 8 bytes an entry, so lists of millions fit every process."""

    def __init__(self, entries: Iterable[str]) -> None:
        hashes = np.fromiter((hashed(entry) for entry in entries), dtype=np.uint64)
        self._hashes: npt.NDArray[np.uint64] = np.unique(hashes)

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, entry: str) -> bool:
        wanted = np.uint64(hashed(entry))
        index = int(np.searchsorted(self._hashes, wanted))
        return index < len(self._hashes) and bool(self._hashes[index] == wanted)


def in_domains(host: str, domains: frozenset[str] | HashedSet) -> bool:
    """Whether a host is one of the domains or below one, label by label."""
    rest = host
    while rest:
        if rest in domains:
            return True
        rest = rest.partition(".")[2]
    return False


def url_key(url: str) -> str:
    """A URL as lists are compared: host without `www.`, path and query; no scheme, port, fragment or final slash."""
    plain = url.strip().partition("#")[0]
    match = AUTHORITY.match(plain)
    if match:
        plain = host_of(plain) + plain[match.end() :]
    else:
        host, slash, path = plain.partition("/")
        plain = host.lower().partition(":")[0] + slash + path
    return plain.removeprefix("www.").rstrip("/")


def list_entries(files: Iterable[InputFile]) -> Iterator[str]:
    """Entries of plain or compressed text lists, one a line; blank lines and those that begin with # are left out."""
    for file in files:
        with open_text_bytes(file) as stream, io.TextIOWrapper(stream, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                entry = line.strip()
                if entry and not entry.startswith("#"):
                    yield entry


def domain_entries(files: Iterable[InputFile]) -> Iterator[str]:
    """Domains of a list, as UT1's `domains` files and hosts-like lists spell them (`.example.org`, `*.example.org`)."""
    for entry in list_entries(files):
        yield (host_of(entry) or entry.lower()).removeprefix("*").strip("./")


def hashed(entry: str) -> int:
    """64-bit hash of an entry."""
    return int.from_bytes(hashlib.blake2b(entry.encode("utf-8", "replace"), digest_size=8).digest(), "little")
