"""The contract of sources: the sources of this project keep it, and every way to break it is noticed."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pile_builder.contract.process import Readers
from pile_builder.errors import ManifestError
from pile_builder.input_files import InputFile
from pile_builder.source import Document, Raw, Reject, Skipped, SourceConfig, find_sources, load_source
from pile_builder.source_contract import check, examine, sample_config
from pile_builder.streams import open_text_bytes
from tests.joining_source import Joining, JoiningConfig

LINES = "".join(f"{number} the text of line {number}\n" for number in range(20))


class Lines(Joining):
    """Lines of text files.

    Upstream: the tests. Licence: none. Skipped: nothing. Rejects: `damaged`, `undecodable`, `no_text`.
    """

    join = Joining.__mro__[1].join

    def read_file(self, file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        with open_text_bytes(file) as stream:
            for number, line in enumerate(stream):
                key, _, text = line.partition(b" ")
                yield Raw(key.decode(), text) if key.isdigit() else Reject("damaged", "", f"{file.name}#{number}")

    def extract(self, raw: Raw) -> Document | Reject:
        text = raw.payload.decode("utf-8", "replace").strip()
        return Document(text) if text else Reject("no_text")


class Hashed(Lines):
    __doc__ = Lines.__doc__

    def extract(self, raw: Raw) -> Document | Reject:
        return Document(f"{hash(raw.payload)}")


class Zoned(Lines):
    __doc__ = Lines.__doc__

    def extract(self, raw: Raw) -> Document | Reject:
        return Document("some text", {"date": time.strftime("%H %Z", time.localtime(0))})


class Located(Lines):
    __doc__ = Lines.__doc__

    def read_file(self, file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        for item in super().read_file(file):
            yield Raw(f"{file.url}{item.key}", item.payload) if isinstance(item, Raw) else item


class Hoarding(Lines):
    __doc__ = Lines.__doc__

    def read_file(self, file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        yield from list(super().read_file(file))


class Undecodable(Lines):
    __doc__ = Lines.__doc__

    def extract(self, raw: Raw) -> Document | Reject:
        return Document(raw.payload.decode())


class Dying(Lines):
    __doc__ = Lines.__doc__

    def extract(self, raw: Raw) -> Document | Reject:
        return os._exit(3) if b"\0" in raw.payload else super().extract(raw)


class Numbering(Lines):
    __doc__ = Lines.__doc__

    def extract(self, raw: Raw) -> Document | Reject:
        self.count = getattr(self, "count", 0) + 1
        return Document(f"text {self.count}")


class Shaped(Lines):
    """Says nothing."""

    def extract(self, raw: Raw) -> Document | Reject:
        match raw.key:
            case "1":
                return Document("a\n" * 60)
            case "2":
                return Document("lone \ud800")
            case "3":
                return Document("a set", {"tags": {1, 2}})
            case "4":
                return Document("  ")
            case "5":
                return Reject("Bad rule")
        return super().extract(raw)


@pytest.fixture
def sample(tmp_path: Path) -> SourceConfig:
    folder = tmp_path / "lines"
    folder.mkdir()
    (folder / "a.txt").write_text(LINES)
    (folder / "b.txt").write_text(LINES.replace("the text", "more text").replace("\n", "\n9"))
    return JoiningConfig(inputs=(str(folder),))


def failed(source: Lines, size: int = 1 << 20) -> dict[str, str]:
    return {found.check: "\n".join(found.problems) for found in examine(source, size) if found.problems}


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    with Readers() as started:
        yield started


@pytest.mark.parametrize("name", find_sources())
def test_sources_of_this_project_keep_the_contract(name: str, readers: Readers):
    plugin = load_source(name)
    check(plugin(plugin.Config.model_validate(sample_config(plugin, name))), 1 << 20, readers)


def test_a_source_that_joins_keeps_the_contract(tmp_path: Path):
    (tmp_path / "a.txt").write_text("k1 0 hello there\nk2 1 world\nbroken\n\nk3 0 beginning\nk4 1 lost\n")
    (tmp_path / "b.txt").write_text("k2 0 first\nk1 1 more text\n")
    check(Joining(JoiningConfig(inputs=(str(tmp_path),))), 1 << 20)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Hashed, {"process": "only the first time"}),
        (Zoned, {"process": "metadata"}),
        (Located, {"places": "holds the folder's path"}),
        (Hoarding, {"streaming": "records are held"}),
        (Undecodable, {"hostile": "UnicodeDecodeError"}),
        (Dying, {"hostile": "the process died"}),
        (Numbering, {"order": "only the first time"}),
        (
            Shaped,
            {
                "declared": "where the upstream is",
                "newlines": "'1': 50%",
                "texts": "'2': a lone surrogate",
                "meta": "'3'",
                "rules": "'5': 'Bad rule'",
            },
        ),
    ],
)
def test_what_breaks_the_contract_is_named(kind: type[Lines], expected: dict[str, str], sample: SourceConfig):
    found = failed(kind(sample))
    for name, words in expected.items():
        assert words in found.get(name, ""), found


def test_check_raises_what_failed(tmp_path: Path):
    (tmp_path / "a.txt").write_text("nothing\n")
    with pytest.raises(AssertionError, match="the sample gives no document"):
        check(Lines(JoiningConfig(inputs=(str(tmp_path),))), 1 << 10)


def test_a_sample_that_is_not_there():
    with pytest.raises(ManifestError, match="expected a sample in samples/lines"):
        sample_config(Lines, "lines")


def test_two_records_of_one_key_fail(sample: SourceConfig, tmp_path: Path):
    (tmp_path / "lines" / "b.txt").write_text(LINES)
    assert "the key of 2 records" in failed(Lines(sample))["keys"]
