"""JSON lines: Dolma's documents, lm_dataformat's archives, and any other file with an object a line."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO, ClassVar, cast

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile, open_input
from pile_builder.source import Raw, Reject, Skipped, Split, pack_or_cut
from pile_builder.sources.json_lines import json_lines
from pile_builder.sources.records import Keys, RecordSource
from pile_builder.sources.tar_archive import Member, tar_members
from pile_builder.streams import decompressed, is_compressed, read_lines

RANGE_BYTES = 256 << 20
"""Bytes of a large plain file, or of a large tar, that one split reads."""

_PACKED = r"(?:\.gz|\.zst|\.zstd|\.bz2|\.xz)"
_LINES = re.compile(rf"\.(?:jsonl|ndjson|json){_PACKED}?$", re.I)
_PACKED_NAME = re.compile(rf"(?:{_PACKED}|\.tgz)$", re.I)
_TAR = re.compile(rf"\.(?:tar{_PACKED}?|tgz)$", re.I)


class Jsonl(RecordSource):
    """Files of JSON lines: plain, gzip, zstandard, bzip2 or xz, or in a tar (`*.jsonl.zst.tar` of lm_dataformat).

    Upstream: none of its own; whatever has been prepared already: Dolma and Common Pile (`id`, `text`, `source`,
    `added`, `created`, `metadata`), lm_dataformat (`text`, `meta`), releases of the Pile itself, C4. Licence: each
    dataset's own.

    Comes out: the field `text` of each line, or the fields that the manifest names, joined; a list of paragraphs is
    joined by blank lines, as lm_dataformat does on reading. Metadata: title, url, date, language, license, authors
    where the record, its `meta` or its `metadata` has them; all else with `metadata: true`.

    The key is the field `id`, or where there is none `FILE#OFFSET`: the byte at which the line begins in the file as it
    is without compression, which no cutting into splits changes. Of lines that share an id in a split, later ones add
    their place to it.

    Plain files above 512 MiB are read in ranges of 256 MiB, a line by the range that it begins in; tars that are not
    compressed, by members.

    Skipped: `blank_line`; of tars directories, links, `other_file`.

    Rejects: `damaged` (not JSON), `truncated` (the last line, or the compressed file, is cut), `undecodable` (not
    UTF-8), `wrong_type`, `no_text`, `too_large`, `bomb`.
    """

    pile_set_name: ClassVar[str] = "jsonl"
    libraries: ClassVar[tuple[str, ...]] = ("orjson",)
    licence: ClassVar[str] = "each dataset's own"
    patterns: ClassVar[tuple[str, ...]] = (
        *(f"*.{kind}{end}" for kind in ("jsonl", "ndjson") for end in ("", ".gz", ".zst", ".zstd", ".bz2", ".xz")),
        "*.json.gz", "*.json.zst", "*.jsonl.tar", "*.jsonl.*.tar", "*.jsonl.tar.gz", "*.jsonl.tgz",
    )  # fmt: skip

    def splits(self) -> Iterable[Split]:
        """Packs of files, and ranges of the large ones that can be entered anywhere."""
        return pack_or_cut(self.input_files(), RANGE_BYTES, _is_packed)

    def read(self, split: Split) -> Iterator[Raw | Reject | Skipped]:
        """The lines of the split's files, or of its range."""
        known = Keys()
        start, end = split.params.get("start", 0), split.params.get("end")
        for file in split.files:
            read = self._read_tar if _TAR.search(file.name) else self._read_file
            try:
                yield from read(file, known, start, end)
            except InputError as error:
                yield Reject(error.rule, error.detail, key=file.name)

    def _read_file(self, file: InputFile, known: Keys, start: int, end: int | None) -> Iterator[Raw | Reject | Skipped]:
        with open_input(file) as stored:
            packed = is_compressed(stored.read(6))
            stored.seek(0)
            if not packed:
                yield from self._read_lines(read_lines(stored, start, end), file.name, known)
            elif start == 0:
                # A compressed file under a plain name has no place to enter but its beginning.
                yield from self._read_packed(stored, file.name, known)

    def _read_tar(self, file: InputFile, known: Keys, start: int, end: int | None) -> Iterator[Raw | Reject | Skipped]:
        with open_input(file) as stored:
            packed = is_compressed(stored.read(6))
            stored.seek(0)
            if packed and start > 0:
                return
            stream = cast("BinaryIO", io.BufferedReader(decompressed(stored, file.name), 1 << 20)) if packed else stored
            at = 0
            try:
                for member in tar_members(stream, file.name, seek=not packed):
                    at = at if isinstance(member, str) or packed else member.offset
                    if end is not None and at >= end:
                        return
                    if at >= start:
                        yield from self._read_member(member, file.name, known)
            except InputError:
                # Every range meets the damage on its way, and the one that it lies in tells of it.
                if at >= start:
                    raise

    def _read_member(self, member: Member | str, name: str, known: Keys) -> Iterator[Raw | Reject | Skipped]:
        if isinstance(member, str):
            yield Skipped(member)
        elif not _LINES.search(member.name):
            yield Skipped("other_file")
        else:
            name = f"{name}/{member.name}"
            try:
                yield from self._read_packed(member.content, name, known)
            except InputError as error:
                yield Reject(error.rule, error.detail, key=name)

    def _read_packed(self, stored: BinaryIO, name: str, known: Keys) -> Iterator[Raw | Reject | Skipped]:
        stream = cast("BinaryIO", io.BufferedReader(decompressed(stored, name), 1 << 20))
        yield from self._read_lines(read_lines(stream), name, known)

    def _read_lines(
        self, lines: Iterable[tuple[int, bytes | None]], name: str, known: Keys
    ) -> Iterator[Raw | Reject | Skipped]:
        for offset, found in json_lines(lines):
            place = f"{name}#{offset}"
            if isinstance(found, Skipped):
                yield found
            elif isinstance(found, Reject):
                yield Reject(found.rule, found.detail, key=place)
            else:
                yield self.offered(found, place, known)


def _is_packed(file: InputFile) -> bool:
    """Whether a file can be read from its beginning only, by its name."""
    return _PACKED_NAME.search(file.name) is not None
