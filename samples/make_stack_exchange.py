"""Writes samples/stack_exchange: three sites' posts as the data dump lays them out, of posts in samples/originals."""

from __future__ import annotations

import bz2
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import orjson
import py7zr

ORIGINALS = Path(__file__).parent / "originals" / "stack_exchange" / "posts.jsonl"
TARGET = Path(__file__).parent / "stack_exchange"
BROKEN = [
    b'  <row Id="20" PostTypeId="1" Score="1" Body="a row without its end" Title="Broken"',
    b'  <row Id="21" PostTypeId="2" Score="1" Body="an answer to nothing" CreationDate="2021-01-01T00:00:00.000" />',
    b'  <row Id="x22" PostTypeId="1" Body="no number" />',
    b"  a line that is no row",
]


def main() -> None:
    """Write every sample."""
    posts = [orjson.loads(line) for line in ORIGINALS.read_bytes().splitlines()]
    folder = TARGET / "ferries.stackexchange.com"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Posts.xml").write_bytes(table(posts, BROKEN))
    # A download that broke off in the row of an answer.
    folder = TARGET / "lanterns.stackexchange.com"
    folder.mkdir(parents=True, exist_ok=True)
    whole = table(posts[:3], [])
    (folder / "Posts.xml.bz2").write_bytes(bz2.compress(whole[: whole.index(b"Keep seconds")]))
    write_archive(
        "meta.ferries.stackexchange.com.7z", {"Badges.xml": b"<badges>\n</badges>", "Posts.xml": table(posts[4:9], [])}
    )
    write_archive("ferries.stackexchange.com-Users.7z", {"Users.xml": b"<users>\n</users>"})
    (TARGET / "knots.stackexchange.com-Posts.7z").write_bytes(b"7z\xbc\xaf\x27\x1c not an archive at all")


def table(posts: Iterable[Mapping[str, Any]], broken: Iterable[bytes]) -> bytes:
    """A Posts.xml with CRLF, as the dump has it."""
    rows = ["  <row " + " ".join(f'{name}="{_value(value)}"' for name, value in post.items()) + " />" for post in posts]
    lines = [b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>', b"<posts>", *(row.encode() for row in rows)]
    return b"\r\n".join([*lines, *broken, b"</posts>"])


def _value(value: object) -> str:
    text = escape(str(value), {'"': "&quot;"})
    return re.sub(r"[\x00-\x1f]", lambda sign: f"&#x{ord(sign[0]):X};", text)


def write_archive(name: str, members: Mapping[str, bytes]) -> None:
    """A .7z of files that are all of one time."""
    with tempfile.TemporaryDirectory() as folder, py7zr.SevenZipFile(TARGET / name, "w") as archive:
        for member, content in members.items():
            path = Path(folder, member)
            path.write_bytes(content)
            path.chmod(0o644)
            os.utime(path, (1_400_000_000, 1_400_000_000))
            archive.write(path, member)


if __name__ == "__main__":
    main()
