"""What the readers of the three eras make of a patent, and which part of it is its background."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

RELATED, SUMMARY, DRAWINGS, DETAIL = "related", "summary", "drawings", "detail"
"""Parts of a description that all eras mark: related applications, background and summary, drawings, the rest."""

_BACKGROUND = re.compile(r"back\W?ground|prior\W+art|related\W+arts?\b|state\W+of\W+the\W+art|conventional\W+art", re.I)
_BESIDE = re.compile(r"\bfields?\b|field$|technical\W+area|introduction|problem", re.I)
"""Headings that go with a background, before it or after it."""
_OTHER = re.compile(
    r"related\W+(?:u\.?s\.?\W+)?(?:patent\W+)?applications?|cross\W|priority|summary|objects?\b|disclosure|drawings?|figures?|"
    r"detailed|embodiment|federal|sponsored|government|statement\W+re|sequence\W+listing|examples?\b|best\W+mode|advantages|"
    r"claims?\b|appendix|microfiche|description\W+of\W+(?:the\W+)?(?:invention|preferred)|solution|effects?\b", re.I
)  # fmt: skip

_RELATED = re.compile(
    r"(?:this|the present|the instant|the subject) (?:\w+ ){0,3}(?:application|patent|invention)s?\b.{0,120}?"
    r"(?:continuation|divisional|division of|national (?:phase|stage)|"
    r"(?:claims?|claiming) (?:the )?(?:benefit|priority)|"
    r"is related to|based (?:up)?on|(?:provisional|patent) application|application (?:ser|no))", re.I | re.S
)  # fmt: skip
"""How a paragraph begins that says which applications this one follows."""


@dataclass(frozen=True, slots=True)
class Block:
    """A heading (`level` from 1) or a paragraph (0) of a description, and the part that it stands in."""

    text: str
    level: int = 0
    part: str = ""


@dataclass(frozen=True, slots=True)
class Patent:
    """A patent's metadata and the blocks of its description in order."""

    meta: Mapping[str, Any]
    blocks: Sequence[Block] = field(default_factory=tuple)


def background(blocks: Sequence[Block]) -> list[Block]:
    """The background: from its heading over headings that go with it to the next one that does not.

    Where a description has no such heading, the part that the office marks as background and summary, up to its first
    heading of another kind; nothing where there is neither.
    """
    started: list[Block] = []
    waiting: list[Block] = []
    first_level = 0
    for block in blocks:
        if block.level:
            is_background = _is_background(block.text)
            is_beside = bool(_BESIDE.search(block.text)) and not _OTHER.search(block.text)
            is_below = bool(first_level) and block.level > first_level and not _OTHER.search(block.text)
            if is_background:
                started += waiting
                waiting = []
                first_level = first_level or block.level
            elif started and not (is_beside or is_below):
                break
            elif not started:
                waiting = [*waiting, block] if is_beside else []
                continue
        if started or (block.level and _is_background(block.text)):
            started.append(block)
        elif waiting:
            waiting.append(block)
    if not any(not block.level for block in started):
        started = list(_unmarked(blocks))
    return _without_references(started)


def _is_background(heading: str) -> bool:
    if not _BACKGROUND.search(heading):
        return False
    # "Background and summary of the invention" is one; "Cross-reference to related art applications" is none.
    return not _OTHER.search(heading) or bool(re.search(r"back\W?ground", heading, re.I))


def _unmarked(blocks: Sequence[Block]) -> Iterator[Block]:
    """Paragraphs of the summary part, up to a heading of another kind."""
    for block in blocks:
        if block.part != SUMMARY:
            continue
        if block.level and _OTHER.search(block.text):
            return
        yield block


def description(blocks: Sequence[Block]) -> list[Block]:
    """All of a description but the references to related applications."""
    return _without_references(block for block in blocks if block.part != RELATED)


def _without_references(blocks: Iterable[Block]) -> list[Block]:
    """Blocks without paragraphs on related applications, and without headings that nothing follows."""
    kept: list[Block] = []
    for block in [one for one in blocks if one.level or not _RELATED.match(one.text)] + [Block("", 1)]:
        while kept and kept[-1].level >= block.level > 0:
            kept.pop()
        kept.append(block)
    return kept[:-1]
