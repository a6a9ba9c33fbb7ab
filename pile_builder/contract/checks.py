"""Checks of a source on its sample as it is: what it declares, its splits, its documents, and that they repeat."""

from __future__ import annotations

import inspect
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import orjson

from pile_builder.contract.process import Readers, ReadingError
from pile_builder.contract.reading import BROKEN, Outcome, outcomes
from pile_builder.input_files import InputFile, open_input
from pile_builder.source import Source, Split

MAX_PROBLEMS = 5
MAX_NEWLINES = 0.4
"""Greatest share of line feeds among a text's characters: DM Mathematics in the Pile had a line feed for a space."""
NEWLINES_JUDGED = 50
"""Characters from which on that share is judged."""
_PARTS = {
    "where the upstream is ('Upstream:')": r"upstream",
    "the licence ('Licence:')": r"licen[cs]e|public domain",
    "what is left out ('Dropped:' or 'Skipped:')": r"dropped|skipped|left out",
    "the rules of rejects ('Rejects:')": r"rejects",
}
_RULE = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Finding:
    """One check: what it expects, on what it was tried, and which records broke it."""

    check: str
    expected: str
    tried: str
    problems: tuple[str, ...] = ()


@dataclass
class Sample:
    """A source with its sample, read once in another process.

    Attributes:
        source: its inputs are the sample.
        folder: for copies of the sample.
        readers: where it is read.
    """

    source: Source
    folder: Path
    readers: Readers
    _copies: int = field(default=0)

    @cached_property
    def files(self) -> list[InputFile]:
        """The sample's files; none of a source that makes its records, or hands folders to a library."""
        files = {file.name: file for split in self.source.splits() for file in split.files}
        return [file for file in files.values() if not Path(file.url).is_dir()]

    @cached_property
    def first(self) -> list[Outcome]:
        """What became of its records; an outcome of its own if that hung."""
        return self.read(self.source)

    def read(self, source: Source, *, backwards: bool = False) -> list[Outcome]:
        """What becomes of the records of a source's inputs, read in another process."""
        try:
            return self.readers.call(read_inputs, source, backwards=backwards)
        except ReadingError as error:
            return [Outcome("(all)", BROKEN, str(error), where="read")]

    def new_folder(self) -> Path:
        """An empty folder."""
        self._copies += 1
        folder = self.folder / f"copy-{self._copies}"
        folder.mkdir()
        return folder

    def over(self, folder: Path) -> Source:
        """The source over what lies in a folder, options as they are."""
        return type(self.source)(self.source.config.model_copy(update={"inputs": (f"{folder}/*",)}))

    def over_copies(self, folder: Path) -> Source:
        """The source over copies of the sample, each in a folder of its own in `folder`."""
        config = self.source.config.model_copy(update={"inputs": ("*/*",), "root": str(folder)})
        return type(self.source)(config)


def read_inputs(source: Source, *, backwards: bool = False) -> list[Outcome]:
    """All outcomes of a source's inputs; backwards: the last split and file first."""
    splits = list(source.splits())
    if backwards:
        if type(source).splits is Source.splits:
            splits = [Split(file.name, (file,)) for split in splits for file in split.files]
        splits.reverse()
    return outcomes(source, splits)


def check_declared(source: Source) -> Finding:
    """Docstring and class attributes."""
    plugin = type(source)
    text = inspect.cleandoc(plugin.__dict__.get("__doc__") or "")
    problems = [] if text else ["the class has no docstring"]
    if text:
        problems += [
            f"the docstring does not say {part}" for part, word in _PARTS.items() if not re.search(word, text, re.I)
        ]
    problems += ["pile_set_name is missing"] if not getattr(plugin, "pile_set_name", "") else []
    problems += ["licence is empty"] if not plugin.licence else []
    if not plugin.upstreams and not re.search(r"upstream: none\b", text, re.I):
        problems.append("upstreams is empty, and the docstring does not say 'Upstream: none'")
    return Finding(
        "declared", "a docstring with all parts, pile_set_name, licence, upstreams", "the class", _few(problems)
    )


def check_splits(source: Source) -> Finding:
    """Names of splits.

    Raises:
        ManifestError: the inputs cannot be listed.
    """
    names = [split.name for split in source.splits()]
    problems = [f"{name!r}: the name of {count} splits" for name, count in Counter(names).items() if count > 1]
    problems += [] if names == sorted(names) else ["the splits are not sorted by name"]
    problems += [f"{name!r} is a local path" for name in names if name.startswith("/")]
    return Finding("splits", "names sorted, unique, relative", _counted(len(names), "split"), _few(problems))


def check_documents(sample: Sample) -> Iterator[Finding]:
    """Everything about documents and rejects of the sample itself."""
    found = sample.first
    documents = [one for one in found if one.is_document]
    rejects = [one for one in found if one.rule and one.rule != BROKEN]
    tried = f"{_counted(len(documents), 'document')}, {_counted(len(rejects), 'reject')}"
    broken = [f"{one.key!r}: {one.where} raised {one.detail}" for one in found if one.rule == BROKEN]
    broken += [] if documents else ["the sample gives no document"]
    yield Finding("no exception", "every record a document or a Reject", tried, _few(broken))
    wrong = [f"{one.key!r}: {one.rule!r}" for one in rejects if not _RULE.fullmatch(one.rule)]
    text = type(sample.source).__doc__ or ""
    named = sorted({one.rule for one in rejects if one.rule not in text})
    wrong += [f"{rule!r}: the docstring does not name this rule" for rule in named]
    yield Finding("rules", "rejects by rules in snake_case that the docstring names", tried, _few(wrong))
    counts = Counter(one.key for one in found if one.rule != BROKEN)
    keys = [f"{key!r}: the key of {count} records" for key, count in counts.items() if count > 1]
    keys += [f"{key!r}: expected text that UTF-8 can hold" for key in counts if not _is_text(key)]
    keys += ["a record has an empty key"] if any(not one.key for one in found) else []
    yield Finding("keys", "unique, not empty", _counted(len(counts), "key"), _few(keys))
    yield Finding("texts", "not empty, no lone surrogates", tried, _few(_bad_texts(documents)))
    lines = [
        f"{one.key!r}: {one.text.count(chr(10)) / len(one.text):.0%} of its characters are line feeds"
        for one in documents
        if len(one.text) >= NEWLINES_JUDGED and one.text.count("\n") > MAX_NEWLINES * len(one.text)
    ]
    yield Finding("newlines", f"at most {MAX_NEWLINES:.0%} of a text", tried, _few(lines))
    metas = [f"{one.key!r}: {why}" for one in documents if (why := _bad_meta(one))]
    yield Finding("meta", "JSON values under text names", _counted(len(documents), "document"), _few(metas))


def check_repeated(sample: Sample) -> Iterator[Finding]:
    """The same records again: twice, in another order, in this process."""
    expected = "equal keys, texts, metadata and rejects"
    first = sample.first
    if not any(one.is_document for one in first):
        yield Finding("again", expected, "not tried: there is no document")
        return
    yield Finding("again", expected, "read twice", _differences(first, sample.read(sample.source)))
    again = sample.read(sample.source, backwards=True)
    yield Finding("order", expected, "files and splits from last to first", _differences(first, again))
    if any(one.rule == BROKEN for one in first):
        yield Finding("process", expected, "not tried: reading raised")
    else:
        here = read_inputs(sample.source)
        yield Finding("process", expected, "another process, hash seed, time zone", _differences(first, here))


def check_places(sample: Sample) -> Finding:
    """The same keys wherever the files lie."""
    found = []
    for depth in ("near", "some/where/else"):
        top = sample.new_folder() / depth
        for file in sample.files:
            copy_file(file, top / file.name)
        found.append((top, sample.read(sample.over(top))))
    problems = [f"{one.key!r} holds the folder's path" for top, each in found for one in each if str(top) in one.key]
    problems = problems or list(_differences(found[0][1], found[1][1]))
    expected = "equal keys, texts, metadata and rejects; no local path in a key"
    return Finding("places", expected, "copies in two folders", _few(problems))


def copy_file(file: InputFile, to: Path) -> None:
    """Copy an input, wherever it lies."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with open_input(file) as stored, to.open("wb") as copy:
        shutil.copyfileobj(stored, copy)


def _bad_texts(documents: list[Outcome]) -> list[str]:
    problems = []
    for one in documents:
        if not isinstance(one.text, str):
            problems.append(f"{one.key!r}: expected str, got {type(one.text).__name__}")
        elif not one.text.strip():
            problems.append(f"{one.key!r}: an empty text; expected a Reject such as no_text")
        elif not _is_text(one.text):
            problems.append(f"{one.key!r}: a lone surrogate")
    return problems


def _bad_meta(one: Outcome) -> str:
    try:
        packed = orjson.dumps(one.meta)
    except TypeError as error:
        return f"{error}"
    back = orjson.loads(packed)
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in one.meta.items()}
    return "" if back == plain else f"not the same after JSON: {one.meta!r:.200}"


def _differences(first: list[Outcome], second: list[Outcome]) -> tuple[str, ...]:
    """Records that two readings do not share, order aside."""
    left = {(one.key, one.rule, one.text): one for one in first}
    right = {(one.key, one.rule, one.text): one for one in second}
    problems = [f"{left[at].key!r}: {at[1] or 'document'} only the first time" for at in left if at not in right]
    problems += [f"{right[at].key!r}: {at[1] or 'document'} only the second time" for at in right if at not in left]
    problems += [
        f"{left[at].key!r}: metadata {left[at].meta} and {right[at].meta}"
        for at in left
        if at in right and left[at].meta != right[at].meta
    ]
    if not problems and len(first) != len(second):
        problems = [f"{len(first)} records, then {len(second)}"]
    return _few(problems)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _few(problems: list[str]) -> tuple[str, ...]:
    more = [f"and {len(problems) - MAX_PROBLEMS} more"] if len(problems) > MAX_PROBLEMS else []
    return tuple(problems[:MAX_PROBLEMS] + more)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
