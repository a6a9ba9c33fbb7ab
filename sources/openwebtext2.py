"""OpenWebText2: the text of pages that Reddit linked to, from its release as an archive of lm_dataformat."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field

from pile_builder.source import Document, Raw, Reject, Upstream
from pile_builder.sources.jsonl import Jsonl
from pile_builder.sources.records import Keys, RecordConfig, found_at

_ADVERTISEMENT = re.compile(r"^[ \t]*Advertisement[ \t]*(?:\n[ \t]*)?(?:\n|\Z)", re.M)
"""A line that says only that, and the blank line after it."""
_SCORES = ("reddit_scores", "reddit_score")
_IDS = ("reddit_ids", "reddit_id")


class OpenWebText2Config(RecordConfig):
    """How much a page was liked, and which fields are what."""

    key: str = Field(default="meta.url", description="the field that names a page; if empty, its place does")
    min_score: int = Field(
        default=3, description="least sum of the scores of a page's submissions; a page without scores is kept"
    )


class OpenWebText2(Jsonl):
    """OpenWebText2: pages that submissions to Reddit link to, as its release has them.

    Upstream: `openwebtext2.jsonl.zst.tar` of EleutherAI, a tar of one `*.jsonl.zst` a month, and any other file of such
    lines; its host is closed, mirrors and torrents go about. Reddit's own dumps (`RS_*.zst`) hold no text: pages that
    they link to come from Common Crawl through `openwebtext2_links`. Licence: the pages remain their authors'.

    Comes out: a page's text. Metadata: title, url, language, the sum of scores as `score`, the submissions' ids as
    `reddit_ids`. The key is the URL. A page without scores is kept: the release may have been filtered before.

    Dropped: lines that only say `Advertisement`, which the Pile removes as well (and leaves the blank lines around
    them). Skipped: as by `jsonl`.

    Rejects: `low_score` (the sum is below `min_score`), `no_text`, and those of `jsonl`: `damaged`, `truncated`,
    `undecodable`, `wrong_type`, `too_large`, `bomb`.
    """

    pile_set_name: ClassVar[str] = "OpenWebText2"
    licence: ClassVar[str] = "each page's own; none stated"
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream("https://openwebtext2.readthedocs.io/", 28 << 30, 1, 256 << 20, of="2020-11"),
    )
    Config = OpenWebText2Config
    config: OpenWebText2Config

    def offered(self, record: Any, place: str, known: Keys) -> Raw | Reject:
        """A page, if it was liked enough."""
        offered = super().offered(record, place, known)
        if isinstance(offered, Raw) and (scores := _scores(record)) and sum(scores) < self.config.min_score:
            return Reject("low_score", f"{sum(scores)}, the least is {self.config.min_score}", key=offered.key)
        return offered

    def extract(self, raw: Raw) -> Document | Reject:
        """The page's text."""
        text = _ADVERTISEMENT.sub("", raw.payload.decode()).strip("\n")
        return Document(text) if text.strip() else Reject("no_text", "nothing but lines that say Advertisement")

    def _described(self, record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        yield from super()._described(record)
        if scores := _scores(record):
            yield "score", sum(scores)
        if ids := next((found for name in _IDS if (found := found_at(record, f"meta.{name}"))), None):
            yield "reddit_ids", [one for one in ids if isinstance(one, str)] if isinstance(ids, list) else [str(ids)]


def _scores(record: Mapping[str, Any]) -> list[int]:
    """The scores of a page's submissions; none where the record has none."""
    found = next((found for name in _SCORES if (found := found_at(record, f"meta.{name}")) is not None), None)
    values = found if isinstance(found, list) else [found]
    return [int(one) for one in values if isinstance(one, int | float) and one == one and abs(one) < 1 << 62]
