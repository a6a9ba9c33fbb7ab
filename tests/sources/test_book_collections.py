from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from pile_builder.input_files import list_files
from pile_builder.source import Source, load_source
from pile_builder.sources.books.collections import RESTRICTED, BookCorpus2, Books3, Pg19
from tests.sources.records import digest, documents, records

SAMPLES = Path(__file__).parents[2] / "samples"


def with_tables(source: Source) -> Source:
    tables = {name: dict(source.read_table(name, files)) for name, files in source.side_tables().items()}
    source.bind_tables({name: table.get for name, table in tables.items()})
    return source


def test_pg19() -> None:
    source = with_tables(Pg19(Pg19.Config(inputs=("pg19",), root=str(SAMPLES))))
    found = documents(source)
    assert {key: digest(document) for key, document in found.items()} == {
        "train/90004.txt": "4cd6668caa78db27",
        "train/90014.txt": "c48af7e85ac9520a",
    }
    assert found["train/90014.txt"].meta == {
        "title": "Seven Knots for Landsmen",
        "date": "1902",
        "url": "http://www.gutenberg.org/ebooks/90014",
        "gutenberg_id": 90014,
        "license": "LicenseRef-PublicDomain-US",
    }
    every = Pg19(Pg19.Config(inputs=("pg19",), root=str(SAMPLES), parts=("train", "validation", "test")))
    assert [one.key for one in records(every)] == [*found, "validation/90016.txt"]
    below = Pg19(Pg19.Config(inputs=("train", "metadata.csv"), root=str(SAMPLES / "pg19")))
    assert documents(with_tables(below)) == found
    assert [file.name for file in below.side_tables()["metadata"]] == ["metadata.csv"]


@pytest.mark.parametrize(
    ("plugin", "archive", "folder"),
    [
        (Books3, "books3.tar.gz", "the-eye.eu/public/Books/Bibliotik/T"),
        (BookCorpus2, "books1.tar.gz", "books1/epubtxt"),
    ],
)
def test_copies_that_users_have(tmp_path: Path, plugin: type[Books3], archive: str, folder: str) -> None:
    book = SAMPLES / "pg19" / "train" / "90004.txt"
    with tarfile.open(tmp_path / archive, "w:gz") as out:
        out.add(book, f"{folder}/The Tales.epub.txt")
        out.addfile(tarfile.TarInfo(f"{folder}/cover.jpg"))
    (tmp_path / "Loose.epub.txt").write_bytes(book.read_bytes())
    found = documents(plugin(plugin.Config(inputs=(".",), root=str(tmp_path))))
    assert list(found) == ["Loose.epub.txt", f"{archive}/{folder}/The Tales.epub.txt"]
    assert {document.meta["license"] for document in found.values()} == {RESTRICTED}
    assert plugin.licence == "restricted" and load_source(plugin.pile_set_name.lower()) is plugin


def test_no_manifest_reads_restricted_sources() -> None:
    for file in list_files("manifests", str(SAMPLES.parent)):
        read = [line for line in Path(file.url).read_text().splitlines() if not line.lstrip().startswith("#")]
        assert not any(f"{name}:" in line for line in read for name in ("books3", "bookcorpus2"))
