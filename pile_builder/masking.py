"""Secrets never leave in what a build writes or says: passwords in URLs, signatures of signed ones, tokens of options.

`mask` is for text of any kind, `masked` for JSON-able data, `public_url` for what an input is called. A masked URL
opens nothing any more: locks and reports are to be read, `${VAR}` in a manifest is how a secret comes in.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

SHOWN = "***"
"""What stands for a secret."""
LEAST_CHARACTERS = 8
"""A shorter value of the environment is no secret, and would be found in any text."""

_SECRET = (
    r"(?:[\w.-]*(?:signature|security-token|token|secret|passw(?:or)?d|credentials?|api[_-]?key|access[_-]?key(?:[_-]?id)?"
    r"|account[_-]?key|private[_-]?key|key-pair-id|policy)|sig|auth|pwd)"
)
"""Names of URL parameters, options and variables that hold secrets."""
_COMPANIONS = r"(?:x-(?:amz|goog)-[\w-]+|expires|googleaccessid|s[eptvri]|spr|skoid|sktid|skt|ske|sks|skv)"
"""Parameters that change with a signature: when it was made, until when it holds, for what."""
_USER = re.compile(r"(?<=://)[^\s/?#\"'<>\[\]]{1,2000}@")
_PARAMETER = re.compile(rf"(?<=[?&;])({_SECRET})=[^&\s\"'<>;]+", re.IGNORECASE)
_HEADER = re.compile(r"\b(Bearer|Basic) [\w.~+/=-]{8,}")
_KNOWN_FORMS = re.compile(r"\b(?:hf_[A-Za-z0-9]{20,}|gh[opsu]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|AKIA[0-9A-Z]{16})\b")
_ROTATING = re.compile(rf"^(?:{_SECRET}|{_COMPANIONS})$", re.IGNORECASE)
_SIGNED = re.compile(rf"[?&;]{_SECRET}=", re.IGNORECASE)
_NAME = re.compile(rf"^{_SECRET}$", re.IGNORECASE)


def mask(text: str) -> str:
    """Text with every secret in it replaced: in URLs, in headers, of known forms, and those of the environment."""
    for value in _environment_secrets():
        text = text.replace(value, SHOWN)
    if "://" in text:
        text = _USER.sub(f"{SHOWN}@", text)
    if "=" in text:
        text = _PARAMETER.sub(rf"\1={SHOWN}", text)
    return _KNOWN_FORMS.sub(SHOWN, _HEADER.sub(rf"\1 {SHOWN}", text))


def masked(value: Any) -> Any:
    """JSON-able data with the secrets masked in every string, and whatever text lies under a secret's name."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {
            name: SHOWN
            if is_secret(str(name)) and isinstance(each, str) and each and "${" not in each
            else masked(each)
            for name, each in value.items()
        }
    return [masked(each) for each in value] if isinstance(value, list | tuple) else value


def is_secret(name: str) -> bool:
    """Whether an option or variable of that name holds a secret."""
    return _NAME.match(name) is not None


def public_url(url: str) -> str:
    """A URL without user, and without the parameters of a signature: the same when it is signed anew."""
    url = _USER.sub("", url)
    if not _SIGNED.search(url):
        return url
    path, _, query = url.partition("?")
    kept = [part for part in query.split("&") if not _ROTATING.match(part.partition("=")[0])]
    return f"{path}?{'&'.join(kept)}" if kept else path


def _environment_secrets() -> list[str]:
    """Values of environment variables with a secret's name, the longest first."""
    found = {value for name, value in os.environ.items() if len(value) >= LEAST_CHARACTERS and is_secret(name)}
    return sorted((value for value in found if not value.startswith("/")), key=len, reverse=True)
