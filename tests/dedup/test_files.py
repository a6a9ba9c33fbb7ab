"""`pile dedup FILES` against brute force, and what it does to files of every form."""

from __future__ import annotations

import gzip
import itertools
import json
import random
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from typer.testing import CliRunner

from pile_builder.cli import app
from pile_builder.dedup import file_inputs, file_sketches
from pile_builder.dedup.files import Options, deduplicate, memory_bytes
from pile_builder.errors import InputError, PileError

VOCABULARY = [f"{a}{b}" for a, b in itertools.product(("ka", "lo", "mi", "ru", "te", "vos"), repeat=2)] * 3
VOCABULARY = [f"{word}{number % 40}" for number, word in enumerate(VOCABULARY)]


def words(text: str) -> list[str]:
    """Words of these tests' texts; a text without any is compared as it is."""
    return re.findall("[a-z0-9]+|[日本]", text.lower()) or [text]


def shingles(text: str) -> set[tuple[str, ...]]:
    own = words(text)
    return {tuple(own[at : at + 5]) for at in range(len(own) - 4)}


def brute_force(texts: list[str], threshold: float = 0.7) -> list[int]:
    """For each document the first of its cluster, every pair compared with the exact Jaccard similarity."""
    first = list(range(len(texts)))
    sets = [shingles(text) for text in texts]
    for one, other in itertools.combinations(range(len(texts)), 2):
        a, b = sets[one], sets[other]
        if words(texts[one]) == words(texts[other]) or (a | b and len(a & b) / len(a | b) >= threshold):
            low, high = sorted((first[one], first[other]))
            first = [low if each == high else each for each in first]
    return first


def corpus(seed: int = 3) -> list[str]:
    """Texts with exact copies, near-copies of a similarity far above the threshold, and short ones, shuffled."""
    randomness = random.Random(seed)
    texts = [" ".join(randomness.choices(VOCABULARY, k=randomness.randrange(100, 300))) for _ in range(80)]
    for original in texts[:20]:
        texts += [original, original.upper().replace(" ", ", ", 7)]
    for original in texts[10:40]:
        own = original.split(" ")
        own[randomness.randrange(len(own))] = "edited"
        texts.append(" ".join(own))
    texts += ["so short", "So, short!", "so short it", "", "", "+++", "---", "日本", "日本"]
    randomness.shuffle(texts)
    return texts


def line(text: str, **more: Any) -> bytes:
    return json.dumps({"text": text} | more, ensure_ascii=len(text) % 2 == 0).encode() + b"\n"


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = {".gz": gzip.compress, ".zst": zstandard.compress}.get(path.suffix, bytes)
    path.write_bytes(packed(data))
    return path


def unpacked(path: Path) -> bytes:
    if path.suffix == ".zst":
        with path.open("rb") as file:
            return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def run(out: Path, *inputs: Path, **options: Any) -> dict[str, Any]:
    report = deduplicate([str(path) for path in inputs], str(out), Options(**options))
    assert json.loads((out / "report.json").read_text())["complete"]
    for counts in [report, *report["files"]]:
        lost = sum(counts["dropped"].values()) + sum(counts["rejected"].values())
        assert counts["read"] == counts["kept"] + lost
    assert not list(out.rglob(".writing-*"))
    return report


def duplicates(out: Path) -> list[dict[str, Any]]:
    return pq.read_table(out / "duplicates.parquet").to_pylist()


def test_agrees_with_brute_force(tmp_path):
    texts = corpus()
    source = write(tmp_path / "a.jsonl", b"".join(map(line, texts)))
    report = run(tmp_path / "out", source)
    first = brute_force(texts)
    kept = [text for number, text in enumerate(texts) if first[number] == number]
    assert unpacked(tmp_path / "out/a.jsonl.zst") == b"".join(map(line, kept))
    assert {row["line"]: row["winner_line"] for row in duplicates(tmp_path / "out")} == {
        number + 1: winner + 1 for number, winner in enumerate(first) if winner != number
    }
    for row in duplicates(tmp_path / "out"):
        one, other = texts[row["line"] - 1], texts[row["winner_line"] - 1]
        assert (row["rule"] == "exact") == (words(one) == words(other))
        if row["rule"] == "near":
            a, b = shingles(one), shingles(other)
            assert row["jaccard"] == pytest.approx(len(a & b) / len(a | b), abs=0.2)
    assert report["dropped"] == {
        rule: sum(row["rule"] == rule for row in duplicates(tmp_path / "out")) for rule in ("exact", "near")
    }
    sizes = [first.count(number) for number in set(first)]
    assert report["clusters"]["number"] == sum(size > 1 for size in sizes)
    assert report["clusters"]["largest"][0]["documents"] == max(sizes)


@pytest.mark.parametrize("kept_bytes", [0, 20_000, 1 << 30])
def test_neither_workers_nor_memory_nor_chunks_matter(tmp_path, monkeypatch, kept_bytes):
    monkeypatch.setattr(file_sketches, "KEPT_BYTES", kept_bytes)
    lines = [line(text) for text in corpus()]
    lines[5:5] = [b"\n", b"{broken\n"]
    inputs = [
        write(tmp_path / "a.jsonl", b"".join(lines[:50])),
        write(tmp_path / "b.jsonl.gz", b"".join(lines[50:100])),
        write(tmp_path / "c.jsonl.zst", b"".join(lines[100:]).rstrip(b"\n")),
    ]
    results, digests = [], {}
    for chunk, workers in ((100, 1), (3000, 2), (3000, 4), (1 << 22, 2)):
        monkeypatch.setattr(file_inputs, "CHUNK_BYTES", chunk)
        out = tmp_path / f"{chunk}-{workers}"
        report = run(out, *inputs, workers=workers)
        names = ("a.jsonl.zst", "b.jsonl.zst", "c.jsonl.zst", "rejects/a.jsonl")
        results.append(([unpacked(out / name) for name in names], duplicates(out)))
        digests[chunk, workers] = [file["sha256"] for file in report["files"]]
    assert all(result == results[0] for result in results)
    # Frames follow chunks, so bytes are equal for equal chunks.
    assert digests[3000, 2] == digests[3000, 4]
    written, lost = results[0]
    places = {(row["file"], row["line"]) for row in lost}
    for source, output in zip(inputs, written[:3], strict=True):
        name = source.name.removesuffix(".gz").removesuffix(".zst")
        kept = enumerate(unpacked(source).splitlines(keepends=True), 1)
        assert output == b"".join(
            each for number, each in kept if (name, number) not in places and each not in (b"\n", b"{broken\n")
        )
    assert written[3] == b"{broken\n"


def test_the_order_of_inputs_decides_who_stays_but_not_the_clusters(tmp_path):
    lines = [line(text) for text in corpus()]
    a, b = write(tmp_path / "a.jsonl", b"".join(lines[:60])), write(tmp_path / "b.jsonl", b"".join(lines[60:]))
    one, other = run(tmp_path / "1", a, b), run(tmp_path / "2", b, a)
    assert one["clusters"]["sizes"] == other["clusters"]["sizes"]
    assert one["files"][0]["kept"] > other["files"][1]["kept"]


def test_lines_pass_through_as_they_are(tmp_path):
    odd = [
        b' { "text" : "one\\u0020\\ud83d\\ude00" , "id":1.0 }  \r\n',
        b'{"text":"two","text":"three"}\n',
        b"\n",
        b'{"id": 18446744073709551616, "text": "four \xc3\xa9"}\n',
        b'{"text": "five"}',
    ]
    source = write(tmp_path / "a.jsonl", b"\xef\xbb\xbf" + b"".join(odd))
    report = run(tmp_path / "out", source, form="jsonl")
    assert (tmp_path / "out/a.jsonl").read_bytes() == b"".join([*odd[:2], *odd[3:]])
    assert (report["read"], report["blank_lines"]) == (4, 1)


def test_rejects_are_counted_shown_and_kept(tmp_path):
    good, bad = line("a document"), [b"[]\n", b'{"text": null}\n', b'{"other": 1}\n', b'{"text": "\xff"}\n', b"{\n"]
    source = write(tmp_path / "a.jsonl.gz", good + b"".join(bad) + good)
    report = run(tmp_path / "out", source)
    assert report["rejected"] == {
        "not valid JSON": 1,
        "not valid UTF-8": 1,
        "not a JSON object": 1,
        "no such field": 1,
        "the field is not a string": 1,
    }
    assert report["rejected_examples"][0] == {
        "file": "a.jsonl",
        "line": 2,
        "reason": "not a JSON object",
        "begins": "[]",
    }
    assert (tmp_path / "out/rejects/a.jsonl").read_bytes() == b"".join(bad)
    assert unpacked(tmp_path / "out/a.jsonl.zst") == good
    assert duplicates(tmp_path / "out")[0]["line"] == 7


def test_parquet_keeps_its_columns(tmp_path):
    texts = ["one and two", None, "three", "One and two.", "four"]
    nested = [{"text": text, "number": number} for number, text in enumerate(texts)]
    table = pa.table({"id": range(5), "meta": nested}, metadata={"made": "here"})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    lines = write(tmp_path / "b.jsonl", b'{"meta": {"text": "four"}}\n{"meta": {"text": "five"}}\n')
    report = run(tmp_path / "out", tmp_path / "a.parquet", lines, field="meta.text")
    written = pq.read_table(tmp_path / "out/a.parquet")
    assert written.schema.equals(table.schema, check_metadata=True)
    assert written.to_pylist() == [table.to_pylist()[row] for row in (0, 2, 4)]
    assert pq.read_table(tmp_path / "out/rejects/a.parquet").to_pylist() == [table.to_pylist()[1]]
    assert unpacked(tmp_path / "out/b.jsonl.zst") == b'{"meta": {"text": "five"}}\n'
    assert report["dropped"] == {"exact": 2, "near": 0}
    assert [(row["line"], row["winner_file"], row["winner_line"]) for row in duplicates(tmp_path / "out")] == [
        (4, "a.parquet", 1),
        (1, "a.parquet", 5),
    ]


def test_parquet_text_that_is_no_utf8_is_rejected(tmp_path):
    bad = pa.array([b"good", b"\xff\xfe", b"\xf4\xbf\xbf\xbf"]).view(pa.string())
    pq.write_table(pa.table({"text": bad}), tmp_path / "a.parquet")
    assert run(tmp_path / "out", tmp_path / "a.parquet")["rejected"] == {"not valid UTF-8": 2}


def test_empty_inputs_give_empty_outputs(tmp_path):
    empty = [write(tmp_path / "a.jsonl", b""), write(tmp_path / "b.jsonl.gz", b""), write(tmp_path / "c.jsonl", b"\n")]
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "d.parquet")
    report = run(tmp_path / "out", *empty, tmp_path / "d.parquet")
    assert report["read"] == 0
    assert [unpacked(tmp_path / f"out/{name}.jsonl.zst") for name in "abc"] == [b""] * 3
    assert pq.read_table(tmp_path / "out/d.parquet").num_rows == 0


def test_exact_only_and_longest(tmp_path):
    text = corpus()[0] * 2
    lines = [line(text), line(text + " and more"), line(text.upper() + "."), line("other")]
    source = write(tmp_path / "a.jsonl", b"".join(lines))
    run(tmp_path / "exact", source, exact_only=True)
    assert unpacked(tmp_path / "exact/a.jsonl.zst") == lines[0] + lines[1] + lines[3]
    run(tmp_path / "longest", source, prefer="longest")
    assert unpacked(tmp_path / "longest/a.jsonl.zst") == lines[1] + lines[3]


def test_names_in_several_folders_stay_apart(tmp_path):
    for folder in ("x", "y/z"):
        write(tmp_path / "in" / folder / "a.jsonl", line(folder))
    write(tmp_path / "in/x/README.md", b"no input")
    report = run(tmp_path / "out", tmp_path / "in")
    assert [file["output"] for file in report["files"]] == ["x/a.jsonl.zst", "y/z/a.jsonl.zst"]
    assert unpacked(tmp_path / "out/y/z/a.jsonl.zst") == line("y/z")
    write(tmp_path / "in/x/a.jsonl.gz", line("x"))
    with pytest.raises(PileError, match=r"a name of its own for its output, 'x/a.jsonl.zst' is taken"):
        run(tmp_path / "out", tmp_path / "in")


def test_a_second_run_replaces_the_first_and_nothing_else(tmp_path):
    a, b = write(tmp_path / "a.jsonl", line("a") + b"{\n"), write(tmp_path / "b.jsonl", line("b"))
    out = tmp_path / "out"
    run(out, a, b)
    (out / "mine.txt").write_text("mine")
    run(out, b)
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == [
        "b.jsonl.zst",
        "duplicates.parquet",
        "mine.txt",
        "report.json",
    ]
    with pytest.raises(PileError, match="another folder than that of the inputs"):
        run(out, out / "b.jsonl.zst")
    (tmp_path / "other/a.jsonl.zst").parent.mkdir()
    (tmp_path / "other/a.jsonl.zst").write_text("not ours")
    with pytest.raises(PileError, match=r"without files of these names, found .*other/a.jsonl.zst"):
        run(tmp_path / "other", a)


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize("left", [2, 60, -3])
def test_cut_files_are_errors_that_name_them(tmp_path, suffix, left):
    whole = write(tmp_path / f"whole.jsonl{suffix}", b"".join(map(line, corpus())))
    cut = tmp_path / f"cut.jsonl{suffix}"
    cut.write_bytes(whole.read_bytes()[:left])
    with pytest.raises(InputError, match=rf"truncated: .*cut.jsonl{suffix}"):
        run(tmp_path / "out", whole, cut)
    assert not (tmp_path / "out").exists()


def test_a_file_that_changes_in_between_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(file_sketches, "KEPT_BYTES", 0)
    source = write(tmp_path / "a.jsonl", line("a") + line("b"))

    def watch(phase: str, done: int, total: int) -> None:
        source.write_bytes(line("a"))

    with pytest.raises(InputError, match=r"changed: .*a.jsonl"):
        deduplicate([str(source)], str(tmp_path / "out"), Options(), watch)


def test_errors_say_what_to_do(tmp_path):
    source = write(tmp_path / "a.jsonl", b'{"content": "a"}\n')
    with pytest.raises(
        PileError, match=r"field 'text', found none in 1 lines; .*a.jsonl, line 1: no such field: {\"con"
    ):
        run(tmp_path / "out", source)
    with pytest.raises(PileError, match=r"nothing.jsonl: expected a file"):
        run(tmp_path / "out", tmp_path / "nothing.jsonl")
    pq.write_table(pa.table({"content": ["a"], "n": [1]}), tmp_path / "a.parquet")
    with pytest.raises(PileError, match=r"a column 'text', there is no 'text' among content, n; name .* with --field"):
        run(tmp_path / "out", tmp_path / "a.parquet")
    with pytest.raises(PileError, match=r"a column 'n.x', there is no 'x' among"):
        run(tmp_path / "out", tmp_path / "a.parquet", field="n.x")
    with pytest.raises(PileError, match=r"expected text in column 'n', got int64"):
        run(tmp_path / "out", tmp_path / "a.parquet", field="n")
    for options in ({"threshold": 0}, {"rows": 0}, {"prefer": "best"}, {"form": "csv"}, {"field": ""}):
        with pytest.raises(PileError, match=r"expected .*, got"):
            run(tmp_path / "out", source, **options)


def test_memory_goes_with_documents():
    assert memory_bytes(10**6, Options()) == 10**6 * memory_bytes(1, Options()) < 10**9
    assert memory_bytes(1, Options(exact_only=True)) < memory_bytes(1, Options())


def test_command(tmp_path):
    source = write(tmp_path / "a.jsonl", line("one") + line("One!") + b"x\n")
    for arguments in ([str(source), "--out", str(tmp_path / "out")], ["--out", str(tmp_path / "out"), str(source)]):
        for name in ("dedup", "dedup run"):
            result = CliRunner().invoke(app, [*name.split(), *arguments])
            assert result.exit_code == 0, result.output
            assert re.search(r"a\.jsonl\.zst +3 +1 +0 +1 +1 ", result.output)
            assert "1 rejected: not a JSON object" in result.output
    assert "--threshold" in CliRunner().invoke(app, ["dedup", "--help"]).output
    assert CliRunner().invoke(app, ["dedup", str(source)]).exit_code == 2
