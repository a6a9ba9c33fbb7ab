"""Numbers of audit.json against an independent count over the shards and block files of whole builds."""

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from pile_builder.audit.figures import measure
from pile_builder.audit.report import write_audit
from pile_builder.errors import ManifestError, PileError
from pile_builder.manifest import Manifest, load_manifest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.storage import Store
from tests.audit.recount import Blocks, Shards, byte_bins, kept_ids, read_blocks, read_shards

ROOT = Path(__file__).parents[2]
Make = Callable[..., Manifest]


def toy_sources(**right: Any) -> dict[str, Any]:
    return {
        "left": {"plugin": "toy", "inputs": ["0.txt", "1.txt"], "set_name": "Left", "epochs": 1.5},
        "right": {"plugin": "toy", "inputs": ["2.txt", "3.txt"], "set_name": "Right", **right},
    }


def with_metadata(folder: Path) -> None:
    """Give the first file records with metadata, some of them hostile."""
    metas = [
        {
            "url": f"https://www.site{number % 3}.example/{number}",
            "date": f"{2001 + number % 4}-05-06",
            "license": "MIT",
        }
        for number in range(12)
    ]
    metas += [{"url": "http://[broken", "date": "soon", "license": None}, {"url": 7, "date": "18430101", "license": 3}]
    lines = [
        json.dumps({"text": " ".join(f"word{number}x{i} of the river" for i in range(40)), **meta})
        for number, meta in enumerate(metas)
    ]
    (folder / "0.txt").write_text((folder / "0.txt").read_text() + "\n".join(lines) + "\n")


@pytest.fixture
def audited(toy_manifest: Make, toy_files: Path, tmp_path: Path) -> tuple[dict[str, Any], Path]:
    with_metadata(toy_files)
    manifest = toy_manifest(
        sources=toy_sources(),
        select={"recipes": ["gopher_quality_v1"], "language": {"keep": [], "min_score": 0}, "privacy": ["email"]},
    )
    build(manifest, str(tmp_path / "out"), RunOptions())
    return json.loads((tmp_path / "out/report/audit.json").read_bytes()), tmp_path / "out"


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    out = tmp_path_factory.mktemp("quickstart")
    build(load_manifest(ROOT / "manifests/quickstart.yaml", {}), str(out), RunOptions())
    return json.loads((out / "report/audit.json").read_bytes()), out


def test_a_toy_corpus_is_what_its_audit_says(audited: tuple[dict[str, Any], Path]):
    audit, out = audited
    check(audit, read_shards(out), read_blocks(out), kept_ids(out))
    assert audit["alarms"] == []


def test_the_quickstart_is_what_its_audit_says(quickstart: tuple[dict[str, Any], Path]):
    audit, out = quickstart
    check(audit, read_shards(out), read_blocks(out), kept_ids(out))
    assert [one["pile"]["weight_percent"] for one in audit["mixture"]["sources"].values()] == [18.11, 8.96, 2.17, 7.59]


def check(audit: dict[str, Any], shards: Shards, blocks: Blocks, kept: dict[str, set[str]]) -> None:
    """Everything that concerns the corpus, for sources of one epoch or more."""
    trained = sum(shards.size(source["set_name"], "train") for source in audit["sources"].values())
    for name, source in audit["sources"].items():
        set_name, documents = source["set_name"], blocks.documents[name]
        check_counts(source, shards, documents, blocks.rejects[name], kept[name])
        check_mixture(audit["mixture"]["sources"][name], source, shards, trained)
        check_content(source, shards, documents, kept[name])
        assert Counter(
            {rule: held for rule, held in source["dropped"].items() if rule.startswith("select.")}
        ) == Counter(f"select.{rule}" for rule in blocks.selected[name].values())
        for rule in set(blocks.selected[name].values()):
            dropped = [documents[one]["bytes"] for one, by in blocks.selected[name].items() if by == rule]
            assert source["dropped_bytes"][f"select.{rule}"] == sum(dropped)
        texts = shards.texts(set_name)
        assert len(audit["samples"][name]) == min(12, source["kept"])
        for sample in audit["samples"][name]:
            assert sample["id"] in kept[name]
            assert sample["bytes"] == len(documents[sample["id"]]["text"].encode())
            assert len(sample["excerpt"]) <= 600
        cut = (audit["decontamination"] or {"documents": {}})["documents"].get(name, {}).get("cut", 0)
        assert sum(not any(one["excerpt"][:40] in text for text in texts) for one in audit["samples"][name]) <= cut
    check_rules(audit["rules"], blocks)
    assert audit["documents"] == {
        "read": sum(len(blocks.documents[name]) + blocks.rejects[name].total() for name in audit["sources"]),
        "kept": sum(map(len, kept.values())),
    }
    for split, written in audit["written"].items():
        assert written["pieces"] == sum(texts.total() for texts in shards.lines[split].values())
        assert written["bytes"] == sum(shards.size(name, split) for name in shards.lines[split])
    names = {name: source["set_name"] for name, source in audit["sources"].items()}
    assert {one["name"]: {names[name]: size for name, size in one["sources"].items()} for one in audit["shards"]} == {
        name: dict(counts) for name, counts in shards.shard_bytes.items()
    }


def check_counts(
    source: dict[str, Any], shards: Shards, documents: dict[str, Any], rejects: Counter[str], kept: set[str]
) -> None:
    assert source["read"] == len(documents) + rejects.total()
    assert source["rejected"] == dict(rejects)
    assert source["extracted"] == len(documents)
    assert source["kept"] == len(kept) == source["read"] - sum(source["dropped"].values())
    assert source["extracted_bytes"] == sum(len(one["text"].encode()) for one in documents.values())
    written = sum(len(text.encode()) for text in shards.texts(source["set_name"]))
    assert source["kept_bytes"] == written
    assert source["edited_bytes"] == sum(documents[one]["bytes"] for one in kept) - written
    lost = sum(size for size in source["dropped_bytes"].values() if size is not None)
    assert lost == sum(one["bytes"] for identity, one in documents.items() if identity not in kept)


def check_mixture(one: dict[str, Any], source: dict[str, Any], shards: Shards, trained: int) -> None:
    name = source["set_name"]
    train, held = shards.size(name, "train"), shards.size(name, "validation", "test")
    pool = sum(len(text.encode()) for text in shards.texts(name, "train"))
    assert (one["train_bytes"], one["held_out"], one["pool"]) == (train, held, pool)
    assert one["epochs_realised"] == pytest.approx(train / pool, rel=1e-12)
    assert one["weight_realised"] == pytest.approx(train / trained, rel=1e-12)
    assert one["mean_document"] == pytest.approx(source["kept_bytes"] / source["kept"], rel=1e-12)
    held = [counts[name] / counts.total() for file, counts in shards.shard_bytes.items() if file.startswith("train")]
    assert one["shard_shares"] == pytest.approx([min(held), max(held)], rel=1e-12)
    assert one["within_tolerance"]
    assert abs(one["epochs_realised"] - one["epochs"]) * pool <= max(0.005 * one["target"], one["largest_document"]) + 1
    assert one["largest_document"] >= max(len(text.encode()) for text in shards.texts(name))


def check_content(source: dict[str, Any], shards: Shards, documents: dict[str, Any], kept: set[str]) -> None:
    content = source["content"]
    assert content["lengths"]["extracted"] == byte_bins([one["bytes"] for one in documents.values()])
    if shards.texts(source["set_name"]) and len(shards.texts(source["set_name"])) == len(kept):
        assert content["lengths"]["kept"] == byte_bins(
            [len(text.encode()) for text in shards.texts(source["set_name"])]
        )
    metas = [documents[one]["meta"] for one in kept]
    for name, key in (("years", "date"), ("licences", "license"), ("domains", "url")):
        assert sum(content[name]["counts"].values()) == len(kept)
        given = sum(isinstance(meta.get(key), str) and meta[key] != "" for meta in metas)
        assert len(kept) - content[name]["counts"].get("", 0) <= given
        assert content[name]["below"] == 0
    dated = Counter(meta["date"][:4] for meta in metas if str(meta.get("date", ""))[:2] in ("18", "19", "20"))
    assert {year: held for year, held in content["years"]["counts"].items() if year} in (dated, dict(dated))


def check_rules(rules: list[dict[str, Any]], blocks: Blocks) -> None:
    dropped = sum((Counter(found.values()) for found in blocks.selected.values()), Counter())
    assert Counter({rule["rule"]: rule["dropped"] for rule in rules if rule["dropped"]}) == dropped
    for rule in rules:
        assert sum(rule["bins"]["dropped"].values()) == rule["dropped"] <= rule["fails"]
        assert sum(rule["bins"].get("kept", {}).values()) == rule["reached"] - rule["dropped"]
        assert rule["reached"] == sum(one["reached"] for one in rule["sources"].values())
        for side, sign in (("dropped", -1), ("kept", 1)):
            for one in rule["samples"][side]:
                assert (one["id"] in blocks.selected[one["source"]]) or side == "kept"
                if rule["threshold"] is not None and rule["rule"] not in ("language", "licence"):
                    direction = sign if rule["drop"] == "below" else -sign
                    assert direction * (one["value"] - rule["threshold"]) >= 0


def test_metadata_are_counted_and_oddities_survived(audited: tuple[dict[str, Any], Path]):
    content = audited[0]["sources"]["left"]["content"]
    assert content["domains"]["counts"]["site0.example"] == 4
    assert content["years"]["counts"]["2001"] == 3
    assert content["years"]["counts"]["1843"] == 1
    assert content["licences"]["counts"]["MIT"] == 12
    assert set(content["languages"]["extracted"]) == set(content["languages"]["kept"])


def test_rates_of_private_and_bad_words_are_those_of_the_lines_written(
    toy_manifest: Make, toy_files: Path, tmp_path: Path
):
    chance = random.Random(11)
    for name in ("0.txt", "2.txt"):
        lines = []
        for number in range(40):
            words = [f"word{name}x{number}x{i} of the harbour" for i in range(40)]
            for extra, most in (("reach me at someone@mail.example today", 3), ("a grackle sang", 4), ("Old  Crow", 2)):
                for _ in range(chance.randrange(most)):
                    words.insert(chance.randrange(len(words)), extra)
            lines.append(" ".join(words))
        (toy_files / name).write_text((toy_files / name).read_text() + "\n".join(lines) + "\n")
    (toy_files / "bad.txt").write_text("grackle\nold crow\n")
    bad = {"privacy": ["email"], "bad_words": {"list": "bad.txt"}, "thresholds": {"bad_words": 3}, "language": None}
    out = tmp_path / "out"
    build(toy_manifest(sources=toy_sources(select=bad)), str(out), RunOptions())
    audit, shards = json.loads((out / "report/audit.json").read_bytes()), read_shards(out)
    assert audit["found"]["left"] == {"documents": audit["sources"]["left"]["kept"], "private": {}, "bad_words": {}}
    found, texts = audit["found"]["right"], list(shards.texts("Right"))
    assert found["documents"] == len(texts) == audit["sources"]["right"]["kept"]
    patterns = {
        "email": r"email@example\.com|firstname\.lastname@example\.org",
        "bad_words": r"(?i)\b(grackle|old\s+crow)\b",
    }
    counts = {name: [len(re.findall(pattern, text)) for text in texts] for name, pattern in patterns.items()}
    assert max(counts["bad_words"]) == 3
    for rate, each in ((found["private"]["email"], counts["email"]), (found["bad_words"], counts["bad_words"])):
        assert (rate["documents"], rate["matches"]) == (sum(map(bool, each)), sum(each))
        assert rate["share"] == pytest.approx(sum(map(bool, each)) / len(texts))
        assert rate["per_thousand"] == pytest.approx(1000 * sum(each) / len(texts))
    assert found["private"]["any"] == found["private"]["email"]
    page = html.document_fromstring((out / "report/index.html").read_text())
    (row,) = page.xpath("//table[@class='rates']/tbody/tr[th='right']")
    shown = [" ".join(cell.text_content().split()) for cell in row.xpath("td")]
    assert shown[0] == f"{len(texts)}"
    assert shown[-1].startswith(f"{100 * found['bad_words']['share']:.2f} %")


def test_the_summary_says_what_the_audit_says(audited: tuple[dict[str, Any], Path]):
    audit, out = audited
    summary = json.loads((out / "report/summary.json").read_bytes())
    for name in ("name", "digest", "documents", "written", "mixture", "found"):
        assert summary[name] == audit[name], name
    assert summary["alarms"] == [alarm["message"] for alarm in audit["alarms"]]
    for name, source in summary["sources"].items():
        same = ("read", "skipped", "kept", "kept_bytes", "dropped", "written")
        assert {field: source[field] for field in same} == {field: audit["sources"][name][field] for field in same}
        one = audit["mixture"]["sources"][name]
        assert (source["epochs"], source["weight"]) == (str(Fraction(one["epochs"])), round(one["weight"], 6))
    # What an older summary lacks, or somebody changed, `pile audit` puts right.
    (out / "report/summary.json").write_text(json.dumps({**summary, "mixture": {}, "alarms": ["old"], "found": 0}))
    write_audit(Store(str(out)))
    assert json.loads((out / "report/summary.json").read_bytes()) == summary
    page = (out / "report/index.html").read_text()
    assert all(name in page for name in audit["files"])
    assert all((out / name).exists() for name in audit["files"])


def test_the_same_counts_whatever_the_workers(toy_manifest: Make, tmp_path: Path):
    found = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        build(toy_manifest(select={"recipes": ["gopher_quality_v1"]}), str(out), RunOptions(workers=workers))
        found.append((out / "report/audit.json").read_bytes())
    assert found[0] == found[1]


def test_audit_alone_writes_what_the_build_wrote(audited: tuple[dict[str, Any], Path]):
    _, out = audited
    before = [(out / "report" / name).read_bytes() for name in ("audit.json", "index.html", "summary.json")]
    write_audit(Store(str(out)))
    assert [(out / "report" / name).read_bytes() for name in ("audit.json", "index.html", "summary.json")] == before
    assert str(out) not in before[0].decode()


def test_under_one_epoch_what_is_left_out_is_a_drop_and_the_books_balance(toy_manifest: Make, tmp_path: Path):
    out = tmp_path / "out"
    build(toy_manifest(sources=toy_sources(epochs=0.4)), str(out), RunOptions())
    audit = json.loads((out / "report/audit.json").read_bytes())
    right = audit["sources"]["right"]
    assert right["dropped"]["mix.epochs"] > 10
    assert right["balanced"] == {"documents": True, "bytes": True}
    share = audit["mixture"]["sources"]["right"]
    assert share["within_tolerance"]
    assert abs(share["train_bytes"] - 0.4 * share["pool"]) <= share["tolerance_bytes"] + 1
    assert right["written"]["train"]["bytes"] == read_shards(out).size("Right", "train")


def test_bands_raise_alarms(toy_manifest: Make, tmp_path: Path):
    out = tmp_path / "out"
    sources = toy_sources(expected={"kept": [0.9, 1.0], "rejected": [0, 0.5]})
    summary = build(toy_manifest(sources=sources, dedup={"expected": {"left": [0.9, 1]}}), str(out), RunOptions())
    audit = json.loads((out / "report/audit.json").read_bytes())
    assert {(alarm["kind"], alarm["source"]) for alarm in audit["alarms"]} == {("kept", "right"), ("dedup", "left")}
    assert "expected 90.00% to 100.00%" in audit["alarms"][0]["message"]
    assert summary["alarms"] == [alarm["message"] for alarm in audit["alarms"]]
    page = (out / "report/index.html").read_text()
    assert all(alarm["message"] in page for alarm in audit["alarms"])


def test_token_exports_are_read(audited: tuple[dict[str, Any], Path]):
    audit, out = audited
    record = {
        "format": "megatron",
        "tokenizer": {"name": "gpt2"},
        "splits": {
            "train": {
                "documents": 9,
                "tokens": 900,
                "written": 896,
                "dropped": 4,
                "sources": {"left": {"0": 500, "1": 400}},
            }
        },
    }
    (out / "tokens/gpt2").mkdir(parents=True)
    (out / "tokens/gpt2/export.json").write_text(json.dumps(record))
    tokens = measure(Store(str(out)))["tokens"]["gpt2"]
    train = audit["sources"]["left"]["written"]["train"]["bytes"]
    assert tokens["sources"] == {"left": {"tokens": 900, "share": 1.0, "bytes_per_token": train / 900}}
    write_audit(Store(str(out)))
    assert "gpt2" in (out / "report/index.html").read_text()
    (out / "tokens/gpt2/export.json").write_text("{}")
    with pytest.raises(
        PileError, match=r"tokens/gpt2/export\.json: expected an export's record.*export the tokens again"
    ):
        measure(Store(str(out)))


def test_bands_have_an_order(toy_manifest: Make):
    with pytest.raises(ManifestError, match=r"sources\.right\.expected.*kept: expected the lower share first"):
        toy_manifest(sources=toy_sources(expected={"kept": [0.9, 0.1]}))


def test_what_is_no_finished_build_is_told(tmp_path: Path):
    with pytest.raises(PileError, match=r"expected a finished build, work/story\.json is missing; run `pile build`"):
        measure(Store(str(tmp_path)))


def test_a_build_of_an_earlier_version_has_to_be_built_again(audited: tuple[dict[str, Any], Path]):
    _, out = audited
    story = json.loads((out / "work/story.json").read_bytes())
    story["phases"]["settle"]["version"] = 3
    (out / "work/story.json").write_text(json.dumps(story))
    with pytest.raises(PileError, match="an earlier version built this and counted less; run `pile build` again"):
        measure(Store(str(out)))
