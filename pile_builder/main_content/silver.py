"""Silver labels: what trafilatura takes for the main content of web archives' pages, where two of its modes agree."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
from lxml.etree import LxmlError

from pile_builder.domains import host_of
from pile_builder.main_content.labels import LabelledPage
from pile_builder.main_content.shingles import agreement, page_counts

MIN_CHARS = 400
MIN_AGREEMENT = 0.97
"""Least F1 of trafilatura's text as configured for precision against that of its default."""


def silver_labels(
    archives: Sequence[str], without: Collection[str], watch: Callable[[str], Any] = lambda _: None
) -> Iterator[LabelledPage]:
    """A page of each host in WARC files, none of the hosts `without`, in the files' order.

    A page on which the modes differ, or whose text is short, is not labelled; it is none the less of use to say which
    pages leave a classifier in doubt.
    """
    from pile_builder.source import Raw
    from pile_builder.sources.common_crawl import CommonCrawl, CommonCrawlConfig
    from pile_builder.sources.common_crawl.html import main_content

    precise, usual = (main_content("trafilatura", favor, fast=False) for favor in ("precision", "balanced"))
    source = CommonCrawl(CommonCrawlConfig(inputs=tuple(archives), root=str(Path.cwd())))
    seen: set[str] = set(without) | {""}
    for split in source.splits():
        for raw in source.read(split):
            if not isinstance(raw, Raw) or raw.media_type.startswith("text/plain"):
                continue
            url = str(raw.meta.get("url", ""))
            host = host_of(url)
            if host in seen or not (html := source.page_of(raw)):
                continue
            seen.add(host)
            try:
                texts = precise(html), usual(html)
            except (LxmlError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
                watch("failed")
                continue
            agrees = agreement([page_counts(texts[1], texts[0])]).f1 >= MIN_AGREEMENT
            is_labelled = agrees and len(texts[0]) >= MIN_CHARS
            watch("labelled" if is_labelled else "not labelled")
            yield LabelledPage(url, host, html, texts[0] if is_labelled else None)


def write_labels(path: Path, pages: Iterable[LabelledPage]) -> Counter[str]:
    """Write pages as jsonl, packed if the name ends with .gz, always to the same bytes; counts of what is written."""
    counts: Counter[str] = Counter()
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as plain:
        packed = gzip.GzipFile("", "wb", 6, plain, mtime=0) if path.name.endswith(".gz") else plain
        for page in pages:
            counts["labelled" if page.text is not None else "unlabelled"] += 1
            packed.write(orjson.dumps({"url": page.key, "html": page.html, "text": page.text}) + b"\n")
        packed.close()
    partial.replace(path)
    return counts
