"""A source for tests whose documents have addresses: each line of a file is a JSON object with url and text."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from pile_builder.input_files import InputFile, list_files
from pile_builder.source import Document, Raw, Reject, Skipped, Source, SourceConfig
from pile_builder.streams import open_text_bytes


class PagedConfig(SourceConfig):
    titles: str = ""


class Paged(Source):
    """Pages in files of JSON lines, with their titles in a side table."""

    pile_set_name = "Pages"
    Config = PagedConfig
    config: PagedConfig

    def read_file(self, file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        with open_text_bytes(file) as stream:
            for line in stream:
                page = orjson.loads(line)
                yield Raw(f"{page['url']} 2024-05-06", line, meta={"url": page["url"], "license": page["license"]})

    def extract(self, raw: Raw) -> Document | Reject:
        page = orjson.loads(raw.payload)
        if page["text"].startswith("spam"):
            return Reject("spam", page["text"])
        title = self.lookup("titles", page["url"]) or {}
        return Document(page["text"], {"title": title.get("title", "")})

    def side_tables(self) -> Mapping[str, Sequence[InputFile]]:
        return {"titles": list_files(self.config.titles, self.config.root)} if self.config.titles else {}

    def read_table(self, name: str, files: Sequence[InputFile]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for file in files:
            with open_text_bytes(file) as stream:
                for line in stream:
                    page = orjson.loads(line)
                    yield page["url"], {"title": page["title"]}
