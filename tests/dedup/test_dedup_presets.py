"""Presets against the published curves, and how a manifest's words become bands and rows."""

from __future__ import annotations

import pytest

from pile_builder.dedup.config import Dedup
from pile_builder.dedup.presets import PRESETS, probability, solve
from pile_builder.errors import ManifestError
from pile_builder.manifest import check_manifest


@pytest.mark.parametrize(
    ("name", "curve"),
    [
        ("pile-2020", (0.330, 0.716, 0.884, 0.980)),
        ("fineweb", (0.053, 0.565, 0.924, 1.0)),
        ("redpajama-v2-0.7", (0.03, 0.44, 0.87, 1.0)),
        ("redpajama-v2-0.8", (0.001, 0.08, 0.40, 0.93)),
        ("redpajama-v2-0.9", (0.0, 0.001, 0.02, 0.31)),
        ("nemo-curator", (0.002, 0.177, 0.677, 0.997)),
        ("refinedweb", (0.0, 0.302, 0.995, 1.0)),
        ("dclm", (0.003, 0.358, 0.964, 1.0)),
        ("duplodocus", (0.470, 0.975, 1.0, 1.0)),
        ("data-juicer-2.0", (0.118, 0.850, 0.997, 1.0)),
        ("bigcode", (0.024, 0.511, 0.942, 1.0)),
    ],
)
def test_presets_have_the_published_curves(name: str, curve: tuple[float, ...]):
    preset = PRESETS[name]
    found = [probability(similarity, preset.bands, preset.rows) for similarity in (0.5, 0.7, 0.8, 0.9)]
    assert found == pytest.approx(curve, abs=0.006)
    assert preset.source


def test_parameters_are_those_of_datasketch():
    assert solve(0.5, 10) == (3, 3)
    assert solve(0.8, 128) == (9, 13)


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        ({}, (5, 14, 8)),
        ({"preset": "redpajama-v2-0.8"}, (13, 9, 13)),
        ({"preset": "redpajama-v2-0.8", "ngram": 5}, (5, 9, 13)),
        ({"threshold": 0.8, "permutations": 128, "ngram": 3}, (3, 9, 13)),
        ({"bands": 20, "rows": 5}, (5, 20, 5)),
    ],
)
def test_a_manifest_resolves_to_one_shape_and_reads_its_own_dump(given: dict[str, object], shape: tuple[int, int, int]):
    dedup = Dedup.model_validate(given)
    assert (dedup.ngram, dedup.bands, dedup.rows) == shape
    assert Dedup.model_validate(dedup.model_dump()) == dedup
    assert Dedup.model_validate(dedup.model_dump(mode="json")) == dedup


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"preset": "finweb"}, "dedup.preset: unknown preset 'finweb'; did you mean 'fineweb'?"),
        ({"preset": "fineweb", "bands": 20}, "preset fineweb has 14 bands, and bands is given as 20"),
        ({"preset": "fineweb", "permutations": 128}, "give one of them"),
        ({"permutations": 128}, "needs a threshold between 0 and 1"),
        ({"threshold": 0.8, "permutations": 128, "rows": 8}, "128 permutations at 0.8 has 13 rows"),
        ({"prefer": ["id", "length"]}, "dedup.prefer: expected an order without repeats that ends with id"),
        ({"action": "mark"}, "input should be 'drop' or 'tag'; got 'mark'"),
        ({"scop": "source"}, "did you mean 'scope'?"),
        ({"expected": {"books": [0.5, 0.1]}}, "expected the lower share of books first"),
    ],
)
def test_errors_say_what_to_write(given: dict[str, object], message: str):
    sources = {"books": {"inputs": ["a.txt"]}}
    with pytest.raises(ManifestError) as error:
        check_manifest({"name": "tiny", "sources": sources, "dedup": given}, "m.yaml", {})
    assert message in str(error.value)
