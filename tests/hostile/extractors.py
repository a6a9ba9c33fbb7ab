"""Pages that try a parser of HTML, for every main-content extractor: the other families' pages go to all of them too.

The reader `common_crawl` has `trafilatura`; each other extractor is a reader of its own.
"""

from collections.abc import Callable, Mapping
from functools import partial

from tests.hostile import encodings, markup
from tests.hostile.cases import Case, Reader
from tests.hostile.made import STORY, html, html_response, page
from tests.hostile.unicode_texts import FLOODS

TEXT = STORY * 2
OTHERS = ("blocks", "resiliparse", "justext")

FLOODED = (
    *("combining", "combining-words", "bidi", "zero-width", "tags", "controls", "spaces", "hangul", "emoji", "flags"),
    *("long-word", "long-word-dots", "long-url", "newlines", "one-letter-words", "lorem", "dots", "hyphens", "curly"),
)
"""Texts of strange characters that are put into a page, after an article."""


def _made(inside: str = "", head: str = "", attributes: str = "", after: str = "") -> Callable[[], bytes]:
    return lambda: html(TEXT + inside, head, attributes).replace(b"</html>", after.encode() + b"</html>")


PAGES: Mapping[str, Callable[[], bytes]] = {
    "plaintext": _made("<plaintext>" + "</p></article><script>x()</script>" * 3_000),
    "plaintext-first": lambda: b"<plaintext>" + html(TEXT),
    "xmp": _made("<xmp>" + "<div><p>x</p>" * 5_000),
    "xmp-closed": _made("<xmp><p>not markup</xmp>" * 3_000),
    "listing": _made("<listing>\n" + "<i>a\n" * 2_000),
    "noembed": _made("<noembed><p>x" * 2_000),
    "noframes": _made("<noframes>" + "<p>x" * 2_000),
    "iframe-srcdoc": _made('<iframe srcdoc="&lt;p&gt;' + "x " * 100_000 + '"></iframe>'),
    "iframe-open": _made("<iframe>" + "<p>x" * 2_000),
    "base-href": _made(head='<base href="javascript:alert(1)//"><base href="http://evil.example/">' * 500),
    "meta-refresh": _made(head='<meta http-equiv=refresh content="0;url=data:text/html,x">' * 1_000),
    "shadow": _made(f"<div><template shadowrootmode=open><p>{STORY}</template></div>" * 500),
    "shadow-nested": _made("<div><template shadowrootmode=open>" * 100 + STORY),
    "template-in-table": _made("<table><template><tr><td>x</template>" * 1_000),
    "svg-foreign": _made(f"<svg><foreignObject><p>{STORY}</p></foreignObject></svg>" * 300),
    "svg-breakout": _made("<svg><p>out</p><desc><div>" * 80 + STORY),
    "svg-script": _made("<svg><script>a<b</script><style><p>x</style><title><p>y</title></svg>" * 500),
    "svg-cdata": _made("<svg><![CDATA[ <p>" + "]" * 100_000 + "]]></svg>"),
    "mathml-html": _made(f'<math><annotation-xml encoding="text/html"><p>{STORY}</annotation-xml></math>' * 200),
    "mathml-mglyph": _made("<math><mtext><mglyph><style><!--</style><img title='--><p>x'>" * 60),
    "comment-bangs": _made("<!--><p>a<!---><p>b<!-- --!><p>c<!-- <!-- --> -->" * 2_000),
    "comment-conditional": _made(("<!--[if IE]><p>" + "x" * 1_000 + "<![endif]-->") * 1_000),
    "bogus-comments": _made("<?xml x?><!x><//><!DOCTYPE y>" * 3_000),
    "cdata-outside": _made(f"<![CDATA[<p>{STORY}]]>" * 500),
    "script-escaped": _made("<script><!--<script>" + "</script>" * 2_000 + "-->"),
    "script-in-attribute": _made('<p title="</p><script>">x</p>' * 2_000),
    "style-in-select": _made("<select><style><option><p>" * 60 + "x"),
    "formatting-kept": _made("<p><b><i><u><s><a href=x>" * 40 + "text</p>" * 4_000),
    "anchors-misnested": _made("<a href=1><div><a href=2>x</div>" * 80),
    "foster-parent": _made("<table>" + "<b>x<tr>y" * 3_000),
    "tables-in-cells": _made("<table><tr><td>" * 100 + STORY),
    "captions": _made("<table><caption><table><caption>" * 60 + STORY),
    "cells-spanning": _made("<table><tr><td rowspan=65534 colspan=1000>x<tr><td colspan=1000>y" * 200 + "</table>"),
    "cells-150k": _made("<table>" + "<tr><td>1" * 60_000 + "</table>"),
    "links-60k": _made("<a href=/x>y</a> " * 60_000),
    "lists-numbered": _made("<ol start=999999999999999999999 reversed>" + "<li value=-9e99>x" * 3_000),
    "headings-mixed": _made("".join(f"<h{n % 6 + 1}>h{n}" for n in range(3_000))),
    "breaks-100k": _made("<br>" * 100_000),
    "options": _made("<select>" + "<option>x" * 20_000 + "</select>"),
    "dl-flat": _made("<dl>" + "<dt>x<dd>y" * 2_000),
    "ruby": _made("<ruby>漢<rp>(<rt>kan<rp>)" * 2_000),
    "hidden": _made(f"<div hidden aria-hidden=true style='display:none;visibility:hidden'>{STORY}</div>" * 500),
    "classes-100k": _made('<p class="' + " ".join(f"c{n}" for n in range(100_000)) + '">x</p>'),
    "class-long": _made('<p class="' + "content-" * 200_000 + '" id="' + "main" * 200_000 + '">x</p>'),
    "names-odd": _made("<x:y-z.w_1><constructor><__proto__><\u212aelvin><p\u0131>" * 40 + "x"),
    "attribute-names": _made(attributes=" \"='<>= ==x /= \u202e=\ufeff onload=alert(1) ONLOAD=2" * 300),
    "attributes-same": _made(attributes=" class=x" * 50_000),
    "nul-in-everything": lambda: html(TEXT).replace(b"<", b"\0<\0").replace(b"p>", b"p\0>"),
    "carriage-returns": lambda: html(TEXT.replace(" ", "\r")).replace(b">", b"\r>"),
    "form-feeds": _made("<p\fclass=x\v>\f\f\v\v" * 3_000),
    "references-odd": _made("&#x1F600;&#128;&notin;&notit;&amp&lt&CounterClockwiseContourIntegral;&#xFFFF;" * 1_000),
    "references-control": _made("&#27;]0;x&#7;&#155;31m&#x202e;&#0;&#13;" * 2_000),
    "reference-long": _made("&" + "a" * 1_000_000 + ";&#" + "9" * 1_000_000 + ";&#x" + "f" * 1_000_000 + ";"),
    "two-documents": lambda: html(TEXT) * 20,
    "body-again": _made("</body></html>", after="<body class=x><html lang=zz>" * 2_000),
    "after-the-end": _made(after="<p>" + STORY * 30),
    "head-never-ends": lambda: b"<html><head>" + b"<meta name=x content=y>" * 5_000 + TEXT.encode(),
    "no-tags": lambda: (TEXT * 3).encode(),
    "doctype-odd": lambda: b'<!DOCTYPE html PUBLIC "' + b"x" * 300_000 + b'" SYSTEM>' + html(TEXT),
    "xhtml": lambda: b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body/><p/>' + html(TEXT),
    "json-ld": _made(head='<script type="application/ld+json">' + '{"datePublished":"' * 50_000 + "</script>"),
    "title-flood": _made(head="<title>" + "&lt;title&gt;" * 50_000 + "</title>" * 2_000),
    "canonical-flood": _made(head='<link rel=canonical href="' + "x" * 300_000 + '">' + "<link rel=canonical " * 3_000),
    "one-node-5m": _made("word " * 1_000_000),
    "sentences-5m": _made(STORY * 10_000),
    **{f"text-{name}": _made(FLOODS[name]) for name in FLOODED},
}
LARGE: Mapping[str, Callable[[], bytes]] = {
    "one-node-50m": _made("word " * 10_000_000),
    "one-word-50m": _made("w" * 50_000_000),
    "paragraphs-20m": _made(("<p>" + STORY) * 42_000),
}
SLOW = frozenset({"links-60k", "text-combining"})
"""Pages on which `trafilatura` needs quadratic time and meets the limit of a record."""
EVERYONE = dict.fromkeys(
    ("xmp", "listing", "noembed", "template-in-table", "foster-parent", "headings-mixed", "ruby"), "too_deep"
)
REJECTS: Mapping[str, Mapping[str, str]] = {
    "trafilatura": dict.fromkeys(
        ("references-odd", "references-control", "no-tags", "one-node-50m", "one-word-50m"), "no_text"
    )
    | dict.fromkeys(SLOW, "time_limit"),
    "blocks": dict.fromkeys(("cells-150k", "links-60k", "breaks-100k"), "too_large")
    | dict.fromkeys(("no-tags", "head-never-ends"), "no_text"),
    "resiliparse": {},
    "justext": dict.fromkeys(("cells-150k", "links-60k", "breaks-100k", "options", "paragraphs-20m"), "too_large")
    | dict.fromkeys(
        (
            *("references-control", "one-node-5m", "one-node-50m", "one-word-50m"),
            *("text-combining-words", "text-controls", "text-lorem"),
        ),
        "no_text",
    ),
}
"""Rules by extractor for pages that become no document, beside those of EVERYONE."""
ELSEWHERE: Mapping[str, Mapping[str, str]] = {
    "blocks": {
        **dict.fromkeys(("div-100k-deep", "span-100k-deep"), "too_large"),
        "attribute-10m": "",
        "links-3k": "no_text",
    },
    "resiliparse": {
        **dict.fromkeys(("attribute-10m", "xml", "json", "one-tag", "ebcdic"), ""),
        **dict.fromkeys(("p-li-5k", "noscript"), "no_text"),
    },
    "justext": {
        **dict.fromkeys(("div-100k-deep", "span-100k-deep", "font-100k-deep", "svg-deep", "table-deep"), "too_large"),
        **dict.fromkeys(("closed-wrong", "comments-20k", "less-than-20k", "angle-pairs"), "too_large"),
        **dict.fromkeys(("doctype-flood", "empty", "spaces"), "extractor_error"),
        **dict.fromkeys(("links-3k", "mixed-lines"), "no_text"),
        "xml": "",
    },
}
"""The same for pages of other families, where it is not what becomes of them by `trafilatura`."""

READERS = {
    f"common_crawl_{name}": Reader(
        {"good.warc": lambda: b"".join(html_response(TEXT, f"http://good.example/{n}") for n in range(3))},
        {"plugin": "common_crawl", "options": {"extractor": name}},
    )
    for name in OTHERS
}


def _case(
    extractor: str, what: str, body: Callable[[], bytes], rule: str, kind: str = "text/html; charset=utf-8"
) -> Case:
    reader = "common_crawl" if extractor == "trafilatura" else f"common_crawl_{extractor}"
    return Case(
        reader,
        f"page-{what}.warc",
        lambda: page(body(), f"http://a.example/{what}", kind),
        int(not rule),
        rule,
        is_large=what in LARGE or rule == "time_limit",
    )


CASES = [
    *(
        _case(extractor, what, body, EVERYONE.get(what) or REJECTS[extractor].get(what, ""))
        for extractor in ("trafilatura", *OTHERS)
        for what, body in {**PAGES, **LARGE}.items()
    ),
    *(
        _case(extractor, f"html-{what}", body, ELSEWHERE[extractor].get(what, rule))
        for extractor in OTHERS
        for what, (body, rule) in markup.PAGES.items()
        if rule is not None
    ),
    *(
        _case(extractor, f"encoding-{what}", partial(bytes, body), ELSEWHERE[extractor].get(what, rule), kind)
        for extractor in OTHERS
        for what, (body, kind) in encodings.PAGES.items()
        for rule in ["no_text" if what == "ebcdic" else ""]
    ),
]
