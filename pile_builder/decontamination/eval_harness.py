"""Tasks of lm-evaluation-harness: the dataset, question and answer that a task's YAML file names.

Only what is data is read. What a task computes by Python functions has to be given in the eval set instead.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import yaml

from pile_builder.checked_yaml import check_size
from pile_builder.decontamination.eval_templates import Fields, Render, as_text, jinja, literal, template
from pile_builder.errors import ManifestError
from pile_builder.input_files import InputFile, open_input


@dataclass(frozen=True)
class Task:
    """What a task file says.

    Attributes:
        name: its `task`.
        dataset: its `dataset_path`.
        config: its `dataset_name`, or empty.
        splits: the one that is evaluated: its `test_split`, else its `validation_split`.
        options: its `dataset_kwargs`.
        question: text of its `doc_to_decontamination_query`, else of its `doc_to_text`.
        answer: text of its `doc_to_target`, or of the one of `doc_to_choice` that it is the number of.
    """

    name: str
    dataset: str
    config: str
    splits: tuple[str, ...]
    options: Mapping[str, Any]
    question: Render
    answer: Render


def load_task(file: InputFile, question: str = "", answer: str = "", splits: tuple[str, ...] = ()) -> Task:
    """Read a task file and what it includes.

    Args:
        file: the YAML file.
        question: a template that replaces the task's own.
        answer: the same of the answer.
        splits: replace the task's.

    Raises:
        ManifestError: not a task (a group of tasks is none), or something needed is missing or a Python function.
    """
    data = _load(file, ())
    if not isinstance(data.get("dataset_path"), str) or not isinstance(data.get("task"), str):
        msg = f"{file.url}: expected the file of one task, with `task` and `dataset_path`; it has {', '.join(data)}"
        raise ManifestError(msg)
    evaluated = data.get("test_split") or data.get("validation_split")
    if not evaluated and not splits:
        msg = f"{file.url}: neither test_split nor validation_split is given: give the set `splits`"
        raise ManifestError(msg)
    if not question:
        key = "doc_to_decontamination_query" if data.get("doc_to_decontamination_query") else "doc_to_text"
        question = data.get(key, "")
        if not isinstance(question, str) or not question or data.get("process_docs"):
            why = "its rows pass a Python function (process_docs)" if data.get("process_docs") else f"{key} is no text"
            msg = f"{file.url}: {why}: give the set a `question`, a template over the rows of {data['dataset_path']!r}"
            raise ManifestError(msg)
    target, choices = data.get("doc_to_target", ""), data.get("doc_to_choice")
    if not answer and (isinstance(target, _Function) or isinstance(choices, _Function)):
        msg = f"{file.url}: doc_to_target or doc_to_choice is a Python function: give the set an `answer`"
        raise ManifestError(msg)
    options = {key: value for key, value in (data.get("dataset_kwargs") or {}).items() if key != "trust_remote_code"}
    try:
        return Task(
            data["task"],
            data["dataset_path"],
            data.get("dataset_name") or "",
            splits or (str(evaluated),),
            options,
            template(question),
            template(answer) if answer else _answer(target, choices),
        )
    except ValueError as error:
        msg = f"{file.url}: {error}"
        raise ManifestError(msg) from error


def _answer(target: Any, choices: Any) -> Render:
    wanted = _field_or(jinja, str(target))
    listed = _field_or(literal, choices) if isinstance(choices, str) else None

    def render(fields: Fields) -> str:
        text = as_text(wanted(fields))
        options = choices if listed is None else listed(fields)
        if not options:
            return text
        try:
            options = ast.literal_eval(options) if isinstance(options, str) else options
            return as_text(options[int(text)]) if text.isdecimal() else text
        except (SyntaxError, ValueError, LookupError, TypeError) as error:
            msg = f"doc_to_choice {choices!r} has no number {text!r}: {error}. Fields of the row: {', '.join(fields)}"
            raise ManifestError(msg) from error

    return render


def _field_or(render: Any, text: str) -> Any:
    """A row's field if it has one of that name, else a template: in these files, words without braces are text."""
    rendered = render(text)
    return lambda fields: fields[text] if text in fields else rendered(fields)


class _Function:
    """A Python function that a task names by `!function`."""

    def __init__(self, *_: Any) -> None:
        pass


class _TaskLoader(yaml.SafeLoader):
    """YAML with `!function`."""

    yaml_constructors: ClassVar[dict[Any, Any]] = {**yaml.SafeLoader.yaml_constructors, "!function": _Function}


def _load(file: InputFile, including: tuple[str, ...]) -> dict[str, Any]:
    try:
        with open_input(file) as stream:
            data = yaml.load(stream, Loader=_TaskLoader)
        check_size(data)
    except (OSError, yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        msg = f"{file.url}: cannot be read as YAML: {error}"
        raise ManifestError(msg) from error
    if not isinstance(data, dict):
        msg = f"{file.url}: expected a mapping with task, dataset_path, ...; got {type(data).__name__}"
        raise ManifestError(msg)
    included = data.pop("include", None) or []
    merged: dict[str, Any] = {}
    for name in [included] if isinstance(included, str) else included:
        url = f"{file.url.rpartition('/')[0]}/{name}"
        if url in including:
            msg = f"{file.url}: includes {name}, which includes it"
            raise ManifestError(msg)
        merged |= _load(InputFile(name, url, 0), (*including, file.url))
    return merged | data
