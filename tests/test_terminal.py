"""Escape sequences, markup and secrets of what is printed stay text."""

import io
import logging
import sys

import pytest
from rich.table import Table

from pile_builder.terminal import Console, LogFormatter, echo, shown

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\x00\r\u202e[bold red]x[/bold red][link=http://evil.example]y[/link]{{7*7}}"


def _printed(capsys: pytest.CaptureFixture[str], thing: object) -> str:
    console = Console()
    console.print(thing)
    console.print(thing, style="bold red", highlight=False, soft_wrap=True)
    return capsys.readouterr().out


def test_no_control_character_of_the_data_is_written(capsys: pytest.CaptureFixture[str]):
    table = Table("a", HOSTILE)
    table.add_row(HOSTILE, HOSTILE)
    for thing in (HOSTILE, table):
        printed = _printed(capsys, thing)
        assert not set(printed) & set("\x1b\x07\x9b\x00\r\u202e"), repr(printed)
    assert "\\x1b" in _printed(capsys, HOSTILE)
    assert "[bold red]x[/bold red]" in _printed(capsys, HOSTILE)
    assert "[link=" in _printed(capsys, HOSTILE)
    echo(HOSTILE)
    assert not set(capsys.readouterr().out) & set("\x1b\x07\x9b\x00\r")


def test_colours_of_the_program_are_its_own(monkeypatch: pytest.MonkeyPatch):
    written = io.StringIO()
    monkeypatch.setattr(sys, "stdout", written)
    monkeypatch.setenv("FORCE_COLOR", "1")
    Console().print("[bold]mine[/]", markup=True)
    Console().print("[bold]theirs[/]\x1b[8m", highlight=False)
    assert "\x1b[1mmine\x1b[0m" in written.getvalue()
    assert "\x1b[8m" not in written.getvalue()
    assert "[bold]theirs" in written.getvalue()


def test_log_lines_are_shown_too():
    record = logging.LogRecord("x", logging.ERROR, "", 1, "discarding %s", (HOSTILE,), None)
    assert "\x1b" not in LogFormatter("%(message)s").format(record)


def test_text_without_such_characters_is_as_it_was():
    for text in ("plain", "déjà vu\n\ttab", "日本語 🙂", ""):
        assert shown(text) == text
