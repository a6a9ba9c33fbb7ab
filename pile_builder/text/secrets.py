"""Keys and tokens whose form their issuer fixed: how each is written, and what stands in for it.

Lengths and alphabets are those of gitleaks' rules (config/gitleaks.toml of version 8) where no issuer's document is
named. Every repetition is bounded or cannot run over its own beginning, so matching stays linear.
"""

from __future__ import annotations

import re
from typing import Final

SECRETS: Final = {
    # AWS, "IAM identifiers": unique id prefixes; 16 characters of base32.
    "AWS_ACCESS_KEY": rb"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9_])",
    # GitHub, "Behind GitHub's new authentication token formats": 30 random characters and a checksum of six.
    "GITHUB_TOKEN": rb"(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})(?![A-Za-z0-9_])",
    "SLACK_TOKEN": (
        rb"(?:xox[abeoprs]-(?:[0-9]-)?(?:[0-9]{8,14}-){1,3}[A-Za-z0-9]{18,64}"
        rb"|xapp-[0-9]-[A-Z0-9]{8,14}-[0-9]{8,14}-[a-f0-9]{64})(?![A-Za-z0-9_-])"
    ),
    "GOOGLE_API_KEY": rb"AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])",
    "STRIPE_KEY": rb"[rs]k_live_[A-Za-z0-9]{24,99}(?![A-Za-z0-9_])",
    "ANTHROPIC_KEY": rb"sk-ant-[a-z]{3,5}[0-9]{2}-[A-Za-z0-9_-]{93}AA(?![A-Za-z0-9_-])",
    "OPENAI_KEY": (
        rb"sk-(?:[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}|(?:proj|svcacct|admin)-"
        rb"(?:[A-Za-z0-9_-]{58}T3BlbkFJ[A-Za-z0-9_-]{58}|[A-Za-z0-9_-]{74}T3BlbkFJ[A-Za-z0-9_-]{74}))(?![A-Za-z0-9_-])"
    ),
    # RFC 7519; "eyJ" is base64url of a JSON object's opening. The shortest header and signature are those of HS256.
    "JWT": (rb"eyJ[A-Za-z0-9_-]{17,4096}\.eyJ[A-Za-z0-9_-]{7,8192}\.[A-Za-z0-9_-]{43,1024}(?![A-Za-z0-9_-])"),
    # RFC 7468, RFC 9580 section 6.2: from the BEGIN line to the END line with the same label.
    "PRIVATE_KEY": (
        rb"-----BEGIN (?P<label>[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?)-----"
        rb"(?:[^-]|-(?!----)){64,16384}+-----END (?P=label)-----"
    ),
}
"""Names of secrets and their patterns, over UTF-8."""

NAMES: Final = tuple(SECRETS)
FEWEST_DISTINCT_BYTES: Final = 8
"""A match with fewer different characters is a placeholder such as `ghp_xxxx...`; gitleaks asks for 3 bits of entropy a
character, which is as much."""

_PATTERN: Final = re.compile(b"|".join(b"(?P<%b>%b)" % (name.encode(), form) for name, form in SECRETS.items()))
_AWS_EXAMPLE: Final = b"EXAMPLE"


def match_secret(text: bytes, at: int) -> tuple[int, int] | None:
    """(number in NAMES, end) of the secret that begins at `text[at]`, None if there is none.

    Placeholders do not count, nor do the keys of AWS's documentation, which end in EXAMPLE.
    """
    found = _PATTERN.match(text, at)
    if found is None or found.lastgroup is None:
        return None
    secret = found.group()
    if len(set(secret)) < FEWEST_DISTINCT_BYTES or secret.endswith(_AWS_EXAMPLE):
        return None
    return NAMES.index(found.lastgroup), found.end()
