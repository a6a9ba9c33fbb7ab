"""Starts servers that end with the process that started them, even if that one is killed.

Run as a program it starts the command it is given, and ends it when its own standard input closes: the other end is
held by the parent, and the system closes it whichever way the parent ends.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

GRACE_SECONDS = 5
"""Between asking a server to end and killing it."""


class Attended:
    """A server's process; its output goes to a file."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __spec__.name, *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for_port(self, port: int, seconds: float) -> bool:
        """Wait until something listens at a port of this machine; False if the server ended or took longer."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit and self._process.poll() is None:
            if is_listening("localhost", port):
                return True
            time.sleep(0.1)
        return False

    def tail(self, lines: int = 20) -> str:
        """The last lines that the server wrote."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """End the server and wait for its end."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def is_listening(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def split_endpoint(endpoint: str) -> tuple[str, int]:
    """Host and port of `host:port`."""
    host, _, port = endpoint.rpartition(":")
    return host.strip("[]"), int(port)


def _attend(command: Sequence[str]) -> int:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def end_with_parent() -> None:
        sys.stdin.buffer.read()
        process.terminate()
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()

    threading.Thread(target=end_with_parent, daemon=True).start()
    return process.wait()


if __name__ == "__main__":
    # A terminal's Ctrl-C is the parent's to answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(_attend(sys.argv[1:]))
