"""Reading YAML into frozen models, with errors that name file, field, what was expected and the nearest valid word."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from pile_builder.errors import ManifestError
from pile_builder.input_files import is_remote
from pile_builder.masking import is_secret, mask

MAX_VALUES = 1_000_000
"""Most values in a YAML file, its aliases written out."""
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


class Model(BaseModel):
    """Base of what users write in YAML: frozen, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def read_yaml(path: Path, model: type[BaseModel]) -> dict[str, Any]:
    """The mapping in a YAML file that is to become a `model`; nothing is expanded or checked yet.

    Raises:
        ManifestError: the file cannot be read, is not YAML, gives a key twice, or holds no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: cannot be read: {error}"
        raise ManifestError(msg) from error
    try:
        data = yaml.load(text, Loader=_UniqueKeyLoader)
        check_size(data)
    # Besides its own errors, yaml lets through what Python says of dates, numbers, keys and nesting.
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        msg = f"{path}: not valid YAML: {error}"
        raise ManifestError(msg) from error
    if not isinstance(data, dict):
        msg = f"{path}: expected a mapping with the keys {', '.join(model.model_fields)}; got {type(data).__name__}"
        raise ManifestError(msg)
    return data


def check_size(data: Any) -> None:
    """Make sure that YAML data, its aliases written out, has at most `MAX_VALUES` values.

    Raises:
        ValueError: it has more, or holds itself.
    """
    sizes: dict[int, int] = {}

    def size(value: Any) -> int:
        if not isinstance(value, dict | list):
            return 1
        known = sizes.get(id(value))
        if known is None:
            sizes[id(value)] = MAX_VALUES + 1  # what a value that holds itself finds
            inside = value.values() if isinstance(value, dict) else value
            known = sizes[id(value)] = 1 + sum(map(size, inside))
        return known

    if size(data) > MAX_VALUES:
        msg = f"expected at most {MAX_VALUES:,} values; aliases make more of it, or hold themselves"
        raise ValueError(msg)


def absolute(root: Any, base: Path) -> str:
    """A root as written, absolute: URLs as they are, paths relative to `base`."""
    given = str(root or "")
    return given if is_remote(given) else os.path.normpath(base.absolute() / given)


def expand(value: Any, file: str, field: str, environment: Mapping[str, str]) -> Any:
    """Replace `${VAR}` and `${VAR:-default}` in every string of YAML data; `file` and `field` are named in errors.

    Raises:
        ManifestError: a variable is not set and has no default.
    """
    if isinstance(value, str):

        def variable(match: re.Match[str]) -> str:
            name, default = match.groups()
            if name not in environment and default is None:
                msg = (
                    f"{file}: {field}: ${{{name}}} is not set in the environment; set it, or write ${{{name}:-default}}"
                )
                raise ManifestError(msg)
            return environment.get(name, default)

        return _VARIABLE.sub(variable, value)
    if isinstance(value, Mapping):
        return {
            key: expand(each, file, f"{field}.{key}" if field else str(key), environment) for key, each in value.items()
        }
    if isinstance(value, list):
        return [expand(each, file, f"{field}.{i}", environment) for i, each in enumerate(value)]
    return value


def explain(
    file: str,
    model: type[BaseModel],
    error: ValidationError,
    leave_out: set[str] | None = None,
    written: Mapping[str, Any] | None = None,
) -> Iterator[str]:
    """What is wrong with data that a model refused, a line per problem: file, field, what was expected, what came.

    Args:
        file: named in each line, or whatever else the fields lie in.
        model: that refused the data.
        error: how it did.
        leave_out: fields that are not proposed.
        written: says what came in place of the data, whose variables are expanded.
    """
    for problem in error.errors(include_url=False):
        where = ".".join(str(part) for part in problem["loc"])
        context = problem.get("ctx", {})
        if problem["type"] == "extra_forbidden":
            known = [word for word in _fields_at(model, problem["loc"][:-1]) if word not in (leave_out or ())]
            yield f"{file}: {where}: {unknown_word('key', str(problem['loc'][-1]), known)}"
        elif problem["type"] == "union_tag_invalid":
            tags = [_unquoted(one) for one in context["expected_tags"].split(",")]
            field = _unquoted(context["discriminator"])
            yield f"{file}: {where}.{field}: {unknown_word(field, context['tag'], tags)}"
        elif problem["type"] == "union_tag_not_found":
            yield f"{file}: {where}.{_unquoted(context['discriminator'])}: required and not given"
        elif problem["type"] == "missing":
            yield f"{file}: {where}: required and not given"
        elif problem["type"] == "value_error":
            yield f"{file}: {where + ': ' if where else ''}{problem['msg'].removeprefix('Value error, ')}"
        else:
            came = problem["input"] if written is None else _at(written, problem["loc"])
            yield f"{file}: {where}: {problem['msg'][0].lower() + problem['msg'][1:]}; {_given(problem['loc'], came)}"


def _unquoted(text: str) -> str:
    return text.strip("' ")


def _at(data: Any, location: tuple[int | str, ...]) -> Any:
    """What data hold at a location; its parts that are no keys there name members of a union."""
    for part in location:
        is_there = part in data if isinstance(data, Mapping) else isinstance(data, list) and isinstance(part, int)
        data = data[part] if is_there else data
    return data


def _given(location: tuple[int | str, ...], came: Any) -> str:
    """The end of an error that says what came, unless that is a secret."""
    if any(is_secret(str(part)) for part in location):
        return "what came is a secret and not shown"
    return f"got {mask(repr(came))}"


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Keys that are valid at a place inside a model."""
    here: Any = model
    for part in location:
        if isinstance(part, int):
            continue  # a position in a list, whose models were taken with the field
        if isinstance(here, type) and issubclass(here, BaseModel):
            field = here.model_fields.get(str(part))
            here = field.annotation if field else None
        else:
            # A member of a union, or a key of a mapping of models, which holds the mapping's last type argument.
            named = [one for one in _members(here) if any(field.default == part for field in one.model_fields.values())]
            here = named[0] if named else getattr(here, "__args__", (None,))[-1]
        arguments = [one for one in getattr(here, "__args__", ()) if isinstance(one, type) and one is not type(None)]
        if len(arguments) == 1 and getattr(here, "__origin__", None) is not dict:
            here = arguments[0]
    return list(here.model_fields) if isinstance(here, type) and issubclass(here, BaseModel) else []


def _members(union: Any) -> list[type[BaseModel]]:
    """The models of a union of models, annotated or not."""
    if get_origin(union) is Annotated:
        return _members(get_args(union)[0])
    if get_origin(union) not in (Union, UnionType):
        return []
    return [one for one in get_args(union) if isinstance(one, type) and issubclass(one, BaseModel)]


def unknown_word(kind: str, word: str, known: Iterable[str]) -> str:
    """The end of an error about a word that is not valid, with the nearest one that is and all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown {kind} {word!r}{hint} Valid: {', '.join(known) or 'none here'}"


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML in which a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=deep)
            if key in seen:
                msg = f"key {key!r} is given twice"
                raise yaml.constructor.ConstructorError(None, None, msg, key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)
