"""A source for tests whose documents are joins: lines `KEY ORDER TEXT` in any order and any file."""

from collections.abc import Iterator, Sequence

from pile_builder.source import Document, Fragment, Reject, Skipped, Source, Upstream
from pile_builder.streams import InputFile, open_text_bytes


class Joining(Source):
    """Parts of documents as lines of text files.

    Upstream: the tests. Licence: none. Skipped: blank lines. Rejects: `damaged`, `orphan`.
    """

    pile_set_name = "Joining"
    licence = "none"
    upstreams = (Upstream("https://joining.example", 1, 1, 1),)

    def read_file(self, file: InputFile) -> Iterator[Fragment | Reject | Skipped]:
        with open_text_bytes(file) as stream:
            for number, line in enumerate(stream):
                parts = line.strip().split(b" ", 2)
                if parts == [b""]:
                    yield Skipped("blank")
                elif len(parts) < 3:
                    yield Reject("damaged", "no text", f"{file.name}#{number}")
                else:
                    yield Fragment(parts[0].decode(errors="replace"), parts[2], parts[1].decode(errors="replace"))

    def join(self, key: str, fragments: Sequence[Fragment]) -> Document | Reject:
        if fragments[0].order != "0":
            return Reject("orphan", f"{len(fragments)} parts without the first")
        return Document(
            "\n".join(part.payload.decode(errors="replace") for part in fragments), {"parts": len(fragments)}
        )
