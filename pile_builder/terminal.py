r"""What reaches the terminal: no control character of a dump's titles, keys and errors, no secret.

A title may hold escape sequences that rename the window, hide text or type commands; they are shown as `\x1b`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Any

import typer
from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from pile_builder.masking import mask

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Controls of C0 and C1 but tab and line feed, and those that change the direction of what follows."""


def shown(text: str) -> str:
    """Text as a terminal may show it: control characters spelled out, secrets masked."""
    return _CONTROLS.sub(_spelled, mask(text))


def echo(text: str = "", *, err: bool = False) -> None:
    """Print a line."""
    typer.echo(shown(text), err=err)


class Console(RichConsole):
    """A rich console that writes no control characters but its own, and reads markup only where `print` is told to."""

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, soft_wrap=soft_wrap, width=width, markup=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """A string as rich text; masked whole, because highlighting parts a URL."""
        return super().render_str(mask(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Segments of what is printed, their text as `shown` gives it."""
        for segment in super().render(renderable, options):
            text = segment.text
            yield segment if segment.control or text == "\n" else Segment(shown(text), segment.style)


class LogFormatter(logging.Formatter):
    """Formats log lines of libraries, which may quote what they were fed."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as a terminal may show it."""
        return shown(super().format(record))


def _spelled(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
