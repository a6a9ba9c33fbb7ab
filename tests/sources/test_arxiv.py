"""The arXiv source on its samples, on damaged and hostile tars, and on real papers where they are at hand."""

from __future__ import annotations

import gzip
import io
import os
import re
import tarfile
from pathlib import Path

import pytest

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile
from pile_builder.source import Document, Raw, Reject, Skipped
from pile_builder.sources.arxiv import Arxiv, paper_id
from pile_builder.sources.arxiv.tree import decode, main_file, unpack

SAMPLES = Path(__file__).parents[2] / "samples"
PAPER = (
    b"\\documentclass{article}\\begin{document}"
    + b"A sentence of a few words that says little. " * 20
    + b"\\end{document}"
)


def source(root: Path = SAMPLES, **config: str) -> Arxiv:
    return Arxiv(Arxiv.Config(inputs=("arxiv",), root=str(root), **config))


def records(arxiv: Arxiv) -> list[Raw | Reject | Skipped]:
    return [record for split in arxiv.splits() for record in arxiv.read(split)]


def tar(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def rule(payload: bytes) -> str:
    found = source().extract(Raw("x", payload))
    return found.rule if isinstance(found, Reject) else ""


def read_file(tmp_path: Path, data: bytes) -> list[Raw | Reject | Skipped]:
    path = tmp_path / "arXiv_src_2401_001.tar"
    path.write_bytes(data)
    arxiv = source()
    return list(arxiv.read_file(InputFile(path.name, str(path), len(data))))


def test_samples():
    arxiv = source(metadata="arxiv/arxiv-metadata-oai-snapshot.json")
    table = dict(arxiv.read_table("metadata", arxiv.side_tables()["metadata"]))
    arxiv.bind_tables({"metadata": table.get})
    found = {}
    for record in records(arxiv):
        if isinstance(record, Raw):
            found[record.key] = arxiv.extract(record)
        elif isinstance(record, Reject):
            found[record.key] = record
    rejected = {key: made.rule for key, made in found.items() if isinstance(made, Reject)}
    assert rejected == {
        "2401.00005": "withdrawn",
        "2401.00009": "not_latex",
        "2401.00010": "no_text",
        "2401.00013": "pdf_only",
        "2402.00006": "pdf_only",
        "2402.00010": "withdrawn",
        "2402.00016": "no_main_file",
        "2402.00017": "truncated",
    }
    assert len(found) == 36
    ferry = found["2401.00001"]
    assert ferry.text.startswith(
        "# Queues that forget: waiting times at a ferry landing\n\n## Abstract\n\nWe study a queue"
    )
    assert "$(1-q)^k$. We show this in Section 2 and compare" in ferry.text
    assert "| Wet Tuesday | 297 | 16.0 |" in ferry.text
    assert "unpublished" not in ferry.text
    assert ferry.meta == {
        "authors": ["Ines Vollmer", "Tadeo Lunn"],
        "categories": ["math.PR", "cs.PF"],
        "date": "2024-01-01",
        "license": "CC-BY-4.0",
        "title": "Queues that forget: waiting times at a ferry landing",
        "url": "https://arxiv.org/abs/2401.00001",
    }
    assert found["hep-th/9901001"].meta["url"] == "https://arxiv.org/abs/hep-th/9901001"
    assert "*Glümmer*" in found["2401.00008"].text
    assert "Do not forget" not in found["2401.00006"].text
    assert "| Night | Frames | Seeing |" in found["2401.00004"].text
    for made in found.values():
        if isinstance(made, Document):
            assert not re.search(r"\\[A-Za-z]", re.sub(r"(?s)```.*?```|\$\$.*?\$\$|\$[^$]*\$|`[^`]*`", "", made.text))


def test_same_in_any_order():
    arxiv = source()
    raws = [record for record in records(arxiv) if isinstance(record, Raw)]
    forward = {raw.key: arxiv.extract(raw) for raw in raws}
    backward = {raw.key: source().extract(raw) for raw in reversed(raws)}
    assert forward == backward
    assert len(forward) == len(raws)


def test_names():
    assert paper_id("hep-th9901001") == "hep-th/9901001"
    assert paper_id("2401.00001") == "2401.00001"


def test_truncated_tars_are_noticed(tmp_path):
    whole = (SAMPLES / "arxiv" / "arXiv_src_2401_001.tar").read_bytes()
    end = len(whole.rstrip(b"\0"))
    ends = {end - 700, end // 2, 1536, 512 * (end // 512), 512 * (end // 512 + 1)}
    for length in ends:
        with pytest.raises(InputError, match=r"truncated|damaged"):
            read_file(tmp_path, whole[:length])
    damaged = bytearray(whole)
    damaged[512 : 512 + 512] = b"x" * 512
    with pytest.raises(InputError, match="damaged"):
        read_file(tmp_path, bytes(damaged))
    with pytest.raises(InputError):
        read_file(tmp_path, b"")


def test_hostile_submissions():
    assert rule(gzip.compress(PAPER)) == ""
    assert rule(gzip.compress(PAPER)[:-20]) == "truncated"
    assert rule(gzip.compress(PAPER)[:40] + b"\xff" * 60) in ("damaged", "truncated")
    assert rule(gzip.compress(b"%PDF-1.5")) == "pdf_only"
    assert rule(gzip.compress(b"%!PS-Adobe-2.0\nshowpage")) == "not_latex"
    assert rule(gzip.compress(b"")) == "no_text"
    assert rule(b"") in ("no_text", "truncated", "damaged")
    assert rule(gzip.compress(bytes(100 << 20))) in ("bomb", "too_large")
    assert rule(gzip.compress(tar({"a.tex": b"no document", "b.eps": b"%!PS"}))) == "no_main_file"
    assert rule(gzip.compress(tar({"a.tex": b"text \\bye"}))) == "not_latex"
    assert rule(gzip.compress(tar({f"{number}.tex": b"" for number in range(6000)}))) == "too_large"
    assert rule(gzip.compress(tar({"../../etc/x.tex": PAPER, "/abs.tex": b""}))) == "no_main_file"
    assert rule(gzip.compress(tar({"p.tex": PAPER})[:700])) in ("truncated", "damaged")


def test_main_file():
    def main(**files: bytes) -> str | None:
        return main_file({f"{name}.tex": data for name, data in files.items()})

    assert main(supplement=PAPER * 2, ms=PAPER, other=b"x") == "ms.tex"
    assert main(a=PAPER, b=PAPER + b"longer") == "b.tex"
    assert main(a=b"% \\documentclass{x}\n\\begin{document}") is None
    readme = {
        "00README.json": b'{"sources": [{"usage": "toplevel", "filename": "z.tex"}]}',
        "main.tex": PAPER,
        "z.tex": PAPER,
    }
    assert main_file(readme) == "z.tex"
    assert main_file({**readme, "00README.json": b"[" * 100_000}) == "main.tex"


def test_encodings():
    declared = b"\\documentclass{article}\\usepackage[cp1251]{inputenc}"
    assert decode({"a": declared + b"\xcc\xe8\xf0"}, "a")["a"].endswith("Мир")
    assert decode({"a": "é".encode()}, "a") == {"a": "é"}
    assert decode({"a": b"\xe9"}, "a") == {"a": "é"}


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[1]",
        '{"title": "x"}',
        '{"id": 1, "versions": 5}',
        '{"id": 1, "authors_parsed": [[1]]}',
        "[" * 9_999,
    ],
)
def test_metadata_errors(line, tmp_path):
    path = tmp_path / "meta.json"
    path.write_text(f'{{"id": "1"}}\n{line}\n')
    with pytest.raises(InputError, match="line 2"):
        list(source().read_table("metadata", [InputFile("meta.json", str(path), 20)]))


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="needs real inputs")
def test_real_papers():
    arxiv = source(Path(os.environ["PILE_DATA"]))
    made = {record.key: arxiv.extract(record) for record in records(arxiv) if isinstance(record, Raw)}
    texts = [one.text for one in made.values() if isinstance(one, Document)]
    assert len(texts) >= 40
    assert sum(map(len, texts)) > 4_000_000
    assert sum("## Abstract" in text for text in texts) >= 30
    assert {one.rule for one in made.values() if isinstance(one, Reject)} <= {"not_latex", "no_text"}
    assert unpack(gzip.compress(PAPER)).single
