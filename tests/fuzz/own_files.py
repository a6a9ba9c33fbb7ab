"""What a build and its commands read of their own files, damaged, and of a user's, as functions of bytes."""

import io
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache, partial
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa

from pile_builder.commits import Commits
from pile_builder.corpus_index import NAMED
from pile_builder.document import SPANS, document_id, valid_text
from pile_builder.domains import document_host
from pile_builder.errors import DamagedError, ManifestError, PileError
from pile_builder.export.exported import EXPORT, load_export
from pile_builder.export.format import ShardFile, ShardName, TokenFormat, Vocabulary, find_formats, make_format
from pile_builder.fragments import Run, join_rows, read_range
from pile_builder.lookup import build_lookup, open_lookup
from pile_builder.names import names_of
from pile_builder.pieces import cut_pieces, find_pieces, merge_spans
from pile_builder.sorted_rows import find_rows, sorted_rows
from pile_builder.source import Fragment
from pile_builder.spans import apply_spans
from pile_builder.storage import Store
from pile_builder.takedown.listing import read_entries
from pile_builder.text.column import PADDING, from_strings
from pile_builder.text.json_lines import DOCUMENT, read_json_lines
from pile_builder.tokenizer import load_tokenizer
from pile_builder.tokens import TokenBatch

TEXTS = ("a text with ümlauts", "", "another text, of more words", "x" * 40)
KEY = "0123456789abcdef01234567"


@cache
def _kept(name: str) -> tempfile.TemporaryDirectory[str]:
    """A folder that lasts as long as the process."""
    return tempfile.TemporaryDirectory(prefix=f"fuzz-{name}-")


def _folder(name: str) -> Path:
    return Path(_kept(name).name)


def spans(data: bytes) -> None:
    """Spans on texts: refused, or what plain Python makes of them; merged layers always fit."""
    found: list[list[list[dict[str, object]]]] = [[[] for _ in TEXTS], [[] for _ in TEXTS]]
    for which, start, size, kind in zip(*[iter(data[:400])] * 4, strict=False):
        replacement = (None, "", " ", "<é>")[kind % 4]
        span = {"start": start - 2, "end": start - 2 + size % 32, "replacement": replacement, "rule": "r"}
        found[which >> 7][which % len(TEXTS)].append(span)
    column = from_strings(TEXTS)
    layers = [pa.array(layer, SPANS) for layer in found]
    for layer, lists in zip(layers, found, strict=True):
        expected = [_applied(text.encode(), one) for text, one in zip(TEXTS, lists, strict=True)]
        if None in expected:
            with suppress(ValueError):
                apply_spans(column, layer)
                raise AssertionError("spans that do not fit were applied")
            return
        edited = apply_spans(column, layer)
        made = [edited.data[a:b].tobytes() for a, b in zip(edited.offsets[:-1], edited.offsets[1:], strict=True)]
        assert made == expected
        cut_pieces(column, layer)
    merged = merge_spans(layers)
    apply_spans(column, merged)
    pieces = find_pieces(np.diff(column.offsets), merged)
    assert (np.diff(pieces.offsets) > 0).all() or not len(pieces.document)


def _applied(text: bytes, found: list[dict[str, object]]) -> bytes | None:
    made, at = b"", 0
    for span in found:
        start, end = int(str(span["start"])), int(str(span["end"]))
        if not at <= start <= end <= len(text):
            return None
        made, at = made + text[at:start] + str(span["replacement"] or "").encode(), end
    return made + text[at:]


def row_index(data: bytes) -> None:
    """Rows found by hash: those that are there; of a file that is no index, an error that damage explains."""
    hashes = np.frombuffer(data[: len(data) // 8 * 8], "<u8")
    rows = np.zeros(len(hashes), NAMED)
    rows["hash"], rows["row"] = np.sort(hashes), np.arange(len(hashes))
    stream = io.BytesIO(sorted_rows(rows))
    for wanted in {*hashes[:20].tolist(), 0, (1 << 64) - 1}:
        assert find_rows(stream, NAMED, len(rows), wanted).tolist() == rows[rows["hash"] == wanted].tolist()
    # Whoever opens an object blames its damage for a ValueError.
    with suppress(ValueError):
        find_rows(io.BytesIO(data), NAMED, len(data) // 16, 5)


def commits(data: bytes) -> None:
    """Commit records, notes and failures that are not what was written."""
    store = Store(str(_folder("commits")))
    one = Commits(store, "mix")
    for suffix in ("json", "records"):
        store.write(f"work/mix/{KEY}.{suffix}", data)
    with suppress(DamagedError):
        assert isinstance(one.load(KEY), dict)
    one.noted([KEY])
    with suppress(ValueError):
        value = orjson.loads(data)
        if isinstance(value, dict) and not {"seal"} & value.keys():
            one.replace(KEY, value)
            assert one.load(KEY) == value


def fragments(data: bytes) -> None:
    """Parts of documents written into a run and read back."""
    words = data.decode("utf-8", "surrogateescape").split("\n")
    run = Run(4)
    for number, word in enumerate(words):
        run.add(Fragment(word, word.encode("utf-8", "surrogateescape"), word[::-1], {"n": number, "word": word}))
    stream = io.BytesIO()
    run.write(stream)  # type: ignore[arg-type]
    keys = [key for n in range(4) for key, _ in join_rows([read_range(stream, n, 4)])]  # type: ignore[misc]
    assert set(keys) == {valid_text(word) for word in words}


def look_ups(data: bytes) -> None:
    """Side tables, and the names by which a record is found."""
    text = data.decode("utf-8", "surrogateescape")
    rows = [(line, {"value": line, "number": int.from_bytes(data[:20])}) for line in text.split("\n")]
    path = _folder("look_ups") / "table.sqlite"
    build_lookup(rows, path)
    find = open_lookup(str(path))
    assert all(find(key) for key, _ in rows)
    key, _, meta = map(valid_text, text.partition("\n"))
    names_of("x", [(document_id("x", key), key, orjson.dumps({"url": meta}).decode(), None)])
    document_host(key, meta)


def json_lines(data: bytes) -> None:
    """The kernel that reads JSON lines takes those that orjson takes, with the same text."""
    padded = np.frombuffer(data + bytes(PADDING), np.uint8)
    found = read_json_lines(padded, len(data))
    texts = iter(found.texts.to_arrow().to_pylist())
    lines = [data[a:b] for a, b in zip(found.starts[:-1], found.starts[1:], strict=True)]
    for line, kind in zip(lines, found.kinds.tolist(), strict=True):
        text = next(texts) if kind == DOCUMENT else None
        with suppress(orjson.JSONDecodeError):
            value = orjson.loads(line)
            assert text == (value.get("text") if isinstance(value, dict) else None) or not isinstance(
                value.get("text"), str
            )


def takedown_lists(data: bytes) -> None:
    """A list of documents to take down."""
    with suppress(ManifestError):
        for batch in read_entries(io.BytesIO(data), "list"):
            batch.validate(full=True)


def tokenizer_files(data: bytes) -> None:
    """A tokenizer.json, or GPT-2's two files, a NUL between them."""
    folder = _folder("tokenizers")
    first, mark, second = data.partition(b"\0")
    for name in ("tokenizer.json", "vocab.json", "merges.txt"):
        (folder / name).unlink(missing_ok=True)
    (folder / ("vocab.json" if mark else "tokenizer.json")).write_bytes(first)
    if mark:
        (folder / "merges.txt").write_bytes(second)
    with suppress(PileError):
        load_tokenizer(str(folder)).encode(["a text, ab"])


def kept_manifests(data: bytes) -> None:
    """An export's own description."""
    folder = _folder("exports")
    (folder / EXPORT).write_bytes(data)
    with suppress(PileError):
        load_export(Store(str(folder)))


VOCABULARY = Vocabulary("toy", 1_000, 7, "<end>")


@cache
def _shard(name: str) -> tuple[TokenFormat, Path, list[ShardFile]]:
    form = make_format(name, {}, VOCABULARY, "test")
    folder = _folder(f"shard-{name}")
    writer = form.shard(folder, ShardName("train", 0, 1))
    ids = np.arange(form.options.window * 2, dtype=np.uint32) % 1_000
    ends = np.array([30, len(ids)]) if form.options.unit == "documents" else np.array([len(ids) // 2, len(ids)])
    writer.write(TokenBatch(ids, ends))
    return form, folder, writer.close()


def token_shards(name: str, data: bytes) -> None:
    """A file of tokens, or its index: what is not what the format says is a `PileError`."""
    form, folder, files = _shard(name)
    written = sorted(path for path in folder.rglob("*") if path.is_file())
    path = written[data[0] % len(written)] if data else written[0]
    whole = path.read_bytes()
    try:
        path.write_bytes(data[1:])
        for file in files:
            if file.sequences:
                with suppress(PileError):
                    for batch in form.read(Store(str(folder)), file):
                        assert len(batch.tokens) == batch.ends[-1]
    finally:
        path.write_bytes(whole)


def _shard_seeds(name: str) -> Iterator[bytes]:
    _, folder, _ = _shard(name)
    for number, path in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        yield bytes([number]) + path.read_bytes()


TOKENIZER = (
    b'{"version": "1.0", "added_tokens": [{"id": 3, "content": "<|endoftext|>", "single_word": false, "lstrip": false, '
    b'"rstrip": false, "normalized": false, "special": true}], "pre_tokenizer": {"type": "ByteLevel"}, '
    b'"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3}, "merges": [["a", "b"]]}}'
)
ODD_TOKENIZERS = (TOKENIZER.replace(b'"content"', b'"cont#nt"'), b'{"a": [0], "b": "x"}\0a b\n')
_EXPORT = (
    b'{"format": "nanogpt", "options": {"window": 8}, "tokenizer": {"name": "x", "vocabulary": 9, "end_id": 0, '
    b'"end_token": "e"}, "shards": []}'
)
FORMATS: Mapping[str, Callable[[bytes], None]] = {
    f"tokens_{name}": partial(token_shards, name) for name in find_formats()
}
OWN_FILES: Mapping[str, tuple[Callable[[bytes], None], tuple[bytes, ...]]] = {
    "spans": (spans, (bytes([0, 2, 3, 0, 0, 8, 2, 1, 128, 4, 9, 2, 130, 3, 3, 3]),)),
    "row_index": (row_index, (b"hash-one" * 3 + b"hash-two" * 300,)),
    "commits": (commits, (b'{"a": 1, "seal": "x"}', b'{"a": [1, 2.5, null, "e"]}', b"17")),
    "fragments": (fragments, (b"key\nother key\n\xff\xfe\n",)),
    "look_ups": (look_ups, ("http://a.example/x 2024\nhttp://é.example:80/ü".encode(),)),
    "json_lines": (json_lines, (b'{"text": "a\\u00e9\\ud83d\\ude00", "x": [1e5, {}]}\n\n{"text": "b"}',)),
    "takedown_lists": (
        takedown_lists, (b'# why\n{"id": "books:0123456789abcdef0123", "by": null}\nbooks:0123456789abcdef0124\n',)
    ),
    "tokenizer_files": (
        tokenizer_files, (TOKENIZER, *ODD_TOKENIZERS, b'{"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3}\0a b\n')
    ),
    "exports": (kept_manifests, (_EXPORT,)),
}  # fmt: skip
"""A target's function, and what it starts from."""


def seeds(name: str) -> Iterator[bytes]:
    """What a target of this module starts from."""
    if name in FORMATS:
        yield from _shard_seeds(name.removeprefix("tokens_"))
    else:
        yield from OWN_FILES[name][1]
