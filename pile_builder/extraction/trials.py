"""Extractors run on one page as a build runs them, each in a process of its own that hostile input may end."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

from pebble import ProcessExpired

from pile_builder.checked_yaml import unknown_word
from pile_builder.errors import ManifestError, PileError
from pile_builder.forkserver import start_fork_server
from pile_builder.pool import Extraction, confine, extract_lot
from pile_builder.processes import KillableProcesses
from pile_builder.source import Raw, Reject
from pile_builder.sources.common_crawl import CommonCrawl, CommonCrawlConfig
from pile_builder.sources.common_crawl.charset import decode
from pile_builder.sources.common_crawl.html import (
    MAX_DEPTH,
    ExtractorName,
    Favor,
    language_of,
    main_content,
    nesting,
    title_of,
    without_surrogates,
)
from pile_builder.text.repair import repair_texts

if TYPE_CHECKING:
    from pile_builder.main_content import Block

CPU_SECONDS = 20.0
"""Of one extractor; what a build gives it unless its manifest says otherwise."""
WALL_SECONDS = 120.0
MEMORY = 4 << 30
"""Address space of the process, in bytes."""
TIMED_RUNS = 50
TIMED_SECONDS = 0.3
"""Runs go on until there are so many, or so much time is gone."""
EXTRACTORS: tuple[str, ...] = get_args(ExtractorName)
SETTINGS: dict[str, tuple[str, ...]] = {
    "trafilatura": ("precision", "recall", "fast"),
    "blocks": ("precision", "recall", "fast", "alone"),
}
"""Words that may follow an extractor's name, `alone` for `fallback: false`; others have no settings."""
_NOT_TEXT = [
    *("img", "area", "input", "svg", "object", "video", "audio", "canvas"),
    *("[hidden]", "[style*='display:none']", "[style*='display: none']"),
]
"""What nobody sees, or only where the element itself can't be shown."""

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Choice:
    """An extractor with its settings, written as NAME or NAME:precision,fast."""

    extractor: str
    favor: str = "balanced"
    fast: bool = False
    alone: bool = False

    @property
    def label(self) -> str:
        """As it is written."""
        words = [] if self.favor == "balanced" else [self.favor]
        words += [word for word, is_set in (("fast", self.fast), ("alone", self.alone)) if is_set]
        return f"{self.extractor}:{','.join(words)}" if words else self.extractor

    @property
    def config(self) -> CommonCrawlConfig:
        """Options of the source `common_crawl` with this extractor."""
        extractor, favor = cast("ExtractorName", self.extractor), cast("Favor", self.favor)
        return CommonCrawlConfig(inputs=(), extractor=extractor, favor=favor, fast=self.fast, fallback=not self.alone)


@dataclass(frozen=True)
class Page:
    """What is known of a page before any extractor runs.

    Attributes:
        name: URL, or the file that it came from.
        size: bytes.
        characters: after decoding, 0 if no charset fits.
        charset: Python's name of it.
        title, published, language, canonical: what it says of itself, empty if nothing.
        visible: all text that a reader may see, menus and footers included, in lines; empty if it cannot be had.
        problem: why there is no `visible`, empty if there is.
    """

    name: str
    size: int
    characters: int = 0
    charset: str = ""
    title: str = ""
    published: str = ""
    language: str = ""
    canonical: str = ""
    visible: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Trial:
    """What an extractor makes of a page: the document that a build would have, or the rule of its reject.

    Attributes:
        choice: extractor and settings.
        text: of the document.
        meta: of the document: title, language, and what else the extractor finds.
        rule: of the reject, empty for a document.
        detail: of the reject.
        seconds: CPU time of the extractor alone on the decoded page, the mean of some runs; None for a reject.
    """

    choice: Choice
    text: str = ""
    meta: dict[str, Any] = field(default_factory=dict)
    rule: str = ""
    detail: str = ""
    seconds: float | None = None


def parse_choice(word: str) -> Choice:
    """NAME or NAME:WORD,WORD as a choice.

    Raises:
        PileError: there is no such extractor, or it has no such setting.
    """
    name, _, settings = word.partition(":")
    if name not in EXTRACTORS:
        msg = f"--extractor: {unknown_word('extractor', name, EXTRACTORS)}"
        raise PileError(msg)
    given = [setting for setting in settings.split(",") if setting]
    for setting in given:
        if setting not in SETTINGS.get(name, ()):
            msg = f"--extractor {word}: {unknown_word(f'setting of {name}', setting, SETTINGS.get(name, ()))}"
            raise PileError(msg)
    favors = [setting for setting in given if setting in get_args(Favor)]
    if len(favors) > 1:
        msg = f"--extractor {word}: expected one of precision and recall, got both"
        raise PileError(msg)
    return Choice(name, favors[0] if favors else "balanced", "fast" in given, "alone" in given)


def installed_choices() -> list[Choice]:
    """Every extractor whose package is installed, with its default settings."""
    found = []
    for name in EXTRACTORS:
        try:
            main_content(cast("ExtractorName", name), "balanced", fast=False)
        except ManifestError:
            continue
        found.append(Choice(name))
    return found


class Confined:
    """A process with bounded memory and time in which functions look at hostile pages; it is replaced when it ends.

    Attributes:
        timed: seconds that an extractor's repeated runs take at most.
    """

    def __init__(self, timed: float = TIMED_SECONDS) -> None:
        self.timed = timed
        self._pool = KillableProcesses(1, start_fork_server(), confine, (MEMORY,))

    def __enter__(self) -> Confined:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.stop()
        self._pool.join()

    def look(self, raw: Raw) -> Page:
        """The page itself; never raises for what the page holds."""
        result = self.run(look_at, raw)
        if isinstance(result, Reject):
            return Page(raw.key, raw.size, problem=f"{result.rule}: {result.detail}")
        return result

    def try_extractor(self, raw: Raw, choice: Choice) -> Trial:
        """What an extractor makes of a page; never raises for what the page holds."""
        result = self.run(try_on, raw, choice, self.timed)
        if isinstance(result, Reject):
            return Trial(choice, rule=result.rule, detail=result.detail)
        return result

    def explain(self, raw: Raw, favor: str) -> list[Block]:
        """The blocks of a page as the extractor `blocks` judges them.

        Raises:
            PileError: it cannot be had of this page.
        """
        result = self.run(blocks_of, raw, favor)
        if isinstance(result, Reject):
            msg = f"{raw.key}: expected a page that can be parsed in time, got {result.rule}: {result.detail}"
            raise PileError(msg)
        return result

    def run(self, function: Callable[..., _Result], *arguments: object) -> _Result | Reject:
        """A function's result in the process, or a Reject with what became of the process."""
        future: Future[_Result] = self._pool.schedule(function, args=arguments, timeout=WALL_SECONDS)
        try:
            return future.result()
        except FutureTimeout:
            return Reject("time_limit", f"no answer within {WALL_SECONDS:g} seconds")
        except ProcessExpired as error:
            return Reject("crashed", f"the process ended with exit code {error.exitcode}")
        except MemoryError:
            return Reject("memory_limit", f"more than {MEMORY >> 30} GiB of address space")
        except Exception as error:  # A parser's bug, as in a build.
            return Reject("error", f"{type(error).__name__}: {error}"[:300])


def look_at(raw: Raw) -> Page:
    """Decode a page and take its visible text."""
    from resiliparse.extract.html2text import extract_plain_text

    from pile_builder.main_content.page import head_of

    decoded = decode(raw.payload, raw.media_type)
    if decoded is None:
        return Page(raw.key, raw.size, problem="undecodable: no charset fits")
    page, charset = decoded
    if nesting(page) > MAX_DEPTH:
        problem = f"too_deep: elements nested deeper than {MAX_DEPTH}"
        return Page(raw.key, raw.size, len(page), charset, title_of(page), language=language_of(page), problem=problem)
    head = head_of(page)
    # Without alt_texts whole figures would be missing, captions, code and tables in them.
    seen = extract_plain_text(page, preserve_formatting=True, list_bullets=False, skip_elements=_NOT_TEXT)
    facts = (raw.key, raw.size, len(page), charset, head.title, head.date, head.language, head.url)
    return Page(*facts, visible=repair_texts([without_surrogates(str(seen))])[0])


def try_on(raw: Raw, choice: Choice, timed: float = TIMED_SECONDS) -> Trial:
    """Extract as a build does, then time the extractor alone."""
    result = extract_lot(Extraction(CommonCrawl(choice.config), seconds=CPU_SECONDS), [raw], None)[0]
    if isinstance(result, Reject):
        return Trial(choice, rule=result.rule, detail=result.detail)
    decoded = decode(raw.payload, raw.media_type)
    seconds = _seconds(choice, decoded[0], timed) if decoded else None
    return Trial(choice, result.text, dict(result.meta), seconds=seconds)


def blocks_of(raw: Raw, favor: str) -> list[Block] | Reject:
    """Blocks with probabilities, or why there are none."""
    from pile_builder.main_content import explain

    decoded = decode(raw.payload, raw.media_type)
    if decoded is None:
        return Reject("undecodable", "no charset fits")
    if nesting(decoded[0]) > MAX_DEPTH:
        return Reject("too_deep", f"elements nested deeper than {MAX_DEPTH}")
    return explain(decoded[0], favor=cast("Favor", favor))


def _seconds(choice: Choice, page: str, timed: float) -> float:
    """CPU seconds of a run, the mean of some; what a first run loads and compiles is not in it."""
    config = choice.config
    extract = main_content(config.extractor, config.favor, fast=config.fast, fallback=config.fallback)
    runs, spent, started = 0, 0.0, time.process_time()
    # Over all runs and not each: the clock of CPU time is coarse on some machines.
    while not runs or (runs < TIMED_RUNS and spent < timed):
        extract(page)
        runs += 1
        spent = time.process_time() - started
    return spent / runs
