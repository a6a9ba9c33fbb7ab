"""Starts the server that extraction processes are forked from, early: it imports while its parent imports."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerContext

PRELOAD = (
    "pile_builder.pool",
    "trafilatura",
    "resiliparse.extract.html2text",
    "selectolax.lexbor",
    "lxml.html",
    "pile_builder.preloaded",
)

_PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""


def start_fork_server() -> ForkServerContext:
    """The context of extraction processes, its server running or being started."""
    context = get_context("forkserver")
    context.set_forkserver_preload(list(PRELOAD))
    forkserver.ensure_running()
    return context


def end_with_parent() -> None:
    """Let this process be killed when its parent ends, however that comes about (Linux; elsewhere pipes tell it)."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It was gone before the call.
        os.kill(os.getpid(), signal.SIGKILL)
