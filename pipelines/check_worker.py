"""check-worker: everything that a phase needs of a worker, tried on this machine."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pile_builder.manifest import check_manifest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pool import Extraction, ExtractionPool, Lot
from pile_builder.recipes import RECIPES
from pile_builder.source import Document, Raw, load_source
from pile_builder.storage import Store
from pile_builder.worker_check.finding import Check, Finding
from pile_builder.worker_check.kernels import check_processor, kernel_counts
from pile_builder.worker_check.machine import check_clock, check_machine
from pile_builder.worker_check.software import check_imports, check_models, check_versions
from pile_builder.worker_check.store import check_store

POOL_MEMORY = 4 << 30
SENTENCE = "Whoever walks the towpath at dawn sees the herons before the herons see the boats. "
QUESTION = "Which bird stands at the lock before the first boat of the morning comes up from the mill and the weir?"
WORDS = (
    "the canal and its locks",
    "a heron at the weir",
    "that mill with two wheels",
    "boats have to be of this width",
)


@dataclass(frozen=True)
class CheckPlan:
    """What is checked.

    Attributes:
        threads: that a worker works with.
        store: to read and write, or empty.
        lock: of a build that versions must agree with, or None.
        trial: whether a small corpus is built.
    """

    threads: int
    store: str = ""
    lock: Mapping[str, Any] | None = None
    trial: bool = True

    def checks(self) -> Iterator[tuple[str, Check]]:
        """The checks by name, in an order in which the first failure is the likeliest cause of the others."""
        store = Store(self.store) if self.store else None
        yield "imports", partial(check_imports, self.store)
        yield "versions", partial(check_versions, self.lock)
        yield "models", partial(check_models, self.lock)
        yield "machine", partial(check_machine, self.threads)
        yield "processor", check_processor
        yield "extraction", partial(check_extraction, self.threads)
        if self.trial:
            yield "trial build", partial(check_trial, self.threads)
        if store:
            yield "store", partial(check_store, store)
        yield "clock", partial(check_clock, store)


def check_extraction(processes: int) -> Iterator[Finding]:
    """Start the extraction pool and let every process extract a page."""
    started = time.monotonic()
    plugin = load_source("common_crawl")
    source = plugin(plugin.Config.model_validate({"inputs": ("none",)}))
    pool = ExtractionPool({"check": Extraction(source)}, processes, POOL_MEMORY)
    try:
        page = Raw("http://check.example/", page_of(SENTENCE * 6), "text/html")
        waits = [pool.submit(Lot("check", [page])) for _ in range(processes)]
        results = [result for wait in waits for result in wait()]
    finally:
        pool.close()
    bad = [result for result in results if not (isinstance(result, Document) and SENTENCE.strip() in result.text)]
    seconds = time.monotonic() - started
    if bad:
        fix = "a machine that lets a process reserve 4 GiB of address space and start others (forkserver)"
        yield Finding("extraction", ok=False, found=f"{len(bad)} of {len(results)} pages failed: {bad[0]}", fix=fix)
    else:
        yield Finding("extraction", ok=True, found=f"{processes} processes, a page each, in {seconds:.1f} s")


def check_trial(threads: int) -> Iterator[Finding]:
    """Build a corpus of a few made-up pages, every phase and every recipe, which compiles kernels or loads them."""
    hits, misses = kernel_counts()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        summary = build(trial_manifest(Path(folder)), f"{folder}/corpus", RunOptions(workers=threads))
    seconds = time.monotonic() - started
    now_hits, now_misses = kernel_counts()
    written = summary["written"]["train"]["documents"]
    fix = "" if written else "see what pile build says of samples/; the program or what it needs is broken"
    yield Finding("trial build", written > 0, f"{written} documents, every phase, in {seconds:.1f} s", fix)
    compiled, cached = now_misses - misses, now_hits - hits
    advice = "; an image should bring them compiled (deploy/Dockerfile runs this check)" if compiled else ""
    yield Finding("kernels", ok=True, found=f"{cached} loaded from the cache, {compiled} compiled now{advice}")


def trial_manifest(folder: Path) -> Any:
    """A manifest over made-up pages that it writes to a folder; pages repeat, nearly repeat and quote an eval item."""
    pages = [" ".join(WORDS[(number * step + step // 3) % 4] for step in range(60)) for number in range(1, 7)]
    pages += [pages[0], f"{pages[1]} {SENTENCE}", f"{SENTENCE * 3}{QUESTION} {SENTENCE * 3}"]
    with (folder / "pages.warc").open("wb") as file:
        for number, text in enumerate(pages):
            response = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + page_of(text)
            head = (
                f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://check.example/{number}\r\n"
                f"WARC-Date: 2020-01-01T00:00:00Z\r\nContent-Type: application/http\r\nContent-Length: {len(response)}"
            )
            file.write(head.encode() + b"\r\n\r\n" + response + b"\r\n\r\n")
    (folder / "items.jsonl").write_text(f'{{"id": "1", "question": "{QUESTION}", "answer": "the heron"}}\n')
    item = "{name: check, files: [items.jsonl], id: id, question: question, answer: answer}"
    (folder / "evals.yaml").write_text(f"evals: [{item}]\n")
    source = {"plugin": "common_crawl", "inputs": ["pages.warc"]}
    private = ["email", "ip", "phone", "secret"]
    data = {
        "name": "check",
        "sources": {"plain": {**source, "select": {"privacy": private}}}
        | {name: {**source, "select": {"recipes": [name]}} for name in RECIPES},
        "dedup": {"scope": "source", "paragraphs": {}},
        "decontaminate": {"evals": ["evals.yaml"]},
        "mix": {"validation": 0, "test": 0},
    }
    return check_manifest(data, str(folder / "check.yaml"), {})


def page_of(text: str) -> bytes:
    """A web page with one paragraph of text."""
    return f"<html><head><title>Check</title></head><body><article><p>{text}</p></article></body></html>".encode()
