"""How the command ends when it is stopped."""

import subprocess
import sys

TERMINATED = """
import logging, os, signal
from pile_builder import cli
from pile_builder.errors import PileError

def app():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except BaseException as error:
        logging.error("a library's words")
        raise PileError("a library's own exception") from error

cli.app = app
cli.main()
"""


def test_sigterm_is_said_whatever_a_library_makes_of_it():
    done = subprocess.run([sys.executable, "-c", TERMINATED], capture_output=True, text=True, check=False)
    assert done.returncode == 143
    assert "stopped by SIGTERM; what is committed stays" in done.stderr
    assert "library" not in done.stderr
