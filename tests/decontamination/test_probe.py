"""The recall probe: what it plants, what it counts as caught, and that it notices a matcher that misses."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from pile_builder.cli import app
from pile_builder.decontamination import index as index_module
from pile_builder.decontamination import probe as probe_module
from pile_builder.decontamination.brute_force import words_of
from pile_builder.decontamination.disguises import FORMS, WHOLE, planted_forms
from pile_builder.decontamination.index import open_index
from pile_builder.decontamination.items import EvalItem
from pile_builder.decontamination.match import find_matches
from pile_builder.decontamination.probe import built_in_text, probe
from pile_builder.errors import ManifestError, PileError

LONG = (
    "A baker sells nine trays of rolls before noon, and each tray holds two dozen; if she gives every fifth roll away, "
    "how many rolls has she been paid for by the time the bell rings?"
)
ITEMS = [
    EvalItem("bakery", "long", LONG, "One hundred and seventy-three."),
    EvalItem(
        "bakery", "both short", "Which grain does the northern mill grind in the autumn?", "Rye, then a little oats"
    ),
    EvalItem("bakery", "pair", "Which flour rises least?", "Rye"),
    EvalItem("bakery", "tiny", "Bread?", "Yes"),
    EvalItem("trivia", "no answer", "Sourdough wants a warm corner overnight"),
]


def by_form(report, name):
    return next(each for each in report.sets if each.name == name).forms


def test_what_is_caught_in_which_form():
    report = probe(ITEMS, [built_in_text()])
    assert report.is_good
    bakery, trivia = report.sets
    assert (bakery.items, bakery.sampled, bakery.unprotectable) == (4, 3, ("tiny",))
    assert (trivia.items, trivia.sampled, trivia.stray, trivia.shared) == (1, 1, 0, 0)
    missed = {form: set(result.missed) for form, result in bakery.forms.items() if result.missed}
    assert missed == {
        "first 75 %": {"both short", "pair"},
        "first 50 %": {"both short", "pair"},
        "question only": {"both short", "pair"},
    }
    assert {form: (result.planted, result.caught) for form, result in trivia.forms.items()} == {
        form: (0, 0) if form in FORMS[-2:] else (1, form in WHOLE) for form in FORMS
    }
    for result in bakery.forms.values():
        assert result.cut == result.caught
        assert not result.survived
    assert report.contamination == ()


def test_actions_and_the_sample():
    items = [EvalItem("many", str(i), f"{LONG} This is variant {i} of it.") for i in range(30)] + ITEMS
    report = probe(items, [built_in_text()], per_set=5, actions={"many": "drop", "bakery": "tag", "trivia": "cut"})
    assert [(each.sampled, each.forms["verbatim"].cut) for each in report.sets] == [(5, 0), (3, 0), (1, 1)]
    assert report.sets[0].shared > 0
    again = probe(items, [built_in_text()], per_set=5, actions={"many": "drop", "bakery": "tag", "trivia": "cut"})
    assert again == report


def test_what_the_text_holds_is_told_apart_from_what_was_planted():
    text = f"{LONG} {built_in_text()}"
    report = probe(ITEMS, [text, built_in_text()])
    assert [(one.eval, one.item, one.seen, one.total) for one in report.contamination] == [
        ("bakery", "long", len(LONG.split()) - 12, len(words_of(LONG)) + 5 - 12)
    ]
    assert [each.stray for each in report.sets] == [0, 0]
    assert by_form(report, "bakery")["verbatim"].missed == ()


def test_items_that_share_all_their_ngrams_are_caught_unnamed(monkeypatch):
    monkeypatch.setattr(index_module, "ITEMS_PER_NGRAM", 3)
    report = probe([EvalItem("same", str(i), f"{LONG} {'+' * i}") for i in range(5)], [built_in_text()])
    assert report.is_good
    assert by_form(report, "same")["verbatim"].unnamed == ("3", "4")


def test_a_matcher_that_misses_is_noticed(monkeypatch):
    def forgetful(column, index, common=None):
        found = find_matches(column, index, common)
        kept = found.item != 1
        names = ("document", "item", "start", "end", "number")
        return dataclasses.replace(found, **{name: getattr(found, name)[kept] for name in names})

    monkeypatch.setattr(probe_module, "find_matches", forgetful)
    report = probe(ITEMS, [built_in_text()])
    assert not report.is_good
    assert by_form(report, "bakery")["verbatim"].missed == ("both short",)
    assert by_form(report, "bakery")["answer apart"].faults == ("both short",)
    assert by_form(report, "bakery")["question only"].faults == ()


def test_a_cut_that_leaves_something_is_noticed(monkeypatch):
    monkeypatch.setattr(probe_module, "cut_pieces", lambda column, _: (column, np.arange(len(column))))
    report = probe(ITEMS, [built_in_text()])
    assert not report.is_good
    assert set(by_form(report, "bakery")["verbatim"].survived) == {"long", "both short", "pair"}


@settings(deadline=None)
@given(st.text(), st.text(max_size=20))
def test_disguises_keep_the_words(question, answer):
    forms = planted_forms(EvalItem("any", "1", question, answer))

    def words(text):
        return [word for word, _, _ in words_of(text)]

    whole = words(forms["verbatim"])
    assert words(forms["re-punctuated"]) == words(forms["re-wrapped"]) == whole
    assert words(forms["first 50 %"]) == whole[: len(whole) // 2]
    assert ("answer apart" in forms) == bool(words(question) and words(answer))


def test_nothing_to_plant_or_to_plant_in():
    with pytest.raises(PileError, match="at least 100 words"):
        probe(ITEMS, ["too short a text"])
    with pytest.raises(PileError, match="at least 5 words to plant, got 1"):
        probe([EvalItem("bakery", "tiny", "Bread?")], [built_in_text()])


def test_commands(tmp_path):
    rows = [{"id": item.id, "q": item.question, "a": item.answer} for item in ITEMS]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    evals = tmp_path / "evals.yaml"
    one = {"name": "bakery", "files": [str(tmp_path / "rows.jsonl")], "question": "q", "answer": "a", "id": "id"}
    evals.write_text(json.dumps({"evals": [one]}))
    (tmp_path / "text.jsonl").write_text(json.dumps({"text": built_in_text()}))

    def run(*arguments):
        return CliRunner().invoke(app, ["decontaminate", *map(str, arguments)])

    done = run("probe", evals, "--text", tmp_path / "text.jsonl", "--json", tmp_path / "report.json")
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["sets"][0]["forms"]["verbatim"]["caught"] == 4
    assert "bakery/tiny" in done.stdout
    assert run("index", evals, "--out", tmp_path / "index").exit_code == 0
    assert open_index(tmp_path / "index").item_count == 4
    assert "new or an empty folder" in str(run("index", evals, "--out", tmp_path / "index").exception)
    assert "there is no folder" in str(run("probe", evals, "--json", tmp_path / "no" / "report.json").exception)
    twice = run("probe", evals, evals)
    assert isinstance(twice.exception, ManifestError)
    assert "in two lists" in str(twice.exception)
