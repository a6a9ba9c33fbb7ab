"""`pile sources list|test|try` as they are typed."""

from pathlib import Path

import pytest
import typer.testing

from pile_builder.cli import app
from pile_builder.errors import ManifestError

BOOKS = str(Path(__file__).parents[1] / "samples" / "books")


def run(*arguments: str) -> typer.testing.Result:
    return typer.testing.CliRunner().invoke(app, ["sources", *arguments])


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


def test_list_says_component_licence_and_on_what_it_was_tried():
    line = next(line for line in run("list").output.splitlines() if line.startswith("books"))
    assert "Gutenberg (PG-19)" in line
    assert "public domain" in line
    assert "upstream bytes" in line


def test_try_shows_records_beside_documents_and_rejects():
    said = run("try", "books", BOOKS, "-n", "50").output
    assert "document, " in said
    assert "reject: " in said
    assert "000000 50 4b 03 04" in said


def test_try_draws_the_same_records_by_seed():
    first, again, other = (run("try", "books", BOOKS, "-n", "3", "--seed", seed).output for seed in ("1", "1", "2"))
    assert first == again != other


def test_try_lets_no_control_character_through(tmp_path: Path):
    (tmp_path / "a.txt").write_bytes(b"\x1b]0;evil\x07 " + b"words of a book \n" * 40)
    said = run("try", "books", str(tmp_path / "a.txt")).output
    assert "\x1b" not in said
    assert "\\x1b" in said


def test_test_ends_with_status_1_and_the_record(tmp_path: Path):
    (tmp_path / "a.txt").write_bytes(b"hello\n")
    result = run("test", "books", str(tmp_path))
    assert result.exit_code == 1
    assert "the sample gives no document" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["try", "bookss", "x"], "did you mean 'books'"),
        (["try", "books", "/nowhere/x.txt"], "there is nothing at"),
        (["try", "books", BOOKS, "-o", "metadata"], "expected KEY=VALUE"),
        (["try", "books", BOOKS, "-o", "metdata=1"], "metadata"),
        (["try", "books", BOOKS, "-o", "metadata=[x"], "YAML"),
    ],
)
def test_what_is_typed_wrong(arguments: list[str], said: str):
    with pytest.raises(ManifestError, match=said.replace("?", "\\?")):
        typer.testing.CliRunner().invoke(app, ["sources", *arguments], catch_exceptions=False)
