"""Labelled pages: folders and files of pages with their true main content."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from pile_builder.domains import host_of
from pile_builder.errors import ManifestError

FORMATS = (
    "a folder with ground-truth.json and html/KEY.html.gz (article-extraction-benchmark); a folder with html/ and "
    "reference/, files of the same names (Daniel corpus); *.jsonl or *.jsonl.gz with url, html and text"
)
HALVES = ("odd", "even")
_PARAGRAPH = re.compile(r"</?p>")


@dataclass(frozen=True)
class LabelledPage:
    """A page and its true main content, None where nobody knows it."""

    key: str
    host: str
    html: str
    text: str | None


def read_labels(source: str) -> Iterator[LabelledPage]:
    """The pages of labels in one of `FORMATS`, in the order of their keys.

    `PATH:odd` has the first, the third and so on, `PATH:even` the others.

    Raises:
        ManifestError: there is nothing at that path that has one of the formats.
    """
    path, _, half = source.rpartition(":")
    if half not in HALVES:
        path, half = source, ""
    for number, page in enumerate(_read(Path(path))):
        if not half or HALVES[number % 2] == half:
            yield page


def _read(path: Path) -> Iterator[LabelledPage]:
    if (path / "ground-truth.json").is_file():
        return _read_benchmark(path)
    if (path / "html").is_dir() and (path / "reference").is_dir():
        return _read_daniel(path)
    if path.is_file() and path.name.endswith((".jsonl", ".jsonl.gz")):
        return _read_jsonl(path)
    msg = f"{path}: expected labelled pages: {FORMATS}"
    raise ManifestError(msg)


def _read_benchmark(path: Path) -> Iterator[LabelledPage]:
    truth = orjson.loads((path / "ground-truth.json").read_bytes())
    for key in sorted(truth):
        html = gzip.decompress((path / "html" / f"{key}.html.gz").read_bytes()).decode("utf-8", "replace")
        yield LabelledPage(key, host_of(truth[key]["url"]), html, truth[key]["articleBody"])


def _read_daniel(path: Path) -> Iterator[LabelledPage]:
    for page in sorted((path / "html").iterdir()):
        html = _decoded(page.read_bytes())
        text = _PARAGRAPH.sub("\n", _decoded((path / "reference" / page.name).read_bytes()))
        # 20111121_www.biolog.pl_6b35...: date, host, digest.
        parts = page.name.split("_")
        yield LabelledPage(page.name, parts[1] if len(parts) > 2 else page.name, html, text)


def _read_jsonl(path: Path) -> Iterator[LabelledPage]:
    with gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = orjson.loads(line)
                page = LabelledPage(row.get("url", str(number)), host_of(row.get("url", "")), row["html"], row["text"])
            except (orjson.JSONDecodeError, KeyError, AttributeError) as error:
                msg = f"{path}, line {number}: expected an object with html, text and url: {error}"
                raise ManifestError(msg) from error
            yield page


def _decoded(data: bytes) -> str:
    from pile_builder.sources.common_crawl.charset import decode

    found = decode(data, "text/html")
    return found[0] if found else data.decode("utf-8", "replace")
