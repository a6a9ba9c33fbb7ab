"""Wikis, subtitles of films and papers in PDF: markup without end, entities, circles, archives that lie."""

import bz2
import gzip
from collections.abc import Mapping

from tests.hostile.articles import BIDI, FETCHING, LAUGHING, Content
from tests.hostile.cases import Case, Reader
from tests.hostile.grants import nameless, overlapping
from tests.hostile.made import STORY, tar_header, tar_of, zip_of
from tests.hostile.well_formed import pdf, subtitles, wiki, wiki_page

READERS = {
    "wikipedia": Reader({"good-pages-articles.xml": wiki(wiki_page(1), name="goodwiki")}),
    "opensubtitles": Reader({"en/1999/1/1.xml": subtitles()}),
    "philpapers": Reader({"GOOD-1.pdf": pdf()}),
}
WIKITEXTS: Mapping[str, tuple[str, int, str]] = {
    "templates-deep": ("{{a|" * 5_000 + STORY, 0, "too_deep"),
    "links-deep": ("[[a|" * 5_000 + STORY, 0, "too_deep"),
    "tables-deep": ("{|\n|\n" * 5_000 + STORY, 0, "too_deep"),
    "tags-deep": ("<ref>" * 5_000 + STORY, 1, ""),
    "braces": ("{" * 100_000 + STORY, 0, "too_deep"),
    "brackets": ("[" * 100_000 + STORY, 0, "too_deep"),
    "quotes": ("'" * 200_000 + STORY, 1, ""),
    "equals": ("=" * 200_000 + "\n" + STORY, 1, ""),
    "lists": ("*" * 100_000 + STORY, 1, ""),
    "pipes": ("{|\n" + "||" * 100_000 + "\n|}\n" + STORY, 1, ""),
    "comments": ("<!--" * 50_000 + STORY, 0, "no_text"),
    "nowiki": ("<nowiki>" * 50_000 + STORY, 1, ""),
    "math": ("<math>" * 20_000 + STORY, 1, ""),
    "convert": ("{{convert|" + "9" * 5_000 + "|km}} " + STORY, 1, ""),
    "entities": ("&#x110000;&#xd800;&" * 20_000 + STORY, 1, ""),
    "bidi": (BIDI + STORY, 1, ""),
    "redirect-flood": ("#REDIRECT [[" * 20_000 + STORY, 0, ""),
    "headings": ("== a ==\n" * 30_000 + STORY, 1, ""),
    "magic": ("__NOTOC__" * 50_000 + STORY, 1, ""),
}
WIKIS = [
    *(
        Case(
            "wikipedia",
            f"{what}-pages-articles.xml",
            wiki(wiki_page(1, text), name=f"{what}wiki"),
            documents,
            rule,
            "redirect" * what.startswith("redirect"),
        )
        for what, (text, documents, rule) in WIKITEXTS.items()
    ),
    *(
        Case("wikipedia", f"{what}-pages-articles.xml", content, *rest)
        for what, (content, *rest) in {
            "laughs": (wiki(wiki_page(1).replace("</text>", "&j;</text>"), name="l", head=LAUGHING), 0, "damaged"),
            "external": (wiki(wiki_page(1).replace("</text>", "&x;</text>"), name="e", head=FETCHING), 1),
            "id-huge": (wiki(wiki_page("9" * 5_000), wiki_page("9" * 30), name="h"), 2),
            "id-words": (wiki(wiki_page("x"), wiki_page("-1"), wiki_page("\u0661"), name="w"), 3),
            "same-ids": (wiki(*[wiki_page(5)] * 300, name="s"), 300),
            "title": (wiki(wiki_page(1, title="../../evil<script>\u202e" + "x" * 100_000), name="t"), 1),
            "dbname": (wiki(wiki_page(1), name="../../evil &lt;script&gt;"), 1),
            "namespaces": (
                wiki(
                    "<siteinfo><namespaces>"
                    + '<namespace key="6">(a+)+$[</namespace>' * 5_000
                    + "</namespaces></siteinfo>",
                    wiki_page(1, "[[(a+)+$[: x]] " + STORY),
                    name="n",
                ),
                1,
            ),
            "no-text": (wiki("<page><title>x</title><id>1</id><revision/></page>", "<page/>", name="o"), 0, "no_text"),
            "cut": (wiki(wiki_page(1), wiki_page(2), name="c")[:-60], 1, "truncated"),
            "nul": (wiki(wiki_page(1), wiki_page(2, "a\0"), name="u"), 1, "damaged"),
            "empty": (b"", 0, "truncated"),
        }.items()
    ),
    Case(
        "wikipedia",
        "bomb-pages-articles.xml.bz2",
        lambda: bz2.compress(wiki(name="b")[:-12] + b" " * (200 << 20)),
        0,
        "damaged",
        is_large=True,
    ),
    Case(
        "wikipedia",
        "cut-pages-articles-multistream.xml.bz2",
        bz2.compress(wiki(wiki_page(1), name="m")[:-12])[:-20],
        0,
        "truncated",
    ),
    Case(
        "wikipedia",
        "noise-pages-articles-multistream.xml.bz2",
        bz2.compress(wiki(name="x")[:-12]) + b"BZh91AY&SY" + b"\xff" * 500 + bz2.compress(wiki_page(2).encode()),
        1,
        "damaged",
    ),
    Case("wikipedia", "gz-pages-articles-multistream.xml.bz2", gzip.compress(wiki(name="y")), 0, "damaged"),
]
FILMS: Mapping[str, tuple[Content, int, str]] = {
    "laughs": (subtitles(*["Line &j;."] * 20, head=LAUGHING), 0, "damaged"),
    "external": (subtitles(*["Line &x;."] * 20, head=FETCHING), 1, ""),
    "deep": (subtitles("<w>" * 300 + "x"), 0, "damaged"),
    "words-100k": (subtitles("<w>x</w>" * 100_000, *["Line."] * 20), 1, ""),
    "quotes-20k": (subtitles('<w>"</w>' * 20_000, *["Line."] * 20), 1, ""),
    "formatting": (subtitles(*["{\\" * 20_000 + "Line."] * 20), 1, ""),
    "credits": (subtitles(*["subtitles " * 2_000 + "Line."] * 20), 1, ""),
    "bidi": (subtitles(*[f"{BIDI} Line."] * 12), 1, ""),
    "nul": (subtitles("a\0b"), 0, "damaged"),
    "utf-16": (subtitles().decode().encode("utf-16"), 1, ""),
    "cut": (subtitles()[:-30], 0, "truncated"),
    "empty": (b"", 0, "truncated"),
}
SUBTITLES = [
    *(Case("opensubtitles", f"en/1999/2/{what}.xml", *rest) for what, rest in FILMS.items()),
    Case("opensubtitles", "en/0000/99999999999/1.xml", subtitles(), 1),
    Case(
        "opensubtitles",
        "names.zip",
        lambda: zip_of(
            {
                "../../../evil.xml": subtitles(),
                "/tmp/evil.xml": subtitles(),
                "evil.py": b"x",
                "a\n\u202e.xml": subtitles(),
            }
        ),
        3,
        "",
        "other_file",
    ),
    Case("opensubtitles", "nameless.zip", nameless(zip_of({"x": b"y"})), 0, "", "other_file"),
    Case("opensubtitles", "overlapping.zip", lambda: overlapping(subtitles(*["Line"] * 50_000), 60_000), 0, "bomb"),
    Case(
        "opensubtitles", "inner-bomb.zip", lambda: zip_of({"a.xml.gz": gzip.compress(bytes(100 << 20))}), 0, "too_large"
    ),
    Case("opensubtitles", "cut.zip", zip_of({"a.xml": subtitles()})[:-30], 0, "truncated"),
]
STREAM = b"<</Length %d/Filter/%s>>stream\n%s\nendstream"
PAPERS: Mapping[str, tuple[Content, int, str]] = {
    "empty": (b"", 0, "not_pdf"),
    "only-head": (b"%PDF-1.4\n", 0, "damaged"),
    "late-head": (b" " * 2_000 + pdf(), 0, "not_pdf"),
    "cut": (pdf()[:-400], 0, "damaged"),
    "cut-half": (pdf()[:700], 0, "damaged"),
    "pages-circle": (pdf().replace(b"/Kids[3 0 R]", b"/Kids[2 0 R]"), 0, "damaged"),
    "pages-many": (pdf().replace(b"/Count 1>>", b"/Count 99999999>>"), 1, ""),
    "page-itself": (pdf().replace(b"/Contents 4 0 R", b"/Contents 3 0 R"), 0, "too_short"),
    "table-huge": (pdf().replace(b"xref\n0 6", b"xref\n0 999999999"), 1, ""),
    "size-huge": (pdf().replace(b"/Size 6", b"/Size 2147483647"), 1, ""),
    "previous-itself": (pdf().replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev 9"), 1, ""),
    "arrays-deep": (pdf(extra=b"/A " + b"[" * 50_000), 1, ""),
    "names": (pdf(extra=b"/Names<</JavaScript 1 0 R>>/OpenAction<</S/JavaScript/JS(app.alert(1))>>"), 1, ""),
    "launch": (pdf(extra=b"/OpenAction<</S/Launch/F(/bin/sh)>>/AA<</O<</S/URI/URI(http://127.0.0.1:1/)>>>>"), 1, ""),
    "length-lie": (pdf().replace(b"/Length ", b"/Length 999999"), 1, ""),
    "box-huge": (pdf().replace(b"[0 0 600 850]", b"[0 0 1e38 1e38]"), 1, ""),
    "nul-text": (pdf("\\000\\001" * 2_000), 0, "too_short"),
    "noise": (b"%PDF-1.7\n" + bytes(range(256)) * 400, 0, "damaged"),
}
ARCHIVED = [
    *(Case("philpapers", f"{what}.pdf", *rest) for what, rest in PAPERS.items()),
    Case(
        "philpapers",
        "names.tar",
        lambda: tar_of({"../../../EVIL-1.pdf": pdf(), "/tmp/evil.py": b"x"}),
        1,
        "",
        "other_file",
    ),
    Case("philpapers", "size.tar", tar_header(b"a.pdf", (1 << 33) - 1), 0, "too_large truncated"),
]
CASES = [*WIKIS, *SUBTITLES, *ARCHIVED]
