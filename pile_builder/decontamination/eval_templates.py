"""Field templates: how a row of an eval set becomes text.

A template is a field's name (`question`), a dotted path (`answer.value`, `choices.0`) or a jinja2 template
(`{{ choices[answer] }}`), which sees the row's fields, and the whole row as `row` for names that are no identifiers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jinja2 import StrictUndefined, TemplateError, Undefined
from jinja2.sandbox import SandboxedEnvironment

from pile_builder.checked_yaml import unknown_word
from pile_builder.errors import ManifestError

Fields = Mapping[str, Any]
Render = Callable[[Fields], str]


def template(text: str) -> Render:
    """What makes text of a row's fields; it raises ManifestError naming the fields when one is missing or no text.

    Raises:
        ValueError: not valid jinja2.
    """
    return jinja(text) if "{{" in text or "{%" in text else lambda fields: as_text(field(fields, text))


def jinja(text: str, environment: SandboxedEnvironment | None = None) -> Render:
    """`template` of text that is jinja2 even if it has no braces."""
    try:
        compiled = (environment or _TEXT).from_string(text)
    except TemplateError as error:
        msg = f"not a valid jinja2 template: {error}; got {text!r}"
        raise ValueError(msg) from error

    def render(fields: Fields) -> str:
        try:
            return compiled.render({"row": fields, **fields})
        except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            msg = f"{text!r}: {error}. Fields of the row: {', '.join(fields) or 'none'}"
            raise ManifestError(msg) from error

    return render


def literal(text: str) -> Render:
    """`jinja` that writes values as Python does, lists with their brackets."""
    return jinja(text, _PYTHON)


def field(fields: Any, path: str) -> Any:
    """What lies at a dotted path: keys of objects, positions of lists; a key that itself has dots comes first."""
    if isinstance(fields, Mapping) and path in fields:
        return fields[path]
    here = fields
    for part in path.split("."):
        if isinstance(here, Mapping) and part in here:
            here = here[part]
        elif isinstance(here, list) and part.isdecimal() and int(part) < len(here):
            here = here[int(part)]
        else:
            known = here if isinstance(here, Mapping) else map(str, range(len(here) if isinstance(here, list) else 0))
            within = "" if part == path else f"{path!r}: "
            raise ManifestError(within + unknown_word("field", part, known))
    return here


def as_text(value: Any) -> str:
    """Text of a JSON value: numbers and booleans as Python writes them, null as nothing, lists joined by a space.

    Raises:
        ManifestError: an object, or anything else that has no obvious text.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, (int, float, Undefined)):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return " ".join(as_text(each) for each in value)
    kind = f"an object with {', '.join(map(str, value))}" if isinstance(value, Mapping) else type(value).__name__
    msg = f"expected text, a number or a list; got {kind}"
    raise ManifestError(msg)


_TEXT = SandboxedEnvironment(undefined=StrictUndefined, finalize=as_text)
_PYTHON = SandboxedEnvironment(undefined=StrictUndefined)
