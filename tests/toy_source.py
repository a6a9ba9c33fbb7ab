"""A source for tests: each line of a text file is a record, and some lines misbehave."""

import ctypes
import json
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

from pile_builder.input_files import InputFile
from pile_builder.source import Document, Raw, Reject, Skipped, Source, SourceConfig
from pile_builder.streams import open_text_bytes


class ToyConfig(SourceConfig):
    suffix: str = ""


class Toy(Source):
    """Lines of text files."""

    pile_set_name = "Toy"
    Config = ToyConfig
    config: ToyConfig

    def read_file(self, file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        with open_text_bytes(file) as stream:
            for number, line in enumerate(stream):
                if not line.strip():
                    yield Skipped("blank")
                else:
                    yield Raw(f"{file.name}#{number}", line.strip(), meta={"line": number})

    def extract(self, raw: Raw) -> Document | Reject:
        text = raw.payload.decode()
        match text:
            case "crash":
                ctypes.string_at(0)
            case "exit":
                os._exit(3)
            case "spin":
                while True:
                    pass
            case "raise":
                raise KeyError(text)
            case "recurse":
                self.extract(raw)
            case "memory":
                return Document("x" * (16 << 30))
            case "pid":
                return Document(str(os.getpid()))
            case "sleep":
                time.sleep(0.5)
            case "reject":
                return Reject("unwanted", "said so")
            case "surrogate":
                return Document("lone \ud800 surrogate \x00 and NUL")
            case _ if text.startswith("{"):
                values = json.loads(text)
                return Document(values.pop("text"), values)
            case _:
                pass
        return Document(text.replace("\\n", "\n") + self.config.suffix, {"length": len(text)})


class Stillborn(Toy):
    """Ends its process before it gets a record."""

    def bind_tables(self, tables: Mapping[str, Any]) -> None:
        os._exit(3)
