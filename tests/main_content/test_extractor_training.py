"""Labels, their alignment with blocks, training to equal bytes, and the score of article-extraction-benchmark."""

import gzip
import json

import pytest
from typer.testing import CliRunner

from pile_builder.cli import app
from pile_builder.errors import ManifestError
from pile_builder.main_content.alignment import shares_in_truth
from pile_builder.main_content.labels import read_labels
from pile_builder.main_content.model import BlockModel
from pile_builder.main_content.page import read_page
from pile_builder.main_content.shingles import agreement, page_counts

SUBJECTS = ["river", "mountain", "garden", "engine", "library", "harbour", "forest", "kitchen", "orchard", "railway"]
VERBS = ["crosses", "follows", "feeds", "carries", "shelters", "warms", "divides", "joins"]


def labelled_page(number):
    """A page of a made-up host with navigation, an article and a footer, and the article's text."""
    first = [
        f"The {SUBJECTS[(number + k) % 10]} {VERBS[(number * 3 + k) % 8]} the old {SUBJECTS[(number * 7 + k) % 10]}, "
        f"and number {number * k} of them stays behind."
        for k in range(6)
    ]
    menu = "".join(f"<li><a href=/{name}>{name.title()} news</a></li>" for name in SUBJECTS)
    body = "".join(f"<p>{sentence}</p>" for sentence in first)
    html = (
        f"<title>{first[0]}</title><nav class=menu><ul>{menu}</ul></nav><div class=story-body><h1>{first[0]}</h1>{body}"
        f"</div><div class=related><a href=x>Read more about {SUBJECTS[number % 10]}</a></div>"
        "<footer>Copyright by nobody, all rights reserved. Terms, contact and imprint.</footer>"
    )
    return html, "\n".join(first)


def write_jsonl(path, pages=40):
    rows = []
    for number in range(pages):
        html, text = labelled_page(number)
        rows.append(json.dumps({"url": f"http://host{number}.example/{number}", "html": html, "text": text}))
    path.write_text("\n".join(rows) + "\n")
    return path


def test_labels_of_all_formats(tmp_path):
    html, text = labelled_page(1)
    benchmark = tmp_path / "benchmark"
    (benchmark / "html").mkdir(parents=True)
    truth = {key: {"articleBody": text, "url": f"https://{key}.example/x"} for key in ("b", "a", "c")}
    (benchmark / "ground-truth.json").write_text(json.dumps(truth))
    for key in truth:
        (benchmark / "html" / f"{key}.html.gz").write_bytes(gzip.compress(html.encode()))
    daniel = tmp_path / "daniel"
    for folder, content in (("html", html), ("reference", f"<p>{text}</p>\n")):
        (daniel / folder).mkdir(parents=True)
        (daniel / folder / "20200101_www.a.example_00").write_text(content)
    rows = write_jsonl(tmp_path / "rows.jsonl", 3)
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(rows.read_bytes()))
    assert [(page.key, page.host) for page in read_labels(str(benchmark))] == [(k, f"{k}.example") for k in "abc"]
    assert [page.key for page in read_labels(f"{benchmark}:odd")] == ["a", "c"]
    assert [page.key for page in read_labels(f"{benchmark}:even")] == ["b"]
    (page,) = read_labels(str(daniel))
    assert (page.host, page.text.strip(), page.html) == ("www.a.example", text, html)
    assert list(read_labels(str(rows))) == list(read_labels(f"{rows}.gz"))
    assert [page.host for page in read_labels(str(rows))] == ["host0.example", "host1.example", "host2.example"]
    with pytest.raises(ManifestError, match=r"expected labelled pages: a folder with ground-truth\.json"):
        next(read_labels(str(tmp_path)))
    rows.write_text('{"html": ""}\n')
    with pytest.raises(ManifestError, match=r"rows\.jsonl, line 1: expected an object with html, text and url"):
        list(read_labels(str(rows)))


def test_blocks_are_aligned_over_their_borders():
    page = read_page(
        "<ul><li>News<li>Sport</ul><h2>News</h2><p>Alpha beta gamma delta.</p><p>Epsilon</p><p>Share this</p>"
    )
    shares = shares_in_truth(page, "NEWS alpha beta gamma delta epsilon")
    assert shares.tolist() == [0, 0, 1, 1, 1, 0]


def test_score_is_that_of_the_benchmark():
    # Shingles: true abcd bcde, found bcde cdef.
    assert page_counts("a b c d e", "b c d e f") == (1 / 3, 1 / 3, 1 / 3)
    assert page_counts("a b", "a b") == (1.0, 0.0, 0.0)
    assert page_counts("中文网页", "中文网页吗") == (0.5, 0.5, 0.0)
    found = agreement([(1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, 0.0), (0.5, 0.5, 0.0)])
    # A page where nothing is found has no precision, one without text no recall.
    assert (found.precision, found.recall, found.pages) == (0.75, 2 / 3, 4)
    assert found.f1 == pytest.approx(2 * 0.75 * (2 / 3) / (0.75 + 2 / 3))


def test_training_twice_gives_the_same_bytes_and_a_model_that_finds_the_text(tmp_path):
    pytest.importorskip("lightgbm")
    labels = write_jsonl(tmp_path / "rows.jsonl")
    models = tmp_path / "one.trees", tmp_path / "two.trees"
    for path in models:
        done = CliRunner().invoke(app, ["extractor", "train", str(labels), "--out", str(path)], catch_exceptions=False)
        assert done.exit_code == 0
    assert models[0].read_bytes() == models[1].read_bytes()
    model = BlockModel.load(models[0])
    card = models[0].with_suffix(".md").read_text()
    assert model.digest in card
    assert "| rows.jsonl | 40 |" in card
    assert str(tmp_path) not in card
    done = CliRunner().invoke(
        app,
        ["extractor", "evaluate", f"{labels}:odd", "--model", str(models[0]), "--extractor", "blocks-alone"],
        catch_exceptions=False,
    )
    scores = done.stdout.splitlines()[-1].split()
    assert scores[0] == "blocks-alone"
    assert float(scores[1]) > 0.85


def test_an_unknown_extractor_is_an_error_that_names_the_known(tmp_path):
    labels = write_jsonl(tmp_path / "rows.jsonl", 1)
    with pytest.raises(ManifestError, match="extractor 'readability': expected one of blocks, "):
        CliRunner().invoke(
            app, ["extractor", "evaluate", str(labels), "--extractor", "readability"], catch_exceptions=False
        )
