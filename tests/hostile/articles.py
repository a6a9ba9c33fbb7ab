"""Articles, abstracts and patents: entities, nesting, floods, numbers and dates out of range."""

import gzip
from collections.abc import Callable, Mapping

from tests.hostile.cases import Case, Reader
from tests.hostile.epubs import EXTERNAL, LAUGHS
from tests.hostile.grants import nameless, overlapping
from tests.hostile.made import STORY, TAR_END, tar_header, tar_member, tar_of, zip_of
from tests.hostile.well_formed import baseline, citation, green_book, jats, patent

BIDI = "\u202e\u2066" * 50_000
LAUGHING = LAUGHS.replace("html", "x")
FETCHING = EXTERNAL.replace("html", "x")
READERS = {
    "pubmed_central": Reader({"good.nxml": jats()}),
    "pubmed_abstracts": Reader({"good.xml": baseline(citation(1))}),
    "uspto": Reader({"ipg-good.xml": patent(), "pftaps-good.txt": green_book("039990017")}),
}
Content = bytes | Callable[[], bytes]
ARTICLES: Mapping[str, tuple[Content, int, str]] = {
    "laughs": (jats(f"<p>{STORY}&j;</p>", head=LAUGHING), 0, "damaged"),
    "external": (jats(f"<p>{STORY}&x;</p>", head=FETCHING), 1, ""),
    "xinclude": (
        jats(
            f'<p>{STORY}</p><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" '
            'parse="text"/>'
        ),
        1,
        "",
    ),
    "deep": (jats("<sec>" * 200 + f"<p>{STORY}</p>" + "</sec>" * 200), 0, "too_large"),
    "deeper": (jats("<sec>" * 5_000 + f"<p>{STORY}</p>" + "</sec>" * 5_000), 0, "damaged"),
    "inline-deep": (jats("<p>" + "<bold>" * 150 + STORY + "</bold>" * 150 + "</p>"), 0, "too_large"),
    "list-deep": (jats("<list><list-item>" * 90 + f"<p>{STORY}</p>" + "</list-item></list>" * 90), 0, "too_large"),
    "wide": (lambda: jats("<p>x</p>" * 500_001), 0, "too_large"),
    "formula-deep": (
        jats(
            f"<p>{STORY}<inline-formula><math>"
            + "<msqrt>" * 100
            + "x"
            + "</msqrt>" * 100
            + "</math></inline-formula></p>"
        ),
        0,
        "too_large",
    ),
    "formulas-20k": (jats("<p>" + "<tex-math>$x$</tex-math>" * 20_000 + STORY + "</p>"), 1, ""),
    "tex-flood": (jats(f"<p>{STORY}<tex-math>" + "\\begin{document}" * 20_000 + "</tex-math></p>"), 1, ""),
    "cells-100k": (
        jats(
            f"<p>{STORY}</p><table-wrap><table><tr>" + "<td colspan='9'>x</td>" * 100_000 + "</tr></table></table-wrap>"
        ),
        1,
        "",
    ),
    "spans-huge": (
        jats(
            f"<p>{STORY}</p><table-wrap><table><tr>"
            + '<td colspan="99999999" rowspan="99999999">x</td>' * 50
            + "</tr></table></table-wrap>"
        ),
        1,
        "",
    ),
    "citations-20k": (jats("<p>" + '<xref ref-type="bibr" rid="b">1</xref>, ' * 20_000 + STORY + "</p>"), 1, ""),
    "sup-flood": (jats("<p>" + "<sup>[" * 70 + STORY + "</sup>" * 70 + "</p>"), 1, ""),
    "date-year-0": (jats(front="<pub-date><year>0000</year><month>99</month><day>99</day></pub-date>"), 1, ""),
    "date-year-99999": (jats(front=f"<pub-date><year>{'9' * 9_000}</year></pub-date>"), 1, ""),
    "ids-flood": (jats(front='<article-id pub-id-type="doi">../../evil</article-id>' * 5_000), 1, ""),
    "id-markup": (jats(front=f'<article-id pub-id-type="pmcid">PMC{"9" * 9_000}&lt;script&gt;</article-id>'), 1, ""),
    "licence-flood": (
        jats(front="<permissions><license>" + "creative commons attribution " * 20_000 + "</license></permissions>"),
        1,
        "",
    ),
    "bidi": (jats(f"<p>{BIDI}{STORY}</p>"), 1, ""),
    "nul": (jats().replace(b"ferry", b"f\0rry"), 0, "damaged"),
    "surrogate": (jats(f"<p>\ud800{STORY}</p>"), 0, "damaged"),
    "surrogate-number": (jats(f"<p>&#xd800;{STORY}</p>"), 0, "damaged"),
    "encoding-lie": (jats(head='<?xml version="1.0" encoding="utf-16"?>'), 0, "damaged"),
    "encoding-unknown": (jats(head='<?xml version="1.0" encoding="x-nowhere"?>'), 0, "damaged"),
    "utf-7": (jats(head='<?xml version="1.0" encoding="utf-7"?>'), 1, ""),
    "utf-32": (jats().decode().encode("utf-32"), 1, ""),
    "cut-1": (jats()[:60], 0, "truncated"),
    "cut-2": (jats()[:150], 0, "truncated"),
    "cut-3": (jats()[:-10], 0, "truncated"),
    "empty": (b"", 0, "truncated"),
    "html": (b"<html><body>503</body></html>", 0, "not_jats"),
    "attributes-20k": (jats("<p " + " ".join(f'a{n}="1"' for n in range(20_000)) + f">{STORY}</p>"), 1, ""),
    "namespaces-20k": (jats("".join(f'<p xmlns:n{n}="u{n}">x</p>' for n in range(20_000)) + f"<p>{STORY}</p>"), 1, ""),
}
JATS = [
    *(Case("pubmed_central", f"a-{what}.nxml", *rest) for what, rest in ARTICLES.items()),
    Case(
        "pubmed_central",
        "names.tar",
        lambda: tar_of({"../../../evil.nxml": jats(), "/tmp/evil.xml": jats(), "PMC5/evil.py": b"x"}),
        2,
        "",
        "other_file",
    ),
    Case(
        "pubmed_central",
        "links.tar",
        tar_header(b"evil.nxml", 0, b"2", link=b"/etc/passwd") + tar_member(b"PMC7.nxml", jats()) + TAR_END,
        1,
        "",
        "link",
    ),
    Case("pubmed_central", "size.tar", tar_header(b"a.nxml", (1 << 33) - 1), 0, "too_large truncated"),
    Case("pubmed_central", "cut.tar.gz", gzip.compress(tar_of({"a.nxml": jats()}))[:-30], 0, "truncated"),
    Case("pubmed_central", "bomb.nxml.gz", lambda: gzip.compress(jats() + bytes(100 << 20)), 0, "bomb"),
]
CITATIONS: Mapping[str, tuple[Content, int, str]] = {
    "laughs": (baseline(citation(101, STORY + "&j;"), head=LAUGHING), 0, "damaged"),
    "external": (baseline(citation(102, STORY + "&x;"), head=FETCHING), 0, "damaged"),
    "number-huge": (baseline(citation("9" * 5_000)), 0, "damaged"),
    "number-none": (baseline(citation(""), citation("x"), citation("-1")), 0, "damaged*3"),
    "number-arabic": (baseline(citation("\u0661\u0660\u0663")), 1, ""),
    "version-huge": (baseline(citation(104, version="9" * 5_000)), 1, ""),
    "date-year-0": (baseline(citation(105, inside="<Year>0000</Year><Month>99</Month>")), 1, ""),
    "date-month-huge": (
        baseline(citation(106, inside=f"<Year>2018</Year><Month>{'9' * 5_000}</Month><Day>1</Day>")),
        1,
        "",
    ),
    "date-day-huge": (
        baseline(citation(107, inside=f"<Year>2018</Year><Month>May</Month><Day>{'9' * 5_000}</Day>")),
        1,
        "",
    ),
    "date-flood": (baseline(citation(108, inside=f"<MedlineDate>{'2018 ' * 50_000}</MedlineDate>")), 1, ""),
    "same-numbers": (baseline(*[citation(109)] * 2_000), 1, ""),
    "deleted": (baseline(citation(110), "<DeleteCitation><PMID Version='1'>110</PMID></DeleteCitation>"), 0, "deleted"),
    "deleted-alone": (baseline("<DeleteCitation>" + "<PMID>111</PMID>" * 5_000 + "</DeleteCitation>"), 0, "deleted"),
    "inline-deep": (baseline(citation(112, "<i>" * 100 + STORY + "</i>" * 100)), 0, "too_large"),
    "copyright-flood": (baseline(citation(113, STORY + "Copyright (c) " * 20_000 + "2018")), 1, ""),
    "label-flood": (
        baseline(citation(114).replace("<AbstractText>", f'<AbstractText Label="{"x" * 100_000}">')),
        1,
        "",
    ),
    "paragraphs-20k": (baseline(citation(115, STORY + "</AbstractText><AbstractText>" * 20_000)), 1, ""),
    "title-brackets": (baseline(citation(116).replace("A title.", "[" * 50_000 + "x")), 1, ""),
    "pmc": (
        baseline(
            citation(117).replace(
                "</PubmedArticle>",
                '<PubmedData><ArticleIdList><ArticleId IdType="pmc">x</ArticleId></ArticleIdList></PubmedData>'
                "</PubmedArticle>",
            )
        ),
        0,
        "in_pmc",
    ),
    "bidi": (baseline(citation(118, BIDI + STORY)), 1, ""),
    "nul": (baseline(citation(119), citation(120, "a\0b")), 1, "damaged"),
    "cut": (baseline(citation(121))[:-30], 0, "truncated"),
    "cut-between": (baseline(citation(122))[:-10], 1, "truncated"),
    "empty": (b"", 0, "truncated"),
    "deep": (baseline("<a>" * 300), 0, "damaged"),
    "nested-records": (baseline("<PubmedArticle>" * 100 + citation(123)), 1, "damaged"),
}
PATENTS: Mapping[str, tuple[Content, int, str]] = {
    "ipg-laughs.xml": (patent("10990101", f"<p>{STORY}&j;</p>", LAUGHS.partition("[")[2].rpartition("]")[0]), 1, ""),
    "ipg-external.xml": (
        patent("10990102", f"<p>{STORY}&x;</p>", EXTERNAL.partition("[")[2].rpartition("]")[0]),
        1,
        "",
    ),
    "ipg-deep.xml": (patent("10990103", "<ul><li>" * 100 + STORY + "</li></ul>" * 100), 0, "too_large"),
    "ipg-deeper.xml": (patent("10990104", "<p>" * 5_000 + STORY + "</p>" * 5_000), 0, "damaged"),
    "ipg-number.xml": (patent("9" * 5_000), 1, ""),
    "ipg-number-path.xml": (patent("../../evil"), 0, "damaged"),
    "ipg-same.xml": (patent("10990105") * 50, 50, ""),
    "ipg-cells.xml": (
        patent(
            "10990106",
            f"<p>{STORY}</p><tables><table><tgroup><tbody><row>"
            + "<entry namest='1' nameend='99999999'>x</entry>" * 20_000
            + "</row></tbody></tgroup></table></tables>",
        ),
        1,
        "",
    ),
    "ipg-nul.xml": (patent("10990107").replace(b"ferry", b"f\0rry"), 0, "damaged"),
    "ipg-cut.xml": (patent("10990108")[:-30], 0, "truncated"),
    "ipg-declarations.xml": (b'<?xml version="1.0"?>' * 50_000 + patent("10990109"), 0, "damaged*254"),
    "ipg-comments.xml": (b"<!-- " * 100_000 + patent("10990110"), 1, "damaged"),
    "ipg-bidi.xml": (patent("10990111", f"<p>{BIDI}{STORY}</p>"), 1, ""),
    "ipg-html.xml": (b"<html><body>503</body></html>", 0, "damaged"),
    "pftaps-empty.txt": (b"", 0, "damaged"),
    "pftaps-nuls.txt": (bytes(100_000), 0, "damaged"),
    "pftaps-codes.txt": (green_book("039990027", ".sub." * 50_000 + STORY), 1, ""),
    "pftaps-signs.txt": (green_book("039990037", ".alpha" * 50_000 + STORY), 1, ""),
    "pftaps-lines.txt": (green_book("039990047", STORY + "\n" * 200_000 + "PAR  x\n" * 50_000), 1, ""),
    "pftaps-number.txt": (green_book("9" * 5_000), 1, ""),
    "pftaps-latin-1.txt": (green_book("039990057").replace(b"ferry", b"f\xe9\x81rry"), 1, ""),
    "pftaps-table.txt": (green_book("039990067", STORY + "\nTBL  x\n" + " " * 100_000 + "x\n" + "-" * 100_000), 1, ""),
    "pftaps-related.txt": (green_book("039990077", "This application is a " * 20_000 + STORY), 1, ""),
    "ipg-nameless.zip": (nameless(zip_of({"x": b"y"})), 0, "damaged"),
    "ipg-overlapping.zip": (lambda: overlapping(patent("10990112") * 2_000, 60_000), 0, "bomb"),
    "ipg-names.zip": (
        lambda: zip_of({"../../../evil.xml": patent("10990113"), "/tmp/evil.txt": green_book("039990087")}),
        2,
        "",
    ),
}
CASES = [
    *JATS,
    *(Case("pubmed_abstracts", f"{what}.xml", *rest) for what, rest in CITATIONS.items()),
    *(Case("uspto", name, *rest) for name, rest in PATENTS.items()),
]
