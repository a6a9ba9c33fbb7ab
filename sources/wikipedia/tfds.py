"""Wikitext to text as TensorFlow Datasets' `wikipedia` did, which the Pile took over: mwparserfromhell's strip_code."""

from __future__ import annotations

import re

import mwparserfromhell
from mwparserfromhell.nodes import Node
from mwparserfromhell.wikicode import Wikicode

from pile_builder.errors import InputError

MAX_CHARACTERS = 2 << 20
MAX_OPEN = 300
"""Most openings without an end, as the parser goes back on each; the engine limits CPU time for the rest."""
_PAIRS = (("{{", "}}"), ("[[", "]]"), ("{|", "|}"), ("<", ">"))

_FILE = re.compile(r"(?:File|Image|Media):", re.I)
_LISTS = frozenset(["reflist", "notelist", "notelist-ua", "notelist-lr", "notelist-ur", "notelist-lg"])


def to_text(wikitext: str) -> str:
    """Text of a page: without pictures, references, tables and templates that list notes; sections by blank lines.

    Raises:
        InputError: `too_large`: more than `MAX_CHARACTERS`; `too_deep`: more openings without an end than `MAX_OPEN`.
    """
    if len(wikitext) > MAX_CHARACTERS:
        raise InputError("too_large", f"{len(wikitext):,} characters, at most {MAX_CHARACTERS:,}")
    left_open = sum(max(wikitext.count(a) - wikitext.count(b), 0) for a, b in _PAIRS)
    if left_open > MAX_OPEN:
        raise InputError("too_deep", f"{left_open:,} braces and brackets without an end, at most {MAX_OPEN:,}")
    page = mwparserfromhell.parse(wikitext)
    texts: list[str] = []
    for section in page.get_sections(flat=True, include_lead=True, include_headings=True):
        for node in section.ifilter_wikilinks(recursive=True, matches=lambda link: bool(_FILE.match(str(link.title)))):
            _remove(section, node)
        for template in section.ifilter_templates(recursive=True, matches=lambda one: str(one.name).lower() in _LISTS):
            _remove(section, template)
        for tag in section.ifilter_tags(recursive=True, matches=lambda tag: str(tag.tag) in ("ref", "table")):
            _remove(section, tag)
        texts.append(str(section.strip_code()).strip())
    return "\n\n".join(texts)


def _remove(section: Wikicode, node: Node) -> None:
    try:
        section.remove(node)
    except ValueError:
        # It went with what it stood in.
        return
