"""HTML to text: a cheap preview for language identification, and main content by one of four extractors."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

from lxml.etree import LxmlError

from pile_builder.errors import ManifestError

ExtractorName = Literal["trafilatura", "blocks", "resiliparse", "justext"]
Favor = Literal["balanced", "precision", "recall"]

EXTRACTOR_LIBRARIES: Mapping[ExtractorName, tuple[str, ...]] = {
    "blocks": ("selectolax",),
    "justext": ("justext", "lxml"),
    "resiliparse": ("resiliparse",),
    "trafilatura": ("justext", "lxml", "trafilatura"),
}
"""Distributions that make an extractor's text; trafilatura falls back to jusText."""

MAX_DEPTH = 256
"""Deepest nesting of elements: libxml2 drops what lies deeper (XML_PARSE_HUGE unset), lexbor's walks turn quadratic."""
MAX_TAGS = {"trafilatura": 200_000, "blocks": 100_000, "resiliparse": 200_000, "justext": 20_000}
"""Most tags on a page, by extractor: trafilatura needs up to 40 microseconds each, jusText quadratic time."""
PREVIEW_CHARS = 1_200
"""Characters that a preview holds at most; language identification reads the first 1,000."""

_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_UNDECLARED = frozenset({"", "*/*", "text/plain", "unknown/unknown", "application/unknown", "application/octet-stream"})
_HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*)?"
    rb"<(?:!doctype\s+html|html|head|body|title|meta|script|style|link|table|div|p|h1|a|b|br|font|center|iframe)[\s>/]",
    re.IGNORECASE | re.DOTALL,
)
_BINARY_STARTS = (b"%PDF-", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"PK\x03\x04", b"RIFF", b"\xd0\xcf\x11\xe0", b"wOF")
_LONG_RUN = 60
_ENOUGH = 300
_CODE = re.compile(r"<[sS](?:([cC])[rR][iI][pP][tT]|[tT][yY][lL][eE])\b")
_SCRIPT_END = re.compile(r"</[sS][cC][rR][iI][pP][tT]")
_STYLE_END = re.compile(r"</[sS][tT][yY][lL][eE]")
_WHOLE_TAG = re.compile(r"<(/?[a-zA-Z]+)(?:[^<>]*(/)(?=>))?")
FLAT = frozenset(
    (
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "wbr"),
        *("dd", "dt", "li", "optgroup", "option", "p", "rb", "rp", "rt", "tbody", "td", "tfoot", "th", "thead", "tr"),
        *("html", "head", "body"),
    )
)
"""Elements that hold nothing, or whose end tag HTML implies."""
_TITLE = re.compile(r"<title\b[^<>]{0,500}>([^<]{1,2000})", re.IGNORECASE)
_LANGUAGE = re.compile(
    r"<html\b[^<>]{0,2000}?\slang\s*=\s*[\"']?([A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,3})", re.IGNORECASE
)


def may_be_html(media_type: str) -> bool:
    """Whether a declared media type is HTML or says so little that the body must tell."""
    kind = media_type.partition(";")[0].strip().lower()
    return kind in _HTML_TYPES or kind in _UNDECLARED


def is_html(media_type: str, body: bytes) -> bool:
    """Whether a body is HTML: as declared unless it begins like a binary format, undeclared if it begins like HTML."""
    if media_type.partition(";")[0].strip().lower() in _HTML_TYPES:
        return not body.startswith(_BINARY_STARTS)
    return _HTML_START.match(body) is not None


def preview(page: str) -> str:
    """Plain text of a page for language identification, about 0.2 ms a page.

    Runs of text of at least 60 characters come first and, when they make 300 characters, alone: menus, which are often
    in another language than the article, consist of short ones.
    """
    from pile_builder.sources.common_crawl.markup_kernels import text_runs

    longs, shorts, gathered = text_runs(page, _LONG_RUN, PREVIEW_CHARS, PREVIEW_CHARS)
    runs = longs if gathered >= _ENOUGH else longs + shorts
    return " ".join(html.unescape(" ".join(runs)).split())[:PREVIEW_CHARS]


def nesting(page: str, limit: int = MAX_DEPTH) -> int:
    """Depth of the page's elements by its tags alone, about 0.1 ms a page; exact only beyond `limit`.

    An end tag closes an open element of its name and is nothing without one. `FLAT` elements do not count.
    """
    from pile_builder.sources.common_crawl.markup_kernels import tag_depth

    depth = tag_depth(page, limit)
    if depth <= limit:
        return depth
    # Minified scripts hold "i<n", drawings close their elements with "/>": look again without either.
    return _depth(tag for part in _outside_code(page) for tag, slash in _WHOLE_TAG.findall(part) if not slash)


def _depth(tags: Iterable[str]) -> int:
    open_of: dict[str, int] = {}
    depth = deepest = 0
    for tag in tags:
        name = tag.lower().lstrip("/")
        if name in FLAT:
            continue
        if tag[0] != "/":
            open_of[name] = open_of.get(name, 0) + 1
            depth += 1
            if depth > deepest:
                deepest = depth
        elif open_of.get(name):
            open_of[name] -= 1
            depth -= 1
    return deepest


def _outside_code(page: str) -> Iterator[str]:
    position = 0
    while opening := _CODE.search(page, position):
        yield page[position : opening.start()]
        end = (_SCRIPT_END if opening[1] else _STYLE_END).search(page, opening.end())
        if not end:
            return
        position = end.end()
    yield page[position:]


def title_of(page: str) -> str:
    """The title element's text, at most 500 characters, empty if there is none in the first 128 KiB."""
    match = _TITLE.search(page, 0, 128 << 10)
    return without_surrogates(" ".join(html.unescape(match[1]).split())[:500]) if match else ""


def language_of(page: str) -> str:
    """The language that the html element declares (`en-GB`), empty if none."""
    match = _LANGUAGE.search(page, 0, 32 << 10)
    return match[1] if match else ""


def without_surrogates(text: str) -> str:
    """The text with lone surrogates (`&#xD800;`) replaced, so that it is valid UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def main_content(extractor: ExtractorName, favor: Favor, *, fast: bool, fallback: bool = True) -> Callable[[str], str]:
    """A function from a page to its main content, empty where it finds none.

    Raises:
        ManifestError: the extractor's package is not installed.
    """
    described = described_content(extractor, favor, fast=fast, fallback=fallback)
    return lambda page: described(page)[0]


def described_content(
    extractor: ExtractorName, favor: Favor, *, fast: bool, fallback: bool = True
) -> Callable[[str], tuple[str, Mapping[str, str]]]:
    """A function from a page to its main content and what the page says of itself, some of it empty.

    Args:
        extractor: its name.
        favor: what to prefer (`trafilatura` and `blocks`).
        fast: `trafilatura` without its own fallbacks.
        fallback: `blocks` leaves the least certain pages to `trafilatura`, and says `extractor: trafilatura` of them.

    Raises:
        ManifestError: the extractor's package is not installed.
    """
    if extractor == "blocks":
        return _blocks(favor, fast=fast, fallback=fallback)
    if extractor == "trafilatura":
        run = _trafilatura(favor, fast=fast)
    else:
        run = _resiliparse() if extractor == "resiliparse" else _justext()
    return lambda page: (run(page), {"title": title_of(page), "language": language_of(page)})


def _blocks(favor: Favor, *, fast: bool, fallback: bool) -> Callable[[str], tuple[str, Mapping[str, str]]]:
    from pile_builder.main_content import extract

    other = second_opinion(favor, fast=fast) if fallback else None

    def run(page: str) -> tuple[str, Mapping[str, str]]:
        found = extract(page, favor=favor, fallback=other)
        return found.text, {
            "title": found.head.title,
            "language": found.head.language,
            "date_published": found.head.date,
            "canonical_url": found.head.url,
            "extractor": "trafilatura" if found.by == "fallback" else "",
        }

    return run


def second_opinion(favor: Favor, *, fast: bool) -> Callable[[str, str], str]:
    """A function from a page and what `blocks` found on it to what `trafilatura` finds, empty where that fails.

    Its precise mode is the better one on labelled pages, on which some text was found, and there no worse for being
    fast; of a thread without an article, where `blocks` finds nothing, that mode keeps the first post alone.
    """
    precise, balanced = _trafilatura("precision", fast=True), _trafilatura("balanced", fast=fast)

    def run(page: str, found: str) -> str:
        chosen = precise if found and favor != "recall" else balanced
        try:
            return chosen(page).strip()
        except (LxmlError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return ""

    return run


def _trafilatura(favor: Favor, *, fast: bool) -> Callable[[str], str]:
    from trafilatura import extract

    def run(page: str) -> str:
        # As datatrove calls it, except for deduplicate=True, which remembers earlier pages of the process.
        text = extract(
            page,
            fast=fast,
            favor_precision=favor == "precision",
            favor_recall=favor == "recall",
            include_comments=False,
            include_tables=True,
            deduplicate=False,
        )
        return text or ""

    return run


def _resiliparse() -> Callable[[str], str]:
    from resiliparse.extract.html2text import extract_plain_text

    def run(page: str) -> str:
        return str(extract_plain_text(page, main_content=True, alt_texts=False, comments=False, post_meta=False))

    return run


def _justext() -> Callable[[str], str]:
    try:
        import justext
    except ImportError as error:
        msg = "extractor: justext needs a package that is not installed; run: pip install 'pile-builder[compat]'"
        raise ManifestError(msg) from error
    stop_words = justext.get_stoplist("English")

    def run(page: str) -> str:
        paragraphs = justext.justext(page, stop_words)
        return "\n\n".join(paragraph.text for paragraph in paragraphs if not paragraph.is_boilerplate)

    return run
