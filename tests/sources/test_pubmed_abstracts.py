"""The PubMed source on its samples, on odd records, and on real ones where they are at hand."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections import Counter
from pathlib import Path

import pytest

from pile_builder.source import Document, Fragment, Reject
from pile_builder.sources.pubmed_abstracts import PubmedAbstracts
from tests.sources.joining import joined

SAMPLES = Path(__file__).parents[2] / "samples" / "pubmed_abstracts"


def source(root: Path = SAMPLES, inputs: tuple[str, ...] = (".",), **config: object) -> PubmedAbstracts:
    return PubmedAbstracts(PubmedAbstracts.Config(inputs=inputs, root=str(root), **config))


def record(abstract: str, file: str = "n1", version: int = 1) -> Fragment:
    article = f"<Article><ArticleTitle>A title.</ArticleTitle><Abstract>{abstract}</Abstract></Article>"
    payload = f"<PubmedArticle><MedlineCitation><PMID>1</PMID>{article}</MedlineCitation></PubmedArticle>"
    return Fragment("1", payload.encode(), file, {"version": version})


def text(*parts: Fragment) -> str:
    made = source().join("1", sorted(parts, key=lambda one: (one.order, one.payload)))
    return made.text if isinstance(made, Document) else made.rule


def test_samples() -> None:
    found = joined(source())
    assert {key: one.rule for key, one in found.items() if isinstance(one, Reject)} == {
        "99000003": "in_pmc",
        "99000004": "no_abstract",
        "99000005": "no_title",
        "99000007": "deleted",
        "99000999": "deleted",
        "pubmed26n0001.xml.gz:10": "damaged",
        "pubmed26n0002.xml.gz": "truncated",
    }
    documents = {key: one for key, one in found.items() if isinstance(one, Document)}
    assert {key: hashlib.sha256(one.text.encode()).hexdigest()[:16] for key, one in documents.items()} == {
        "99000001": "8d47fc7392fde0ab",
        "99000002": "a6f00d3acc8dd482",
        "99000006": "0b3a93b62ae90d22",
        "99000008": "ecde9fea27032c9d",
        "99000101": "43fd6aa95180bcf1",
    }
    assert documents["99000101"].text == (
        "Limescale in *domestic* kettles: a cohort study.\n\nBACKGROUND: Hard water leaves CaCO~3~ in kettles "
        "(*scale*).\n\nMETHODS: Methods of weighing were compared in 10^2^ kettles.\n\nThe study is registered nowhere."
    )
    assert documents["99000101"].meta == {
        "title": "Limescale in domestic kettles: a cohort study.",
        "pmid": "99000101",
        "url": "https://pubmed.ncbi.nlm.nih.gov/99000101/",
        "doi": "10.0000/jks.1",
        "journal": "Journal of Kettle Studies",
        "date": "2018-03-05",
        "language": "eng",
    }
    assert documents["99000002"].text == (
        "Why tea stains do not come out of a cup with soap alone.\n\nStains of tea hold to the glaze by way of "
        "calcium. Soap does not take calcium up, and so the stain stays; a little acid does."
    )
    assert documents["99000002"].meta["date"] == "1987" and documents["99000002"].meta["doi"] == "10.0000/zt.2"
    assert "the slope is $\\frac{a}{b}$ in all" in documents["99000001"].text
    assert documents["99000008"].text.startswith("A record that the next file corrects.")
    assert documents["99000006"].text.startswith("Kettles: A Guideline\n\nThis guideline")


def test_the_newest_version_wins_whatever_the_order() -> None:
    names = ("pubmed26n0003.xml.gz", "pubmed26n0001.xml.gz")
    assert joined(source(inputs=names)) == joined(source(inputs=names[::-1]))
    alone = joined(source(inputs=names[1:]))
    assert isinstance(alone["99000007"], Document) and "corects" in alone["99000008"].text
    words = "one two three four five six seven eight nine ten"
    first, second, third = (
        record(f"<AbstractText>{words} {file}</AbstractText>", file, version)
        for file, version in [("n1", 1), ("n2", 2), ("n3", 1)]
    )
    deletion = Fragment("1", b"", "n2", {"deletes": 1})
    assert text(first, second, third).endswith("n2")
    assert text(first, third).endswith("n3")
    assert text(first, deletion) == text(deletion) == "deleted"
    assert text(first, second, deletion).endswith("n2")
    # Entered anew after its deletion.
    assert text(first, deletion, third).endswith("n3")


def test_as_the_pile_did() -> None:
    found = joined(source(compat="pile-2020"))
    assert found["99000101"] == Document(
        "Limescale in domestic kettles: a cohort study.\nHard water leaves CaCO3 in kettles ( scale). Methods of "
        "weighing were compared in 102 kettles. The study is registered nowhere.",
        {"pmid": "99000101", "language": "eng"},
    )
    assert isinstance(joined(source(without_pmc=False))["99000003"], Document)


@pytest.mark.parametrize(
    ("abstract", "expected"),
    [
        ("<AbstractText/>", "no_abstract"),
        ("<AbstractText>No abstract available.</AbstractText>", "no_abstract"),
        ("<AbstractText Label='AIM'>Aim: one two three four five six seven eight nine.</AbstractText>",
         "A title.\n\nAim: one two three four five six seven eight nine."),
        ("<AbstractText>One two three four five six seven eight nine ten. © 2014 A Press. All rights.</AbstractText>",
         "A title.\n\nOne two three four five six seven eight nine ten."),
        ("<AbstractText>In 2014 we asked what (c) in 1990 meant, and why anybody wrote it.</AbstractText>",
         "A title.\n\nIn 2014 we asked what (c) in 1990 meant, and why anybody wrote it."),
    ],
)  # fmt: skip
def test_abstracts(abstract: str, expected: str) -> None:
    assert text(record(abstract)) == expected


def test_long_runs_are_no_work() -> None:
    assert len(text(record(f"<AbstractText>{'One two three. ' * 10} {'(c)' * 20_000}</AbstractText>"))) > 60_000


def test_hostile_files(tmp_path: Path) -> None:
    bomb = (
        '<!DOCTYPE r [<!ENTITY a "ha ">]><PubmedArticleSet>' + "<PubmedArticle><MedlineCitation><PMID>1</PMID>&a;" * 300
    )
    (tmp_path / "a.xml.gz").write_bytes(gzip.compress(bomb.encode()))
    (tmp_path / "b.xml").write_bytes(b"not XML at all")
    (tmp_path / "c.xml.gz").write_bytes(gzip.compress(bytes(80 << 20)))
    rules = [one.rule for one in joined(source(tmp_path)).values() if isinstance(one, Reject)]
    assert len(rules) == 3 and set(rules) <= {"damaged", "truncated", "bomb"}


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="needs real inputs in PILE_DATA")
def test_real_records() -> None:
    root = Path(os.environ["PILE_DATA"])
    found = joined(source(root, ("pubmed_abstracts",), without_pmc=False))
    assert Counter(getattr(one, "rule", "") for one in found.values()) == {"": 94, "no_abstract": 7, "damaged": 3}
    for one in found.values():
        if isinstance(one, Document):
            assert "All rights reserved" not in one.text and "<" not in one.text[:100] and one.meta["pmid"]
    in_pmc = joined(source(root, ("pubmed_abstracts",)))
    assert Counter(getattr(one, "rule", "") for one in in_pmc.values())["in_pmc"] == 48
