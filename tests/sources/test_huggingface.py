from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from pile_builder.errors import ManifestError
from pile_builder.sources.huggingface import HuggingFace
from tests.sources.records import documents, rejects

pytest.importorskip("datasets")

PARQUET = Path(__file__).parents[2] / "samples" / "parquet" / "train-00000-of-00001.parquet"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def dataset(root: Path, *inputs: str, **options: object) -> HuggingFace:
    return HuggingFace(HuggingFace.Config(inputs=inputs or ("./almanac",), root=str(root), **options))


def json_folder(root: Path, shards: int = 2) -> None:
    (root / "almanac").mkdir()
    for shard in range(shards):
        lines = "".join(json.dumps({"text": f"Shard {shard}, row {row}.", "n": row}) + "\n" for row in range(3))
        (root / "almanac" / f"train-{shard}.jsonl").write_text(lines)


def test_folder_of_parquet(tmp_path: Path) -> None:
    (tmp_path / "almanac" / "data").mkdir(parents=True)
    shutil.copy(PARQUET, tmp_path / "almanac" / "data")
    source = dataset(tmp_path)
    found = documents(source)
    assert list(found) == [f"harbour-00{number}" for number in range(1, 6)]
    assert found["harbour-002"].meta == {"url": "https://almanac.example/splice", "date": "2020-01-02T00:00:00"}
    assert [file.name for file in source.list_files()] == [f"almanac/data/{PARQUET.name}"]
    assert rejects(dataset(tmp_path, text="body")) == {"almanac/train#00000-of-00001": "no_column"}


def test_shards_are_splits(tmp_path: Path) -> None:
    json_folder(tmp_path)
    source = dataset(tmp_path)
    assert [split.name for split in source.splits()] == [f"almanac/train#0000{n}-of-00002" for n in range(2)]
    assert {key: document.text for key, document in documents(source).items()} == {
        f"almanac/train#0000{shard}:{row}": f"Shard {shard}, row {row}." for shard in range(2) for row in range(3)
    }


def test_a_damaged_shard_costs_no_other(tmp_path: Path) -> None:
    json_folder(tmp_path)
    with (tmp_path / "almanac" / "train-0.jsonl").open("a") as out:
        out.write('{"text": "cut')
    source = dataset(tmp_path)
    assert rejects(source) == {"almanac/train#00000-of-00002": "damaged"}
    assert len(documents(source)) >= 3


def test_errors_name_the_dataset(tmp_path: Path) -> None:
    json_folder(tmp_path)
    with pytest.raises(ManifestError, match="dataset 'almanac', split 'test': cannot be loaded"):
        list(dataset(tmp_path, split="test").splits())
    with pytest.raises(ManifestError, match="dataset 'almanac/none', revision 'main': expected the Hub"):
        list(dataset(tmp_path, "almanac/none").splits())
    with pytest.raises(ManifestError, match="not found"):
        dataset(tmp_path, "./none").list_files()


def test_what_is_read_is_the_commit_that_the_revision_stands_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def dataset_info(name: str, revision: str | None) -> SimpleNamespace:
        asked.append((name, revision))
        return SimpleNamespace(sha=COMMIT)

    monkeypatch.setattr("huggingface_hub.HfApi", lambda: SimpleNamespace(dataset_info=dataset_info))
    source = dataset(tmp_path, "harbour/almanac", revision="v1")
    file = source._pinned("harbour/almanac")
    assert file.version == f"commit:{COMMIT}" and asked == [("harbour/almanac", "v1")]
    assert dataset(tmp_path, revision=COMMIT)._pinned("harbour/almanac") == file and len(asked) == 1
    loaded = []
    monkeypatch.setattr("datasets.load_dataset", lambda *given, **options: loaded.append((given, options)))
    source._load(file)
    assert loaded == [(("harbour/almanac", None), {"split": "train", "streaming": True, "revision": COMMIT})]


def test_the_library_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(ManifestError, match=r"pile-builder\[hub\]"):
        list(dataset(tmp_path).splits())
