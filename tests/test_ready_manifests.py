"""The Pile's own manifest and its open substitute: they load, say what Table 1 says, and build from the samples."""

import shutil
from pathlib import Path

import orjson
import pytest
import yaml

from pile_builder.audit.verify import verify_corpus
from pile_builder.manifest import Manifest, load_manifest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.source import find_sources
from pile_builder.storage import Store

ROOT = Path(__file__).parents[1]
TABLE = orjson.loads((ROOT / "pile_builder" / "audit" / "pile_table.json").read_bytes())
RESTRICTED = {"Books3", "BookCorpus2"}
MANIFESTS = ("manifests/pile.yaml", "manifests/open-pile.yaml")
FOLDERS = {"wikipedia": "enwiki", "nih_exporter": "nih"}
"""Of the mirror, where they are not called after the source."""


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


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    for name in {source for path in MANIFESTS for source in yaml.safe_load((ROOT / path).read_text())["sources"]}:
        shutil.copytree(ROOT / "samples" / name, folder / FOLDERS.get(name, name))
    return folder


@pytest.mark.parametrize("path", MANIFESTS)
def test_ready_manifests_build_from_the_samples(path: str, mirror: Path, tmp_path: Path):
    manifest = load_manifest(ROOT / path, {"PILE_MIRROR": str(mirror)})
    build(manifest, str(tmp_path), RunOptions())
    summary = orjson.loads((tmp_path / "report" / "summary.json").read_bytes())
    assert summary["sources"].keys() == manifest.sources.keys()
    for name, counts in summary["sources"].items():
        assert counts["read"] == counts["kept"] + sum(counts["dropped"].values()), name
        assert counts["kept"] > 0, name
    assert summary["alarms"] == []
    assert [check for check in verify_corpus(Store(str(tmp_path))) if check.problems] == []
    page = (tmp_path / "report" / "index.html").read_text()
    assert all(manifest.set_name(name) in page for name in manifest.sources)
