"""What of a JATS article is about the article and not of it: sections, notes and abstracts that are left out."""

from __future__ import annotations

import re

ABSTRACTS_SKIPPED = frozenset(["toc", "teaser", "graphical", "web-summary"])
NOTES_SKIPPED = frozenset(
    ["abbr", "com", "con", "conflict", "corresp", "coi-statement", "current-aff", "deceased", "edited-by", "equal",
     "financial-disclosure", "on-leave", "participating-researchers", "present-address", "presented-at",
     "presented-by", "previously-at", "study-group-members", "supplementary-material", "supported-by"]
)  # fmt: skip
BOILERPLATE = re.compile(
    r"(?:[\dIVX]+(?:[.)]\s*|\s+))*(?:(?:electronic |online )?supp(?:orting|lement(?:ary|al)) "
    r"(?:information|materials?|data|files?|tables?|figures?)|additional files?|"
    r"appendix [a-z0-9]*[.:]? ?supplementary.*|"
    r"authors?['’]?s?['’]? (?:contributions?|disclosures?|information|details|statements?)|contributors?|"
    r"contributorship.*|credit author.*|(?:declarations? of |potential )?(?:conflicts?|competing|conflicting)(?: of)?"
    r"(?: financial)? interests?(?: statement| disclosure)?|disclosures?(?: statement)?|declarations?|"
    r"pre-?publication history|acknowledge?ments?.*|funding(?: (?:statement|information|sources?))?|"
    r"financial (?:support|disclosures?)|grant support|"
    r"(?:data|code)(?: and (?:code|materials?))? (?:availability|accessibility)(?: statement)?|"
    r"availability of (?:data|supporting).*|consent (?:for|to) publi.*|publisher['’]s note|provenance and peer review|"
    r"ethics (?:approval|statement|declarations?).*|ethical approval.*|(?:cited )?references|literature cited)\.?",
    re.I,
)
"""Titles of sections that are about the article, not of it."""
STATEMENT = re.compile(
    r"(?:provenance|competing|conflicts? of|(?:the )?authors?|funding|supplement|data avail|electronic supp|publish)",
    re.I,
)
"""How notes at the end begin that are no part of the text."""
