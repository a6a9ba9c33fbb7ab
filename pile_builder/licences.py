"""Licence policies over SPDX names: what an expression such as `MIT OR GPL-3.0-only` comes to under allow and deny.

Names are those of the SPDX licence list (`spdx.txt`), `LicenseRef-` names, and groups of them (`licence_groups`). Of an
OR any branch that is allowed will do, of an AND every part has to be. An exception (`GPL-2.0-only WITH
Classpath-exception-2.0`) only adds permissions, so what holds for the licence holds with it, unless the policy names
the pair.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from importlib import resources

from pile_builder.licence_groups import GROUPS

MAX_CHARACTERS = 1_000
"""Longer expressions count as not known."""

_WRITTEN_BY_SOURCES = (
    "LicenseRef-PublicDomain-US",
    "LicenseRef-ProjectGutenberg-Copyrighted",
    "LicenseRef-arXiv-nonexclusive-distrib-1.0",
    "LicenseRef-arXiv-assumed-1991-2003",
    *(f"LicenseRef-CC-BY{terms}" for terms in ("", "-SA", "-ND", "-NC", "-NC-SA", "-NC-ND")),
)
_URLS = (
    (re.compile(r"https?://arxiv\.org/licenses/nonexclusive-distrib/1\.0/?"), _WRITTEN_BY_SOURCES[2]),
    (re.compile(r"https?://arxiv\.org/licenses/assumed-1991-2003/?"), _WRITTEN_BY_SOURCES[3]),
    (re.compile(r"https?://creativecommons\.org/publicdomain/zero/1\.0(?:/.*)?"), "CC0-1.0"),
    (re.compile(r"https?://creativecommons\.org/publicdomain/mark/1\.0(?:/.*)?"), "CC-PDM-1.0"),
    (re.compile(r"https?://creativecommons\.org/licenses/publicdomain/?"), "CC-PDDC"),
)
_CC_URL = re.compile(r"https?://creativecommons\.org/licenses/([a-z-]+)/(\d\.\d)(?:/.*)?")
_REFERENCE = re.compile(r"LicenseRef-[A-Za-z0-9.-]+", re.IGNORECASE)
_GNU_OLD = re.compile(r"((?:A|L)?GPL-\d\.\d|GFDL-\d\.\d)(\+|-with-[\w.-]+)?")
_TOKEN = re.compile(r"[()]|[^\s()]+")
_PRECEDENCE = {"OR": 1, "AND": 2}


class Standing(IntEnum):
    """What a policy says of a licence; OR is the greatest of its parts, AND the least."""

    DENIED = 0
    UNKNOWN = 1
    ALLOWED = 2


@dataclass(frozen=True)
class Policy:
    """Names that are kept and dropped, in canonical spelling and with groups resolved.

    Attributes:
        allow: names that are kept; with none, all that are not denied.
        deny: names that are dropped, whatever `allow` says.
    """

    allow: frozenset[str]
    deny: frozenset[str]

    @classmethod
    def of(cls, allow: Iterable[str], deny: Iterable[str]) -> Policy:
        """The policy of two lists of names and groups.

        Raises:
            ValueError: a name is neither of SPDX, nor a `LicenseRef-` name, nor a group; the message has the nearest.
        """
        return cls(frozenset(_resolved(allow)), frozenset(_resolved(deny)))

    def standing(self, licence: str | None) -> Standing:
        """What becomes of a document under `licence`, an SPDX expression or a known URL; None or "" is unknown."""
        return evaluate(spdx_expression(licence or ""), self._of_name)

    def _of_name(self, name: str) -> Standing:
        if name in self.deny:
            return Standing.DENIED
        if name in self.allow:
            return Standing.ALLOWED
        plain = name.partition(" WITH ")[0]
        if plain in self.deny:
            return Standing.DENIED
        is_own = _REFERENCE.fullmatch(plain) and plain not in _WRITTEN_BY_SOURCES
        if canonical(name) is None or (is_own and plain not in self.allow):
            return Standing.UNKNOWN
        return Standing.ALLOWED if plain in self.allow or not self.allow else Standing.DENIED


def spdx_expression(licence: str) -> str:
    """An SPDX expression as it is, and the name of what a known URL says."""
    licence = licence.strip()
    if not licence.startswith("http"):
        return licence
    for pattern, name in _URLS:
        if pattern.fullmatch(licence):
            return name
    found = _CC_URL.fullmatch(licence)
    return f"CC-{found[1].upper()}-{found[2]}" if found else licence


def evaluate(expression: str, standing: Callable[[str], Standing]) -> Standing:
    """The standing of an SPDX expression, given that of names; one that cannot be parsed is UNKNOWN.

    Args:
        expression: names, `+`, WITH, AND, OR and parentheses, operators in either case.
        standing: of a canonical name, or of two joined by ` WITH `; of other words as they are.
    """
    if not expression or len(expression) > MAX_CHARACTERS:
        return Standing.UNKNOWN
    values: list[Standing] = []
    operators: list[str] = []
    tokens = _TOKEN.findall(expression)
    wants_name = True
    i = 0
    while i < len(tokens):
        token = tokens[i]
        word = token.upper()
        if wants_name and word in ("AND", "OR", "WITH", ")"):
            return Standing.UNKNOWN
        if token == "(":
            if not wants_name:
                return Standing.UNKNOWN
            operators.append(token)
        elif token == ")":
            while operators and operators[-1] != "(":
                _apply(operators.pop(), values)
            if not operators:
                return Standing.UNKNOWN
            operators.pop()
        elif word in _PRECEDENCE:
            while operators and _PRECEDENCE.get(operators[-1], 0) >= _PRECEDENCE[word]:
                _apply(operators.pop(), values)
            operators.append(word)
            wants_name = True
        elif not wants_name:
            return Standing.UNKNOWN
        else:
            name = token
            if i + 2 < len(tokens) and tokens[i + 1].upper() == "WITH":
                name = f"{token} WITH {tokens[i + 2]}"
                i += 2
            values.append(standing(canonical(name) or name))
            wants_name = False
        i += 1
    if wants_name or "(" in operators:
        return Standing.UNKNOWN
    while operators:
        _apply(operators.pop(), values)
    return values[0]


def canonical(name: str) -> str | None:
    """A name in SPDX's spelling, without `+`; GNU's old names as `-only` and `-or-later`. None if it is not known.

    `LicenseRef-` names are as they are; a name may be followed by ` WITH ` and an exception.
    """
    plain, _, exception = name.partition(" WITH ")
    licences = _names()
    if exception:
        found, added = canonical(plain), licences.get(f"with {exception.lower()}")
        return f"{found} {added}" if found and added else None
    old = _GNU_OLD.fullmatch(licences.get(plain.lower().rstrip("+"), "") + plain[len(plain.rstrip("+")) :])
    if old:
        return f"{old[1]}-or-later" if old[2] == "+" else f"{old[1]}-only"
    if _REFERENCE.fullmatch(plain):
        return plain
    return licences.get(plain.lower().rstrip("+")) if not plain.lower().startswith("with ") else None


def _apply(operator: str, values: list[Standing]) -> None:
    right, left = values.pop(), values.pop()
    values.append(max(left, right) if operator == "OR" else min(left, right))


def _resolved(names: Iterable[str]) -> Iterable[str]:
    for name in names:
        if name in GROUPS:
            yield from GROUPS[name]
            continue
        found = canonical(" WITH ".join(re.split(r"\s+with\s+", name.strip(), flags=re.IGNORECASE)))
        if found is None:
            words = {**{group: group for group in GROUPS}, **_names()}
            near = difflib.get_close_matches(name.lower(), words, n=1, cutoff=0.5)
            hint = f"; did you mean {words[near[0]].removeprefix('WITH ')!r}?" if near else ""
            msg = (
                f"unknown licence {name!r}{hint} Valid: names of the SPDX licence list, LicenseRef-... and the groups "
                f"{', '.join(GROUPS)}"
            )
            raise ValueError(msg)
        yield found


@functools.cache
def _names() -> dict[str, str]:
    """Canonical spelling by lower-case name, exceptions with `WITH` before them."""
    text = resources.files("pile_builder").joinpath("spdx.txt").read_text(encoding="utf-8")
    return {line.lower(): line for line in text.splitlines() if not line.startswith("#")}
