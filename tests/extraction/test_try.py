"""`pile extract try` as it is typed, on pages that are written here."""

import json
from pathlib import Path

import pytest
import typer.testing

from pile_builder.cli import app
from pile_builder.errors import PileError
from pile_builder.extraction.trials import look_at
from pile_builder.source import Raw
from tests.hostile.made import STORY

MENU = "".join(f'<li><a href="/{n}">Section {n}</a></li>' for n in range(12))
PAGE = f"""<html lang="en"><head><title>Tide tables</title></head><body><nav><ul>{MENU}</ul></nav>
<article><h1>Tide tables</h1><p>{STORY}</p><h2>What was counted</h2><p>{STORY.replace("ferry", "barge")}</p></article>
<footer>All rights reserved, and more of that</footer></body></html>"""
HOSTILE = PAGE.replace("All rights", "\x1b]0;owned\x07\x9b31m \u202e[bold red]x[/] All rights").replace(
    "Tide tables</title>", "\x1b[2J[link=http://evil.example]Tide[/link]</title>"
)


@pytest.fixture
def page(tmp_path: Path) -> str:
    (tmp_path / "page.html").write_text(PAGE)
    return str(tmp_path / "page.html")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, columns: int = 120, stdin: str | None = None) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    result = typer.testing.CliRunner().invoke(app, ["extract", "try", *arguments], input=stdin, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_all_extractors_with_marks_on_the_visible_lines(page: str, monkeypatch: pytest.MonkeyPatch):
    said = run(monkeypatch, page)
    for name in ("A  trafilatura", "B  blocks", "C  resiliparse", "D  justext"):
        assert name in said
    story = next(line for line in said.splitlines() if "The ferry left" in line)
    assert story.split()[:4] == ["●"] * 4
    menu = next(line for line in said.splitlines() if "Section 0" in line)
    assert menu.split()[:4] == ["·"] * 4
    assert "more lines" in said
    assert "lost by all" in said


def test_what_is_visible():
    figures = (
        "<figure><pre><code>import tides</code></pre><img alt=Unseen src=x><figcaption>A caption</figcaption></figure>"
    )
    hidden = "<script>var x</script><style>p{}</style><svg><text>Drawn</text></svg><p hidden>Hidden</p>"
    seen = look_at(Raw("x", PAGE.replace("<h2>", figures + hidden + "<h2>").encode(), "text/html")).visible
    assert all(text in seen for text in ("Section 0", "import tides", "A caption", "All rights reserved"))
    assert not any(text in seen for text in ("Unseen", "var x", "p{}", "Drawn", "Hidden"))


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_two_extractors_in_columns_as_wide_as_the_terminal(page: str, monkeypatch: pytest.MonkeyPatch, columns: int):
    said = run(monkeypatch, page, "-e", "trafilatura:precision", "-e", "resiliparse", columns=columns)
    rows = said[said.index("\n\n") :].splitlines()
    assert max(map(len, rows)) <= columns
    assert any("trafilatura:precision" in row and "resiliparse" in row for row in rows)
    assert any(row.count("The ferry") == 2 for row in rows)


def test_diff_shows_what_one_alone_kept(page: str, monkeypatch: pytest.MonkeyPatch):
    said = run(monkeypatch, page, "-e", "resiliparse", "-e", "justext", "--diff")
    assert "only resiliparse: " in said
    assert "The ferry" not in said


def test_json_is_all_of_it_in_ascii(monkeypatch: pytest.MonkeyPatch):
    found = json.loads(run(monkeypatch, "-", "--json", stdin=HOSTILE))
    assert found["page"]["name"] == "standard input"
    assert "\u202e[bold red]" in found["page"]["visible"]
    first = found["trials"][0]
    assert first["extractor"] == "trafilatura"
    assert first["reject"] is None
    assert first["seconds"] > 0
    assert 0.5 < first["kept_share"] < 1
    assert set(first["agreement"]) == {"blocks", "resiliparse", "justext"}
    assert STORY.strip() in first["text"]


def test_nothing_of_a_page_steers_the_terminal(monkeypatch: pytest.MonkeyPatch):
    for arguments in ((), ("--marks", "-e", "resiliparse"), ("--diff",)):
        said = run(monkeypatch, "-", *arguments, stdin=HOSTILE)
        assert not set(said) & set("\x1b\x07\x9b\x00\r\u202e"), arguments
        assert "[link=http://evil.example]" in said


def test_a_reject_is_that_of_a_build(monkeypatch: pytest.MonkeyPatch):
    said = run(monkeypatch, "-", stdin=PAGE.replace("<article>", "<div>" * 3_000))
    assert said.count("too_deep") >= 3
    assert "no visible text to compare with: too_deep" in said


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("trafilatur", "did you mean 'trafilatura'"),
        ("trafilatura:precison", "did you mean 'precision'"),
        ("resiliparse:fast", "unknown setting of resiliparse 'fast'"),
    ],
)
def test_what_is_typed_wrong(page: str, word: str, said: str):
    with pytest.raises(PileError, match=said):
        typer.testing.CliRunner().invoke(app, ["extract", "try", page, "-e", word], catch_exceptions=False)


def test_blocks_with_their_probabilities(page: str, monkeypatch: pytest.MonkeyPatch):
    said = run(monkeypatch, page, "--blocks", "-e", "blocks:alone", columns=100)
    rows = {
        text: line.split() for line in said.splitlines() for text in ("The ferry left", "Section 0") if text in line
    }
    assert float(rows["The ferry left"][0]) > 0.5 > float(rows["Section 0"][0])
    assert rows["The ferry left"][1] == "●"
    found = json.loads(run(monkeypatch, page, "--blocks", "-e", "blocks:alone", "--json"))
    assert any(block["kept"] and block["text"].startswith("The ferry left") for block in found["blocks"])
