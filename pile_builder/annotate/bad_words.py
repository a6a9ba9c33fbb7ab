"""Bad words: a local list of words and phrases, and how often each text has any of them."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from pile_builder.errors import ManifestError
from pile_builder.input_files import list_files
from pile_builder.streams import open_text_bytes
from pile_builder.text.bad_words import DOCUMENT, LINES, Automaton, compile_phrases, count_phrases, normalised
from pile_builder.text.column import TextColumn

COUNT = "bad_words.count"
"""The column."""
Mode = Literal["document", "line"]
_MODES = {"document": DOCUMENT, "line": LINES}


@dataclass(frozen=True)
class BadWords:
    """A list as it is searched for.

    Attributes:
        mode: "document": anywhere as whole words, as C4's paper says; "line": as C4's program does.
        phrases: in lower case, sorted, each once.
    """

    mode: Mode
    phrases: tuple[str, ...]

    @property
    def digest(self) -> str:
        """What the list holds, whatever its order, its comments and its file are."""
        return hashlib.blake2b("\n".join(self.phrases).encode(), digest_size=16).hexdigest()


def load_bad_words(path: str, root: str, mode: Mode) -> BadWords:
    """Read a list, one word or phrase a line; blank lines and those that begin with # are left out.

    Args:
        path: file or URL, plain or compressed, relative to `root`.
        root: what a relative path is relative to.
        mode: of `BadWords`.

    Raises:
        ManifestError: the file is missing, not UTF-8, or holds no word.
    """
    lines: list[str] = []
    for file in list_files(path, root):
        with open_text_bytes(file) as stream:
            try:
                lines += stream.read().decode("utf-8-sig").splitlines()
            except UnicodeDecodeError as error:
                msg = f"{file.url}: expected a list of words in UTF-8: {error}"
                raise ManifestError(msg) from error
    entries = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    phrases = tuple(sorted({phrase for phrase in normalised(entries, _MODES[mode]) if phrase}))
    if not phrases:
        msg = f"{path}: expected a list of words, one a line, and found none"
        raise ManifestError(msg)
    return BadWords(mode, phrases)


def bad_words_batch(column: TextColumn, bad_words: BadWords) -> pa.RecordBatch:
    """The int64 column `bad_words.count`: in how many places of each text a word or phrase of the list ends."""
    counts = count_phrases(column, _automaton(bad_words), _MODES[bad_words.mode])
    return pa.record_batch({COUNT: counts})


@functools.cache
def _automaton(bad_words: BadWords) -> Automaton:
    return compile_phrases(bad_words.phrases)
