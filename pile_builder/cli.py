"""The `pile` command, put together from the commands of `pile_builder.commands`."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
from typing import Annotated

import typer
from rich.markup import escape

from pile_builder import __version__
from pile_builder.commands.audit import audit
from pile_builder.commands.build import build, explain, quickstart, status, verify
from pile_builder.commands.check_worker import check_worker
from pile_builder.commands.choices import manifests, rules
from pile_builder.commands.classifier import classifiers
from pile_builder.commands.decontaminate import decontaminations
from pile_builder.commands.dedup import dedup
from pile_builder.commands.extract import extract
from pile_builder.commands.extractor import extractors
from pile_builder.commands.fetch import fetch
from pile_builder.commands.jobs import stop
from pile_builder.commands.plan import plan, select
from pile_builder.commands.review import review
from pile_builder.commands.sources import sources
from pile_builder.commands.takedown import takedown
from pile_builder.commands.tokenize import formats, parquet, tokenize
from pile_builder.commands.tokenizer import tokenizer
from pile_builder.commands.worker_pool import worker_pool
from pile_builder.errors import PileError
from pile_builder.terminal import Console, LogFormatter, echo

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Build training corpora for language models, look at them, feed them to trainers.",
)
GO_ON = "what is committed stays, run the same command to go on"
BUILD, LOOK, TRAIN, PARTS = "Build", "Look and change", "Feed a trainer", "Parts that work on their own"
app.command(rich_help_panel=BUILD)(plan)
app.command(rich_help_panel=BUILD, context_settings={"allow_extra_args": True})(build)
app.command(rich_help_panel=BUILD)(quickstart)
app.command(rich_help_panel=BUILD)(fetch)
app.command(rich_help_panel=BUILD)(status)
app.command(rich_help_panel=BUILD, context_settings={"allow_extra_args": True})(stop)
app.command(rich_help_panel=BUILD)(verify)
app.command(rich_help_panel=BUILD)(check_worker)
app.command("worker-pool", rich_help_panel=BUILD)(worker_pool)
app.add_typer(manifests, name="manifest", rich_help_panel=BUILD)
app.add_typer(sources, name="sources", rich_help_panel=BUILD)
app.add_typer(rules, name="rules", rich_help_panel=BUILD)
app.command(rich_help_panel=LOOK)(explain)
app.command(rich_help_panel=LOOK)(review)
app.command(rich_help_panel=LOOK)(select)
app.command(rich_help_panel=LOOK)(takedown)
app.add_typer(audit, name="audit", rich_help_panel=LOOK)
app.command(rich_help_panel=TRAIN)(tokenize)
app.command(rich_help_panel=TRAIN)(formats)
app.command(rich_help_panel=TRAIN)(parquet)
app.add_typer(tokenizer, name="tokenizer", rich_help_panel=TRAIN)
app.add_typer(extract, name="extract", rich_help_panel=PARTS)
app.add_typer(dedup, name="dedup", rich_help_panel=PARTS)
app.add_typer(decontaminations, name="decontaminate", rich_help_panel=PARTS)
app.add_typer(classifiers, name="classifier", rich_help_panel=PARTS)
app.add_typer(extractors, name="extractor", rich_help_panel=PARTS)


def main() -> None:
    """Run the command line; errors that have a message for the user end it with status 1 and no traceback."""
    # Libraries warn through the root logger; what a user should know is said by this program.
    handler = logging.StreamHandler()
    handler.setFormatter(LogFormatter(logging.BASIC_FORMAT))
    logging.basicConfig(level=logging.ERROR, handlers=[handler])
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app()
    except PileError as error:
        if _is_terminated():
            _stopped(signal.SIGTERM)
        Console(stderr=True, soft_wrap=True).print(f"[bold red]error[/]: {escape(str(error))}", markup=True)
        _leave(1)
    except (OSError, MemoryError) as error:
        if _is_terminated():
            _stopped(signal.SIGTERM)
        said = escape(f"{type(error).__name__}: {error}".rstrip(": "))
        Console(stderr=True, soft_wrap=True).print(f"[bold red]error[/]: {said}; {GO_ON}", markup=True)
        _leave(1)
    except _TerminatedError:
        _stopped(signal.SIGTERM)
    except SystemExit as end:
        if end.code == 128 + signal.SIGINT:
            _stopped(signal.SIGINT)
        _leave(end.code if isinstance(end.code, int) else bool(end.code))


class _TerminatedError(BaseException):
    """SIGTERM asks the command to end; no Exception, so that a library's broad handler lets it pass."""


def _terminate(*_: object) -> None:
    # Once is enough: what is done on the way out must not be interrupted.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Nor is it of interest what libraries say of an exception that they don't know.
    logging.disable(logging.CRITICAL)
    raise _TerminatedError


def _is_terminated() -> bool:
    """Whether SIGTERM came: an error may be what a library made of it."""
    return signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def _stopped(number: signal.Signals) -> None:
    Console(stderr=True, soft_wrap=True).print(f"stopped by {number.name}; {GO_ON}")
    _leave(128 + number)


def _leave(status: int) -> None:
    """End the process without taking Beam's and numba's modules apart, which takes half a second."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="print the version")] = False) -> None:  # noqa: FBT002
    if version:
        echo(__version__)
        raise typer.Exit


if __name__ == "__main__":
    main()
