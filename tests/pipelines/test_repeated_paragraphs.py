"""Repeated paragraphs in whole builds, against brute force in plain Python."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from pile_builder import source
from pile_builder.audit.explain import explain_document
from pile_builder.audit.verify import verify_corpus
from pile_builder.document import document_id
from pile_builder.errors import ManifestError
from pile_builder.manifest import Manifest
from pile_builder.pipelines import packing
from pile_builder.pipelines.dedup_blocks import source_salt
from pile_builder.storage import Store
from tests.conftest import sentence
from tests.test_build import read_shards, run, to_do
from tests.text.plain_paragraphs import normal, spans, without

Make = Callable[..., Manifest]
SIDES = {"left": ("0.txt", "1.txt"), "right": ("2.txt", "3.txt")}
WHOLE = {"mix": {"validation": 0.0, "test": 0.0}}
FEW = 40
"""Least characters in these tests."""


def entries() -> dict[str, dict[str, Any]]:
    """Sources whose names the shards tell."""
    return {name: {"plugin": "toy", "inputs": list(SIDES[name]), "set_name": name} for name in SIDES}


@pytest.fixture
def repeating(toy_files: Path, toy_manifest: Make) -> Make:
    """Adds documents that share paragraphs, in other case and spacing, and lines inside of paragraphs."""
    randomness = random.Random(11)
    shared = [sentence(randomness, randomness.randrange(3, 30)) for _ in range(25)]
    for number in range(4):
        lines = []
        for _ in range(30):
            parts = []
            for _ in range(randomness.randrange(2, 7)):
                part = randomness.choice(shared) if randomness.random() < 0.5 else sentence(randomness, 25)
                part = part.upper() if randomness.random() < 0.2 else part.replace(" ", "  ", randomness.randrange(3))
                parts.append(part + randomness.choice(("", "\\n" + randomness.choice(shared))))
            lines.append(randomness.choice(("\\n\\n", "\\n \\n\\n")).join(parts))
        # Of these nothing is left but in one place.
        lines += ["\\n\\n".join(shared[number : number + 2])] * (number % 2)
        lines.append("\\n\\n".join([shared[3], sentence(randomness, 40), shared[3]]))
        with (toy_files / f"{number}.txt").open("a") as file:
            file.write("\n".join(lines) + "\n")

    def make(*, paragraphs: dict[str, Any] | None, **changes: Any) -> Manifest:
        dedup = {"source_priority": ["right", "left"], **changes.pop("dedup", {}), "paragraphs": paragraphs}
        sources = changes.pop("sources", entries())
        return toy_manifest(**{**WHOLE, "dedup": dedup, "sources": sources, **changes})

    return make


def texts(out: Path) -> Counter[tuple[str, str]]:
    """Source and text of every document."""
    lines = [line for lines in read_shards(out).values() for line in lines]
    return Counter((line["meta"]["pile_set_name"], line["text"]) for line in lines)


def documents(files: Path) -> Iterator[tuple[str, str, str]]:
    """Source, id and text of all that the toy source reads."""
    for side, names in SIDES.items():
        for name in names:
            for number, line in enumerate((files / name).read_text().splitlines()):
                if line and line not in ("reject", "raise"):
                    yield side, document_id(side, f"{name}#{number}"), line.replace("\\n", "\n")


def brute_force(
    files: Path, survivors: Counter[tuple[str, str]], *, lines: bool, inside: bool
) -> tuple[Counter[tuple[str, str]], dict[str, int]]:
    """What is left of survivors, and paragraphs removed by source; `inside` of each source by itself."""
    ranked = sorted(
        (side != "right", int(identity[-20:-4], 16) ^ int(source_salt(side)), side, text)
        for side, identity, text in documents(files)
    )
    left: Counter[tuple[str, str]] = Counter()
    removed = dict.fromkeys(SIDES, 0)
    seen: set[tuple[str, str]] = set()
    done: set[tuple[str, str]] = set()
    for _, _, side, text in ranked:
        if (side, text) not in survivors or (side, text) in done:
            continue
        done.add((side, text))
        lost = []
        for start, end in spans(text, lines=lines):
            form = (side if inside else "", normal(text[start:end]))
            lost.append(len(form[1]) >= FEW and form in seen)
            seen.add(form)
        removed[side] += sum(lost)
        if rest := without(text, lost, lines=lines):
            left[side, rest] += 1
    return left, removed


def size(found: Counter[tuple[str, str]]) -> int:
    return sum(len(text.encode()) * number for (_, text), number in found.items())


@pytest.mark.parametrize(("unit", "scope"), [("line", "corpus"), ("paragraph", "source")])
def test_what_is_left_is_what_brute_force_leaves(
    repeating: Make, toy_files: Path, tmp_path: Path, unit: str, scope: str
):
    before = run(repeating(paragraphs=None, dedup={"scope": scope}), tmp_path / "before")
    survivors = texts(tmp_path / "before")
    assert "paragraphs" not in before["sources"]["left"]
    out = tmp_path / "out"
    summary = run(repeating(paragraphs={"unit": unit, "min_characters": FEW}, dedup={"scope": scope}), out)
    left, removed = brute_force(toy_files, survivors, lines=unit == "line", inside=scope == "source")
    assert texts(out) == left
    counts = {name: each["paragraphs"] for name, each in summary["sources"].items()}
    assert {name: each["removed"] for name, each in counts.items()} == removed
    assert min(removed.values()) > 30
    assert set(left) & set(survivors)
    assert sum(each["bytes"] for each in counts.values()) == size(survivors) - size(left)
    emptied = {name: each["dropped"].get("settle.empty", 0) for name, each in summary["sources"].items()}
    assert emptied == {name: each["emptied"] for name, each in counts.items()}
    assert sum(emptied.values()) > 0
    assert not [problem for check in verify_corpus(Store(str(out))) for problem in check.problems]


def removed_spans(out: Path) -> list[dict[str, Any]]:
    """Records of all blocks, by what they say alone."""
    records = [orjson.loads(path.read_bytes()) for path in (out / "work" / "paragraphs").glob("*.json")]
    return sorted((one for one in records if "spans" in one), key=orjson.dumps)


def test_workers_passes_order_and_splits_change_nothing(
    repeating: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    config = {"min_characters": FEW}
    digest = run(repeating(paragraphs=config), tmp_path / "2")["digest"]
    records = removed_spans(tmp_path / "2")
    assert sum(record["removed"] for record in records) > 100
    turned = {name: entries()[name] | {"inputs": list(SIDES[name])[::-1]} for name in reversed(SIDES)}
    assert run(repeating(paragraphs=config, sources=turned), tmp_path / "4", workers=4)["digest"] == digest
    assert removed_spans(tmp_path / "4") == records
    monkeypatch.setattr(packing, "PACKED_BYTES", 1024)
    passes = repeating(paragraphs=config, dedup={"passes": 3})
    assert run(passes, tmp_path / "passes")["digest"] == digest
    assert removed_spans(tmp_path / "passes") == records
    monkeypatch.setattr(source.pack, "__defaults__", (1 << 30,))
    run(repeating(paragraphs=config), tmp_path / "together")
    assert len(removed_spans(tmp_path / "together")) == 2 < len(records)
    assert texts(tmp_path / "together") == texts(tmp_path / "2")


def test_it_sees_what_line_rules_and_masks_left(toy_manifest: Make, toy_files: Path, tmp_path: Path):
    randomness = random.Random(5)
    for number in range(4):
        parts = []
        for i in range(8):
            own = sentence(randomness, 20).capitalize()
            # One paragraph but for the address, with a line in it that C4 drops, and one after it.
            mail = f"Write to reader{number}{i}@mail-{number}.org or to nobody at all if you would rather not."
            parts.append(
                f"{own}.\\n\\n{mail}\\ncookie policy {own}.\\nAnd this comes after it.\\n\\nmenu\\n\\n{own} again."
            )
        (toy_files / f"{number}.txt").write_text("\n".join(parts) + "\n")
    select = {"recipes": ["c4_fineweb_v1"], "thresholds": {"c4_fineweb_v1.min_sentences": 0}, "privacy": ["email"]}
    given = {**WHOLE, "select": {"language": None, **select}}
    given["sources"] = entries()
    plain = run(toy_manifest(**given), tmp_path / "before")
    before = texts(tmp_path / "before")
    assert plain["sources"]["left"]["kept"] == 16
    out = tmp_path / "out"
    lines = {"unit": "line", "min_characters": FEW}
    summary = run(toy_manifest(**given, dedup={"paragraphs": lines}), out)
    # An address has one of two stand-ins, so that two lines are left of 32.
    assert sum(each["paragraphs"]["removed"] for each in summary["sources"].values()) == 30
    after = texts(out)
    assert sum("Write to" in text for _, text in after) == 2
    assert not [text for _, text in after if "cookie" in text or "menu" in text or "@mail" in text]
    gone = {(side, "\n".join(line for line in text.split("\n") if "Write to" not in line)) for side, text in before}
    assert len(set(after) & gone) == 30


def test_decontamination_sees_what_is_left(toy_manifest: Make, toy_files: Path, tmp_path: Path):
    randomness = random.Random(6)
    item = f"question one asks what {sentence(randomness, 12)} would answer"
    for number in range(4):
        parts = [f"{sentence(randomness, 90)}\\n\\n{item}\\n\\n{sentence(randomness, 90)}" for _ in range(4)]
        (toy_files / f"{number}.txt").write_text("\n".join(parts) + "\n")
    (toy_files / "quiz.jsonl").write_bytes(orjson.dumps({"text": item}))
    quiz = {"name": "quiz", "files": ["quiz.jsonl"], "question": "text", "action": "cut"}
    (toy_files / "evals.yaml").write_bytes(orjson.dumps({"evals": [quiz]}))
    given = {**WHOLE, "sources": entries(), "decontaminate": {"evals": [str(toy_files / "evals.yaml")]}}
    run(toy_manifest(**given, dedup={"paragraphs": {"min_characters": FEW}}), tmp_path / "out")
    report = orjson.loads((tmp_path / "out" / "report" / "decontamination.json").read_bytes())
    assert report["evals"]["quiz"]["documents"] == {"left": 1}
    left = texts(tmp_path / "out")
    assert len(left) == 15 + 2
    assert sum(text.count("\n\n") for _, text in left) == 15
    assert not [text for _, text in left if "question" in text]


def test_what_a_change_redoes_and_what_explain_tells(repeating: Make, tmp_path: Path):
    out = tmp_path / "out"
    plain = run(repeating(paragraphs=None), out)["digest"]
    plan = to_do(repeating(paragraphs={}), out)
    assert {phase for phase, what in plan.items() if what != "nothing to do"} == {
        "paragraphs",
        "settle",
        "locate",
        "mix",
        "assemble",
    }
    run(repeating(paragraphs={}), out)
    plan = to_do(repeating(paragraphs={"min_characters": FEW}), out)
    assert plan["dedup"] == "nothing to do"
    assert plan["paragraphs"] == f"runs 4: all.min_characters: 100 -> {FEW}"
    assert plan["settle"].endswith("after paragraphs")
    assert plan["mix"] != "nothing to do"
    run(repeating(paragraphs={"min_characters": FEW}), out)
    assert set(to_do(repeating(paragraphs={"min_characters": FEW}), out).values()) == {"nothing to do"}
    (story,) = next(
        found
        for number in range(95, 126)
        if (found := explain_document(Store(str(out)), f"0.txt#{number}"))[0]["removed_paragraphs"]
    )
    (removed, *_) = story["removed_paragraphs"]
    assert 0 <= removed["start"] < removed["end"] <= story["bytes"]
    side, _, number = removed["kept_in"].partition(":")
    assert side in SIDES
    assert len(number) == 16
    assert run(repeating(paragraphs=None), out)["digest"] == plain


def test_tagged_documents_keep_their_paragraphs(repeating: Make):
    with pytest.raises(ManifestError, match="paragraphs are removed where documents repeat each other"):
        repeating(paragraphs={}, dedup={"action": "tag"})
    assert repeating(paragraphs={}).dedup.paragraphs.min_characters == 100  # type: ignore[union-attr]


def test_places_compete_by_source_then_order():
    from pile_builder.dedup.paragraphs import PLACE, beaten_places

    places = np.array([(7, 1, 5, 0), (7, 1, 3, 1 << 32), (7, 2, 9, 2 << 32), (7, 1, 8, 3 << 32 | 4)], PLACE)
    beaten = beaten_places(places, np.array([1, 1, 0, 0]))
    assert sorted(beaten.tolist()) == [(0, 8, 3), (1 << 32, 8, 3)]
