"""Manifests: what is valid, and what an error says."""

from pathlib import Path

import pytest

from pile_builder.errors import ManifestError
from pile_builder.manifest import load_manifest, manifest_schema

GOOD = """
name: tiny
root: data
sources:
  books:
    inputs: [a.txt]
    epochs: 1.5
select:
  recipes: [gopher_quality_v1]
  thresholds: {gopher_quality_v1.min_words: 40}
"""


def write(folder: Path, text: str) -> Path:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "a.txt").write_text("text")
    path = folder / "m.yaml"
    path.write_text(text)
    return path


def error_of(folder: Path, text: str, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(ManifestError) as caught:
        load_manifest(write(folder, text), environment or {})
    return str(caught.value)


def test_good_manifest(tmp_path: Path):
    manifest = load_manifest(write(tmp_path, GOOD), {})
    assert manifest.sources["books"].epochs == 1.5
    assert manifest.root == str(tmp_path / "data")
    assert [split.name for split in manifest.plugins["books"].splits()] == ["a.txt"]
    assert manifest.set_name("books") == "Gutenberg (PG-19)"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("epochs: 1.5", "epoch: 1.5"), ["sources.books.epoch:", "unknown key 'epoch'", "did you mean 'epochs'?"]),
        (("books:", "boks:"), ["sources.boks", "unknown source 'boks'", "did you mean 'books'?"]),
        (("[gopher_quality_v1]", "[gopher_qualty_v1]"), ["select.recipes", "did you mean 'gopher_quality_v1'?"]),
        (("min_words: 40", "min_word: 40"), ["select.thresholds", "did you mean 'gopher_quality_v1.min_words'?"]),
        (("epochs: 1.5", "epochs: many"), ["sources.books.epochs", "valid number", "'many'"]),
        (("epochs: 1.5", "weight: 1"), ["mix.total", "weight"]),
        (("name: tiny", "name: tiny\nname: twice"), ["given twice"]),
        (("epochs: 1.5", "options: {colour: red}"), ["sources.books.options", "unknown key 'colour'"]),
        (("root: data", "root: ${NOWHERE}"), ["root: ${NOWHERE} is not set"]),
        (("sources:", "sauces:"), ["unknown key 'sauces'", "did you mean 'sources'?"]),
    ],
)
def test_errors_name_field_and_nearest_word(tmp_path: Path, change: tuple[str, str], expected: list[str]):
    message = error_of(tmp_path, GOOD.replace(*change))
    assert "m.yaml" in message
    for part in expected:
        assert part in message


def test_variables_expand_with_defaults(tmp_path: Path):
    text = GOOD.replace("root: data", "root: ${WHERE:-data}/").replace("tiny", "${NAME}")
    assert load_manifest(write(tmp_path, text), {"NAME": "other"}).name == "other"


def test_missing_inputs_are_named(tmp_path: Path):
    manifest = load_manifest(write(tmp_path, GOOD.replace("a.txt", "absent.txt")), {})
    with pytest.raises(ManifestError, match=r"absent\.txt.*not found"):
        list(manifest.plugins["books"].splits())
    manifest = load_manifest(write(tmp_path, GOOD.replace("a.txt", "'*.pdf'")), {})
    with pytest.raises(ManifestError, match="matches no file"):
        list(manifest.plugins["books"].splits())


def test_not_a_mapping_and_not_yaml(tmp_path: Path):
    assert "expected a mapping" in error_of(tmp_path, "- a\n- b\n")
    assert "not valid YAML" in error_of(tmp_path, "a: [")
    with pytest.raises(ManifestError, match="cannot be read"):
        load_manifest(tmp_path / "absent.yaml")


def test_schema_lists_every_key():
    schema = manifest_schema()
    assert schema["additionalProperties"] is False
    assert {"name", "sources", "select", "dedup", "mix", "output"} <= set(schema["properties"])
