"""Starts the server that extraction processes are forked from, early: it imports while its parent imports."""

from __future__ import annotations

from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerContext

PRELOAD = (
    "pile_builder.pool",
    "pile_builder.text.repair",
    "trafilatura",
    "resiliparse.extract.html2text",
    "lxml.html",
)


def start_fork_server() -> ForkServerContext:
    """The context of extraction processes, its server running or being started."""
    context = get_context("forkserver")
    context.set_forkserver_preload(list(PRELOAD))
    forkserver.ensure_running()
    return context
