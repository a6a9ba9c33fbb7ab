"""Decontamination as a phase of a build: planted items are cut or dropped, nothing else is, and the books balance."""

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from pile_builder.audit.explain import explain_document
from pile_builder.audit.verify import verify_corpus
from pile_builder.errors import ManifestError
from pile_builder.manifest import Manifest
from pile_builder.storage import Store
from tests.conftest import sentence
from tests.test_build import read_shards, run, to_do

Make = Callable[..., Manifest]
FILLER = random.Random(3)
ITEMS = {
    "quiz": [f"question {i} asks what {sentence(FILLER, 12)} would answer" for i in range(3)],
    "exam": [f"exam {i} wonders how {sentence(FILLER, 10)} could be solved" for i in range(2)],
    "poll": ["poll 0 invites everyone who likes " + sentence(FILLER, 9)],
    "boilerplate": ["share this page with " + sentence(FILLER, 9)],
}
ACTIONS = {"quiz": "cut", "exam": "drop", "poll": "tag", "boilerplate": "drop"}


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def ngrams(text: str) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[i : i + 13]) for i in range(len(found) - 12)}


def plant(item: str, *, around: int) -> str:
    """The item re-cased, re-punctuated and re-wrapped, between `around` words of other text on each side."""
    changed = ", ".join(item.upper().split(" "))
    return f"{sentence(FILLER, around)} «{changed}»\\n\\n{sentence(FILLER, around)}"


@pytest.fixture
def contaminated(toy_files: Path, toy_manifest: Make) -> Make:
    evals = []
    for name, items in ITEMS.items():
        rows = [{"text": item} for item in items]
        (toy_files / f"{name}.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
        evals.append({"name": name, "files": [f"{name}.jsonl"], "question": "text", "action": ACTIONS[name]})
    (toy_files / "evals.yaml").write_bytes(orjson.dumps({"evals": evals}))
    planted = [plant(item, around=90) for name in ("quiz", "exam", "poll") for item in ITEMS[name]]
    planted += [plant(ITEMS["boilerplate"][0], around=40 + i) for i in range(12)]
    with (toy_files / "1.txt").open("a") as file:
        file.write("\n".join(planted) + "\n")
    config = {"evals": [str(toy_files / "evals.yaml")]}

    def make(**changes: Any) -> Manifest:
        return toy_manifest(**{"decontaminate": config, **changes})

    return make


def lines(out: Path) -> Iterator[str]:
    for split in read_shards(out).values():
        for line in split:
            yield line["text"]


def test_what_is_planted_goes_and_nothing_else(contaminated: Make, tmp_path: Path):
    clean, out = tmp_path / "clean", tmp_path / "out"
    before = run(contaminated(decontaminate=None), clean)
    summary = run(contaminated(), out)
    held = {name: set().union(*map(ngrams, items)) for name, items in ITEMS.items()}
    texts = set(lines(out))
    for text in texts:
        assert not ngrams(text) & (held["quiz"] | held["exam"])
    assert any(ngrams(text) & held["poll"] for text in texts)
    assert any(ngrams(text) & held["boilerplate"] for text in texts)
    untouched = {text for text in lines(clean) if not ngrams(text) & (held["quiz"] | held["exam"])}
    assert untouched <= texts
    left = summary["sources"]["left"]
    assert left["dropped"]["decontaminate.matched"] == len(ITEMS["exam"])
    assert left["read"] == left["kept"] + sum(left["dropped"].values())
    assert before["sources"]["left"]["kept"] == left["kept"] + len(ITEMS["exam"])
    pieces = texts - untouched
    assert len(pieces) == 2 * len(ITEMS["quiz"])
    assert all(len(piece) >= 200 for piece in pieces)
    written = list(summary["written"].values())
    assert sum(split["pieces"] for split in written) > sum(split["documents"] for split in written)
    assert not [problem for check in verify_corpus(Store(str(out))) for problem in check.problems]


def test_the_report_names_items_and_explain_shows_the_cut(contaminated: Make, tmp_path: Path):
    out = tmp_path / "out"
    run(contaminated(), out)
    report = orjson.loads((out / "report" / "decontamination.json").read_bytes())
    assert {name: len(each["contaminated"]) for name, each in report["evals"].items()} == {
        "quiz": 3,
        "exam": 2,
        "poll": 1,
        "boilerplate": 0,
    }
    assert report["evals"]["quiz"]["documents"] == {"left": 3}
    example = report["evals"]["quiz"]["examples"][0]
    assert words(example["excerpt"].split("[[")[1].split("]]")[0]) == words(ITEMS["quiz"][int(example["item"][-1])])
    (story,) = explain_document(Store(str(out)), example["id"])
    assert [(match["eval"], match["verdict"]) for match in story["contamination"]] == [("quiz", "cut")]
    assert {line["piece"] for line in story["written"]} == {0, 1}


def test_changes_redo_what_depends_on_them(contaminated: Make, tmp_path: Path):
    out = tmp_path / "out"
    digest = run(contaminated(), out)["digest"]
    config = contaminated().decontaminate
    assert config
    tagging = config.model_dump() | {"actions": dict.fromkeys(ITEMS, "tag")}
    plan = to_do(contaminated(decontaminate=tagging), out)
    assert plan["count"] == "nothing to do"
    assert "decontaminate" in plan
    assert "actions" in plan["decontaminate"]
    assert run(contaminated(decontaminate=tagging), out)["digest"] != digest
    assert run(contaminated(), tmp_path / "threads", workers=1)["digest"] == digest


def test_an_action_for_a_set_that_is_not_there(contaminated: Make):
    config = contaminated().decontaminate
    assert config
    with pytest.raises(ManifestError, match="unknown eval set 'quizz'; did you mean 'quiz'"):
        contaminated(decontaminate=config.model_dump() | {"actions": {"quizz": "tag"}})
