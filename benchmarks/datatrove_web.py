"""FineWeb's recipe in datatrove: WARC files to deduplicated jsonl. Run by the interpreter that has datatrove.

    python datatrove_web.py INPUT OUT --model lid.176.ftz [--extractor trafilatura|fast|resiliparse] [--workers 2]

The steps are those of datatrove's own FineWeb example as far as the manifest of the benchmark has them: extraction,
language, Gopher repetition, Gopher quality, C4 (lines without terminal punctuation kept), FineWeb quality, then MinHash
deduplication in its four stages. Writes OUT/counts.json: documents read, English, selected and kept.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.extractors.base import BaseExtractor
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    LanguageFilter,
)
from datatrove.pipeline.readers import JsonlReader, WarcReader
from datatrove.pipeline.writers import JsonlWriter

SECONDS = 20
"""Time limit of a page. datatrove's default of one second loses other pages on every machine."""
BUCKETS = 14


class Resiliparse(BaseExtractor):
    """Main content by resiliparse; datatrove has no such step of its own."""

    name = "resiliparse"

    def __init__(self) -> None:
        super().__init__(timeout=SECONDS)

    def extract(self, text: str) -> str:
        """Main content of a page."""
        from resiliparse.extract.html2text import extract_plain_text

        return str(extract_plain_text(text, main_content=True, alt_texts=False, comments=False, post_meta=False))


def extractor(name: str) -> BaseExtractor:
    """The extraction step."""
    if name == "resiliparse":
        return Resiliparse()
    # Version 1 of trafilatura says no_fallback where version 2 says fast.
    options = {"no_fallback": True} if name == "fast" else {}
    return Trafilatura(favour_precision=True, timeout=SECONDS, deduplicate=False, **options)


def english(model: str) -> LanguageFilter:
    """The language filter with a model from this machine."""
    language = LanguageFilter(languages=["en"], language_threshold=0.65)
    language.model.MODEL_URL = model
    return language


def main() -> None:
    """Run the five jobs one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("input", help="folder with *.warc.gz")
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", required=True, help="fastText language model")
    parser.add_argument("--extractor", choices=("trafilatura", "fast", "resiliparse"), default="trafilatura")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    folder = {name: str(arguments.out / name) for name in ("selected", "signatures", "buckets", "clusters", "kept")}

    def run(name: str, tasks: int, *steps: Any) -> None:
        LocalPipelineExecutor(
            list(steps), tasks=tasks, workers=arguments.workers, logging_dir=str(arguments.out / "logs" / name)
        ).run()

    # As many tasks as workers: every task starts processes and loads spaCy anew, so more would only cost time.
    workers = arguments.workers
    run(
        "select",
        workers,
        WarcReader(arguments.input, glob_pattern="*.warc.gz"),
        extractor(arguments.extractor),
        english(arguments.model),
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        C4QualityFilter(filter_no_terminal_punct=False),
        FineWebQualityFilter(),
        JsonlWriter(folder["selected"]),
    )
    run("signatures", workers, JsonlReader(folder["selected"]), MinhashDedupSignature(folder["signatures"]))
    run("buckets", BUCKETS, MinhashDedupBuckets(folder["signatures"], folder["buckets"]))
    run("cluster", 1, MinhashDedupCluster(folder["buckets"], folder["clusters"]))
    run(
        "filter",
        workers,
        JsonlReader(folder["selected"]),
        MinhashDedupFilter(folder["clusters"]),
        JsonlWriter(folder["kept"]),
    )
    stages = json.loads((arguments.out / "logs/select/stats.json").read_text())
    counts = {
        "read": stages[1]["stats"]["total"],
        "english": stages[3]["stats"]["total"],
        "selected": lines(folder["selected"]),
        "kept": lines(folder["kept"]),
        "dropped": {
            stage["name"]: {name: count for name, count in stage["stats"].items() if name.startswith("dropped_")}
            for stage in stages[2:7]
        },
    }
    (arguments.out / "counts.json").write_text(json.dumps(counts))


def lines(folder: str) -> int:
    """Documents in a folder of jsonl."""
    count = 0
    for path in sorted(Path(folder).glob("*.jsonl.gz")):
        with gzip.open(path, "rb") as file:
            count += sum(1 for _ in file)
    return count


if __name__ == "__main__":
    main()
