"""F1 on labelled pages that no model was trained on (`PILE_DATA`), and texts of pages of other kinds."""

import os
from pathlib import Path

import pytest

from pile_builder.main_content import extract
from pile_builder.main_content.evaluate import evaluate
from pile_builder.main_content.labels import read_labels

PAGES = Path(__file__).parent / "pages"


@pytest.mark.parametrize("name", sorted(path.stem for path in PAGES.glob("*.html")))
def test_page_by_page(name):
    found = extract((PAGES / f"{name}.html").read_text())
    assert found.text + "\n" == (PAGES / f"{name}.txt").read_text()


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="PILE_DATA is not set")
@pytest.mark.parametrize(("labels", "least"), [("web-gold:even", 0.955), ("web-gold-multilingual", 0.88)])
def test_agreement_with_labels(labels, least):
    pages = list(read_labels(f"{os.environ['PILE_DATA']}/{labels}"))
    assert evaluate(pages, "blocks-alone").agreement.f1 >= least
