"""A thread of Hacker News as text: the whole tree, or the chains of the Pile."""

from __future__ import annotations

import html
import re
import textwrap
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from pile_builder.sources.markup import html_text

MAX_INDENT = 24
"""Levels that are indented; deeper replies stand below each other, as their indentation would outgrow them."""
PILE_WIDTH = 78
"""The Pile's program asked html2text for lines of any length, in a way that left the library's default in force."""

_LINK = re.compile(r'<a href="([^"]*)"[^>]*>(.*?)</a>', re.I | re.S)
_CODE = re.compile(r"<pre><code>(.*?)</code></pre>", re.I | re.S)
_UNWRAPPED = re.compile(r" \| |^([-*])(?!\1)|^\d+\. ")
"""What html2text takes for a table or an item and leaves in one line."""
_MARKDOWN = re.compile(r"(?m)^(\s*)(-(?=[\s-])|[+#](?=\s)|\d+\.(?=\s))")

Item = Mapping[str, Any]


class Thread:
    """A story and all that was written below it."""

    def __init__(self, story: Item, others: Sequence[Item]) -> None:
        self.story = story
        self._below: dict[int, list[Item]] = defaultdict(list)
        for item in others:
            self._below[item.get("parent") or item.get("poll") or 0].append(item)
        for parent in [story, *others]:
            kids = {kid: place for place, kid in enumerate(parent.get("kids", ()))}
            last = len(kids)
            # By rank, where one is given; items that the list of kids lacks came after it was written.
            self._below.get(parent["id"], []).sort(
                key=lambda item: (kids.get(item["id"], last), item.get("ranking", 0), item["id"])
            )

    def replies(self, item: Item) -> list[Item]:
        """Comments right below an item, in order."""
        return [one for one in self._below.get(item["id"], ()) if one.get("type") != "pollopt"]

    def options(self) -> list[Item]:
        """What a poll lets choose."""
        return [one for one in self._below.get(self.story["id"], ()) if one.get("type") == "pollopt"]

    def laid_out(self) -> str:
        """Title, author, link and text, then every comment below its author, indented under what it replies to."""
        story = self.story
        head = [story.get("title", ""), " | ".join(filter(None, [story.get("by", ""), story.get("url", "")]))]
        parts = ["\n".join(filter(None, head)), plain_text(story.get("text", ""))]
        options = [f"- {plain_text(one.get('text', ''))} ({one.get('score', 0)})" for one in self.options()]
        parts.append("\n".join(options))
        parts += [textwrap.indent(block, "  " * min(depth, MAX_INDENT)) for depth, block in self._comments()]
        return "\n\n".join(filter(None, parts))

    def _comments(self) -> list[tuple[int, str]]:
        """Depth and text of each comment that is shown: those with text, and what they reply to."""
        order: list[tuple[int, Item]] = []
        stack = [(0, one) for one in reversed(self.replies(self.story))]
        while stack:
            depth, item = stack.pop()
            order.append((depth, item))
            stack += [(depth + 1, one) for one in reversed(self.replies(item))]
        blocks: list[tuple[int, str]] = []
        shown = [0]
        # From the end, a reply is met before what it replies to.
        for depth, item in reversed(order):
            text = "" if is_gone(item) else plain_text(item.get("text", ""))
            has_replies = len(shown) > depth + 1 and shown[depth + 1] > 0
            del shown[depth + 1 :]
            shown += [0] * (depth + 1 - len(shown))
            if text or has_replies:
                shown[depth] += 1
                blocks.append((depth, f"{item.get('by', '')}:\n{text}" if text else "[deleted]"))
        return blocks[::-1]

    def as_the_pile(self) -> str:
        """Title, author, link, text, and from each comment the chain of those with the most replies."""
        story = self.story
        head = f"{story.get('title', '')} - {story.get('by', '')}\n"
        for name in ("url", "text"):
            if name in story:
                head = f"\n{head}{story[name]}\n"
        chains = []
        for item in self.replies(story):
            chain: list[str] = []
            following = [item] if _counts(item) else []
            while following:
                # Of equals the first, as the sort was stable.
                item = max(following, key=self._replies_announced)
                chain.append(f"{item.get('by', '')}\n{pile_text(item['text'])}")
                following = [one for one in self.replies(item) if _counts(one)]
            if chain:
                chains.append("~~~\n".join(chain))
        return f"{head}======\n" + "------\n".join(chains)

    def _replies_announced(self, item: Item) -> int:
        return len(item["kids"]) if "kids" in item else len(self._below.get(item["id"], ()))


def is_gone(item: Item) -> bool:
    """Whether an item was removed by its author or by others."""
    return bool(item.get("dead") or item.get("deleted"))


def plain_text(markup: str) -> str:
    """A post's text; of a link that is shown cut short, the whole address."""
    return html_text(_LINK.sub(_whole_link, markup)) if markup else ""


def _whole_link(link: re.Match[str]) -> str:
    return link[1] if link[2].endswith("...") else link[2]


def _counts(item: Item) -> bool:
    return "text" in item and not item.get("dead")


def pile_text(markup: str) -> str:
    """A comment's HTML as html2text lays it out: emphasis and links as Markdown, code indented, lines of 78."""
    blocks: list[str] = []
    for place, part in enumerate(_CODE.split(markup)):
        if place % 2:
            code = html.unescape(part).rstrip("\n")
            blocks.append("\n".join(f"    {line}" for line in ["", "", *code.split("\n"), ""]))
            continue
        part = _LINK.sub(r"[\2](\1)", re.sub(r"</?i>", "_", part))
        for paragraph in re.split(r"<p>|</p>", part):
            text = html.unescape(re.sub(r"<[^>]*>", "", paragraph))
            text = " ".join(_MARKDOWN.sub(_escaped, text).split())
            if text:
                is_one = _UNWRAPPED.search(text)
                blocks.append(text if is_one else "\n".join(textwrap.wrap(text, PILE_WIDTH, break_long_words=False)))
    return "\n\n".join(blocks) + "\n\n"


def _escaped(mark: re.Match[str]) -> str:
    return f"{mark[1]}\\{mark[2]}" if not mark[2].endswith(".") else f"{mark[1]}{mark[2][:-1]}\\."
