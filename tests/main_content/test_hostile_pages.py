"""Pages that are made to hurt: bounded in what is looked at, the same every time, never an exception."""

import pytest

from pile_builder.main_content import explain, extract
from pile_builder.main_content.page import read_page
from pile_builder.main_content.scan import MAX_ELEMENTS
from pile_builder.source import Document, Raw, Reject
from pile_builder.sources.common_crawl import CommonCrawl, CommonCrawlConfig, html

MANY = 1_000_000
HOSTILE = {
    "nothing": "",
    "blanks": " \n\t" * 1000,
    "links": "<a href=x>y</a> " * (MANY // 10),
    "cells": "<table>" + "<td>x" * (MANY // 10),
    "unclosed": "<div><p><b><i><a href=x><ul><li>text " * 200,
    "ends": "</div></p></a></b>" * 10_000 + "text",
    "nuls": "<p>a\0b\0</p>\0" * 1000,
    "surrogates": "<p>a\ud800b\udfff</p>" * 100 + "&#xD800;",
    "attribute": f"<p class='{'a ' * MANY}' style='{'display:' * 10_000}'>text</p>",
    "attributes": "<p " + " ".join(f"a{i}=1" for i in range(10_000)) + ">text",
    "words": "<p>" + "word " * (MANY // 5),
    "comment": "<!--" + "-" * MANY,
    "script": "<script>" + "</scrip" * 100_000,
    "entities": "&" * 100_000 + "&amp;&#x10FFFF;&#0;&#xFFFFFF;",
    "breaks": "<p>" + "x<br>" * 50_000,
    "pre": "<pre>" + "\n" * 100_000 + "x" + "\r\n\t" * 100_000,
    "plaintext": "<plaintext>" + "<p>x" * 10_000,
    "controls": "".join(map(chr, range(256))) * 200,
    "title": "<title>" + "a b c " * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_is_survived_twice_alike(name):
    found = extract(HOSTILE[name])
    assert found == extract(HOSTILE[name])
    found.text.encode()
    found.head.title.encode()


@pytest.mark.parametrize("markup", ["<a href=x>y</a> ", "<td>x", "<p>x", "<li>"])
def test_what_is_looked_at_is_bounded(markup):
    page = read_page("<table>" * (markup == "<td>x") + markup * MANY)
    assert len(page.scan.elements) <= MAX_ELEMENTS + 1
    assert len(page.scan.blocks) <= 2 * MAX_ELEMENTS + 2


@pytest.mark.parametrize("markup", ["<div>" * 300 + "x", "<p>x" * 60_000 + "</p>" * 60_000])
def test_the_source_rejects_what_costs_too_much(tmp_path, markup):
    source = CommonCrawl(CommonCrawlConfig(inputs=(".",), root=str(tmp_path), extractor="blocks"))
    found = source.extract(Raw("x", markup.encode(), "text/html", {}))
    assert isinstance(found, Reject)
    assert found.rule in ("too_deep", "too_large")


def test_all_blocks_are_explained():
    blocks = explain(
        "<nav><a href=x>Home</a></nav><article><p>" + "A sentence, and a further one. " * 20 + "</article>"
    )
    assert [block.path for block in blocks] == ["html > body > nav", "html > body > article > p"]
    assert [block.kept for block in blocks] == [False, True]
    assert all(0 < block.probability < 1 for block in blocks)


def test_metadata_and_fallback_reach_the_document(tmp_path, monkeypatch):
    page = (
        "<html lang=fr><title>T</title><link rel=canonical href=https://a.example/><meta name=date content=2020-01-02>"
    )
    raw = Raw("x", (page + "<p>" + "Une phrase, puis une autre. " * 20).encode(), "text/html", {"url": "u"})

    def found(**options):
        source = CommonCrawl(CommonCrawlConfig(inputs=(".",), root=str(tmp_path), extractor="blocks", **options))
        return source.extract(raw)

    alone = found(fallback=False)
    assert isinstance(alone, Document)
    expected = {"url": "u", "title": "T", "language": "fr", "date_published": "2020-01-02"}
    assert alone.meta == expected | {"canonical_url": "https://a.example/"}
    monkeypatch.setattr("pile_builder.main_content.extractor.uncertainty", lambda *_: 1.0)
    assert found().meta["extractor"] == "trafilatura"
    assert found(fallback=False) == alone


@pytest.mark.parametrize(
    ("favor", "found", "mode"),
    [("balanced", "text", "precision"), ("balanced", "", "balanced"), ("recall", "text", "balanced")],
)
def test_a_doubtful_page_without_text_gets_the_balanced_mode(monkeypatch, favor, found, mode):
    monkeypatch.setattr(html, "_trafilatura", lambda chosen, *, fast: lambda page: f"{chosen} {page}")
    assert html.second_opinion(favor, fast=False)("page", found) == f"{mode} page"
