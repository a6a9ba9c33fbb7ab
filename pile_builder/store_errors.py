"""What a store's refusals mean and what to do about them, whichever library reports them in whichever way."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from pile_builder.errors import PileError, StoreError, StoreUnreachableError

_NO_CREDENTIALS = frozenset(
    {"NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError", "SSOTokenLoadError", "ProfileNotFound"}
    | {"UnauthorizedSSOTokenError", "CredentialRetrievalError", "GoogleAuthError", "LoginRefreshRequired"}
)
_UNREACHABLE = frozenset({"HTTPClientError", "ConnectionError", "ClientError", "RequestException", "HttpError"})
"""Base classes of botocore, aiohttp, requests and gcsfs for requests that got no answer, or one that says: later."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_AGAIN = "What is committed stays: run the same command again"
_KINDS = {
    "s3": "S3 credentials are looked for in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, ~/.aws and the "
    "machine's role; the endpoint in AWS_ENDPOINT_URL",
    "gs": "Google credentials are looked for by `gcloud auth application-default login`, "
    "GOOGLE_APPLICATION_CREDENTIALS and the machine's service account; an endpoint in STORAGE_EMULATOR_HOST",
}
_KINDS |= {"s3a": _KINDS["s3"], "gcs": _KINDS["gs"]}


@contextmanager
def explained(place: str, *, writing: bool = False) -> Iterator[None]:
    """Turn a store's refusal into an error that says what to do; everything else passes as it is.

    Args:
        place: path or URL, for the message.
        writing: whether something is written, where only a missing bucket can be not found.

    Raises:
        StoreUnreachableError: no answer after all retries: the same again may work.
        StoreError: credentials, bucket, permissions, a full or read-only disk.
    """
    try:
        yield
    except PileError:
        raise
    except Exception as error:
        found = explanation(place, error, writing=writing)
        if found is None:
            raise
        raise found from error


@contextmanager
def full_disk_explained(place: str) -> Iterator[None]:
    """As `explained`, but of a disk that takes no more only: for blocks that read elsewhere while they write here."""
    try:
        yield
    except OSError as error:
        if error.errno not in (*_FULL, errno.EROFS):
            raise
        raise (explanation(place, error, writing=True) or error) from error


def explanation(place: str, error: Exception, *, writing: bool) -> StoreError | None:
    """The error that says what to do, if this is a store's refusal."""
    kind, remote, rest = place.partition("://")
    hint = _KINDS.get(kind, "")
    names = {each.__name__ for each in type(error).__mro__}
    number = error.errno if isinstance(error, OSError) else None
    code = str(getattr(error, "code", ""))
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if number in _FULL:
        where = f"{tempfile.gettempdir()}, where files for {place} are written first" if remote else place
        return StoreError(f"{where}: no space left ({said}). Free some, or raise the quota. {_AGAIN}")
    if number in (errno.ENOTDIR, errno.EEXIST) and writing and not remote:
        return StoreError(f"{place}: expected a folder to write into, there is a file in its place ({said})")
    if number == errno.EROFS or (isinstance(error, PermissionError) and not remote):
        return StoreError(f"{place}: expected a folder to write into, got {said}. Make it writable, or choose another")
    if not remote:
        return None
    if isinstance(error, PermissionError) or said.startswith("Forbidden") or code in ("401", "403"):
        wanted = "list, read, write and delete objects there"
        return StoreError(f"{place}: the store refused ({said}). Check that the credentials may {wanted}. {hint}")
    if names & _NO_CREDENTIALS:
        return StoreError(f"{place}: expected credentials, got none ({said}). {hint}")
    if isinstance(error, FileNotFoundError):
        bucket = rest.split("/", 1)[0]
        return StoreError(f"{place}: there is no bucket {bucket!r}; make it first. {hint}") if writing else None
    if isinstance(error, FileExistsError) or code in ("400", "404"):
        return None
    passing = names & _UNREACHABLE or isinstance(error, TimeoutError)
    if passing or number in (errno.EBUSY, getattr(errno, "EREMOTEIO", errno.EIO)):
        return StoreUnreachableError(f"{place}: no good answer after several tries ({said}). {_AGAIN}. {hint}")
    return None
