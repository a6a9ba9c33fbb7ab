"""Build the samples of sources of records: documents of Dolma, archives of lm_dataformat, tables, pages, damage.

    python samples/make_records.py

An original is a block of `name: value` lines and a text; `===` stands between two. Written byte for byte the same by
every run.
"""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

HERE = Path(__file__).parent


def main() -> None:
    """Write every sample."""
    texts = originals()
    write_lines(HERE / "jsonl", texts)
    write_tables(HERE / "parquet", texts)
    write_pages(HERE / "openwebtext2", texts)
    write_dataset(HERE / "huggingface" / "almanac", texts)


def write_lines(target: Path, texts: list[dict[str, str]]) -> None:
    """JSON lines."""
    target.mkdir(exist_ok=True)
    dolma = lines(dolma_document(one) for one in texts)
    (target / "dolma-0000.json.gz").write_bytes(gzip.compress(dolma, mtime=0))
    plain = lines({"text": one["text"], "meta": {"title": one["title"]}} for one in texts[:2])
    (target / "lm_dataformat.jsonl.bz2").write_bytes(bz2.compress(plain))
    paragraphs = lines({"text": one["text"].split("\n\n"), "meta": {"url": one["url"]}} for one in texts[2:])
    members = {
        "data_0_time1600000000_default.jsonl.zst": zstandard.compress(paragraphs),
        "data_1_time1600000001_default.jsonl.zst": zstandard.compress(paragraphs)[:-200],
        "README.md": b"no lines",
    }
    (target / "archive.jsonl.zst.tar").write_bytes(tar(members))
    (target / "damaged.jsonl").write_bytes(b"".join(damaged(texts[0]["text"])))


def write_pages(target: Path, texts: list[dict[str, str]]) -> None:
    """A tar in the layout of OpenWebText2, with a month a member."""
    target.mkdir(exist_ok=True)
    scores = ([40, 2], [1, 1], [3], [-5, 9], [])
    pages = []
    for number, (one, of) in enumerate(zip(texts, scores, strict=True)):
        meta = {
            "title": one["title"],
            "lang": one["lang"],
            "url": one["url"],
            "word_count": len(one["text"].split()),
            "elapsed": 0.5,
            "scraper": "newspaper",
            "domain": "almanac.example",
            "reddit_id": [f"t3_{number}{each}" for each in range(len(of))],
            "subreddit": ["harbours"] * len(of),
            "reddit_score": of,
            "reddit_title": [one["title"]] * len(of),
            "reddit_created_utc": [1500000000] * len(of),
        }
        pages.append({"text": one["text"], "meta": meta})
    pages.append({"text": "Advertisement\n\nAdvertisement\n", "meta": {"url": "https://almanac.example/empty"}})
    members = {"2017-07.jsonl.zst": lines(pages[:3]), "2017-08.jsonl.zst": lines(pages[3:])}
    packed = {name: zstandard.compress(content) for name, content in members.items()}
    (target / "openwebtext2.jsonl.zst.tar").write_bytes(tar(packed))


def write_dataset(target: Path, texts: list[dict[str, str]]) -> None:
    """A dataset of two shards, as the Hub has them."""
    target.mkdir(parents=True, exist_ok=True)
    for shard in range(2):
        rows = [{name: one[name] for name in ("id", "text", "title", "url")} for one in texts[shard::2]]
        (target / f"train-{shard:05}-of-00002.jsonl").write_bytes(
            lines([*rows, {**rows[0], "id": f"e{shard}", "text": ""}])
        )


def write_tables(target: Path, texts: list[dict[str, str]]) -> None:
    """Parquet files: rows of two row groups, a struct with lists, one that is cut, one whose footer lies."""
    target.mkdir(exist_ok=True)
    dates = [dt.datetime(2020, 1, 1 + number) for number in range(len(texts))]
    columns = {
        "id": [one["id"] for one in texts],
        "text": [one["text"] for one in texts],
        "url": [one["url"] for one in texts],
        "date": pa.array(dates, pa.timestamp("ns")),
        "embedding": [[0.5, number] for number in range(len(texts))],
    }
    pq.write_table(pa.table(columns), target / "train-00000-of-00001.parquet", row_group_size=3)
    bodies = [{"parts": one["text"].split("\n\n")} for one in texts]
    bodies[1:3] = [{"parts": []}, None]
    raw = pa.array([b"text", b"caf\xe9", b"more"] + [b"x"] * (len(texts) - 3), pa.binary()).view(pa.string())
    pq.write_table(pa.table({"body": bodies, "raw": raw}), target / "nested.parquet")
    whole = (target / "nested.parquet").read_bytes()
    (target / "cut.parquet").write_bytes(whole[:-300])
    (target / "lying.parquet").write_bytes(whole[:-8] + (1 << 31).to_bytes(4, "little") + b"PAR1")
    (target / "page.parquet").write_bytes(whole[:4] + b"\xff" * 100 + whole[104:])


def originals() -> list[dict[str, str]]:
    """The texts with their fields."""
    found = []
    for block in (HERE / "originals" / "records" / "texts.txt").read_text(encoding="utf-8").split("\n===\n"):
        head, _, text = block.strip().partition("\n\n")
        found.append({**dict(line.split(": ", 1) for line in head.split("\n")), "text": text})
    return found


def dolma_document(one: dict[str, str]) -> dict[str, Any]:
    """A document in the layout of Dolma."""
    return {
        "id": one["id"],
        "text": one["text"],
        "source": "almanac",
        "added": "2024-01-01T00:00:00Z",
        "created": one["created"],
        "metadata": {name: one[name] for name in ("title", "url", "license", "lang")} | {"pages": 1},
    }


def damaged(text: str) -> list[bytes]:
    """Lines of which some are no documents, each for a reason of its own; the last one is cut."""
    good = {"id": "good", "text": text}
    return [
        b"\xef\xbb\xbf" + lines([good]),
        lines([{**good, "note": "the same id again"}]),
        b"\n",
        b"{not JSON}\n",
        b'{"id": "latin", "text": "caf\xe9"}\n',
        b'["a", "list"]\n',
        lines([{"id": "empty", "text": " \n"}, {"id": "none", "body": text}, {"id": "number", "text": 7}]),
        lines([{"id": "odd-list", "text": [text, {"type": "image"}]}]),
        b'{"id": "half", "text": "Half of a pair: \\ud83d, and a number that is none", "score": NaN}\n',
        b'{"id": "deep", "text": ' + b"[" * 5_000 + b"]" * 5_000 + b"}\n",
        lines([{"text": text.upper()}]),
        b'{"id": "cut", "text": "The last line en',
    ]


def lines(records: Any) -> bytes:
    """JSON lines."""
    return b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)


def tar(members: dict[str, bytes]) -> bytes:
    """A tar of files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


if __name__ == "__main__":
    main()
