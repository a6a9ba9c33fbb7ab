"""Sources whose records are objects with fields: which field is the text, the key, the title, and so on.

The files' readers (JSON lines, Parquet, datasets) make mappings of records; `RecordSource` makes documents of those.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import orjson
from pydantic import Field, field_validator

from pile_builder.source import Document, Raw, Reject, Source, SourceConfig
from pile_builder.streams import MAX_RECORD_BYTES

Name: TypeAlias = Literal["title", "url", "date", "language", "license", "authors"]
"""What a document's metadata has under one name, whatever the upstream calls it."""
USUAL: Mapping[Name, tuple[str, ...]] = {
    "title": ("title",),
    "url": ("url",),
    "date": ("date", "created", "published", "timestamp"),
    "language": ("language", "lang"),
    "license": ("license", "licence"),
    "authors": ("authors", "author"),
}
"""Fields that are tried where the manifest names none, in order: of the record, of its `meta`, of its `metadata`."""
FOLDERS = ("meta", "metadata")
"""Where lm_dataformat and Dolma keep a record's metadata."""
MAX_DEPTH = 100
"""Deepest nesting of kept metadata."""
MAX_KNOWN_KEYS = 1 << 20
"""Keys of a split that are compared with each other; the ones after them all get their place added."""

_ISO_DATE = re.compile(r"\d{4}(?:-\d\d(?:-\d\d(?:[T ].*)?)?)?")
_SECONDS = (10**8, 10**10)
"""A number between these (1973 to 2286) is a time in seconds; the thousandfold, one in milliseconds."""


class RecordConfig(SourceConfig):
    """Which field of a record is what. A name with dots leads into nested objects, as in `meta.text`."""

    text: str | tuple[str, ...] = Field(
        default="text", description="the field of the text, or several, joined; each a string or a list of paragraphs"
    )
    joiner: str = Field(default="\n\n", description="what stands between paragraphs and between fields of the text")
    key: str = Field(
        default="id", description="the field that names a record, unique in the source; if empty, its place does"
    )
    fields: Mapping[Name, str] = Field(
        default_factory=dict,
        description="the fields of title, url, date, language, license, authors; '' leaves one out",
    )
    metadata: bool = Field(default=False, description="keep what else a record holds, as `record` of the metadata")

    @field_validator("text")
    @classmethod
    def _named(cls, text: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if not text or not all(text):
            msg = f"expected a field's name, or a list of them, got {text!r}"
            raise ValueError(msg)
        return text

    @property
    def text_fields(self) -> tuple[str, ...]:
        """The fields of the text, in order."""
        return (self.text,) if isinstance(self.text, str) else self.text


class RecordSource(Source):
    """Base of sources whose readers give mappings; `offered` is for `read` to call, `extract` only unpacks.

    Rejects: `no_text` (the field is missing, null or blank), `wrong_type` (no string or list of strings), `too_large`.
    """

    Config = RecordConfig
    config: RecordConfig

    def offered(self, record: Any, place: str, known: Keys) -> Raw | Reject:
        """A record as the engine takes it, or why it is no document.

        Args:
            record: what the reader made of it.
            place: where it stands, the same on every machine; the key, if the record names none.
            known: keys that this split has had.
        """
        if not isinstance(record, Mapping):
            return Reject("wrong_type", f"expected an object with fields, got {kind_of(record)}", key=place)
        key = known.unique(_key(found_at(record, self.config.key)) if self.config.key else "", place)
        parts: list[str] = []
        for name in self.config.text_fields:
            value = found_at(record, name)
            if isinstance(value, str):
                parts.append(value)
            elif isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
                parts += value
            elif value is not None:
                expected = f"field {name!r}: expected a string or a list of strings"
                return Reject("wrong_type", f"{expected}, got {kind_of(value)}", key=key)
        text = self.config.joiner.join(part for part in parts if part.strip()).strip("\n")
        if not text.strip():
            names = " and ".join(map(repr, self.config.text_fields))
            held = ", ".join(map(repr, list(record)[:10])) or "none"
            return Reject("no_text", f"nothing in {names}; the record's fields: {held}", key=key)
        payload = _encoded(text)
        if len(payload) > MAX_RECORD_BYTES:
            return Reject("too_large", f"{len(payload):,} bytes; the limit is {MAX_RECORD_BYTES:,}", key=key)
        return Raw(key, payload, "text/plain", dict(self._described(record)))

    def preview(self, raw: Raw) -> str | None:
        """The beginning of the text."""
        return raw.payload[:4_000].decode("utf-8", "ignore")

    def extract(self, raw: Raw) -> Document | Reject:
        """The record's text."""
        return Document(raw.payload.decode())

    def columns(self, available: Sequence[str]) -> list[str]:
        """Which top-level fields are read at all, of those that there are."""
        if self.config.metadata:
            return list(available)
        wanted = {self.config.key, *self.config.text_fields, *self.config.fields.values(), *FOLDERS}
        wanted |= {usual for names in USUAL.values() for usual in names}
        wanted |= {name.partition(".")[0] for name in wanted}
        return [name for name in available if name in wanted]

    def _described(self, record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        places = [record, *(folder for name in FOLDERS if (folder := _folder(record.get(name))))]
        for name, usual in USUAL.items():
            if name in self.config.fields:
                asked = self.config.fields[name]
                values = [found_at(record, asked)] if asked else []
            else:
                values = [place[each] for place in places for each in usual if each in place]
            value = next((made for value in values if (made := _TIDY[name](value))), None)
            if value:
                yield name, value
        if self.config.metadata:
            used = {*self.config.text_fields, self.config.key}
            rest = {name: _plain(value) for name, value in record.items() if name not in used}
            if rest:
                yield "record", rest


class Keys:
    """The keys of one split: a later record of a key that an earlier one has is told from it by its place."""

    def __init__(self) -> None:
        self._known: set[int] = set()

    def unique(self, key: str, place: str) -> str:
        """`key` the first time that it comes, afterwards key and place; the place alone where there is no key."""
        if not key:
            return place
        if len(self._known) >= MAX_KNOWN_KEYS:
            return f"{key} {place}"
        digest = int.from_bytes(hashlib.blake2b(_encoded(key), digest_size=8).digest())
        if digest in self._known:
            return f"{key} {place}"
        self._known.add(digest)
        return key


def found_at(record: Mapping[str, Any], name: str) -> Any:
    """The value of a field, or of one inside nested objects where dots lead into them; None if there is none.

    A field whose own name has the dots goes first. Metadata that is a string of JSON counts as the object in it.
    """
    if name in record:
        return record[name]
    head, _, rest = name.partition(".")
    inner = _folder(record.get(head)) if rest else None
    return found_at(inner, rest) if inner else None


def kind_of(value: Any) -> str:
    """What a value is, in JSON's words."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, list | tuple):
        odd = next((one for one in value if not isinstance(one, str)), "")
        if isinstance(odd, list | tuple):
            # What is in that one is not said: lists may nest deeper than calls.
            return "a list with a list in it"
        return "a list" if odd == "" else f"a list with {kind_of(odd)} in it"
    names = {Mapping: "an object", str: "a string", int | float: "a number", bytes: "bytes"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), type(value).__name__)


def _folder(value: Any) -> Mapping[str, Any] | None:
    """An object, or the one that a string of JSON holds."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = orjson.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, Mapping) else None


def _key(value: Any) -> str:
    if isinstance(value, bool):
        return ""
    return str(value).strip() if isinstance(value, str | int) else ""


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, which JSON can write.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _string(value: Any) -> str:
    return _encoded(value.strip()).decode() if isinstance(value, str) else ""


def _date(value: Any) -> str:
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = next((value / unit for unit in (1, 1000) if _SECONDS[0] < value / unit < _SECONDS[1]), None)
        return "" if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat().replace("+00:00", "Z")
    text = _string(value)
    return text if _ISO_DATE.fullmatch(text) else ""


def _license(value: Any) -> str:
    if isinstance(value, list | tuple):
        # All of them hold, for want of knowing better.
        return " AND ".join(dict.fromkeys(name for one in value if (name := _string(one))))
    return _string(value)


def _authors(value: Any) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return [name for one in values if (name := _string(one))]


def _plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON can hold it: dates as text, bytes by their number; what is nested without end is cut."""
    if depth > MAX_DEPTH:
        return "nested too deep"
    if isinstance(value, Mapping):
        return {str(name): _plain(one, depth + 1) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one, depth + 1) for one in value]
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    return value if value is None or isinstance(value, str | int | float) else str(value)


_TIDY = {
    "title": _string, "url": _string, "date": _date, "language": _string, "license": _license, "authors": _authors
}  # fmt: skip
