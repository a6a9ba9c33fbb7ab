"""One file by HTTP, resumed where it was cut, whatever the server does: part files, ranges, waits, checksums."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import requests
import urllib3

from pile_builder.errors import StoreError, StoreUnreachableError
from pile_builder.masking import public_url
from pile_builder.upstreams.http import BUSY, TIMEOUT, total_size, validator, wait_asked

ATTEMPTS = 8
"""Requests in a row that bring nothing new before a file is given up."""
FIRST_WAIT = 1.0
"""Seconds after the first failure; twice as many after each one more, to a minute."""
_CHUNK = 1 << 18
_HASHES = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
"""The hash by the hexadecimal digits of a published checksum."""


@dataclass
class Limiter:
    """Spreads bytes over time, for all threads together; no limit if `rate` (bytes a second) is 0."""

    rate: float = 0.0
    _free_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, size: int) -> None:
        """Wait until `size` more bytes may pass."""
        if not self.rate:
            return
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now) + size / self.rate
            wait = self._free_at - now
        time.sleep(max(wait, 0))


class _AgainError(Exception):
    """A request failed in a way that may pass.

    Attributes:
        wait: seconds that the server asks to wait; 0 if it does not.
    """

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


@dataclass
class Download:
    """Downloads files to part files and makes sure that they are whole.

    Attributes:
        session: to ask with.
        limiter: of all downloads.
        advance: told of bytes as they come; negative where a file begins again.
        first_wait: seconds after a first failure.
    """

    session: requests.Session
    limiter: Limiter
    advance: Callable[[int], None] = lambda _: None
    first_wait: float = FIRST_WAIT

    def to_part(self, url: str, part: Path, checksum: str = "") -> None:
        """Bring a whole file to `part`, going on with what lies there of the same version.

        Args:
            url: of the file.
            part: the part file; beside it `.version` names the version that it is of.
            checksum: hexadecimal md5, sha1, sha256 or sha512, if one is published.

        Raises:
            StoreError: the server refuses, or what comes is not what the checksum says.
            StoreUnreachableError: it gave no answer as often as it was asked.
        """
        for last in (False, True):
            self._complete(url, part)
            if not checksum or _digest(part, checksum) == checksum.lower():
                _version_of(part).unlink(missing_ok=True)
                return
            self._begin_again(part)
            if last:
                msg = (
                    f"{public_url(url)}: expected the checksum {checksum}; twice another file came, the list may be old"
                )
                raise StoreError(msg)

    def _complete(self, url: str, part: Path) -> None:
        failures, why = 0, ""
        while failures < ATTEMPTS:
            before = part.stat().st_size if part.exists() else 0
            wait = 0.0
            try:
                if self._request(url, part, before):
                    return
                why = "the connection ended early"
            except _AgainError as error:
                why, wait = str(error), error.wait
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                why = f"{type(error).__name__}: {error}"[:200]
            after = part.stat().st_size if part.exists() else 0
            failures = 0 if after > before else failures + 1
            if failures < ATTEMPTS:
                time.sleep(max(wait, min(self.first_wait * 2 ** max(failures - 1, 0), 60)))
        why += "; run the command again to go on"
        msg = f"{public_url(url)}: {ATTEMPTS} requests in a row brought nothing new: {why}"
        raise StoreUnreachableError(msg)

    def _request(self, url: str, part: Path, have: int) -> bool:
        """Ask once for what is missing; whether the file is whole now."""
        version_file = _version_of(part)
        version = version_file.read_text() if version_file.exists() else ""
        if have and not version:
            # What the part is of is not known.
            self._begin_again(part)
            have = 0
        headers = {"Range": f"bytes={have}-", "If-Range": version} if have else {}
        with self.session.get(url, headers=headers, timeout=TIMEOUT, stream=True) as answer:
            status = answer.status_code
            if status in BUSY:
                raise _AgainError(f"HTTP {status}", wait_asked(answer.headers, 0.0))
            total = total_size(answer)
            if status == 416 and total == have:
                return True
            if status == 416:
                self._begin_again(part)
                return False
            if status not in (200, 206):
                msg = f"{public_url(url)}: expected the file, the server answers HTTP {status}; check the address"
                raise StoreError(msg)
            starts = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
            if status == 206 and starts != str(have):
                self._begin_again(part)
                return False
            if status == 200:
                self._begin_again(part)
                have = 0
                version_file.write_text(validator(answer.headers))
            self._append(answer, part)
        size = part.stat().st_size
        if total is not None and size > total:
            self._begin_again(part)
            raise _AgainError(f"{size:,} bytes came, {total:,} were announced")
        return total is None or size == total

    def _append(self, answer: requests.Response, part: Path) -> None:
        with part.open("ab") as out:
            while chunk := answer.raw.read(_CHUNK, decode_content=False):
                self.limiter.take(len(chunk))
                out.write(chunk)
                self.advance(len(chunk))
            out.flush()
            os.fsync(out.fileno())

    def _begin_again(self, part: Path) -> None:
        if part.exists():
            self.advance(-part.stat().st_size)
        part.write_bytes(b"")
        _version_of(part).unlink(missing_ok=True)


def _version_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.version")


def _digest(path: Path, like: str) -> str:
    kind = _HASHES.get(len(like))
    if kind is None:
        msg = f"expected a checksum of 32, 40, 64 or 128 hexadecimal digits, got {like!r}"
        raise StoreError(msg)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, kind).hexdigest()
