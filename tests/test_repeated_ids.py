"""Ids that several documents have are counted as a dictionary counts them, and a build that has some says so."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pile_builder.audit.verify import verify_corpus
from pile_builder.corpus_index import NAMED, REJECT
from pile_builder.manifest import load_manifest
from pile_builder.names import rule_number
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.repeated_ids import EXAMPLES, OWNED, count_repeated, merge_repeated, named_of, owned_rows
from pile_builder.storage import Store

ROWS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 3), st.integers(0, 50), st.integers(0, 2), st.booleans()), max_size=200
)


@given(ROWS)
def test_repeats_are_those_of_a_dictionary(drawn: list[tuple[int, int, int, int, bool]]):
    # Rank, and with it the source, and row name a place once.
    rows = {
        (rank, row, is_reject): (one, rank // 2 + 1 if source else 0) for one, rank, row, source, is_reject in drawn
    }
    owned = np.zeros(len(rows), OWNED)
    places: dict[tuple[int, int], list[list[int]]] = defaultdict(list)
    for at, ((rank, row, is_reject), (one, source)) in enumerate(rows.items()):
        owned[at] = (one, rank, row | (int(REJECT) if is_reject else 0), source)
        if source and not is_reject:
            places[one, source].append([rank, row])
    repeated = {key: sorted(found) for key, found in places.items() if len(found) > 1}
    counted = count_repeated(owned)
    assert counted["ids"] == len(repeated)
    assert counted["documents"] == sum(len(found) - 1 for found in repeated.values())
    assert counted["examples"] == [[f"{one:016x}", repeated[one, by][:5]] for one, by in sorted(repeated)][:EXAMPLES]
    left, right = owned[owned["hash"] < 10], owned[owned["hash"] >= 10]
    assert merge_repeated([count_repeated(right), count_repeated(left)]) == counted
    assert named_of(owned).tolist() == sorted(one[:3] for one in owned.tolist())


def test_names_that_are_no_ids_repeat_nothing():
    named = np.array([(7, 0, 0), (7, 0, 1), (7, 0, 0), (7, 0, int(REJECT))], NAMED)
    rows = owned_rows(named, "web", np.array([True, False]))
    assert rows["source"].tolist() == [rule_number("web"), 0, 0, 0]
    assert count_repeated(rows)["ids"] == 0


@pytest.fixture(scope="module")
def overlapping(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("overlapping")
    for folder, day in (("old", "01"), ("old", "02"), ("new", "02"), ("new", "03")):
        path = root / "sittings" / folder / "en" / f"ep-99-03-{day}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"<CHAPTER ID=1>\nWhat the {folder} edition has of day {day}.\n" + "<P>\nMr President, yes.\n" * 20
        )
    sources = "{debates: {plugin: europarl, inputs: [sittings]}, again: {plugin: europarl, inputs: [sittings/new]}}"
    (root / "m.yaml").write_text(f"name: m\nroot: {root}\nsources: {sources}\nmix: {{validation: 0, test: 0}}\n")
    build(load_manifest(root / "m.yaml", {}), str(root / "out"), RunOptions())
    return root / "out"


def test_a_build_names_keys_that_lie_in_two_inputs(overlapping: Path):
    summary = orjson.loads((overlapping / "report" / "summary.json").read_bytes())
    repeated = summary["repeated_ids"]
    assert (repeated["ids"], repeated["documents"]) == (1, 1)
    assert [one["key"] for one in repeated["examples"]] == ["en/ep-99-03-02"]
    (alarm,) = [message for message in summary["alarms"] if "have the key of another" in message]
    assert "'en/ep-99-03-02' in debates/sittings/new/en/ep-99-03-02.txt twice" in alarm
    *_, whole = verify_corpus(Store(str(overlapping)))
    assert whole.problems == [alarm]
