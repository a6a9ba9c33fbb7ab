"""The page in a browser: keys label documents, hostile text stays text, nothing is logged as an error."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pile_builder.review.labels import FILE, Labels
from pile_builder.storage import Store
from tests.pages import id_of
from tests.review.browser import CHROMIUM, Browser
from tests.review.builds import HOSTILE, HOSTILE_URL, serving
from tests.web_names import HOSTILE_NAME

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium")
SHOWN = "document.querySelector('#text .piece') && !document.querySelector('[aria-busy]')"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    browser = Browser(tmp_path / "profile", (400, 800))
    yield browser
    browser.close()


def test_keys_label_documents(out: Path, browser: Browser):
    with serving(out) as server:
        browser.go(server.url)
        browser.wait(SHOWN)
        browser.press("1")
        browser.press("n")
        browser.press("2")
        browser.press("3")
        browser.press("u")
        browser.press(" ")
        browser.press("c")
        browser.type("reads like n p u")
        browser.press("Enter")
        browser.press("a")
        browser.press("3")
        browser.press("p")
        browser.press("p")
        browser.wait("document.getElementById('place').textContent.startsWith('Document 2 ')")
        browser.run("sending")
        browser.press("?")
        assert browser.run("document.getElementById('help').open")
        ids = [one.identity for one in server.drawn]
        assert [(one.id, one.label, one.comment) for one in Labels(Store(str(out))).history] == [
            (ids[0], "keep", ""),
            (ids[1], "bad", ""),
            (ids[1], "other", ""),
            (ids[1], "bad", ""),
            (ids[2], None, "reads like n p u"),
            (ids[2], "other", "reads like n p u"),
        ]
        browser.go(server.url)
        browser.wait("document.getElementById('place').textContent.startsWith('Document 4 ')")
        assert browser.run("document.getElementById('counts').textContent").startswith("3 labelled")
        assert browser.run("document.documentElement.scrollWidth") == 400
        assert browser.problems == []


def test_keys_work_on_keyboards_that_write_no_latin(out: Path, browser: Browser):
    with serving(out) as server:
        browser.go(server.url)
        browser.wait(SHOWN)
        browser.press("٢", "Digit2")
        browser.press("т", "KeyN")
        browser.press("&", "Digit1")
        browser.press("1", "Digit1")
        browser.run("sending")
        assert [(one.id, one.label) for one in server.decisions.history] == [
            (server.drawn[0].identity, "bad"),
            (server.drawn[1].identity, "keep"),
        ]


def test_hostile_text_stays_text(finished: Path, browser: Browser):
    with serving(finished) as server:
        place = [one.identity for one in server.drawn].index(id_of("web", HOSTILE_URL))
        browser.go(server.url)
        browser.wait(SHOWN)
        browser.run(f"show({place})")
        assert HOSTILE in browser.run("document.querySelector('.piece').textContent")
        assert HOSTILE_URL in browser.run("document.getElementById('key').textContent")
        assert browser.run("document.querySelectorAll('img, main script, iframe').length") == 0
        assert "owned" not in browser.run("document.title")
        assert browser.problems == []


def test_hostile_names_labels_and_reviewers_are_text(out: Path, browser: Browser):
    labels = ("keep", HOSTILE_NAME[:400], HOSTILE_NAME[400:800])
    with serving(out, by=HOSTILE_NAME, name=HOSTILE_NAME, labels=labels, source=HOSTILE_NAME) as server:
        browser.go(server.url)
        browser.wait(SHOWN)
        for key in ("2", "n", "3", "c"):
            browser.press(key)
        browser.type(HOSTILE_NAME[:900])
        browser.press("Enter")
        browser.press("?")
        browser.run("sending")
        for number in range(len(server.drawn)):
            browser.run(f"show({number})")
        assert "alert('4')" in browser.run("document.getElementById('source').textContent")
        assert "alert('4')" in browser.run("document.getElementById('reviewer').textContent")
        assert browser.run("document.querySelectorAll('img, main script, iframe, meta[http-equiv], base').length") == 0
        assert browser.problems == []
        assert all(url.startswith(server.url) for url in browser.asked), browser.asked
        assert len(server.decisions.history) == 3


def test_what_cannot_be_saved_is_said_and_not_shown_as_saved(out: Path, browser: Browser):
    with serving(out) as server:
        browser.go(server.url)
        browser.wait(SHOWN)
        (out / FILE).mkdir(parents=True)
        browser.press("1")
        browser.wait("document.getElementById('alarm').textContent.startsWith('Not saved')")
        assert browser.run("document.querySelectorAll('[aria-pressed=true]').length") == 0
        assert server.decisions.history == []
