"""How hostile files are given to commands that read other things than sources' dumps.

    python -m tests.hostile.commands FOLDER [NAME ...]

runs every case of every module's `COMMANDS` in this process, and prints how each ended, a JSON object a line.
"""

import json
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.hostile import cases


@dataclass(frozen=True)
class Command:
    """A command line over files; `{}` in a word is their folder.

    Attributes:
        files: content by name.
        error: what its error says; empty where the command has to succeed.
    """

    name: str
    files: Mapping[str, bytes | Callable[[], bytes]]
    words: tuple[str, ...]
    error: str = ""


def all_commands() -> Iterator[Command]:
    """Every command of every module."""
    for module in cases.modules():
        yield from getattr(module, "COMMANDS", ())


def main() -> None:
    top, *names = sys.argv[1:]
    for number, each in enumerate(all_commands()):
        if not names or each.name in names:
            print(json.dumps({"name": each.name, **_run(each, Path(top) / str(number))}), flush=True)


def _run(each: Command, folder: Path) -> dict[str, str | float]:
    from typer.testing import CliRunner

    from pile_builder.cli import app
    from pile_builder.errors import PileError
    from pile_builder.terminal import shown

    for name, content in each.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content() if callable(content) else content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    result = CliRunner().invoke(app, [word.replace("{}", str(folder)) for word in each.words])
    used = {
        "seconds": time.process_time() - started,
        "memory": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10,
    }
    if isinstance(result.exception, PileError):
        # As `cli.main` prints it.
        return {"kind": "error", "output": shown(f"{result.output}{result.exception}"), **used}
    if result.exception and not isinstance(result.exception, SystemExit):
        return {"kind": "crash", "output": "".join(traceback.format_exception(result.exception))[-2000:], **used}
    return {"kind": "error" if result.exit_code else "ok", "output": result.output, **used}


if __name__ == "__main__":
    main()
