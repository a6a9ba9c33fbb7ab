"""HTML's elements as the block pass sees them: which break the text, which hide it, which are landmarks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pile_builder.main_content.hashes import Table, hash_table

BLOCK, VOID, RAW, HIDDEN = 1, 2, 4, 8
"""What a tag does: begins and ends a block; has no end tag; holds no markup; holds text that is never content."""

_VOID = ("area", "base", "col", "embed", "img", "input", "link", "meta", "param", "source", "track", "wbr", "br", "hr")
_RAW = ("script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext")
_HIDDEN = (
    *("noscript", "template", "svg", "math", "textarea", "select", "datalist", "object", "audio", "video", "canvas"),
    *("head", "title", "map", "rp", "rt"),
)
_CONTAINERS = (
    *("html", "body", "div", "section", "article", "main", "aside", "nav", "header", "footer", "form", "fieldset"),
    *("address", "center", "details", "dialog", "figure", "hgroup", "ul", "ol", "dl", "menu", "table", "tbody"),
    *("thead", "tfoot", "tr", "colgroup", "search", "custom-"),
)
_TEXTS = (
    *("button", "label", "legend", "summary", "figcaption", "caption", "td", "th", "dt", "dd", "li", "h6", "h5", "h4"),
    *("h3", "h2", "h1", "pre", "blockquote", "p"),
)
_INLINE = ("a", "b", "strong", "em", "i", "code", "span", "time", "q", "option")

NAMES: tuple[str, ...] = ("", *_VOID, *_RAW, *_HIDDEN, *_CONTAINERS, *_TEXTS, *_INLINE)
"""Tag of each number; 0 stands for every other inline element, `custom-` for elements with a hyphen in their name."""
NUMBER: Mapping[str, int] = {name: number for number, name in enumerate(NAMES)}

LANDMARKS = (
    *("article", "main", "aside", "nav", "footer", "header", "form", "section", "list", "item", "table", "figure"),
    *("blockquote", "pre", "link", "article_body", "hidden", "control", "address", "details"),
)
"""Kinds of ancestors; the distance to the nearest of each is a feature of a block."""

_LANDMARK_OF_TAG = {
    **{name: name for name in ("article", "main", "aside", "nav", "footer", "header", "form", "section", "table")},
    **{name: name for name in ("figure", "blockquote", "pre", "address", "details")},
    **dict.fromkeys(("ul", "ol", "dl", "menu"), "list"),
    **dict.fromkeys(("li", "dt", "dd"), "item"),
    **dict.fromkeys(("button", "label", "legend", "summary"), "control"),
    "a": "link",
    "figcaption": "figure",
    "dialog": "hidden",
}
LANDMARK_OF_ROLE: Mapping[str, str] = {
    "main": "main",
    "article": "article",
    "complementary": "aside",
    "navigation": "nav",
    "contentinfo": "footer",
    "banner": "header",
    "search": "form",
    "dialog": "hidden",
    "menu": "nav",
    "menubar": "nav",
    "tablist": "nav",
    "button": "control",
}
LANDMARK_OF_ITEMPROP: Mapping[str, str] = {"articlebody": "article_body", "text": "article_body"}


@cache
def tag_table() -> Table:
    """Numbers of the known tags by hash of their name."""
    return hash_table((name, number) for number, name in enumerate(NAMES) if name)


@cache
def tag_flags() -> NDArray[np.uint8]:
    """What each tag does, uint8[tags]."""
    flags = np.zeros(len(NAMES), np.uint8)
    for names, flag in ((_VOID, VOID), (_RAW, RAW | HIDDEN), (_HIDDEN, HIDDEN), (_CONTAINERS, BLOCK), (_TEXTS, BLOCK)):
        for name in names:
            flags[NUMBER[name]] |= flag
    flags[NUMBER["hr"]] |= BLOCK
    return flags


@cache
def tag_landmarks() -> NDArray[np.int64]:
    """The landmark that each tag is, -1 for none, int64[tags]."""
    landmarks = np.full(len(NAMES), -1, np.int64)
    for name, landmark in _LANDMARK_OF_TAG.items():
        landmarks[NUMBER[name]] = LANDMARKS.index(landmark)
    return landmarks


@cache
def attribute_table() -> Table:
    """Landmarks by `role=value` and `itemprop=value`."""
    pairs = [(f"role={name}", landmark) for name, landmark in LANDMARK_OF_ROLE.items()]
    pairs += [(f"itemprop={name}", landmark) for name, landmark in LANDMARK_OF_ITEMPROP.items()]
    return hash_table((name, LANDMARKS.index(landmark)) for name, landmark in pairs)
