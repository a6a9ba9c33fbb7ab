"""Eval sets: which there are, and the items that they protect.

`load_eval_list` reads and checks a list of sets as in manifests/evals; `load_items` streams a set's items. An eval that
cannot be read is an error, never a set without items: it would protect nothing and nobody would know.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from pile_builder.checked_yaml import Model, expand, explain, read_yaml
from pile_builder.decontamination.eval_harness import load_task
from pile_builder.decontamination.eval_rows import Row, dataset_rows, file_rows
from pile_builder.decontamination.eval_templates import Render, template
from pile_builder.decontamination.items import EvalItem
from pile_builder.errors import ManifestError
from pile_builder.input_files import InputFile, list_files

Action = Literal["tag", "cut", "drop"]
"""What happens to a document that holds an item: it is noted, the passage is cut out, or the document is dropped."""

_TEMPLATE = "a field, a dotted path or a jinja2 template"


class EvalSet(Model):
    """One eval set: where its rows are and which of their fields are protected."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", description="lower-case name of the set")
    files: tuple[str, ...] = Field((), description="jsonl, json, csv, tsv or parquet files, or globs")
    dataset: str = Field("", description="Hugging Face dataset; a folder if it starts with / or ./")
    harness: tuple[str, ...] = Field((), description="task files of lm-evaluation-harness, or globs")
    question: str = Field("", description=f"{_TEMPLATE}; replaces the task's in a harness set")
    answer: str = Field("", description=f"{_TEMPLATE}; empty if the question has it all")
    id: str = Field("", description=f"{_TEMPLATE} that tells rows apart; file-stem:row if empty")
    action: Action = Field("cut", description="what happens to a document with a match")
    records: str = Field("", description="json files: dotted path of the list of rows; their only list if empty")
    columns: tuple[str, ...] = Field((), description="csv and tsv files without a header: names of the columns")
    config: str = Field("", description="dataset: its configuration (subset)")
    splits: tuple[str, ...] = Field((), description="dataset: its splits, test if empty; harness: the task's if empty")
    revision: str = Field("", description="dataset: branch, tag or commit")

    @field_validator("question", "answer", "id")
    @classmethod
    def _compiles(cls, text: str) -> str:
        template(text)
        return text

    @model_validator(mode="after")
    def _consistent(self) -> EvalSet:
        kinds = [kind for kind in ("files", "dataset", "harness") if getattr(self, kind)]
        if len(kinds) != 1:
            msg = f"a set has one of files, dataset and harness; {self.name!r} has {' and '.join(kinds) or 'none'}"
            raise ValueError(msg)
        if not self.question and not self.harness:
            msg = f"question: required and not given in {self.name!r}: {_TEMPLATE}"
            raise ValueError(msg)
        for option, kind in _BELONGS.items():
            if getattr(self, option) and kinds[0] not in kind:
                msg = f"{option} belongs to {' and '.join(kind)}; {self.name!r} has {kinds[0]}"
                raise ValueError(msg)
        return self


_BELONGS = {
    "records": ("files",),
    "columns": ("files",),
    "config": ("dataset",),
    "revision": ("dataset",),
    "splits": ("dataset", "harness"),
}


class EvalList(Model):
    """A file of manifests/evals: its own sets, and those of the files that it includes."""

    include: tuple[str, ...] = Field((), description="other such files, relative to this one")
    evals: tuple[EvalSet, ...] = ()


def load_eval_list(path: str | Path, environment: Mapping[str, str] | None = None) -> list[EvalSet]:
    """Read and check a list of eval sets.

    Args:
        path: a YAML file with `evals`, `include`, or both.
        environment: what `${VAR}` and `${VAR:-default}` expand from; the process environment by default.

    Raises:
        ManifestError: with file, field, what was expected, what came, and the nearest valid word.
    """
    sets = list(_listed(Path(path), os.environ if environment is None else environment, ()))
    names = [each.name for each in sets]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice or not sets:
        msg = f"{path}: {f'eval set {twice!r} is given twice' if twice else 'lists no eval set'}"
        raise ManifestError(msg)
    return sets


def load_eval_lists(paths: Iterable[str | Path], environment: Mapping[str, str] | None = None) -> list[EvalSet]:
    """The sets of several lists.

    Raises:
        ManifestError: as `load_eval_list`, or two lists have a set of the same name.
    """
    where: dict[str, str | Path] = {}
    sets = []
    for path in paths:
        for one in load_eval_list(path, environment):
            if one.name in where:
                msg = f"eval set {one.name!r} is in two lists, {where[one.name]} and {path}: leave one of them out"
                raise ManifestError(msg)
            where[one.name] = path
            sets.append(one)
    return sets


def eval_files(eval_set: EvalSet, root: str) -> list[InputFile]:
    """Files on which a set's items depend, as far as they are files.

    Raises:
        ManifestError: one is missing.
    """
    return _files((*eval_set.files, *eval_set.harness), root)


def load_items(eval_set: EvalSet, root: str) -> Iterator[EvalItem]:
    """The items of a set, streamed, in the order of its files (by name within a glob) and rows.

    Args:
        eval_set: which rows, and what is protected of each.
        root: what its relative paths are relative to: a folder or an fsspec URL.

    Raises:
        ManifestError: something cannot be read, a row lacks a field or has an empty question, two items have one id, or
            there is no item; with file, row, field and the fields that the row has.
    """
    seen: set[str] = set()
    id_of = template(eval_set.id) if eval_set.id else None
    try:
        for row, prefix, question_of, answer_of in _rows(eval_set, root):
            question = _text(question_of, row, "question")
            if not question.strip():
                msg = f"{row.where}: question is empty. Fields of the row: {', '.join(row.fields)}"
                raise ManifestError(msg)  # noqa: TRY301
            key = prefix + (_text(id_of, row, "id") if id_of else row.id)
            if key in seen:
                msg = f"{row.where}: id {key!r} is given twice: choose another `id`, or none to number the rows"
                raise ManifestError(msg)  # noqa: TRY301
            seen.add(key)
            yield EvalItem(eval_set.name, key, question, _text(answer_of, row, "answer"))
        if not seen:
            msg = f"there is no item in {', '.join(eval_set.files or eval_set.harness or (eval_set.dataset,))}"
            raise ManifestError(msg)  # noqa: TRY301
    except ManifestError as error:
        msg = f"eval set {eval_set.name!r}: {error}"
        raise ManifestError(msg) from error


def _listed(path: Path, environment: Mapping[str, str], including: tuple[Path, ...]) -> Iterator[EvalSet]:
    data = read_yaml(path, EvalList)
    try:
        listed = EvalList.model_validate(expand(data, str(path), "", environment))
    except ValidationError as error:
        raise ManifestError("\n".join(explain(str(path), EvalList, error))) from error
    for name in listed.include:
        if (path.parent / name).resolve() in (each.resolve() for each in (*including, path)):
            msg = f"{path}: include: {name} includes this file"
            raise ManifestError(msg)
        yield from _listed(path.parent / name, environment, (*including, path))
    yield from listed.evals


def _rows(eval_set: EvalSet, root: str) -> Iterator[tuple[Row, str, Render, Render]]:
    """Rows, what their ids start with, and what makes question and answer of them."""
    question, answer = template(eval_set.question), template(eval_set.answer) if eval_set.answer else _nothing
    if eval_set.files:
        for row in file_rows(_files(eval_set.files, root), eval_set.records, eval_set.columns):
            yield row, "", question, answer
    elif eval_set.dataset:
        options = {"revision": eval_set.revision} if eval_set.revision else {}
        for row in dataset_rows(eval_set.dataset, eval_set.config, eval_set.splits or ("test",), root, options):
            yield row, "", question, answer
    for file in _files(eval_set.harness, root):
        task = load_task(file, eval_set.question, eval_set.answer, eval_set.splits)
        for row in dataset_rows(task.dataset, task.config, task.splits, root, task.options):
            yield row, f"{task.name}:", task.question, task.answer


def _files(patterns: Iterable[str], root: str) -> list[InputFile]:
    """Files of all patterns, each once."""
    return list({file.url: file for pattern in patterns for file in list_files(pattern, root)}.values())


def _text(render: Render, row: Row, name: str) -> str:
    try:
        # A lone surrogate has no UTF-8, so no document contains one.
        return render(row.fields).encode(errors="replace").decode()
    except ManifestError as error:
        msg = f"{row.where}: {name}: {error}"
        raise ManifestError(msg) from error


def _nothing(_: object) -> str:
    return ""
