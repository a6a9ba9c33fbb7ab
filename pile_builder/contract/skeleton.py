"""The skeleton of a new source: module, sample and test, as part of this project or as a package of its own."""

from __future__ import annotations

import keyword
import re
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

from pile_builder.errors import PileError
from pile_builder.source import ENTRY_POINT_GROUP

_MODULE = '''"""@Title@: one document per entry of a text file."""

from collections.abc import Iterator

from pile_builder.input_files import InputFile
from pile_builder.source import Document, Raw, Reject, Skipped, Source, Upstream
from pile_builder.streams import open_text_bytes


class @Class@(Source):
    """@Title@'s entries, one document each.

    Upstream: https://@host@.example/@name@.txt, a line `number TAB text` per entry. Licence: CC0-1.0.
    Comes out: the text, key = the entry's number. Skipped: `blank` lines.
    Rejects: `damaged` (no number), `too_large`, `undecodable`, `no_text`.
    """

    pile_set_name = "@Title@"
    patterns = ("*.txt", "*.txt.gz")
    licence = "CC0-1.0"
    upstreams = (Upstream("https://@host@.example/@name@.txt", 1 << 20, 1, 1 << 20),)

    def read_file(self, file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        """Yield an entry per line."""
        with open_text_bytes(file) as stream:
            for place, line in enumerate(iter(lambda: stream.readline(1 << 20), b"")):
                number, tab, text = line.partition(b"\\t")
                if not line.strip():
                    yield Skipped("blank")
                elif len(line) == 1 << 20:
                    yield Reject("too_large", "a line of 1 MiB", f"{file.name}#{place}")
                elif not tab or not number.isdigit():
                    yield Reject("damaged", "no number before a tab", f"{file.name}#{place}")
                else:
                    yield Raw(number.decode(), text)

    def extract(self, raw: Raw) -> Document | Reject:
        """Decode an entry's text."""
        try:
            text = raw.payload.decode().strip()
        except UnicodeDecodeError as error:
            return Reject("undecodable", str(error))
        return Document(text, {"license": self.licence}) if text else Reject("no_text")
'''
_JOINING = '''"""@Title@: documents whose parts lie apart, in any order and any file."""

from collections.abc import Iterator, Sequence

from pile_builder.input_files import InputFile
from pile_builder.source import Document, Fragment, Reject, Skipped, Source, Upstream
from pile_builder.streams import open_text_bytes


class @Class@(Source):
    """@Title@'s entries, each joined of its parts.

    Upstream: https://@host@.example/@name@.txt, a line `number TAB part TAB text` per part. Licence: CC0-1.0.
    Comes out: an entry's parts in order, key = the entry's number. Skipped: `blank` lines.
    Rejects: `damaged` (no numbers), `too_large`, `undecodable`, `no_text`.
    """

    pile_set_name = "@Title@"
    patterns = ("*.txt", "*.txt.gz")
    licence = "CC0-1.0"
    upstreams = (Upstream("https://@host@.example/@name@.txt", 1 << 20, 1, 1 << 20),)

    def read_file(self, file: InputFile) -> Iterator[Fragment | Reject | Skipped]:
        """Yield a part per line."""
        with open_text_bytes(file) as stream:
            for place, line in enumerate(iter(lambda: stream.readline(1 << 20), b"")):
                parts = line.split(b"\\t", 2)
                if not line.strip():
                    yield Skipped("blank")
                elif len(line) == 1 << 20:
                    yield Reject("too_large", "a line of 1 MiB", f"{file.name}#{place}")
                elif len(parts) < 3 or not (parts[0].isdigit() and parts[1].isdigit()):
                    yield Reject("damaged", "no two numbers before tabs", f"{file.name}#{place}")
                else:
                    # `order` is compared as text.
                    yield Fragment(parts[0].decode(), parts[2], parts[1].decode().zfill(6))

    def join(self, key: str, fragments: Sequence[Fragment]) -> Document | Reject:
        """Put an entry's parts together."""
        try:
            text = "\\n\\n".join(part.payload.decode().strip() for part in fragments).strip()
        except UnicodeDecodeError as error:
            return Reject("undecodable", str(error))
        return Document(text, {"license": self.licence}) if text else Reject("no_text")
'''
_TEST = '''"""@Title@ on its sample: the contract of sources, and what comes out."""

from pathlib import Path

from @module@ import @Class@
from pile_builder.source import SourceConfig
from pile_builder.source_contract import check, documents

SAMPLE = str(Path(__file__).parents[@up@] / "samples" / "@name@")


def test_contract() -> None:
    check(@Class@(SourceConfig(inputs=(SAMPLE,))))


def test_text() -> None:
    assert documents(@Class@(SourceConfig(inputs=(SAMPLE,))))["1"] == "@text@"
'''
_SAMPLE = "1\tThe first entry, with words to read.\n\n2\tAnother entry.\nno number\n3\tThe last one.\n"
_JOINED = "1\t2\tThe second part.\n2\t1\tAnother entry.\n\nno number\n1\t1\tThe first part.\n"
_PROJECT = """[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "pile-source-@dashed@"
version = "0.1.0"
dependencies = ["pile-builder"]

[project.entry-points."pile_builder.sources"]
@name@ = "@module@:@Class@"

[tool.setuptools]
py-modules = ["@module@"]

[tool.pytest.ini_options]
pythonpath = ["."]

[tool.mypy]
strict = true
"""
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def write_skeleton(name: str, here: Path, *, joins: bool = False) -> list[str]:
    """Write the files of a new source.

    Args:
        name: of the source.
        here: in the repository of this project, its top folder; elsewhere where the package's folder goes.
        joins: whether documents are joined of fragments.

    Returns:
        What was written and what to do next, a line each.

    Raises:
        PileError: the name is none or taken, or a file is there.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        msg = f"expected a name of lower-case letters, digits and _ that begins with a letter, got {name!r}"
        raise PileError(msg)
    if name in {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}:
        msg = f"there is a source {name!r} already; choose another name, or see `pile sources show {name}`"
        raise PileError(msg)
    inside = _is_this_project(here)
    top = here if inside else here / f"pile-source-{name.replace('_', '-')}"
    module = f"pile_builder.sources.{name}" if inside else f"{name}_source"
    words = {
        "@Title@": name.replace("_", " ").capitalize(),
        "@Class@": "".join(part.capitalize() for part in name.split("_")),
        "@host@": name.replace("_", "-"),
        "@dashed@": name.replace("_", "-"),
        "@name@": name,
        "@module@": module,
        "@up@": "2" if inside else "0",
        "@text@": "The first part.\\n\\nThe second part." if joins else "The first entry, with words to read.",
    }
    files = {
        f"sources/{name}.py" if inside else f"{module}.py": _JOINING if joins else _MODULE,
        f"samples/{name}/sample.txt": _JOINED if joins else _SAMPLE,
        f"tests/sources/test_{name}.py" if inside else f"test_{name}.py": _TEST,
    }
    if not inside:
        files["pyproject.toml"] = _PROJECT
    for path in files:
        if (top / path).exists():
            msg = f"{top / path}: expected no such file, there is one; remove it, or choose another name"
            raise PileError(msg)
    for path, text in files.items():
        for mark, word in words.items():
            text = text.replace(mark, word)
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)
    return [*(f"wrote {(top / path).relative_to(here)}" for path in files), *_next(name, words, top, inside=inside)]


def _next(name: str, words: dict[str, str], top: Path, *, inside: bool) -> list[str]:
    if not inside:
        return [
            "next:",
            f"    cd {top.name}",
            "    pip install --no-deps -e .",
            "    python -m pytest",
            f"    pile sources test {name}",
        ]
    return [
        "add to pyproject.toml:",
        f'    {name} = "{words["@module@"]}:{words["@Class@"]}"    under [project.entry-points."pile_builder.sources"]',
        f'    "pile_builder.samples.{name}",    under packages in [tool.setuptools]',
        f'    "pile_builder.samples.{name}" = ["*"]    under [tool.setuptools.package-data]',
        "next:",
        "    pip install --no-deps --no-build-isolation -e .",
        f"    python -m pytest tests/sources/test_{name}.py",
        f"    pile sources test {name}",
    ]


def _is_this_project(folder: Path) -> bool:
    path = folder / "pyproject.toml"
    return path.is_file() and tomllib.loads(path.read_text()).get("project", {}).get("name") == "pile-builder"
