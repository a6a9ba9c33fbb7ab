"""What the benchmarks run on: copies of the WARC files, manifests derived from the benchmark's, pages as text."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from pile_builder.annotate.language import LanguageModel
from pile_builder.manifest import Manifest, load_manifest
from pile_builder.source import Document, Raw

MANIFEST = Path(__file__).parent.parent / "manifests" / "bench-web.yaml"
MODEL = files("pile_builder.models") / "lid.176.ftz"
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "trafilatura": {},
    "fast": {"fast": True},
    "resiliparse": {"extractor": "resiliparse"},
    "blocks": {"extractor": "blocks"},
}
"""What each extractor changes in the options of the manifest's source."""


def write_manifest(variant: str, folder: Path) -> Path:
    """The benchmark's manifest with another extractor."""
    data = yaml.safe_load(MANIFEST.read_text())
    data["sources"]["common_crawl"]["options"] |= VARIANTS[variant]
    path = folder / f"{variant}.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def write_warcs(data: Path, target: Path, copies: int) -> Path:
    """Write `target`/web with every WARC file of `data`/web in `copies` copies; returns `target`.

    Responses get the header WARC-Identified-Payload-Type that Common Crawl's own files have, without which datatrove
    guesses the type and leaves out every fifth page. The URLs of copies get a fragment, so that each page is a record
    of its own.
    """
    folder = target / "web"
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted((data / "web").glob("*.warc.gz")):
        records = list(_records(path.read_bytes()))
        for copy in range(copies):
            copied = folder / f"{copy:02}-{path.name}"
            if not copied.exists():
                partial = copied.with_suffix(".partial")
                partial.write_bytes(b"".join(_packed(_labelled(record, copy)) for record in records))
                partial.replace(copied)
    return target


def load(manifest: Path, data: Path) -> Manifest:
    """A manifest whose inputs lie in `data`."""
    return load_manifest(manifest, {"PILE_DATA": str(data.absolute())})


def english_pages(data: Path) -> list[str]:
    """Main content of the pages of `data`/web that select would take for English, not repaired, in order."""
    manifest = load(MANIFEST, data)
    plugin = manifest.plugins["common_crawl"]
    language = manifest.select_of("common_crawl").language
    if language is None:
        msg = f"{MANIFEST}: expected a language to select, got none"
        raise ValueError(msg)
    model = LanguageModel.load(None)

    def is_english(text: str | None, score: float) -> bool:
        labels, scores = model.predict([text or ""])
        return labels[0] in language.keep and float(scores[0]) >= score

    texts = []
    for split in plugin.splits():
        for raw in plugin.read(split):
            if isinstance(raw, Raw) and is_english(plugin.preview(raw), language.gate_score):
                document = plugin.extract(raw)
                if isinstance(document, Document) and is_english(document.text, language.min_score):
                    texts.append(document.text)
    return texts


def _records(data: bytes) -> Iterator[bytes]:
    """The members of a gzip file, decompressed; in a WARC file each holds one record."""
    while data:
        member = zlib.decompressobj(wbits=31)
        yield member.decompress(data)
        data = member.unused_data


def _packed(record: bytes) -> bytes:
    # Level 1: ten copies are written in half a minute.
    packer = zlib.compressobj(1, wbits=31)
    return packer.compress(record) + packer.flush()


def _labelled(record: bytes, copy: int) -> bytes:
    head, end, body = record.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    if b"WARC-Type: response" in lines:
        lines.append(b"WARC-Identified-Payload-Type: text/html")
        address = next(i for i, line in enumerate(lines) if line.startswith(b"WARC-Target-URI: "))
        lines[address] += b"#%d" % copy if copy else b""
    return b"\r\n".join(lines) + end + body
