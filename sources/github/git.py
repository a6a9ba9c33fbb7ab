"""Read the files of a commit out of a git repository, without a work tree and without running anything it brings along.

Contents come from the object store (`ls-tree`, `cat-file`), so that neither a dirty work tree, nor attributes
(`export-ignore`, `export-subst`, filters, line ends), nor replace refs change them. Hooks, pagers, transports, lazy
fetching and configuration outside the repository are off.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pile_builder.errors import InputError, ManifestError

MAX_FILES = 1_000_000
"""Most files in a commit; beyond it a tree is taken for a bomb (the largest known repositories have 400,000)."""
COMMAND_SECONDS = 120

_OPTIONS = (
    "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.pager=cat", "core.attributesFile=/dev/null",
    "core.commitGraph=false", "protocol.allow=never", "safe.directory=*",
)  # fmt: skip
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
}
_REMOTE = re.compile(r"^(?:(?:https?|ssh|git)://(?:[^/@]*@)?([^/:]+)(?::\d+)?/|[\w.-]+@([\w.-]+):)(.+?)(?:\.git)?/*$")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that can be read: `path` inside its repository, `size` in bytes, `read` at most once and at once."""

    path: str
    size: int
    read: Callable[[], bytes]


def is_repository(path: Path) -> bool:
    """Whether a folder is a clone or a bare repository."""
    if (path / ".git").exists():
        return True
    return (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()


def leads_elsewhere(path: Path) -> bool:
    """Whether a repository's store or refs lie outside of its folder, as a worktree's do: what a dump brings may not.

    Objects of other stores (alternates) may be borrowed, as only who has seen them knows their names.
    """
    base = path / ".git" if (path / ".git").exists() else path
    if base.is_file() or (base / "commondir").exists():
        return True
    inside = path.resolve()
    return not all(
        (base / name).resolve().is_relative_to(inside) for name in ("HEAD", "objects", "refs", "packed-refs")
    )


def head_commit(path: Path) -> str:
    """Name of the commit that HEAD points at, or "" where there is none, or the repository is broken or elsewhere."""
    if leads_elsewhere(path):
        return ""
    done = _run(path, "rev-parse", "--verify", "--quiet", "--end-of-options", "HEAD^{commit}")
    return done.strip() if re.fullmatch(r"[0-9a-f]{40,64}\n", done) else ""


def origin(path: Path) -> tuple[str, str]:
    """Host and repository name (`github.com`, `owner/name`) of `remote.origin.url`, or two empty strings.

    Paths on this machine and credentials in a URL are not taken over.
    """
    found = _REMOTE.match(_run(path, "config", "--local", "--no-includes", "--get", "remote.origin.url").strip())
    return ((found[1] or found[2]).lower(), found[3].strip("/")) if found else ("", "")


def stored_bytes(path: Path) -> int:
    """Size of the repository's packs, an estimate of the work in it."""
    base = path / ".git" if (path / ".git").is_dir() else path
    return sum(pack.stat().st_size for pack in base.glob("objects/pack/*.pack"))


def commit_entries(path: Path, commit: str, *, recursive: bool = True) -> Iterator[Entry | str]:
    """Files of a commit in path order; what is no regular file as its kind's name (`submodule`, `link`).

    Raises:
        InputError: `damaged`: git cannot read a tree or an object; `bomb`: more than `MAX_FILES` files.
    """
    arguments = ["ls-tree", "-z", "--long", "--full-tree", *["-r", "-t"] * recursive, commit]
    with _process(path, *arguments) as listing, _process(path, "cat-file", "--batch") as store:
        for count, record in enumerate(_records(listing.stdout), 1):
            if count > MAX_FILES:
                raise InputError("bomb", f"more than {MAX_FILES:,} files")
            header, _, name = record.partition(b"\t")
            mode, kind, blob, size = header.split()
            if kind == b"blob" and mode.startswith(b"100"):
                entry_path = name.decode("utf-8", "backslashreplace")
                # Git writes BAD for a missing object, which reading then reports.
                yield Entry(entry_path, int(size) if size.isdigit() else 1, lambda blob=blob: _content(store, blob))  # type: ignore[misc]
            elif kind != b"tree":
                yield "submodule" if kind == b"commit" else "link"
        if listing.wait() != 0:
            raise InputError("damaged", f"git cannot list the files of {commit}")


def _content(store: subprocess.Popen[bytes], blob: bytes) -> bytes:
    assert store.stdin is not None and store.stdout is not None
    try:
        store.stdin.write(blob + b"\n")
        store.stdin.flush()
        header = store.stdout.readline().split()
        if len(header) != 3:
            raise InputError("damaged", f"git has no object {blob.decode()}")
        content = store.stdout.read(int(header[2]))
        store.stdout.read(1)
    except BrokenPipeError as error:
        raise InputError("damaged", f"git cannot read object {blob.decode()}") from error
    if len(content) != int(header[2]):
        raise InputError("damaged", f"git cannot read object {blob.decode()}")
    return content


def _records(stream: IO[bytes] | None) -> Iterator[bytes]:
    assert stream is not None
    left = b""
    while part := stream.read1(1 << 16):  # type: ignore[attr-defined]
        *records, left = (left + part).split(b"\0")
        yield from records


def _command(path: Path, *arguments: str) -> list[str]:
    git_dir = path / ".git" if (path / ".git").exists() else path
    options = [part for option in _OPTIONS for part in ("-c", option)]
    return ["git", "--no-pager", "--literal-pathspecs", f"--git-dir={git_dir.absolute()}", *options, *arguments]


def _run(path: Path, *arguments: str) -> str:
    """Output of a short command, or "" where it fails."""
    try:
        done = subprocess.run(
            _command(path, *arguments), capture_output=True, env=_ENVIRONMENT, timeout=COMMAND_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise ManifestError("repositories need the command git, which is not installed. Install git") from error
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


@contextmanager
def _process(path: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        _command(path, *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_ENVIRONMENT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
