"""Which licence a repository is under, as an SPDX expression: from its licence files, else from package metadata.

Licence texts are recognised by a few short phrases each, which all have to stand in the text, and none of those that
tell it from its relatives. A text with terms added to it is not recognised. "NOASSERTION" is SPDX's word for unknown.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from pile_builder.sources import bounded_json

UNKNOWN = "NOASSERTION"
METADATA_FILES = ("pyproject.toml", "package.json", "Cargo.toml", "PKG-INFO")
"""Files that state a licence, in the order in which they are believed."""
TITLE_WORDS = 150
"""A licence that is known by its title has it within so many words of the beginning (seen: 60, after a preamble)."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells a licence: phrases that stand in it, phrases that do not, and a title near the beginning."""

    spdx: str
    phrases: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    title: str = ""


_PERMISSION = "permission is hereby granted free of charge to any person obtaining a copy"
_NOTICE = "notice and this permission notice shall be included"
_BSD = ("redistribution and use in source and binary forms", "redistributions in binary form must reproduce")
_NAME_CLAUSE = "endorse or promote products derived"
_ADVERTISING = "all advertising materials mentioning"
_ISC = "for any purpose with or without fee is hereby granted"
_ISC_NOTICE = "notice and this permission notice appear in all copies"
_FINGERPRINTS = (
    Fingerprint("AGPL-3.0-only", title="gnu affero general public license version 3"),
    Fingerprint("LGPL-3.0-only", title="gnu lesser general public license version 3"),
    Fingerprint("LGPL-2.1-only", title="gnu lesser general public license version 2 1"),
    Fingerprint("LGPL-2.0-only", title="gnu library general public license version 2"),
    Fingerprint("GPL-3.0-only", title="gnu general public license version 3"),
    Fingerprint("GPL-2.0-only", title="gnu general public license version 2"),
    Fingerprint("Apache-2.0", title="apache license version 2 0"),
    Fingerprint("MPL-2.0", title="mozilla public license version 2 0"),
    Fingerprint("MPL-1.1", title="mozilla public license version 1 1"),
    Fingerprint("EPL-2.0", title="eclipse public license v 2 0"),
    Fingerprint("EPL-1.0", title="eclipse public license v 1 0"),
    Fingerprint("BSL-1.0", title="boost software license version 1 0"),
    Fingerprint("Artistic-2.0", title="artistic license 2 0"),
    Fingerprint("CC0-1.0", title="cc0 1 0 universal"),
    Fingerprint("CC-BY-SA-4.0", title="attribution sharealike 4 0 international"),
    Fingerprint("CC-BY-4.0", title="attribution 4 0 international"),
    Fingerprint("OFL-1.1", title="sil open font license version 1 1"),
    Fingerprint("WTFPL", title="do what the fuck you want to public license"),
    Fingerprint("Unlicense", title="this is free and unencumbered software released into the public domain"),
    Fingerprint("Python-2.0", ("python software foundation license version 2", "cnri license agreement for python")),
    Fingerprint("PSF-2.0", ("python software foundation license version 2",), ("cnri license agreement for python",)),
    Fingerprint("Zlib", ("altered source versions must be plainly marked as such", "misrepresented")),
    Fingerprint("NCSA", (_PERMISSION, "deal with the software without restriction", _NAME_CLAUSE)),
    Fingerprint("MIT", (_PERMISSION, _NOTICE, "the software is provided as is"), _BSD),
    Fingerprint("MIT-0", (_PERMISSION, "the software is provided as is"), (_NOTICE, *_BSD)),
    Fingerprint("BSD-4-Clause", (*_BSD, _ADVERTISING), (_PERMISSION,)),
    Fingerprint("BSD-3-Clause", (*_BSD, _NAME_CLAUSE), (_PERMISSION, _ADVERTISING)),
    Fingerprint("BSD-2-Clause", _BSD, (_PERMISSION, _ADVERTISING, _NAME_CLAUSE)),
    Fingerprint("ISC", ("permission to use copy modify", _ISC, _ISC_NOTICE), _BSD),
    Fingerprint("0BSD", ("permission to use copy modify", _ISC), (_ISC_NOTICE, *_BSD)),
)
_RESTRICTIONS = (
    "commons clause", "shall be used for good not evil", "business source license", "server side public license",
    "elastic license", "non commercial use", "noncommercial",
)  # fmt: skip

_KNOWN = frozenset(fingerprint.spdx for fingerprint in _FINGERPRINTS) | frozenset(
    {
        "GPL-2.0-or-later", "GPL-3.0-or-later", "LGPL-2.0-or-later", "LGPL-2.1-or-later", "LGPL-3.0-or-later",
        "AGPL-3.0-or-later", "GPL-2.0", "GPL-3.0", "LGPL-2.1", "LGPL-3.0", "AGPL-3.0", "CC-BY-3.0", "CC-BY-SA-3.0",
        "MS-PL", "EUPL-1.2", "UPL-1.0", "HPND", "X11", "Ruby", "PostgreSQL", "BlueOak-1.0.0", "Artistic-1.0",
    }
)  # fmt: skip
_SPELLINGS = {spdx.lower(): spdx for spdx in sorted(_KNOWN)}
_ALIASES = {
    "2-clause bsd": "BSD-2-Clause", "3-clause bsd": "BSD-3-Clause", "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0", "apache license 2.0": "Apache-2.0", "apache license version 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0", "apache software license 2.0": "Apache-2.0", "apache-2": "Apache-2.0",
    "bsd 2-clause": "BSD-2-Clause", "bsd 3-clause": "BSD-3-Clause", "bsd 3-clause license": "BSD-3-Clause",
    "bsd-2": "BSD-2-Clause", "bsd-3": "BSD-3-Clause", "expat": "MIT",
    "gnu general public license v2 (gplv2)": "GPL-2.0-only",
    "gnu general public license v2 or later (gplv2+)": "GPL-2.0-or-later",
    "gnu general public license v3 (gplv3)": "GPL-3.0-only",
    "gnu general public license v3 or later (gplv3+)": "GPL-3.0-or-later",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
    "gnu lesser general public license v3 or later (lgplv3+)": "LGPL-3.0-or-later", "gplv2": "GPL-2.0-only",
    "gplv2+": "GPL-2.0-or-later", "gplv3": "GPL-3.0-only", "gplv3+": "GPL-3.0-or-later", "isc license": "ISC",
    "isc license (iscl)": "ISC", "lgplv3": "LGPL-3.0-only", "lgplv3+": "LGPL-3.0-or-later", "mit license": "MIT",
    "modified bsd license": "BSD-3-Clause", "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0", "mpl 2.0": "MPL-2.0",
    "mpl2": "MPL-2.0", "new bsd": "BSD-3-Clause", "new bsd license": "BSD-3-Clause", "psf": "PSF-2.0",
    "python software foundation license": "PSF-2.0", "simplified bsd": "BSD-2-Clause", "the mit license": "MIT",
    "the unlicense (unlicense)": "Unlicense", "unlicense": "Unlicense", "zlib/libpng license": "Zlib",
}  # fmt: skip
_NAME = r"\(*[\w.+-]{1,60}\)*"
_IDENTIFIER = re.compile(rf"SPDX-License-Identifier:[ \t]*({_NAME}(?:[ \t]+(?:AND|OR|WITH)[ \t]+{_NAME}){{0,9}})")
IDENTIFIER_CHARACTERS = 1_000
"""A file's SPDX line stands in its head comment."""
_PACKAGE_FIELD = re.compile(
    r"^(?:License-Expression|License|Classifier: License ::(?: OSI Approved ::)?)[: ][ \t]*(.+)$", re.M
)


def repository_licence(files: Mapping[str, bytes]) -> str:
    """SPDX expression of a repository, given its root's licence and metadata files by name.

    Several licence files are joined: by OR where their names say which is which (`LICENSE-MIT`), else by AND.
    """
    found: dict[str, str] = {}
    for name in sorted(files):
        if name not in METADATA_FILES:
            spdx = licence_of(files[name].decode("utf-8", "replace"))
            if spdx != UNKNOWN:
                found.setdefault(spdx, name)
    if {"GPL-3.0-only", "LGPL-3.0-only"} <= set(found):
        # The LGPL is an addition to the GPL: repositories carry both and are under the first.
        del found["GPL-3.0-only"]
    if found:
        is_choice = len(found) > 1 and all(
            re.search(r"(?i)licen[cs]e[._-](?!txt|md|rst)\w|^(?:mit|bsd|apache)", name) for name in found.values()
        )
        return (" OR " if is_choice else " AND ").join(sorted(found))
    stated = (stated_licence(name, files[name].decode("utf-8", "replace")) for name in METADATA_FILES if name in files)
    return next((spdx for spdx in stated if spdx != UNKNOWN), UNKNOWN)


def licence_of(text: str) -> str:
    """SPDX identifier of a licence text, or "NOASSERTION".

    GNU licences come out as `-only`: whether later versions are allowed stands in the files, not in the text.
    """
    words = re.findall(r"[a-z0-9]+", text.lower())
    flat = " ".join(words)
    beginning = " ".join(words[:TITLE_WORDS])
    if any(phrase in flat for phrase in _RESTRICTIONS):
        return UNKNOWN
    for fingerprint in _FINGERPRINTS:
        is_present = all(phrase in flat for phrase in fingerprint.phrases) and fingerprint.title in beginning
        if is_present and not any(phrase in flat for phrase in fingerprint.absent):
            return fingerprint.spdx
    return file_identifier(text) or UNKNOWN


def file_identifier(text: str) -> str:
    """The expression of a file's `SPDX-License-Identifier` line, "NOASSERTION" if it is unknown, "" without a line."""
    found = _IDENTIFIER.search(text, 0, IDENTIFIER_CHARACTERS)
    return normalised(found[1]) if found else ""


def stated_licence(name: str, text: str) -> str:
    """SPDX expression that a package metadata file states, or "NOASSERTION"; a damaged file states nothing."""
    try:
        if name == "package.json":
            value = bounded_json.loads(text)
            stated = value.get("license", "") if isinstance(value, dict) else ""
        elif name == "PKG-INFO":
            stated = next(
                (spdx for field in _PACKAGE_FIELD.findall(text) if (spdx := normalised(field)) != UNKNOWN), ""
            )
        else:
            table = tomllib.loads(text)
            project = table.get("project") or table.get("package") or table.get("tool", {}).get("poetry", {})
            stated = project.get("license", "") if isinstance(project, dict) else ""
    except (ValueError, RecursionError, AttributeError):
        return UNKNOWN
    if isinstance(stated, dict):
        stated = stated.get("text") or stated.get("type") or ""
    return normalised(stated) if isinstance(stated, str) else UNKNOWN


def normalised(expression: str) -> str:
    """An SPDX expression in canonical spelling, or "NOASSERTION" where a part of it is not known.

    `/` between two names is Cargo's old way to write OR.
    """
    plain = " ".join(expression.split()).strip(" .")
    if plain.lower() in _ALIASES:
        return _ALIASES[plain.lower()]
    parts = re.findall(r"\(|\)|[A-Za-z0-9.+-]+|/", plain)
    result: list[str] = []
    for part in parts:
        if part.upper() in ("AND", "OR") or part in "()/":
            result.append("OR" if part == "/" else part.upper())
        elif part.lower() in _SPELLINGS:
            result.append(_SPELLINGS[part.lower()])
        elif part.endswith("+") and f"{part[:-1]}-or-later".lower() in _SPELLINGS:
            result.append(_SPELLINGS[f"{part[:-1]}-or-later".lower()])
        else:
            return UNKNOWN
    names = [part for part in result if part not in ("(", ")", "AND", "OR")]
    is_joined = len(names) == 1 + sum(part in ("AND", "OR") for part in result)
    return " ".join(result).replace("( ", "(").replace(" )", ")") if names and is_joined else UNKNOWN
