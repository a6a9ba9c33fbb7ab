"""The best inputs at hand for each source: what upstreams published, else made of it or of samples."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
import sysconfig
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.settings import Settings
from pile_builder.source import Source
from pile_builder.source_contract import sample_config

ROOT = Path(__file__).parents[1]
THREADS, REPEATS = 5, 2_000
"""How often a thread of 380 comments, and rows of a kilobyte, are written."""
REAL: Mapping[str, Mapping[str, Any]] = {
    "arxiv": {"inputs": ["arxiv/*_001.tar"]},
    "books": {"inputs": ["books"]},
    "books3": {"inputs": ["books/gutenberg/*.txt"]},
    "bookcorpus2": {"inputs": ["books/gutenberg/*.txt"]},
    "common_crawl": {"inputs": ["web/*-00004.warc.gz"]},
    "enron": {"inputs": ["enron"]},
    "freelaw": {"inputs": ["freelaw/capstone/000*.json"]},
    "jsonl": {"inputs": ["evals/grade-school-math/*.jsonl"], "text": ["question", "answer"]},
    "pg19": {"inputs": ["books/gutenberg/*.txt"]},
    "pubmed_abstracts": {"inputs": ["pubmed_abstracts"]},
    "pubmed_central": {"inputs": ["pubmed_central"]},
    "stack_exchange": {"inputs": ["stack_exchange"]},
    "uspto": {"inputs": ["uspto/ipg*.xml"]},
    "wikipedia": {"inputs": ["wikipedia"]},
    "youtube_subtitles": {"inputs": ["youtube_subtitles"]},
}
"""Inputs below PILE_DATA; the other sources read their samples again and again."""


def configured(name: str, plugin: type[Source], settings: Settings) -> tuple[Source, str]:
    """A source with the best inputs at hand, and what they are."""
    given = REAL.get(name)
    if given and settings.data.joinpath(given["inputs"][0].split("/")[0]).is_dir():
        return plugin(plugin.Config.model_validate({**given, "root": str(settings.data)})), "upstream"
    made = MADE.get(name)
    if made and (inputs := made(settings)):
        config: dict[str, Any] = {"inputs": [f"./{name}"], "root": str(settings.work)}
        if name == "openwebtext2_links":
            config |= {"links": [f"{name}/links.txt"], "prefix": str((settings.work / name).absolute())}
        return plugin(plugin.Config.model_validate(config)), inputs
    return plugin(plugin.Config.model_validate(sample_config(plugin, name))), "sample"


def _write_stdlib(settings: Settings) -> str:
    """The modules of the interpreter's library as the archive of a repository."""
    target = settings.work / "github" / "python.tar.gz"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(sysconfig.get_paths()["stdlib"])
        with tarfile.open(target, "w:gz") as archive:
            for path in sorted(folder.rglob("*.py")):
                inside = path.relative_to(folder)
                if "site-packages" not in inside.parts:
                    archive.add(path, f"python/{inside}")
    return "Python's library"


def _write_logs(settings: Settings) -> str:
    """Logs of PILE_DATA, a day each, under the paths of their publisher; nothing if there are none."""
    logs = sorted(settings.data.glob("ubuntu_irc/*.txt"))
    for number, log in enumerate(logs):
        day = datetime.date(2010, 1, 1) + datetime.timedelta(number)
        target = settings.work / "ubuntu_irc" / f"{day:%Y/%m/%d}" / "%23ubuntu.txt"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(log.read_bytes())
    return "upstream" if logs else ""


def _write_threads(settings: Settings) -> str:
    """A thread of PILE_DATA many times over, each time under other numbers; nothing if there is none."""
    kept = settings.data / "hackernews" / "hn_comments.json"
    if not kept.exists():
        return ""
    thread = orjson.loads(kept.read_bytes())
    items = [thread["post"], *thread["comments"]]
    first = thread["post"]["id"]
    step = max(item["id"] for item in items) - first + 1
    (settings.work / "hacker_news").mkdir(parents=True, exist_ok=True)
    with (settings.work / "hacker_news" / "items.jsonl").open("wb") as lines:
        for number in range(THREADS):
            shift = number * step - first + 1
            for item in items:
                moved = item | {"id": item["id"] + shift, "kids": [kid + shift for kid in item.get("kids", ())]}
                if "parent" in item:
                    moved["parent"] += shift
                lines.write(orjson.dumps(moved) + b"\n")
    return "upstream, 5 times"


def _write_abstracts(settings: Settings) -> str:
    """Rows of the sample's CSV many times over, each time under other numbers, zipped as their publisher does."""
    [original] = (ROOT / "samples" / "originals" / "nih_exporter").glob("reporter_*.csv")
    head, *rows = csv.reader(io.StringIO(original.read_text(encoding="utf-8")))
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(head)
    for number in range(REPEATS):
        writer.writerows([str(1_000_000 + number), *row[1:]] for row in rows[:1])
    (settings.work / "nih_exporter").mkdir(parents=True, exist_ok=True)
    target = settings.work / "nih_exporter" / "RePORTER_PRJABS_C_FY2009.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("RePORTER_PRJABS_C_FY2009.csv", table.getvalue())
    return "sample's rows"


def _write_dataset(settings: Settings) -> str:
    """Rows of the sample many times over."""
    (settings.work / "huggingface").mkdir(parents=True, exist_ok=True)
    rows = b"".join(path.read_bytes() for path in sorted((ROOT / "samples" / "huggingface" / "almanac").iterdir()))
    (settings.work / "huggingface" / "train.jsonl").write_bytes(rows * REPEATS)
    return "sample's rows"


def _write_table(settings: Settings) -> str:
    """Rows of the sample many times over, each under an id of its own."""
    original = pq.read_table(ROOT / "samples" / "parquet" / "train-00000-of-00001.parquet")
    table = pa.concat_tables([original] * REPEATS)
    ids = pa.array(map(str, range(len(table))), pa.string())
    (settings.work / "parquet").mkdir(parents=True, exist_ok=True)
    pq.write_table(table.set_column(0, "id", ids), settings.work / "parquet" / "train.parquet")
    return "sample's rows"


def _write_index(settings: Settings) -> str:
    """The index of a WARC file of PILE_DATA, and links to all of its pages."""
    archives = sorted(settings.data.glob("web/*-00004.warc.gz"))
    if not archives:
        return ""
    folder = settings.work / "openwebtext2_links"
    folder.mkdir(parents=True, exist_ok=True)
    data = archives[0].read_bytes()
    at, captures, links = 0, [], []
    while at < len(data):
        member = zlib.decompressobj(wbits=31)
        record = member.decompress(data[at:])
        length = len(data) - at - len(member.unused_data)
        if b"WARC-Type: response" in record[:1_000] and (found := re.search(rb"WARC-Target-URI: (\S+)", record)):
            url = found[1].decode("utf-8", "replace").strip("<>")
            place = {"url": url, "status": "200", "filename": archives[0].name}
            captures.append(f"x) 2020 {json.dumps({**place, 'offset': str(at), 'length': str(length)})}\n")
            links.append(f"{url}\n")
        at += length
    (folder / archives[0].name).write_bytes(data)
    (folder / "cdx-00000").write_text("".join(captures), encoding="utf-8")
    (folder / "links.txt").write_text("".join(links), encoding="utf-8")
    return "upstream"


MADE: Mapping[str, Callable[[Settings], str]] = {
    "github": _write_stdlib,
    "hacker_news": _write_threads,
    "huggingface": _write_dataset,
    "nih_exporter": _write_abstracts,
    "openwebtext2_links": _write_index,
    "parquet": _write_table,
    "ubuntu_irc": _write_logs,
}
"""What writes inputs to the folder of a source's name and says what they are; "" if nothing is at hand."""
