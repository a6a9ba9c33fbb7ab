"""Eval sets: every format and template gives the same items, and nothing that cannot be read passes in silence."""

import bz2
import csv
import gzip
import json
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
import zstandard

from pile_builder.decontamination.evals import EvalSet, load_eval_list, load_items
from pile_builder.decontamination.items import EvalItem
from pile_builder.errors import ManifestError

MANIFESTS = Path(__file__).parents[2] / "manifests" / "evals"
ROWS = [
    {"question": "Which bird nests\nunder the old bridge?", "options": ["a heron", "a wagtail"], "answer": 1},
    {"question": 'How many ladders, "counted twice", stand there?', "options": ["seven", "nine"], "answer": 0},
]
QUESTIONS = [row["question"] for row in ROWS]


def items(root: Path, **fields: Any) -> list[EvalItem]:
    return list(load_items(EvalSet(name="birds", **fields), str(root)))


def error_of(root: Path, **fields: Any) -> str:
    with pytest.raises(ManifestError) as caught:
        items(root, **fields)
    return str(caught.value)


def lines(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def write_csv(path: Path, *, header: bool) -> None:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerows([["question", "A", "B", "answer"]] if header else [])
        writer.writerows([row["question"], *row["options"], "AB"[row["answer"]]] for row in ROWS)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("q.jsonl", b"\xef\xbb\xbf" + lines(ROWS) + b"\n"),
        ("q.jsonl.gz", gzip.compress(lines(ROWS))),
        ("q.jsonl.bz2", bz2.compress(lines(ROWS))),
        ("q.jsonl.zst", zstandard.compress(lines(ROWS))),
        ("q.json", json.dumps(ROWS).encode()),
        ("q.json.gz", gzip.compress(json.dumps({"version": 2, "data": ROWS}).encode())),
    ],
)
def test_json_forms(tmp_path: Path, name: str, data: bytes):
    put(tmp_path / name, data)
    assert items(tmp_path, files=[name], question="question", answer="{{ options[answer] }}") == [
        EvalItem("birds", "q:0", QUESTIONS[0], "a wagtail"),
        EvalItem("birds", "q:1", QUESTIONS[1], "seven"),
    ]


def test_parquet(tmp_path: Path):
    pyarrow.parquet.write_table(pa.Table.from_pylist(ROWS), tmp_path / "q.parquet")
    found = items(tmp_path, files=["*.parquet"], question="question", answer="options.1")
    assert [(item.question, item.answer) for item in found] == [(QUESTIONS[0], "a wagtail"), (QUESTIONS[1], "nine")]


@pytest.mark.parametrize("header", [True, False])
def test_csv_by_letter(tmp_path: Path, header: bool):
    write_csv(tmp_path / "q.csv", header=header)
    columns = [] if header else ["question", "A", "B", "answer"]
    found = items(tmp_path, files=["q.csv"], columns=columns, question="question", answer="{{ row[answer] }}")
    assert [(item.question, item.answer) for item in found] == [(QUESTIONS[0], "a wagtail"), (QUESTIONS[1], "seven")]


def test_tsv_takes_quotes_as_they_are(tmp_path: Path):
    put(tmp_path / "q.tsv", b'Question text\tAnswer\n"Who painted it?\tthe "old" one\n')
    (item,) = items(tmp_path, files=["q.tsv"], question="Question text", answer="Answer")
    assert (item.question, item.answer) == ('"Who painted it?', 'the "old" one')


def test_values_become_text(tmp_path: Path):
    row = {"q": ["two", 2, 2.5, True, None, ["deep"]], "a.b": "dotted", "a": {"b": [{"c": "inner"}]}, "s": "x\ud800"}
    put(tmp_path / "q.jsonl", lines([row]))

    def question(template: str) -> str:
        return items(tmp_path, files=["q.jsonl"], question=template)[0].question

    assert question("q") == question("{{ q }}") == "two 2 2.5 True  deep"
    assert question("a.b") == "dotted"
    assert question("a.b.0.c") == "inner"
    assert question("{{ a.b[0].c | upper }} {{ row['a.b'] }}") == "INNER dotted"
    assert question("{% for each in q[:2] %}<{{ each }}>{% endfor %}") == "<two><2>"
    assert question("s") == "x?"


def test_ids_stay_when_files_are_added(tmp_path: Path):
    put(tmp_path / "a.jsonl", lines(ROWS))
    before = [item.id for item in items(tmp_path, files=["*.jsonl"], question="question")]
    put(tmp_path / "0.jsonl", lines(ROWS))
    after = [item.id for item in items(tmp_path, files=["*.jsonl", "a.jsonl"], question="question")]
    assert before == ["a:0", "a:1"]
    assert after == ["0:0", "0:1", "a:0", "a:1"]
    put(tmp_path / "one" / "test.jsonl", lines(ROWS))
    put(tmp_path / "two" / "test.jsonl", lines(ROWS[:1]))
    found = items(tmp_path, files=["*/test.jsonl"], question="question")
    assert [item.id for item in found] == ["one/test:0", "one/test:1", "two/test:0"]
    found = items(tmp_path, files=["a.jsonl"], question="question", id="birds/{{ answer }}")
    assert [item.id for item in found] == ["birds/1", "birds/0"]


@pytest.mark.parametrize(
    ("name", "data", "fields", "expected"),
    [
        ("q.jsonl", lines([ROWS[0], {"qestion": "?"}]), {}, ["q.jsonl: row 1: question", "did you mean 'qestion'"]),
        (
            "q.jsonl",
            lines(ROWS),
            {"answer": "options.7"},
            ["row 0: answer", "'options.7': unknown field '7'", "Valid: 0, 1"],
        ),
        ("q.jsonl", lines(ROWS), {"answer": "{{ x }}"}, ["row 0: answer", "'x' is undefined", "question, options"]),
        ("q.jsonl", lines(ROWS), {"answer": "{{ options[answer / 0] }}"}, ["row 0: answer", "division by zero"]),
        ("q.jsonl", lines(ROWS), {"answer": "{{ ''.__class__.__mro__ }}"}, ["row 0: answer", "unsafe"]),
        ("q.jsonl", lines([{"question": {"en": "?"}}]), {}, ["row 0: question", "an object with en"]),
        ("q.jsonl", lines([{"question": " \n"}]), {}, ["row 0: question is empty", "Fields of the row: question"]),
        ("q.jsonl", lines([{"question": None}]), {}, ["row 0: question is empty"]),
        ("q.jsonl", lines([ROWS[0], "text"]), {}, ["row 1", "expected an object", "got str"]),
        ("q.jsonl", lines(ROWS[:1]) + b"{", {}, ["row 1", "cannot be read as jsonl"]),
        ("q.jsonl", b"\n", {}, ["there is no item in q.jsonl"]),
        ("q.jsonl", lines(ROWS * 2), {"id": "question"}, ["row 2", "given twice"]),
        ("q.jsonl.gz", gzip.compress(lines(ROWS))[:-12], {}, ["q.jsonl.gz", "cannot be read"]),
        ("q.json", b'{"a": [], "b": []}', {}, ["q.json", "has 2 lists", "`records`", "Keys: a, b"]),
        ("q.json", b'{"a": {"b": 1}}', {"records": "a.b"}, ["expected a list at 'a.b'", "got int"]),
        ("q.csv", b"question,answer\nwhat?,a,b\n", {}, ["q.csv: line 2", "expected 2 columns (question, answer)"]),
        ("q.csv", b"question,question\nwhat?,a\n", {}, ["given twice"]),
        ("q.csv", b'question\n"what?\n', {}, ["q.csv: row 0", "cannot be read as csv"]),
        ("q.csv", b"question\n\xff\n", {}, ["cannot be read as csv", "utf-8"]),
        ("q.parquet", b"PAR1", {}, ["q.parquet", "cannot be read as parquet"]),
        ("q.txt", b"", {}, ["q.txt", "expected a name that ends in .jsonl"]),
        ("q.jsonl", b"", {"files": ["z*.jsonl"]}, ["'z*.jsonl' matches no file"]),
    ],
)
def test_errors_of_rows(tmp_path: Path, name: str, data: bytes, fields: dict[str, Any], expected: list[str]):
    put(tmp_path / name, data)
    message = error_of(tmp_path, **({"files": [name], "question": "question"} | fields))
    assert message.startswith("eval set 'birds': ")
    for part in expected:
        assert part in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("evals: [{name: a, files: [x], qestion: q}]", ["evals.0.qestion", "did you mean 'question'?"]),
        ("evals: [{name: a, files: [x], question: q, action: trim}]", ["evals.0.action", "'trim'"]),
        ("evals: [{name: a, question: q}]", ["one of files, dataset and harness", "none"]),
        ("evals: [{name: a, question: q, files: [x], dataset: y}]", ["'a' has files and dataset"]),
        ("evals: [{name: a, question: q, files: [x], splits: [test]}]", ["splits belongs to dataset and harness"]),
        ("evals: [{name: a, files: [x]}]", ["question: required"]),
        ("evals: [{name: a, files: [x], question: '{{ q'}]", ["evals.0.question", "not a valid jinja2 template"]),
        ("evals: [{name: a, files: ['${NO}'], question: q}]", ["evals.0.files.0", "${NO} is not set"]),
        ("evals: [{name: a, files: [x], question: q}, {name: a, files: [x], question: q}]", ["'a' is given twice"]),
        ("eval: []", ["unknown key 'eval'", "did you mean 'evals'?"]),
        ("evals: []", ["lists no eval set"]),
        ("- a", ["expected a mapping", "got list"]),
        ("evals: [", ["not valid YAML"]),
        ("include: [list.yaml]", ["include: list.yaml includes this file"]),
        ("include: [gone.yaml]", ["gone.yaml", "cannot be read"]),
    ],
)
def test_errors_of_lists(tmp_path: Path, text: str, expected: list[str]):
    path = tmp_path / "list.yaml"
    path.write_text(text)
    with pytest.raises(ManifestError) as caught:
        load_eval_list(path, {})
    assert str(tmp_path) in str(caught.value)
    for part in expected:
        assert part in str(caught.value)


def test_dataset_folder(tmp_path: Path):
    put(tmp_path / "set" / "validation.jsonl", lines(ROWS))
    put(tmp_path / "set" / "test.jsonl", lines(ROWS[:1]))
    fields = {"dataset": "./set", "question": "question", "answer": "{{ options[answer] }}"}
    assert items(tmp_path, **fields) == [EvalItem("birds", "test:0", QUESTIONS[0], "a wagtail")]
    assert [item.id for item in items(tmp_path, **fields, splits=["test", "validation"])] == [
        "test:0",
        "validation:0",
        "validation:1",
    ]
    message = error_of(tmp_path, **fields, splits=["dev"])
    assert "split 'dev': cannot be loaded" in message


def test_datasets_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert "pip install 'pile-builder[hub]'" in error_of(tmp_path, dataset="some/set", question="question")


TASK = """
include: base.txt
task: nests
dataset_path: ./set
dataset_kwargs: {trust_remote_code: true}
test_split: null
metric_list: [{metric: !function metrics.own}]
doc_to_text: "Question: {{question}}\\nAnswer:"
"""


@pytest.mark.parametrize(
    ("target", "answers"),
    [
        ('doc_to_target: answer\ndoc_to_choice: "{{options}}"', ["a wagtail", "seven"]),
        ('doc_to_target: "{{answer}}"\ndoc_to_choice: options', ["a wagtail", "seven"]),
        ("doc_to_target: answer\ndoc_to_choice: [left, right]", ["right", "left"]),
        ("doc_to_target: 0\ndoc_to_choice: options", ["a heron", "seven"]),
        ('doc_to_target: "{{options[answer]}}"', ["a wagtail", "seven"]),
        ("doc_to_target: ' '", [" ", " "]),
    ],
)
def test_harness_task(tmp_path: Path, target: str, answers: list[str]):
    put(tmp_path / "set" / "validation.jsonl", lines(ROWS))
    (tmp_path / "base.txt").write_text("validation_split: validation\ntask: base\n")
    (tmp_path / "nests.yaml").write_text(TASK + target)
    found = items(tmp_path, harness=["nests.yaml"])
    assert [item.answer for item in found] == answers
    assert found[0].question == f"Question: {QUESTIONS[0]}\nAnswer:"
    assert [item.id for item in found] == ["nests:validation:0", "nests:validation:1"]
    (tmp_path / "nests.yaml").write_text(TASK + target + "\ndoc_to_decontamination_query: question")
    assert [item.question for item in items(tmp_path, harness=["*.yaml"])] == QUESTIONS


@pytest.mark.parametrize(
    ("change", "fields", "expected"),
    [
        ("doc_to_text: !function f.g", {}, "doc_to_text is no text: give the set a `question`"),
        ("process_docs: !function f.g", {}, "process_docs"),
        ("doc_to_target: !function f.g", {}, "give the set an `answer`"),
        ("task: [one, two]", {}, "expected the file of one task"),
        ("validation_split: null", {}, "neither test_split nor validation_split"),
        ("doc_to_text: '{{ q'", {}, "not a valid jinja2 template"),
        (
            "doc_to_target: '{{ 7 }}'\ndoc_to_choice: options",
            {},
            "row 0: answer: doc_to_choice 'options' has no number '7'",
        ),
        ("include: nests.yaml", {}, "includes it"),
    ],
)
def test_errors_of_harness_tasks(tmp_path: Path, change: str, fields: dict[str, Any], expected: str):
    put(tmp_path / "set" / "validation.jsonl", lines(ROWS))
    base = "task: nests\ndataset_path: ./set\nvalidation_split: validation\ndoc_to_text: question\n"
    kept = [line for line in base.splitlines() if not change.startswith(line.split(":")[0] + ":")]
    (tmp_path / "nests.yaml").write_text("\n".join([*kept, change]))
    assert expected in error_of(tmp_path, harness=["nests.yaml"])
    if "!function" in change:
        assert len(items(tmp_path, harness=["nests.yaml"], question="question", answer="answer")) == 2


def test_shipped_lists_are_valid(tmp_path: Path):
    environment = {"PILE_EVALS": str(tmp_path)}
    names = {path.stem: [each.name for each in load_eval_list(path, environment)] for path in MANIFESTS.glob("*.yaml")}
    assert names["common"] == ["gsm8k", "humaneval", "lambada", "truthfulqa", "piqa", "bbh", "mmlu"]
    assert len(names["gauntlet"]) == 51
    assert set(names["huggingface"]) >= {"gsm8k", "mbpp", "hellaswag", "winogrande", "triviaqa"}
    put(tmp_path / "data" / "test" / "birds_test.csv", b'"Which, of these, flies?",stone,heron,ladder,lamp,B\n')
    (mmlu,) = load_eval_list(MANIFESTS / "mmlu-original.yaml", environment)
    assert list(load_items(mmlu, "")) == [EvalItem("mmlu", "birds_test:0", "Which, of these, flies?", "heron")]


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="needs PILE_DATA")
def test_shipped_lists_read_the_published_files():
    environment = {"PILE_EVALS": str(Path(os.environ["PILE_DATA"]) / "evals")}
    counts: dict[str, int] = {}
    for name in ("common", "gauntlet"):
        for eval_set in load_eval_list(MANIFESTS / f"{name}.yaml", environment):
            counts[eval_set.name] = sum(1 for _ in load_items(eval_set, ""))
    published = {
        "gsm8k": 1319,
        "humaneval": 164,
        "lambada": 5153,
        "truthfulqa": 817,
        "piqa": 1838 + 3084,
        "bbh": 6511,
        "mmlu": 14042,
        "gauntlet_arc_easy": 2376,
        "gauntlet_boolq": 3270,
        "gauntlet_winogrande": 1267,
    }
    assert {name: counts[name] for name in published} == published
    assert len(counts) == 58
