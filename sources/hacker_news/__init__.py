"""Hacker News: stories joined with the comments below them, from items in any order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

from pydantic import Field

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile
from pile_builder.source import Document, Fragment, Reject, Skipped, Source, SourceConfig, Upstream
from pile_builder.sources.hacker_news.items import read_items
from pile_builder.sources.hacker_news.layout import Thread, is_gone
from pile_builder.sources.hacker_news.roots import Roots, resolve, table_rows

ROOTS = "roots"
REPLIES = ("comment", "pollopt")


class HackerNews(Source):
    """Threads of Hacker News, one document per story, poll or job that was discussed.

    Upstream: the API, `https://hacker-news.firebaseio.com/v0/item/ID.json`, an item a file or a line; or an export of
    BigQuery's `bigquery-public-data.hacker_news.full` as JSON lines or Parquet (any number of files, any compression).
    Items of one input may come in any order. No licence is stated for what users wrote.

    Items name their parent only. Which story a comment belongs to is found first, in one pass over all ids and parents
    in the process that plans the build (45 million items: 0.4 GB of memory, a few minutes), and kept as
    a side table; then the items are joined by story. A new item is reason to read all of them again.

    Comes out: key = the story's id. Title, author and link, the text, then every comment: `NAME:`, its text, indented
    by two spaces for each level of reply. Indentation says who answers whom once, without quote marks in every line,
    and costs few tokens, as paragraphs are single lines. Comments stand in the order of the site (`kids`, `ranking`),
    else of their ids. A comment that was removed is left out, or `[deleted]` where others replied to it. Addresses that
    the site shows cut short are whole. meta: title, url (the discussion), link (what it is about), date, authors (of
    the story), item_id, score, comments.

    Rejects: `orphan` (comments whose story is not there), `dead`, `deleted`, `low_score`, `no_comments`, `no_text`; an
    item that cannot be read, or a file, is `damaged`; `truncated`, `bomb`, `too_large`; with compat also `not_story`.
    Numbers without an item are skipped as `missing_item`.
    """

    class Config(SourceConfig):
        """Which stories are documents."""

        min_score: int = Field(default=1, description="least score of a story; jobs have none")
        min_comments: int = Field(default=1, ge=0, description="least number of comments that are not removed")

    config: Config
    pile_set_name: ClassVar[str] = "HackerNews"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("lxml", "pyarrow")
    patterns: ClassVar[tuple[str, ...]] = ("*.json", "*.json.*", "*.jsonl", "*.jsonl.*", "*.ndjson", "*.parquet")
    compat: ClassVar[str] = (
        "below each first comment only the chain of replies that have the most replies; lines of 78 characters, links "
        "and emphasis as html2text writes them, the story's own text as HTML; stories only"
    )
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream(
            "https://console.cloud.google.com/bigquery?p=bigquery-public-data&d=hacker_news",
            9_000_000_000,
            60,
            150_000_000,
            "2025",
        ),
    )
    licence: ClassVar[str] = "none stated; texts are their authors'"
    tried: ClassVar = "upstream"

    def read_file(self, file: InputFile) -> Iterator[Fragment | Reject | Skipped]:
        """Yield the items of a file as parts of their threads."""
        root_of = Roots(partial(self.lookup, ROOTS))
        for item in read_items(file):
            if not isinstance(item, dict):
                yield item
                continue
            text = item.pop("text", None)
            meta = item if text is None else {**item, "text": True}
            yield Fragment(str(root_of(item["id"])), (text or "").encode("utf-8", "replace"), f"{item['id']:012}", meta)

    def side_tables(self) -> Mapping[str, Sequence[InputFile]]:
        """The tops of all threads, of the inputs themselves."""
        return {ROOTS: self.input_files()}

    def read_table(self, name: str, files: Sequence[InputFile]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Find the story of each comment; what cannot be read is reported when it is read for its text."""
        yield from table_rows(resolve(_parents(files)))

    def join(self, key: str, fragments: Sequence[Fragment]) -> Document | Reject:
        """Make a document of a story and its comments."""
        items: dict[int, Mapping[str, Any]] = {}
        for one in fragments:
            own = {"text": one.payload.decode()} if "text" in one.meta else {}
            # Of an item that was fetched twice, the later state has more replies or points.
            known = items.get(one.meta["id"])
            if known is None or _age(one.meta) >= _age(known):
                items[one.meta["id"]] = {**one.meta, **own}
        story = items.pop(int(key), None)
        if story is None or story.get("type") in REPLIES:
            return Reject("orphan", f"{len(items)} comments without their story")
        is_compat = self.config.compat == "pile-2020"
        comments = [
            one for one in items.values() if one.get("type") == "comment" and not is_gone(one) and "text" in one
        ]
        if rule := self._unwanted(story, len(comments), is_compat):
            return Reject(rule)
        thread = Thread(story, list(items.values()))
        try:
            text = thread.as_the_pile() if is_compat else thread.laid_out()
        except InputError as error:
            return Reject(error.rule, error.detail)
        return Document(text, _meta(story, len(comments)))

    def _unwanted(self, story: Mapping[str, Any], comments: int, is_compat: bool) -> str:  # noqa: FBT001
        """The rule by which a story is no document, or nothing."""
        checks = {
            "dead": story.get("dead"),
            "deleted": story.get("deleted"),
            "not_story": is_compat and story.get("type") != "story",
            "low_score": story.get("type") != "job" and story.get("score", 0) < self.config.min_score,
            "no_comments": comments < self.config.min_comments,
            "no_text": not (story.get("title") or story.get("text") or comments),
        }
        return next((rule for rule, holds in checks.items() if holds), "")


def _parents(files: Sequence[InputFile]) -> Iterator[tuple[int, int]]:
    for file in files:
        with suppress(InputError):
            for item in read_items(file, ("id", "parent", "poll")):
                if isinstance(item, dict):
                    yield item["id"], item.get("parent") or item.get("poll") or 0


def _age(item: Mapping[str, Any]) -> tuple[int, int]:
    return len(item.get("kids", ())), item.get("score", 0)


def _meta(story: Mapping[str, Any], comments: int) -> Mapping[str, Any]:
    number = story["id"]
    known = {
        "title": story.get("title", ""),
        "url": f"https://news.ycombinator.com/item?id={number}",
        "link": story.get("url", ""),
        "date": datetime.fromtimestamp(story["time"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if "time" in story else "",
        "authors": [story["by"]] if story.get("by") else [],
    }
    return {
        **{name: value for name, value in known.items() if value},
        "item_id": number,
        "score": story.get("score", 0),
        "comments": comments,
    }
