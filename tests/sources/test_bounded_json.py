"""JSON of any depth reads alike on every version of Python."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pile_builder.sources.bounded_json import DEPTH, loads

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES, st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]))
def test_values_are_those_of_python(value: object, encoding: str):
    assert loads(json.dumps(value)) == value
    assert loads(json.dumps(value).encode(encoding)) == value


@pytest.mark.parametrize("beside", ['"[[{"', r'"\"[["', r'"\\\"{"', "1"])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a]": ', "}"), ("[[],", "]")])
def test_depth_is_what_counts_and_not_brackets(beside: str, opening: str, closing: str):
    assert len(loads("[" + ", ".join([beside] * 2 * DEPTH) + "]")) == 2 * DEPTH
    assert loads(opening * (DEPTH - 1) + beside + closing * (DEPTH - 1))
    with pytest.raises(ValueError, match=f"nested deeper than {DEPTH}"):
        loads(opening * (DEPTH + 1) + beside + closing * (DEPTH + 1))


@pytest.mark.parametrize("end", ['"' + '\\"' * 200_000, '"[' * 200_001, "[" * 200_000, '"' + "\\" * 200_001])
def test_what_never_ends_is_told_at_once(end: str):
    with pytest.raises(ValueError, match=r"nested deeper|delimiter|Unterminated|Invalid"):
        loads("[[" + "1, " * 3 + '"' + "[" * 600 + '", ' + end)
