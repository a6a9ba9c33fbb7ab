"""DM Mathematics: school exercises of the DeepMind Mathematics Dataset, cut into documents of whole exercises."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, ClassVar, cast

from pydantic import Field

from pile_builder.input_files import InputFile
from pile_builder.source import Document, Raw, Reject, Skipped, Source, SourceConfig, Upstream
from pile_builder.sources.tar_archive import tar_members
from pile_builder.streams import open_text_bytes

MAX_LINE_BYTES = 1 << 16
"""Longest question or answer (seen: some 300 bytes; the data set's own limit is 160 characters)."""
MAX_LINE_FEEDS = 0.4
"""Largest share of line feeds in a document; the Pile's first release put one behind every character."""

_TAR = re.compile(r"\.(?:tar|tar\.\w+|tgz)$")
_MODULE = re.compile(r"(?:^|/)(train-(?:easy|medium|hard))/([\w.-]+)\.txt$")
_TEST = re.compile(r"(?:^|/)(?:interpolate|extrapolate)/")


class DmMathematics(Source):
    """Questions and answers in mathematics, made by a program (Saxton et al. 2019, arXiv:1904.01557).

    Upstream: `mathematics_dataset-v1.0.tar.gz` in the bucket `mathematics-dataset`, as it is (one stream, one split) or
    unpacked (a file for each of 56 modules and three difficulties): lines of question and answer in turn. The program
    is under the Apache License 2.0; nothing else is said of the data.

    Comes out: documents of whole exercises of one module, each ended by the answer at which `size` characters are
    passed, as in the Pile; a module's last document is shorter. Key: `<difficulty>/<module>/<number>`. meta: module,
    difficulty, license.

    Skipped: the test sets `interpolate` and `extrapolate`, other files. Rejects: `unanswered` (a question at a module's
    end without an answer), `broken_lines` (line feeds inside of words), `undecodable`, `too_large` (a line),
    `no_text`, `truncated`, `damaged`, `bomb`.
    """

    class Config(SourceConfig):
        """Settings of the exercises."""

        size: int = Field(default=8192, ge=1, le=1 << 24, description="characters after which a document ends")

    config: Config
    pile_set_name: ClassVar[str] = "DM Mathematics"
    version: ClassVar[int] = 1
    patterns: ClassVar[tuple[str, ...]] = ("*.txt", "*.tar.gz", "*.tgz", "*.tar")
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream(
            "https://storage.googleapis.com/mathematics-dataset/mathematics_dataset-v1.0.tar.gz",
            2_333_000_000, 1, 2_333_000_000, "2019-04",
        ),
    )  # fmt: skip
    licence: ClassVar[str] = "Apache-2.0"

    def read_file(self, file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        """Stream the documents of the modules in a tar, or of the one in a file."""
        with open_text_bytes(file) as stream:
            if not _TAR.search(file.name):
                yield from self._module(file.name, stream)
                return
            for member in tar_members(stream, file.name):
                if isinstance(member, str):
                    yield Skipped(member)
                else:
                    yield from self._module(
                        member.name, cast("BinaryIO", io.BufferedReader(cast("Any", member.content), 1 << 16))
                    )

    def extract(self, raw: Raw) -> Document | Reject:
        """Decode a document."""
        try:
            text = raw.payload.decode()
        except UnicodeDecodeError as error:
            return Reject("undecodable", str(error))
        text = text.replace("\r\n", "\n").strip("\n")
        if not text.strip():
            return Reject("no_text", "only white space")
        if text.count("\n") > MAX_LINE_FEEDS * len(text):
            return Reject("broken_lines", f"{text.count(chr(10)):,} line feeds in {len(text):,} characters")
        difficulty, module, _ = raw.key.split("/")
        return Document(
            text, {"module": module, "difficulty": difficulty.removeprefix("train-"), "license": self.licence}
        )

    def _module(self, name: str, stream: BinaryIO) -> Iterator[Raw | Reject | Skipped]:
        """Cut a module behind every answer with which more than `size` characters are full."""
        found = _MODULE.search(name)
        if found is None:
            yield Skipped("test_set" if _TEST.search(name) else "other_file")
            return
        module = f"{found[1]}/{found[2]}"
        number, lines, length = 0, list[bytes](), 0
        while line := stream.readline(MAX_LINE_BYTES):
            if len(line) == MAX_LINE_BYTES:
                yield Reject("too_large", f"a line of more than {MAX_LINE_BYTES:,} bytes", key=f"{module}/{number}")
                return
            lines.append(line)
            length += len(line)
            if length > self.config.size and len(lines) % 2 == 0:
                yield Raw(f"{module}/{number}", b"".join(lines))
                number, lines, length = number + 1, [], 0
        if len(lines) % 2:
            yield Reject("unanswered", repr(lines.pop()[:80]), key=f"{module}/{number + 1}")
        if lines:
            yield Raw(f"{module}/{number}", b"".join(lines))
