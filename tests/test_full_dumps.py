"""The document on the full dumps is what its command writes, of all 22 components."""

import orjson

from benchmarks.full_dumps import COMPONENTS, OFFERED_NOWHERE, PAGE, counts, page
from benchmarks.source_speed import NUMBERS
from pile_builder.source import load_source
from tests.test_ready_manifests import TABLE


def test_the_document_is_what_the_command_writes():
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m benchmarks.full_dumps`"


def test_all_components_are_counted():
    assert {load_source(name).pile_set_name for name in COMPONENTS} == TABLE.keys()
    assert all(bool(load_source(name).upstreams) != (name in OFFERED_NOWHERE) for name in COMPONENTS)
    for row in counts(orjson.loads(NUMBERS.read_bytes())):
        assert row.splits * row.largest >= row.upstream.size
        assert row.idle + min(row.splits, 1_000) == 1_000
