"""Presets: they fill in what a manifest's select does not give, and ask for what they need."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pile_builder.audit.explain import explain_document
from pile_builder.audit.status import build_status
from pile_builder.errors import ManifestError
from pile_builder.manifest import Manifest, check_manifest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.presets import PRESETS
from pile_builder.recipes import RECIPES
from pile_builder.selection import Select
from pile_builder.storage import Store

Make = Callable[..., Manifest]


def manifest(select: dict[str, Any], options: dict[str, Any] | None = None) -> Manifest:
    source = {"inputs": ["a.warc"], "epochs": 1, "options": options or {}}
    data = {"name": "tiny", "sources": {"common_crawl": source}, "select": select}
    return check_manifest(yaml.safe_load(yaml.safe_dump(data)), "m.yaml", {})


def error_of(select: dict[str, Any], options: dict[str, Any] | None = None) -> str:
    with pytest.raises(ManifestError) as caught:
        manifest(select, options)
    return str(caught.value)


def test_presets_are_consistent() -> None:
    for name, preset in PRESETS.items():
        assert preset.name == name
        assert preset.source
        assert all(recipe in RECIPES for recipe in preset.recipes)
        loaded = manifest({"preset": name, "without": [need.name for need in preset.needs]}).select
        assert loaded.recipes == preset.recipes
        assert Select.model_validate(loaded.model_dump(mode="json")) == loaded


def test_given_fields_replace_those_of_the_preset() -> None:
    plain = manifest({"preset": "fineweb"}).select
    assert plain.recipes == PRESETS["fineweb"].recipes
    assert plain.language is not None
    select = manifest({"preset": "fineweb", "language": None, "thresholds": {"fineweb_v1.max_short_lines": 0.5}}).select
    assert select.language is None
    rules = {name: threshold for name, _, threshold in select.all_rules()}
    assert rules["fineweb_v1.max_short_lines"] == 0.5
    assert rules["fineweb_v1.max_newline_ratio"] == 0.3
    assert manifest({"preset": "gopher", "recipes": ["gopher_quality_v1"]}).select.recipes == ("gopher_quality_v1",)


def test_an_unmet_need_names_the_field_that_gives_it() -> None:
    message = error_of({"preset": "c4-paper"})
    assert "m.yaml: sources.common_crawl: the preset c4-paper needs a list of bad words" in message
    assert "give select.bad_words" in message
    assert "without: [bad_words]" in message
    assert "give options.domain_blocklist or options.url_blocklist" in error_of({"preset": "dclm"})
    words = {"list": "words.txt"}
    for name, mode in (("c4-paper", "document"), ("c4-tfds", "line")):
        select = manifest({"preset": name, "bad_words": words}).select
        assert select.bad_words is not None
        assert select.bad_words.mode == mode
    select = manifest({"preset": "c4-tfds", "bad_words": words | {"mode": "document"}}).select
    assert select.bad_words is not None
    assert select.bad_words.mode == "document"
    left_out = {"preset": "dclm", "without": ["quality"]}
    assert "needs block lists" in error_of(left_out)
    assert manifest(left_out, {"url_blocklist": ["urls.txt"]}).select.without == ("quality",)


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ({"preset": "finweb"}, "m.yaml: select.preset: unknown preset 'finweb'; did you mean 'fineweb'?"),
        ({"without": ["bad_words"]}, "no preset is given"),
        ({"preset": "c4-tfds", "without": ["bad_word"]}, "did you mean 'bad_words'?"),
        ({"preset": "c4-tfds", "without": ["bad_words"], "bad_words": {"list": "w"}}, "left out here and given as"),
        ({"bad_words": {"mode": "line"}}, "m.yaml: select.bad_words.list: required and not given"),
        ({"preset": "gopher", "recipes": ["code_v1"]}, "nothing of the preset gopher is left"),
        ({"preset": "gopher", "recipes": []}, "nothing of the preset gopher is left"),
        ({"preset": "fineweb", "recipes": ["c4_paper_v1", "c4_fineweb_v1"]}, "different readings of C4"),
        ({"recipes": ["code_v1", "dclm_urls_v1", "pile_github_v1"]}, "code_v1 and pile_github_v1 look at the same"),
        ({"preset": "fineweb", "thresholds": {"c4_tfds_v1.min_sentences": 4}}, "select.thresholds: unknown rule"),
        ({"preset": ["fineweb"]}, "valid string"),
    ],
)
def test_combinations_without_sense_are_errors(select: dict[str, Any], expected: str) -> None:
    assert expected in error_of(select)


def test_a_source_may_have_its_own_preset(tmp_path: Path) -> None:
    data = {
        "name": "tiny",
        "sources": {
            "common_crawl": {"inputs": ["a.warc"]},
            "github": {"inputs": ["b.tar.gz"], "select": {"preset": "pile-2020-github"}},
        },
        "select": {"preset": "gopher"},
    }
    loaded = check_manifest(data, str(tmp_path / "m.yaml"), {})
    assert loaded.select_of("github").recipes == ("pile_github_v1",)
    assert loaded.select_of("github").language is None
    assert loaded.select_of("common_crawl").recipes == PRESETS["gopher"].recipes


def test_dclm_rewrites_and_measures_in_its_own_order(toy_manifest: Make, toy_files: Path, tmp_path: Path) -> None:
    filler = random.Random(5)
    syllables = ["ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "pu"]

    def words(count: int) -> str:
        return " ".join("".join(filler.choices(syllables, k=3)) for _ in range(count))

    lines = [f"The {words(9)} that {words(9)}." for _ in range(12)]
    page = "\\n".join([*lines[:6], "see https://www.example.com/x?y now", "3 likes", *lines[6:]])
    (toy_files / "3.txt").write_text(f"{page}\n{page}\\n{words(20).upper()}\n")
    select = {"preset": "dclm", "without": ["url_lists", "quality"], "language": None}
    out = tmp_path / "out"
    build(toy_manifest(select=select, dedup=None), str(out), RunOptions(workers=1))
    kept, dropped = (explain_document(Store(str(out)), f"3.txt#{row}")[0] for row in (0, 1))
    assert [span["rule"] for span in kept["spans"]] == ["dclm.url", "dclm.counter"]
    told = kept["annotations"]
    assert (told["dclm_urls.urls"], told["dclm_lines.counter_lines"]) == (1, 1)
    assert told["dclm_lines.words"] == told["dclm.alphanumeric_words"]
    assert kept["verdict"] == "kept"
    assert dropped["verdict"] == "select.dclm_lines_v1.max_removed_words"


def test_a_build_drops_by_a_list_and_again_when_the_list_changes(toy_manifest: Make, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("lantern of ladder\n")
    select = {"language": None, "bad_words": {"list": str(words)}}
    out = str(tmp_path / "out")

    def dropped() -> int:
        summary = build(toy_manifest(select=select), out, RunOptions(workers=1))
        return sum(source["dropped"].get("select.bad_words", 0) for source in summary["sources"].values())

    first = dropped()
    words.write_text("# more of them\nLantern  of ladder\nlantern the ladder\n")
    assert 0 < first < dropped()
    words.write_text("no such words\n")
    status = {row.phase: row.next for row in build_status(toy_manifest(select=select), Store(out))}
    assert status["ingest"] == "nothing to do"
    assert "bad_words.words.list" in status["annotate"]
