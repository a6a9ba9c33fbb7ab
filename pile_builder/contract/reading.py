"""A source read as the engine does, in one process: each record with what became of it, or the exception it raised."""

from __future__ import annotations

import io
import tempfile
import traceback
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pile_builder.fragments import Run, join_rows, read_range
from pile_builder.lookup import build_lookup, with_tables
from pile_builder.source import Document, Fragment, Raw, Reject, Skipped, Source, Split, document_meta
from pile_builder.storage import HashingWriter

BROKEN = "(exception)"


@dataclass(frozen=True)
class Outcome:
    """What became of one record.

    Attributes:
        key: its key, or the split's name where reading itself failed.
        rule: of the Reject; empty for documents; `BROKEN` for an exception, described in `detail`.
        detail: of the Reject.
        text: of the document.
        meta: of the raw record and the document.
        where: `read_table`, `read`, `preview` or `extract`, where an exception was raised.
    """

    key: str
    rule: str = ""
    detail: str = ""
    text: str = ""
    meta: dict[str, Any] = field(default_factory=dict)
    where: str = ""

    @property
    def is_document(self) -> bool:
        """Whether it became a document."""
        return not self.rule


def outcomes(source: Source, splits: Iterable[Split]) -> list[Outcome]:
    """Every record of some splits with what became of it; never raises."""
    found = []
    with ExitStack() as stack:
        try:
            bound = stack.enter_context(with_side_tables(source))
        except Exception as error:
            return [Outcome("(side tables)", BROKEN, _described(error), where="read_table")]
        for item in raw_records(bound, splits):
            if isinstance(item, Outcome):
                found.append(item)
            elif isinstance(item, Reject):
                found.append(Outcome(item.key, item.rule, item.detail))
            elif not isinstance(item, Skipped):
                found.append(extracted(bound, item))
    return found


@contextmanager
def with_side_tables(source: Source) -> Iterator[Source]:
    """The source with its side tables indexed, as in a build; itself if it has none.

    Raises:
        PileError: a table cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="pile-tables-") as folder:
        tables = {name: Path(folder) / name for name in source.side_tables()}
        for name, files in source.side_tables().items():
            build_lookup(source.read_table(name, files), tables[name])
        yield with_tables(source, {name: str(path) for name, path in tables.items()}) if tables else source


def raw_records(source: Source, splits: Iterable[Split]) -> Iterator[Raw | Reject | Skipped | Outcome]:
    """What a source reads, fragments joined within their groups as the engine joins them; exceptions as outcomes."""
    groups: dict[str, Run] = {}
    for split in splits:
        try:
            for item in source.read(split):
                if source.joins and isinstance(item, Fragment | Reject):
                    groups.setdefault(split.group, Run(1)).add(item)
                elif isinstance(item, Raw | Reject | Skipped):
                    yield item
                else:
                    msg = f"expected Raw, Reject or Skipped (Fragment where the source joins), got {item!r:.200}"
                    yield Outcome(split.name, BROKEN, msg, where="read")
        except Exception as error:
            yield Outcome(split.name, BROKEN, _described(error), where="read")
    for run in groups.values():
        stream = io.BytesIO()
        run.write(cast("HashingWriter", stream))
        for joined in join_rows([read_range(stream, 0, 1)]):
            yield joined if isinstance(joined, Reject) else Raw(joined[0], b"", fragments=joined[1])


def extracted(source: Source, raw: Raw) -> Outcome:
    """What `preview` and `extract` make of a record; never raises."""
    where = "preview"
    try:
        shown = source.preview(raw)
        if not (shown is None or isinstance(shown, str)):
            return Outcome(raw.key, BROKEN, f"expected text or None, got {shown!r:.100}", where=where)
        where = "extract"
        result = source.extract(raw)
    except Exception as error:
        return Outcome(raw.key, BROKEN, _described(error), where=where)
    if isinstance(result, Reject):
        return Outcome(result.key or raw.key, result.rule, result.detail)
    if isinstance(result, Document):
        return Outcome(raw.key, text=result.text, meta=document_meta(raw.meta, result.meta))
    return Outcome(raw.key, BROKEN, f"expected Document or Reject, got {result!r:.100}", where=where)


def _described(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({frame.filename.rsplit('/', 1)[-1]}:{frame.lineno})"
