"""The Pile's own manifest and its open substitute: they load, and say what Table 1 says."""

from pathlib import Path

import orjson
import pytest
import yaml

from pile_builder.manifest import Manifest, load_manifest
from pile_builder.source import find_sources

ROOT = Path(__file__).parents[1]
TABLE = orjson.loads((ROOT / "pile_builder" / "audit" / "pile_table.json").read_bytes())
RESTRICTED = {"Books3", "BookCorpus2"}


def loaded(name: str, mirror: Path) -> Manifest:
    """A ready manifest over a mirror that has a file for every input."""
    path = ROOT / "manifests" / name
    for entry in yaml.safe_load(path.read_text())["sources"].values():
        for given in (*entry["inputs"], *(entry.get("options", {}).get("metadata", "").split())):
            file = mirror / given.replace("*", "x") if "." in given else mirror / given / "x.tar"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"x")
    return load_manifest(path, {"PILE_MIRROR": str(mirror)})


def test_the_pile_has_the_components_and_epochs_of_table_1(tmp_path: Path):
    manifest = loaded("pile.yaml", tmp_path)
    epochs = {manifest.set_name(name): entry.epochs for name, entry in manifest.sources.items()}
    listed = {name: row["epochs"] for name, row in TABLE.items()}
    assert epochs == {name: count for name, count in listed.items() if name not in RESTRICTED}
    assert len(listed) == 22


@pytest.mark.parametrize("name", ["pile.yaml", "open-pile.yaml"])
def test_no_ready_manifest_reads_what_is_restricted(name: str, tmp_path: Path):
    manifest = loaded(name, tmp_path)
    licences = {find_sources()[entry.plugin or source].licence for source, entry in manifest.sources.items()}
    assert not [one for one in licences if "restricted" in one]
    if name == "open-pile.yaml":
        assert all(manifest.select_of(source).licences for source in manifest.sources)
