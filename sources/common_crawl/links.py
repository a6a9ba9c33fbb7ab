"""Pages that a list of links names, out of Common Crawl: its index says where each lies, and only that is fetched."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal, cast

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import Field

from pile_builder.errors import InputError, ManifestError
from pile_builder.input_files import InputFile, file_system, list_files, resolve
from pile_builder.source import Raw, Reject, Skipped, Split, Upstream, pack
from pile_builder.sources.common_crawl import CommonCrawl, CommonCrawlConfig
from pile_builder.sources.common_crawl.urls import hashed, url_key
from pile_builder.sources.common_crawl.warc import read_records
from pile_builder.store_errors import explained
from pile_builder.streams import MAX_RECORD_BYTES, gunzip, open_text_bytes, read_lines

MERGE_LINKS = 1 << 22
"""Links that are held beside the sums before they are added to them."""
MAX_LINE_BYTES = 1 << 20

_WANTED = frozenset({"response"})
_CSV = re.compile(r"\.csv(?:\.\w+)?$")
_TEXT = re.compile(r"\.txt(?:\.\w+)?$")
_FILENAME = re.compile(r"[\w=.-]+(?:/[\w=.-]+)*")


class LinkedPagesConfig(CommonCrawlConfig):
    """Which links, and how the pages are read."""

    links: tuple[str, ...] = Field(
        description="submissions as JSON lines (RS_*), *.csv with columns url and score, or *.txt with a URL a line"
    )
    min_score: int = Field(default=3, description="least sum of the scores of a URL's submissions")


class LinkedPages(CommonCrawl):
    """OpenWebText2 anew: pages that submissions to Reddit link to, as Common Crawl has them.

    Upstream: Reddit's submissions (`RS_YYYY-MM.*`, `links`), and the index of a crawl as inputs:
    https://data.commoncrawl.org/cc-index/collections/CC-MAIN-YYYY-WW/indexes/cdx-NNNNN.gz, 300 files of about 1 GB.
    Licence: Common Crawl's terms of use; the pages remain their authors'.

    Of every URL whose scores sum to `min_score` the first capture in an index file with status 200 is fetched, by one
    request for its bytes below `prefix`, and becomes a document as of `common_crawl`. URLs are compared without scheme,
    `www.`, fragment and final slash. The sums take 12 bytes of memory a URL in every process that reads. Lines of
    submissions without a URL or a score (posts without a link) name nothing.

    Skipped: `not_linked` (captures of other URLs), `again` (further captures), `http_status`, and as `common_crawl`.

    Rejects: `damaged` (a line of the index, a record), `too_large` (its range), and those of `common_crawl`.
    """

    pile_set_name: ClassVar[str] = "OpenWebText2"
    patterns: ClassVar[tuple[str, ...]] = ("cdx-*", "*.cdxj", "*.cdxj.gz", "*.cdxj.zst")
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream(
            "https://data.commoncrawl.org/cc-index/collections/index.html", 300 << 30, 300, 1 << 30, of="one crawl"
        ),
    )
    tried: ClassVar[Literal["upstream", "samples"]] = "samples"
    sample: ClassVar[Mapping[str, Any]] = {"inputs": ("cdx-*",), "links": ("RS_*",), "prefix": ""}
    Config = LinkedPagesConfig
    config: LinkedPagesConfig

    def splits(self) -> Iterable[Split]:
        """Packs of index files."""
        return pack(self.input_files())

    def list_files(self) -> tuple[InputFile, ...]:
        """Block lists, and the lists of links."""
        return super().list_files() + self._links

    def read_file(self, file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        """The linked pages that an index file knows."""
        last = ""
        skipped = 0
        with open_text_bytes(file) as stream:
            for at, line in read_lines(stream, limit=MAX_LINE_BYTES):
                capture = _capture(line)
                if capture is None:
                    yield Reject(
                        "damaged", f"expected `SURT TIME {{...}}`, got {(line or b'')[:60]!r}", f"{file.name}#{at}"
                    )
                    continue
                key = url_key(capture["url"])
                if not self._is_linked(key):
                    skipped += 1
                elif capture["status"] != "200":
                    yield Skipped("http_status")
                elif key == last:
                    yield Skipped("again")
                else:
                    last = key
                    yield from self._fetched(capture, file)
        if skipped:
            yield Skipped("not_linked", skipped)

    def _fetched(self, capture: Mapping[str, str], file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        """The records in a range of an archive: one, by the way that Common Crawl writes them."""
        name, start, length = capture["filename"], int(capture["offset"]), int(capture["length"])
        if length > MAX_RECORD_BYTES:
            yield Reject("too_large", f"{length:,} bytes; the limit is {MAX_RECORD_BYTES:,}", key=capture["url"])
            return
        below = f"{self.config.prefix.rstrip('/')}/{name}" if self.config.prefix else name
        url = resolve(below, self.config.root)
        fs, path = file_system(url)
        with explained(url):
            stored = fs.cat_file(path, start=start, end=start + length)
        try:
            for record in read_records(cast("io.BufferedReader", io.BytesIO(gunzip(stored))), name, _WANTED):
                yield record if isinstance(record, Reject) else self._offer(record)
        except InputError as error:
            yield Reject(error.rule, f"{name}, byte {start:,}: {error.detail}", key=capture["url"])

    def _is_linked(self, key: str) -> bool:
        wanted = np.uint64(hashed(key))
        at = int(np.searchsorted(self._liked, wanted))
        return at < len(self._liked) and bool(self._liked[at] == wanted)

    @cached_property
    def _links(self) -> tuple[InputFile, ...]:
        return tuple(file for pattern in self.config.links for file in list_files(pattern, self.config.root))

    @cached_property
    def _liked(self) -> npt.NDArray[np.uint64]:
        """Hashes of the keys of liked URLs, sorted."""
        links = (link for file in self._links for link in read_links(file, self.config.min_score))
        hashes, sums = summed(links)
        return hashes[sums >= self.config.min_score]


def read_links(file: InputFile, score_of_plain: int) -> Iterator[tuple[str, int]]:
    """The links of a file: URL and score.

    Args:
        file: JSON lines of submissions, CSV with the columns `url` and `score`, or a text file with a URL a line.
        score_of_plain: the score of each URL of a text file.

    Raises:
        ManifestError: it is damaged, or a column is missing.
    """
    try:
        with open_text_bytes(file) as stream:
            if _TEXT.search(file.name):
                lines = io.TextIOWrapper(stream, "utf-8", errors="replace")
                yield from ((entry, score_of_plain) for line in lines if (entry := line.strip()))
                return
            rows: Iterable[Any]
            if _CSV.search(file.name):
                rows = csv.DictReader(io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline=""))
                if not {"url", "score"} <= set(rows.fieldnames or ()):
                    shown = ", ".join(rows.fieldnames or ()) or "none"
                    raise ManifestError(f"{file.url}: expected columns url and score, there are {shown}")
            else:
                rows = (_object(line) for _, line in read_lines(stream, limit=MAX_LINE_BYTES))
            for row in rows:
                url, score = row.get("url"), str(row.get("score"))
                if isinstance(url, str) and url.startswith("http") and re.fullmatch(r"-?\d{1,9}", score):
                    yield url, int(score)
    except (InputError, csv.Error) as error:
        raise ManifestError(f"{file.url}: cannot be read as a list of links: {error}") from error


def summed(links: Iterable[tuple[str, int]]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Sums of scores by URL: hashes of the URLs' keys, sorted, and the sums."""
    hashes, sums = np.empty(0, np.uint64), np.empty(0, np.int64)
    waiting: dict[int, int] = {}

    def merged() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        every = np.concatenate([hashes, np.fromiter(waiting, np.uint64, len(waiting))])
        values = np.concatenate([sums, np.fromiter(waiting.values(), np.int64, len(waiting))])
        keys, places = np.unique(every, return_inverse=True)
        totals = np.zeros(len(keys), np.int64)
        np.add.at(totals, places, values)
        return keys, totals

    for url, score in links:
        key = hashed(url_key(url))
        waiting[key] = waiting.get(key, 0) + score
        if len(waiting) >= MERGE_LINKS:
            hashes, sums = merged()
            waiting = {}
    return merged()


def _object(line: bytes | None) -> Mapping[str, Any]:
    try:
        found = orjson.loads(line or b"")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _capture(line: bytes | None) -> Mapping[str, str] | None:
    """What an index line says, if it names a range of a file below the prefix."""
    parts = (line or b"").split(b" ", 2)
    found = _object(parts[2]) if len(parts) == 3 else {}
    names = ("url", "status", "filename", "offset", "length")
    values = {name: str(found.get(name, "")) for name in names}
    is_range = all(re.fullmatch(r"\d{1,15}", values[name]) for name in ("offset", "length"))
    is_file = _FILENAME.fullmatch(values["filename"]) and ".." not in values["filename"].split("/")
    return values if is_range and is_file and values["url"] else None
