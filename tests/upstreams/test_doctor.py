"""Looks at upstreams of every kind of health."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.testing

from pile_builder.cli import app
from pile_builder.errors import ManifestError
from pile_builder.source import Upstream
from pile_builder.sources.books import Books
from pile_builder.upstreams.doctor import look, read_record
from pile_builder.upstreams.parts import busy_share, splits_of
from tests.upstreams.misbehaving import CONTENT, serving


@pytest.fixture
def server() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.mark.parametrize(
    ("name", "state", "detail"),
    [
        ("whole.bin", "alive", ""),
        ("gone.bin", "gone", "HTTP 404"),
        ("always_busy.bin", "busy", "HTTP 429, wait 0 s"),
        ("silent.bin", "unreachable", "no connection"),
        ("loop.bin", "unreachable", "redirected without end"),
        ("page.html", "alive", ""),
    ],
)
def test_states(server: str, name: str, state: str, detail: str):
    found = look(f"{server}/{name}", (2, 2))
    assert (found.state, found.detail) == (state, detail)


def test_what_is_seen_of_a_file_and_not_of_a_page(server: str):
    assert look(f"{server}/whole.bin").size == len(CONTENT)
    assert look(f"{server}/table.csv").head == "id,title,year"
    assert look(f"{server}/page.html").etag == ""
    assert look("http://127.0.0.1:1/x").state == "unreachable"


def test_a_change_is_told_against_the_record(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setattr(Books, "upstreams", (Upstream(f"{server}/changing.bin", 1, 1, 1),))
    command = ["sources", "doctor", "books", "--file", str(tmp_path / "seen.json")]
    run = typer.testing.CliRunner().invoke
    assert run(app, [*command, "--record"]).exit_code == 0
    result = run(app, command)
    assert result.exit_code == 1
    assert 'etag: "one" before, "two" now' in result.output
    assert run(app, [*command, "--record"]).exit_code == 0
    assert run(app, command).exit_code == 0


def test_splits_of_a_dump_on_paper():
    large, small, one = Upstream("", 90 << 40, 1, 1 << 30), Upstream("", 12 << 30, 1, 400 << 10), Upstream("", 5, 1, 5)
    assert splits_of(large) == 92_160
    assert splits_of(small) == 192
    assert splits_of(one) == 1
    assert busy_share(192, 1_000) == 0.192
    assert busy_share(1_500, 1_000) == 0.75
    assert "92,160" in typer.testing.CliRunner().invoke(app, ["sources", "splits"]).output


def test_offline_says_so_and_a_damaged_record_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Books, "upstreams", (Upstream("http://127.0.0.1:1/x", 1, 1, 1),))
    result = typer.testing.CliRunner().invoke(app, ["sources", "doctor", "books", "--file", str(tmp_path / "x")])
    assert result.exit_code == 1
    assert "offline" in result.output
    (tmp_path / "x").write_text("[1]")
    with pytest.raises(ManifestError, match="doctor --record"):
        read_record(tmp_path / "x")
