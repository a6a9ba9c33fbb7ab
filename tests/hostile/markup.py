"""HTML that nests, repeats, never closes, or is something else."""

from tests.hostile.cases import Case
from tests.hostile.made import STORY, html, page

TEXT = STORY * 2
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n"
GIF = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff;"


def _html(inside: str, *, text: str = TEXT) -> bytes:
    return html(text).replace(b"</body>", inside.encode() + b"</body>")


PAGES = {
    "div-100k-deep": (lambda: html("<div>" * 100_000 + TEXT), "too_deep"),
    "span-100k-deep": (lambda: html("<span>" * 100_000 + TEXT), "too_deep"),
    "font-100k-deep": (lambda: html("<b><i><font>" * 30_000 + TEXT), "too_deep"),
    "svg-deep": (lambda: html("<svg><g>" + "<g>" * 50_000 + TEXT), "too_deep"),
    "p-li-5k": (lambda: html("<ul>" + "<li><p>word " * 5_000 + TEXT), ""),
    "table-deep": (lambda: html("<table><tr><td>" * 20_000 + TEXT), "too_deep"),
    "closed-wrong": (lambda: html("<b><p>" * 5_000 + TEXT + "</b></p>" * 5_000), "too_deep"),
    "links-1m": (lambda: html("<a href=/x>y</a> " * 1_000_000), "too_large"),
    "links-3k": (lambda: html(TEXT + "<a href=/x>y</a> " * 3_000), ""),
    "cells-1m": (lambda: html("<table><tr>" + "<td>1" * 1_000_000 + "</table>"), "too_large"),
    "cells-10k": (lambda: html(TEXT + "<table><tr>" + "<td>1" * 10_000 + "</table>"), ""),
    "attribute-10m": (lambda: html(TEXT, attributes=f' title="{"a" * (10 << 20)}"'), "no_text"),
    "attributes-20k": (lambda: html(TEXT, attributes="".join(f" a{n}=1" for n in range(20_000))), ""),
    "attribute-never-ends": (lambda: html(TEXT) + b'<a href="' + b"x" * (5 << 20), ""),
    "tag-name-5m": (lambda: html(TEXT) + b"<" + b"x" * (5 << 20) + b">", ""),
    "comment-never-ends": (lambda: html(TEXT) + b"<!-- " + b"x - " * (1 << 20), ""),
    "comments-20k": (lambda: html("<!---->" * 20_000 + TEXT), ""),
    "cdata": (lambda: html(TEXT + "<![CDATA[" + "]]" * 300_000), ""),
    "script-never-ends": (lambda: html(TEXT) + b"<script>" + b"if (a<b) " * 5_000, ""),
    "style-never-ends": (lambda: html(TEXT) + b"<style>" + b"a{} " * 500_000, ""),
    "textarea-never-ends": (lambda: html(TEXT) + b"<textarea>" + b"<p>" * 2_000, ""),
    "title-never-ends": (lambda: b"<html><title>" + b"t " * 500_000 + html(TEXT), ""),
    "entities-1m": (lambda: html(TEXT + "&amp;" * 1_000_000), ""),
    "entities-half": (lambda: html(TEXT + "&a" * 1_000_000), ""),
    "entity-numbers": (lambda: html(TEXT + "&#" * 500_000), ""),
    "entity-definitions": (
        lambda: b'<!DOCTYPE html [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + html(TEXT + "&b;" * 1000),
        "",
    ),
    "less-than-20k": (lambda: html(TEXT + "< " * 20_000), ""),
    "greater-than-1m": (lambda: html(TEXT + ">" * 1_000_000), ""),
    "angle-pairs": (lambda: html(TEXT + "<>" * 20_000), ""),
    "lang-flood": (lambda: b"<html " + b"lang " * 6_000 + b">" + html(TEXT), ""),
    "meta-flood": (lambda: b"<html><head>" + b"<meta charset " * 1_100 + b">" + html(TEXT), ""),
    "doctype-flood": (lambda: b"<!-- " * 400 + html(TEXT), "no_text"),
    "frames": (lambda: b"<html><frameset>" + b"<frame src=/x>" * 1000 + b"</frameset></html>", "too_deep"),
    "nested-forms": (lambda: html("<form>" * 10_000 + TEXT), "too_deep"),
    "nested-anchors": (lambda: html("<a>" * 10_000 + TEXT), "too_deep"),
    "mathml": (lambda: html(TEXT + "<math>" + "<mrow>" * 200 + "x"), ""),
    "template": (lambda: html(TEXT + "<template>" * 200), ""),
    "noscript": (lambda: html("<noscript>" + TEXT + "</noscript>"), ""),
    "nul-in-tags": (lambda: html(TEXT + "<s\0cript>alert(1)</s\0cript>"), ""),
    "polyglot-gif": (lambda: GIF + html(TEXT), None),
    "polyglot-pdf": (lambda: PDF + html(TEXT), None),
    "polyglot-zip": (lambda: b"PK\x03\x04" + html(TEXT), None),
    "empty": (lambda: b"", "no_text"),
    "spaces": (lambda: b" " * 100_000, "no_text"),
    "one-tag": (lambda: b"<", "no_text"),
    "json": (lambda: b"[" * 500_000, "no_text"),
    "xml": (lambda: b"<?xml version='1.0'?><rss>" + b"<item>" * 200 + STORY.encode(), "no_text"),
}
SKIPPED = {"polyglot-gif", "polyglot-pdf", "polyglot-zip"}

CASES = [
    Case(
        "common_crawl",
        f"html-{what}.warc",
        lambda make=make, what=what: page(make(), f"http://a.example/{what}"),
        int(rule == ""),
        rule or "",
        "not_html" if what in SKIPPED else "",
    )
    for what, (make, rule) in PAGES.items()
]
