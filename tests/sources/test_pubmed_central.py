"""The PubMed Central source on its samples, on damaged articles, and on real ones where they are at hand."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from pathlib import Path

import pytest
from lxml import etree

from pile_builder.source import Document, Raw, Reject, Skipped
from pile_builder.sources.mathml import tex_of_latex, tex_of_mathml
from pile_builder.sources.pubmed_central import PubmedCentral, article_key
from pile_builder.sources.pubmed_central.front import metadata

SAMPLES = Path(__file__).parents[2] / "samples" / "pubmed_central"
FILLER = "<p>" + "These are words that fill the body of an article. " * 5 + "</p>"


def source(root: Path = SAMPLES, inputs: tuple[str, ...] = (".",), **config: object) -> PubmedCentral:
    return PubmedCentral(PubmedCentral.Config(inputs=inputs, root=str(root), **config))


def records(made: PubmedCentral) -> list[Raw | Reject | Skipped]:
    return [record for split in made.splits() for record in made.read(split)]


def article(body: str, front: str = "", back: str = "") -> bytes:
    head = f"<front><article-meta>{front}</article-meta></front>"
    ns = 'xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:mml="http://www.w3.org/1998/Math/MathML"'
    return f"<article {ns}>{head}<body>{FILLER}{body}</body><back>{back}</back></article>".encode()


def text(body: str, back: str = "", **config: object) -> str:
    """What comes out for a body, without the filler."""
    made = source(**config).extract(Raw("x", article(body, back=back)))
    assert isinstance(made, Document), made
    return made.text.partition("\n\n")[2]


def rule(payload: bytes) -> str:
    made = source().extract(Raw("x", payload))
    return made.rule if isinstance(made, Reject) else ""


def license_of(permissions: str) -> str:
    front = etree.fromstring(article("", f"<permissions>{permissions}</permissions>"))
    return metadata(front).get("license", "")


def test_samples() -> None:
    made = source()
    found = {raw.key: made.extract(raw) for raw in records(made) if isinstance(raw, Raw)}
    assert {key: one.rule for key, one in found.items() if isinstance(one, Reject)} == {
        "PMC9900003": "no_text",
        "PMC9900004": "damaged",
        "PMC9900006": "truncated",
        "filelist": "not_jats",
    }
    documents = {key: one for key, one in found.items() if isinstance(one, Document)}
    assert {key: hashlib.sha256(one.text.encode()).hexdigest()[:16] for key, one in documents.items()} == {
        "10.0000/hostile": "6a22564666646e75",
        "PMC9900001": "2ca0299ef27b5bda",
        "PMC9900002": "0ff894176a4e3a48",
        "PMC9900005.2": "1840186342d4d119",
    }
    mould = documents["PMC9900001"]
    assert mould.meta == {
        "title": "Leaf mould and the germination of Lunaria annua in shaded beds",
        "pmcid": "PMC9900001",
        "pmid": "39900001",
        "doi": "10.0000/asg.0001",
        "url": "https://pmc.ncbi.nlm.nih.gov/articles/PMC9900001/",
        "journal": "Annals of Small Gardens",
        "date": "2021-03-09",
        "language": "en",
        "article_type": "research-article",
        "license": "CC-BY-4.0",
    }
    assert mould.text.startswith(
        "# Leaf mould and the germination of *Lunaria annua* in shaded beds\n\n## Abstract\n\n###"
    )
    for passage in (
        "Leaf mould holds water and little else. That it helps seeds has been claimed often, and was tested once, as "
        "described in [4]. We follow Pell and Marsh (2009) in our counting (Figure 1).",
        "Three things were measured:\n\n1. depth of mould,\n2. soil water, as H~2~O by weight,\n3. seedlings.\n\nin",
        "comes up is $p_{i} = \\frac{1}{1 + e^{−x}}$, with\n\n$$x = \\alpha + \\beta d$$ (1)\n\nwhere *d* is",
        "| Depth | Seedlings |  |\n|---|---|---|\n|  | shade | sun^a^ |\n| 0 cm | 112 | 90 |",
        "a Two beds were walked on.\n\nFigure 1. A bed after four weeks. White sticks",
        "## Appendix A. How to sieve\n\nUse a sieve",
        "\n\n1 Beds were numbered",
    ):
        assert passage in mould.text
    for passage in (
        "Never in",
        "Jamais",
        "neighbours",
        "Raw counts",
        "dug and counted",
        "sells no",
        "Nobody",
        "wrong",
        "Soil",
    ):
        assert passage not in mould.text
    assert documents["PMC9900002"].meta["license"] == "LicenseRef-CC-BY-NC"
    assert "file:" not in documents["10.0000/hostile"].text and "ha ha" not in documents["10.0000/hostile"].text


def test_as_the_pile_did() -> None:
    made = source(inputs=("PMC9900001.tar.gz",), compat="pile-2020")
    [document] = [made.extract(raw) for raw in records(made) if isinstance(raw, Raw)]
    assert document.meta == {}
    assert document.text.startswith(
        "Introduction {#s1}\n==================\n\nLeaf mould holds water and little else \\[[@r1],"
    )
    assert '([Figure 1](#f1){ref-type="fig"})' in document.text and "We thank the neighbours." in document.text


def test_references_on_request() -> None:
    made = source(inputs=("PMC9900001.tar.gz",), references=True)
    [document] = [made.extract(raw) for raw in records(made) if isinstance(raw, Raw)]
    assert "little else [1,2]. That it helps seeds has been claimed often^3–5^," in document.text
    assert document.text.endswith(
        "## References\n\n[1] Pell A, Marsh B. Mould. Soil Lett. 2009;1:1–3.\n"
        "- Marsh B. Water in leaves, Soil Lett, 2010."
    )


def test_keys_do_not_depend_on_order_or_packaging() -> None:
    names = sorted((str(path.relative_to(SAMPLES)) for path in SAMPLES.rglob("*.*z")), reverse=True)
    keys = [one.key for one in records(source(inputs=tuple(names))) if isinstance(one, Raw)]
    assert keys == ["PMC9900001", "PMC9900002", "PMC9900003", "PMC9900004"]
    assert article_key("a/PMC77.1/PMC77.1.xml", b"") == "PMC77" and article_key("PMC77.2/PMC77.2.xml", b"") == "PMC77.2"
    assert article_key("pone.1.nxml", b'<article-id pub-id-type="pmc">55</article-id>') == "PMC55"
    assert article_key("folder/pone.1.xml.gz", b"<article/>") == "pone.1"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", "truncated"),
        (article("")[:-30], "truncated"),
        (article("<p>a</b>"), "damaged"),
        (b"<html><body>no</body></html>", "not_jats"),
        (b"<article><front/><body><p>Too short.</p></body></article>", "no_text"),
        (article("<list><list-item>" * 60 + "</list-item></list>" * 60), "too_large"),
        (article("<p/>" * 500_001), "too_large"),
        (article("<sec>" * 300 + "</sec>" * 300), "damaged"),
    ],
)
def test_rejects(payload: bytes, expected: str) -> None:
    assert rule(payload) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<p>a <xref ref-type='bibr' rid='r'>[1]</xref>–<xref ref-type='bibr' rid='r'>[4]</xref>. b</p>", "a. b"),
        ("<p>see <xref ref-type='bibr' rid='r'>[1]</xref> b</p>", "see [1] b"),
        ("<p>a (b; <xref ref-type='bibr' rid='r'>[1]</xref>) c (<xref ref-type='bibr' rid='r'>2</xref>, p. 3)</p>",
         "a (b) c (p. 3)"),
        ("<p>x<sup>2</sup> by Ng<sup><xref ref-type='bibr' rid='r'>1</xref></sup></p>", "x^2^ by Ng"),
        ("<p>as (<xref ref-type='bibr' rid='r'>Ng 1999</xref>)</p>", "as (Ng 1999)"),
        ("<p>a<bold> b </bold>c <monospace>d</monospace></p>", "a **b** c `d`"),
        ("<p>see <ext-link xlink:href='http://a.example/b'/></p>", "see http://a.example/b"),
        ("<sec><title><bold>Methods</bold></title><p>a</p></sec>", "## Methods\n\na"),
        ("<sec><title>Empty</title></sec><p>a</p>", "a"),
        ("<sec><title>Funding</title><p>Money.</p></sec><p>a</p>", "a"),
        ("<list list-type='bullet'><list-item><label>•</label><p>a</p><list><list-item><p>b</p></list-item></list>"
         "</list-item></list>", "- a\n  - b"),
        ("<table-wrap><table><tr><td>a|b</td><td/></tr></table></table-wrap>", "| a\\|b |"),
        ("<disp-formula><label>(2)</label><italic>E</italic> = 1</disp-formula>", "*E* = 1 (2)"),
        ("<disp-formula><graphic xlink:href='e'/></disp-formula>", "[formula]"),
        ("<table-wrap><table><tr><td colspan='999999999'>a</td><td rowspan='-1'>b</td></tr></table></table-wrap>",
         "| a | b |"),
    ],
)  # fmt: skip
def test_layout(body: str, expected: str) -> None:
    assert text(body) == expected


def test_long_runs_are_no_work() -> None:
    cited = "<xref ref-type='bibr' rid='r'>1</xref>, and " * 3_000
    assert len(text(f"<p>a [{cited} b] c</p>")) < 30_000
    assert len(text(f"<sec><title>{'I1' * 5_000} funds</title><p>a</p></sec>")) > 5_000


def test_formulas() -> None:
    def tex(inner: str) -> str:
        return tex_of_mathml(etree.fromstring(f'<math xmlns="http://www.w3.org/1998/Math/MathML">{inner}</math>'))

    assert tex("<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>") == "x_{i}^{2}"
    assert tex("<mover><mi>x</mi><mo>¯</mo></mover><mo>&#x2062;</mo><mi>sin</mi><mi>y</mi>") == "\\bar{x}sin y"
    assert tex("<msup><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></msup>") == "{a + b}^{2}"
    assert tex("<msqrt><mn>2</mn></msqrt><mfenced><mi>a</mi><mi>b</mi></mfenced>") == "\\sqrt{2}(a, b)"
    assert tex("<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr></mtable>") == (
        "\\begin{matrix} 1 & 2 \\end{matrix}"
    )
    assert tex("<semantics><mi>𝑥</mi><annotation>junk</annotation></semantics>") == "x"
    assert tex_of_latex("\\documentclass{minimal}\\begin{document}$$a$$\\end{document}") == "a"
    assert tex_of_latex("$a$ and $b$") == "a$ and $b"


def test_licences() -> None:
    def link(url: str) -> str:
        return license_of(f'<license xlink:href="{url}"><license-p>x</license-p></license>')

    assert link("http://creativecommons.org/licenses/by-nc-nd/4.0/") == "CC-BY-NC-ND-4.0"
    assert link("https://creativecommons.org/licenses/by/3.0/igo/") == "CC-BY-3.0-IGO"
    assert link("http://creativecommons.org/publicdomain/zero/1.0/") == "CC0-1.0"
    assert (
        license_of("<license><license-p>under a Creative Commons Attribution licence</license-p></license>")
        == "LicenseRef-CC-BY"
    )
    assert license_of("<license><license-p>licensed CC BY-NC 4.0 by us</license-p></license>") == "CC-BY-NC-4.0"
    assert license_of("<license><license-p>All rights reserved.</license-p></license>") == ""


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="needs real inputs in PILE_DATA")
def test_real_articles() -> None:
    made = source(Path(os.environ["PILE_DATA"]), ("pubmed_central",))
    found = {raw.key: made.extract(raw) for raw in records(made) if isinstance(raw, Raw)}
    assert len(found) == 68
    documents = [one for one in found.values() if isinstance(one, Document)]
    assert len(documents) == 68
    assert 3_100_000 < sum(len(one.text) for one in documents) < 3_300_000
    assert Counter("license" in one.meta for one in documents)[True] >= 64
    for one in documents:
        assert one.text.startswith("# ") and "\x01" not in one.text and "<xref" not in one.text
        assert "Competing interests\n" not in one.text and "## Supporting Information" not in one.text
