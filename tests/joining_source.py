"""A source for tests whose documents are joins: lines `KEY ORDER TEXT` in any order and any file."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pile_builder.input_files import InputFile, list_files
from pile_builder.source import Document, Fragment, Reject, Skipped, Source, SourceConfig, Upstream
from pile_builder.streams import open_text_bytes


class JoiningConfig(SourceConfig):
    aliases: str = ""


class Joining(Source):
    """Parts of documents as lines of text files, some of them under another key: lines `OTHER KEY` of a side table.

    Upstream: the tests. Licence: none. Skipped: blank lines. Rejects: `damaged`, `orphan`.
    """

    pile_set_name = "Joining"
    licence = "none"
    upstreams = (Upstream("https://joining.example", 1, 1, 1),)
    Config = JoiningConfig
    config: JoiningConfig

    def read_file(self, file: InputFile) -> Iterator[Fragment | Reject | Skipped]:
        with open_text_bytes(file) as stream:
            for number, line in enumerate(stream):
                parts = line.strip().split(b" ", 2)
                if parts == [b""]:
                    yield Skipped("blank")
                elif len(parts) < 3:
                    yield Reject("damaged", "no text", f"{file.name}#{number}")
                else:
                    key, order = parts[0].decode(errors="replace"), parts[1].decode(errors="replace")
                    alias = self.lookup("aliases", key)
                    yield Fragment(alias["key"] if alias else key, parts[2], order)

    def side_tables(self) -> Mapping[str, Sequence[InputFile]]:
        return {"aliases": list_files(self.config.aliases, self.config.root)} if self.config.aliases else {}

    def read_table(self, name: str, files: Sequence[InputFile]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for file in files:
            with open_text_bytes(file) as stream:
                for line in stream:
                    other, key = line.decode().split()
                    yield other, {"key": key}

    def join(self, key: str, fragments: Sequence[Fragment]) -> Document | Reject:
        if fragments[0].order != "0":
            return Reject("orphan", f"{len(fragments)} parts without the first")
        return Document(
            "\n".join(part.payload.decode(errors="replace") for part in fragments), {"parts": len(fragments)}
        )
