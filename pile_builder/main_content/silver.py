"""Silver labels: what trafilatura takes for the main content of web archives' pages, where two of its modes agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from lxml.etree import LxmlError

from pile_builder.domains import host_of
from pile_builder.main_content.labels import LabelledPage
from pile_builder.main_content.shingles import agreement, page_counts

PAGES_PER_HOST = 3
MIN_CHARS = 400
MIN_AGREEMENT = 0.97
"""Least F1 of trafilatura's text as configured for precision against that of its default."""


def silver_labels(
    archives: Sequence[str], without: Collection[str], watch: Callable[[str], Any] = lambda _: None
) -> Iterator[LabelledPage]:
    """Pages of WARC files, at most `PAGES_PER_HOST` of a host and none of the hosts `without`, in the files' order."""
    from pile_builder.source import Raw
    from pile_builder.sources.common_crawl import CommonCrawl, CommonCrawlConfig
    from pile_builder.sources.common_crawl.html import main_content

    precise, usual = (main_content("trafilatura", favor, fast=False) for favor in ("precision", "balanced"))
    source = CommonCrawl(CommonCrawlConfig(inputs=tuple(archives), root=str(Path.cwd())))
    taken: Counter[str] = Counter()
    for split in source.splits():
        for raw in source.read(split):
            if not isinstance(raw, Raw) or raw.media_type.startswith("text/plain"):
                continue
            url = str(raw.meta.get("url", ""))
            host = host_of(url)
            html = source.page_of(raw)
            if not host or host in without or taken[host] == PAGES_PER_HOST or not html:
                continue
            try:
                texts = precise(html), usual(html)
            except (LxmlError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
                watch("failed")
                continue
            agrees = agreement([page_counts(texts[1], texts[0])]).f1 >= MIN_AGREEMENT
            watch("agreed" if agrees else "differed")
            if agrees and len(texts[0]) >= MIN_CHARS:
                taken[host] += 1
                yield LabelledPage(url, host, html, texts[0])
