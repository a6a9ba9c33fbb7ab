"""The page: strangers' text stays text, everything is inside one file, and a browser draws it without complaint."""

import copy
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from pile_builder.audit.page import render_page
from pile_builder.audit.page.charts import length_chart, rule_chart, year_chart
from pile_builder.audit.page.flow_chart import flow_chart
from pile_builder.audit.page.mixture_charts import shard_chart, weight_chart
from pile_builder.audit.page.words import share, size
from pile_builder.audit.scales import SCALES
from pile_builder.manifest import Manifest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from tests.review.browser import Browser
from tests.web_names import HOSTILE_NAME

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`&lt;{{7*7}}\u202e\u0000\x1b "
HOSTILE += HOSTILE_NAME + " long" * 2_000
CLOSING = "</title></style></svg></pre></textarea><script>alert(3)</script>"


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """An audit of a corpus whose metadata, keys and texts are hostile."""
    with pytest.MonkeyPatch.context() as patch:
        yield _hostile_corpus(tmp_path_factory.mktemp("hostile"), patch)


def _hostile_corpus(folder: Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    from tests import conftest

    files: Callable[..., Path] = conftest.toy_files.__wrapped__  # type: ignore[attr-defined]
    make: Callable[..., Callable[..., Manifest]] = conftest.toy_manifest.__wrapped__  # type: ignore[attr-defined]
    root = files(folder)
    strange = [
        {"text": f"{HOSTILE} {CLOSING} {number}", "url": f"https://{'x' * 300}<script>.example/", "license": HOSTILE}
        for number in range(30)
    ]
    (root / "0.txt").write_text((root / "0.txt").read_text() + "\n".join(map(json.dumps, strange)) + "\n")
    sources = {
        "<b>left</b>": {"plugin": "toy", "inputs": ["0.txt", "1.txt"], "epochs": 1.5, "set_name": CLOSING},
        "right": {"plugin": "toy", "inputs": ["2.txt", "3.txt"], "set_name": "ArXiv"},
    }
    manifest = make(root, patch)(sources=sources, description=CLOSING, select={"recipes": ["gopher_quality_v1"]})
    build(manifest, str(folder / "out"), RunOptions())
    loaded: dict[str, Any] = json.loads((folder / "out/report/audit.json").read_bytes())
    return loaded


def check_safe(page: str) -> html.HtmlElement:
    """One script and one style of ours, no handler, nothing fetched, no control character."""
    tree = html.document_fromstring(page)
    assert len(tree.xpath("//script")) == len(tree.xpath("//style")) == 1
    assert "alert" not in tree.xpath("//script")[0].text
    assert not tree.xpath("//img | //iframe | //object | //embed | //form | //base | //b[text()='left']")
    assert not tree.xpath("//link[@rel!='icon'] | //meta[@http-equiv!='Content-Security-Policy']")
    assert not [name for node in tree.iter() for name in node.attrib if name.startswith("on")]
    links = tree.xpath("//@href | //@src")
    assert all(link.startswith("#") or link == "data:," for link in links)
    assert not any(re.search(r"url\(|@import", style) for style in tree.xpath("//style/text() | //@style"))
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", page)
    return tree


def test_a_hostile_corpus_is_text(audit: dict[str, Any]):
    page = render_page(audit)
    tree = check_safe(page)
    assert "alert(1)" in tree.text_content()
    assert "<script>alert(1)" not in page
    assert "{{7*7}}" in page
    assert len(tree.xpath("//*[local-name()='svg']")) > 6


@pytest.fixture
def worst(audit: dict[str, Any]) -> dict[str, Any]:
    """An audit whose names are hostile too."""
    worst = copy.deepcopy(audit)
    worst["name"] = worst["description"] = HOSTILE
    worst["alarms"] = [{"kind": "mixture", "source": HOSTILE, "message": HOSTILE}]
    worst["tokens"] = {
        HOSTILE: {
            "format": HOSTILE,
            "tokenizer": HOSTILE,
            "splits": {"train": {"documents": 1, "tokens": 1, "written": 1, "dropped": 0}},
            "sources": {HOSTILE: {"tokens": 1, "share": 1.0, "bytes_per_token": None}},
        }
    }
    worst["decontamination"] = {
        "evals": {
            HOSTILE: {"action": "cut", "items": 3, "contaminated": [HOSTILE], "unprotectable": [], "documents": {}}
        }
    }
    rate = {"documents": 1, "share": 0.1, "matches": 3, "per_thousand": 300.0}
    worst["found"] |= {HOSTILE: {"documents": 10, "private": {"email": rate, "any": rate}, "bad_words": rate}}
    worst["made"]["libraries"] = {CLOSING: CLOSING}
    for rule in worst["rules"]:
        rule["rule"] = rule["measures"] = rule["set_by"] = rule["unit"] = HOSTILE
    return worst


def test_hostile_reports_and_names_are_text(worst: dict[str, Any]):
    page = render_page(worst)
    check_safe(page)
    assert len(page) < 5_000_000


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_runs_and_fetches_nothing_of_hostile_names(worst: dict[str, Any], tmp_path: Path):
    page = tmp_path / "index.html"
    page.write_text(render_page(worst))
    browser = Browser(tmp_path / "profile")
    try:
        browser.go(page.as_uri())
        browser.wait("document.readyState === 'complete'")
        # Whatever can be touched is.
        browser.run(
            "for (const node of document.querySelectorAll('*')) for (const kind of ['mouseover', 'focus', 'click'])"
            " node.dispatchEvent(new MouseEvent(kind, {bubbles: true}));"
        )
        browser.run("new Promise((done) => setTimeout(done, 300))")
        assert "alert('4')" in browser.run("document.body.textContent")
        assert "owned" not in browser.run("document.title")
        assert browser.problems == []
        assert {url.partition("#")[0] for url in browser.asked} == {page.as_uri()}
    finally:
        browser.close()


_bins = st.dictionaries(st.integers(0, 101).map(str), st.integers(1, 10**9), max_size=30)


def test_what_people_labelled_and_what_was_planned_is_shown(audit: dict[str, Any]):
    rate = {"count": 3, "share": 0.75, "low": 0.30, "high": 0.95}
    review = {
        "labels": ["keep", HOSTILE],
        "sources": {HOSTILE: {"documents": 4, "rates": {"keep": rate}}},
        "reviewers": {"a": {"documents": 4, "labels": {"keep": 3}, "agreement": {}}},
    }
    planned = {"value": 40.4, "low": 30.0, "high": 50.0}
    came = {"source": HOSTILE, "what": "kept_bytes", "actual": 44, "assumed": True, "inside": True}
    plan = [{**came, "planned": planned}]
    page = check_safe(render_page({**audit, "review": review, "plan": plan})).text_content()
    for shown in ("75.00 %", "30.00 % – 95.00 %", "kept bytes †", "40 B", "44 B", "+8.9 %", "yes"):
        assert shown in page


@given(
    scale=st.sampled_from(sorted(SCALES)),
    kept=_bins,
    dropped=_bins,
    threshold=st.none() | st.floats(-1, 1e9),
    drop=st.sampled_from(["below", "above"]),
)
def test_any_histogram_is_drawn(scale: str, kept: dict[str, int], dropped: dict[str, int], threshold: float, drop: str):
    held = {"kept": kept, "dropped": dropped}
    limit = 95 if scale == "bytes" else 101
    bins = {
        side: {number: count for number, count in each.items() if int(number) <= limit} for side, each in held.items()
    }
    rule = {"rule": "r", "scale": scale, "drop": drop, "threshold": threshold, "unit": "", "reached": 1, "dropped": 1}
    drawn = rule_chart(rule | {"bins": bins})
    assert drawn.count('class="kept"') <= 57
    assert "nan" not in drawn
    assert bool(drawn.count('class="dropped"')) == bool(bins["dropped"])
    if scale == "bytes":
        length_chart("name", {"extracted": bins["kept"], "kept": bins["dropped"]})


@given(st.dictionaries(st.integers(1000, 2099).map(str) | st.just(""), st.integers(1, 10**6), max_size=20))
def test_any_years_are_drawn(years: dict[str, int]):
    drawn = year_chart("name", years)
    assert drawn.count("<rect") <= 58
    assert bool(drawn) == bool(set(years) - {""})


def test_flows_and_shares_are_drawn():
    sources = {f"s{n}": {"kept": n, "dropped": {f"select.r{i}": i for i in range(40)}} for n in range(22)}
    drawn = flow_chart(sources)
    assert "select, other rules" in drawn
    assert drawn.count('class="node"') == 22
    taken = flow_chart({"one": {"kept": 3, "dropped": {"takedown": 2}}})
    assert "taken down afterwards: 2" in taken
    assert taken.count("<path") == 2
    flow_chart({"empty": {"kept": 0, "dropped": {}}})
    shards = [{"split": "train", "sources": {"a": 5 + n % 3, "b": 10}} for n in range(3_000)]
    assert shard_chart("a", shards, 0.3).count('class="kept"') == 120
    shard_chart("a", [], 0.0)
    one = {"weight": 1.0, "weight_realised": 1.0, "pile": None}
    assert "ring" not in weight_chart({"sources": {"a": one}})


def test_numbers_are_written_as_people_read_them():
    assert [size(value) for value in (0, 999, 1023, 1024, 10_500, 1_048_576, -5 * 2**30)] == [
        *("0 B", "999 B", "1.00 KiB", "1.00 KiB", "10.3 KiB", "1.00 MiB", "−5.00 GiB"),
    ]
    assert [share(value) for value in (0, 1e-6, 0.0123, 0.5, 1)] == [
        "0.00 %",
        "<0.01 %",
        "1.23 %",
        "50.00 %",
        "100.00 %",
    ]


def browse(page: Path, profile: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            str(CHROMIUM),
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={profile}", "--enable-logging=stderr", *flags, f"file://{page}"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_draws_it_without_complaint(audit: dict[str, Any], tmp_path: Path):
    page = render_page(audit)
    sort = (
        '<script>const table = document.querySelector("#mixture table.sortable");'
        "table.tHead.rows[1].cells[1].click();"
        'document.title = [...table.tBodies[0].rows].map((row) => row.cells[1].textContent).join(" ");</script></body>'
    )
    (tmp_path / "index.html").write_text(page.replace("</body>", sort))
    seen = browse(tmp_path / "index.html", tmp_path / "profile", "--dump-dom")
    assert "CONSOLE" not in seen.stderr
    tree = html.document_fromstring(seen.stdout)
    counts = [int(each.replace(",", "")) for each in tree.xpath("//title")[0].text.split()]
    assert len(counts) == len(audit["sources"])
    assert counts == sorted(counts, reverse=True)
    drawn = tree.xpath("//*[local-name()='svg'][.//*[local-name()='rect']]")
    assert len(drawn) == len(tree.xpath("//*[local-name()='svg']")) > 6
    wide = browse(tmp_path / "index.html", tmp_path / "narrow", "--window-size=400,800", "--dump-dom")
    assert "CONSOLE" not in wide.stderr


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_nothing_is_wider_than_a_narrow_window(audit: dict[str, Any], tmp_path: Path):
    measure = "<script>document.title = String(document.documentElement.scrollWidth);</script></body>"
    # Headless windows have a least width, frames have none.
    page = render_page(audit).replace("</body>", measure)
    (tmp_path / "inside.html").write_text(page)
    frame = (
        '<iframe id="f" src="inside.html" style="width:400px;height:900px;border:0"></iframe>'
        "<script>f.onload = () => { document.title = f.contentDocument.title; };</script>"
    )
    (tmp_path / "index.html").write_text(frame)
    flags = ("--allow-file-access-from-files", "--virtual-time-budget=5000", "--dump-dom")
    seen = browse(tmp_path / "index.html", tmp_path / "profile", *flags)
    assert int(html.document_fromstring(seen.stdout).xpath("//title")[0].text) <= 400
