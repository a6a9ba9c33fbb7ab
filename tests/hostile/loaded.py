"""Files that commands read: manifests, lists of eval sets, tokenizers, JSON lines, Parquet."""

import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from tests.hostile.commands import Command
from tests.hostile.made import STORY

LINE = json.dumps({"text": STORY}).encode() + b"\n"
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(12)
)
GOOD = "name: x\nsources: {books: {inputs: [a.txt]}}\n"
BYTES = json.dumps({"version": "1.0", "model": {"type": "BPE", "vocab": {"a": 0, "<|endoftext|>": 1}, "merges": []}})


def _parquet(texts: list[str]) -> bytes:
    packed = io.BytesIO()
    pq.write_table(pa.table({"text": texts}), packed)
    return packed.getvalue()


def _manifest(name: str, text: str | bytes, error: str) -> Command:
    data = text if isinstance(text, bytes) else text.encode()
    return Command(f"manifest-{name}", {"m.yaml": data}, ("status", "{}/m.yaml", "--out", "{}/out"), error)


def _dedup(name: str, files: dict[str, bytes], error: str = "") -> Command:
    return Command(f"dedup-{name}", files, ("dedup", "{}/in", "--out", "{}/out", "--workers", "1"), error)


def _tokenizer(name: str, text: str, error: str) -> Command:
    return Command(f"tokenizer-{name}", {"t.json": text.encode()}, ("tokenizer", "show", "{}/t.json"), error)


def _evals(name: str, text: str, error: str, items: bytes = b"") -> Command:
    files = {"e.yaml": text.encode(), "items.jsonl": items}
    return Command(f"evals-{name}", files, ("decontaminate", "probe", "{}/e.yaml", "--items", "2"), error)


def _train(name: str, content: bytes, error: str) -> Command:
    words = ("tokenizer", "train", "{}/a.jsonl", "--vocabulary", "300", "--out", "{}/t.json")
    return Command(f"train-{name}", {"a.jsonl": content}, words, error)


PARQUET = _parquet([STORY, STORY + "again"])
ITEMS = "evals:\n  x: {files: ['{}/items.jsonl'], fields: [text]}\n"

COMMANDS = [
    _manifest("laughs", LAUGHS, "m.yaml"),
    _manifest("laughs-description", LAUGHS + GOOD + "description: *m\n", "m.yaml"),
    _manifest("recursive", "a: &a [*a]\n" + GOOD, "m.yaml"),
    _manifest(
        "python-object", "name: !!python/object/apply:os.system ['touch /tmp/evil.yaml']\n" + GOOD, "not valid YAML"
    ),
    _manifest("python-name", "name: !!python/name:os.system\n", "not valid YAML"),
    _manifest("tag-unknown", "name: !include /etc/passwd\n" + GOOD, "not valid YAML"),
    _manifest("merge-loop", "a: &a {<<: *a}\n", "m.yaml"),
    _manifest("deep", "[" * 5000, "m.yaml"),
    _manifest("deep-mapping", "a: " + "{b: " * 3000 + "1" + "}" * 3000, "m.yaml"),
    _manifest("key-list", "? [a, b]\n: 1\n" + GOOD, "m.yaml"),
    _manifest("key-mapping", "? {a: b}\n: 1\n", "m.yaml"),
    _manifest("key-twice", GOOD + "name: y\n", "given twice"),
    _manifest("documents", GOOD + "---\n" + GOOD, "not valid YAML"),
    _manifest("not-utf-8", b"name: \xff\xfe\n", "cannot be read"),
    _manifest("nul", b"name: \0\n", "not valid YAML"),
    _manifest("escapes", 'name: "\\x1b]0;owned\\x07"\n' + GOOD.replace("name: x\n", ""), "name"),
    _manifest("markup", "name: '[bold red]x[/]<script>'\n" + GOOD.replace("name: x\n", ""), "[bold red]"),
    _manifest("nan", GOOD + "mix: {validation: .nan}\n", "validation"),
    _manifest("infinity", GOOD + "mix: {test: .inf}\n", "test"),
    _manifest("huge-number", GOOD + "seed: " + "9" * 5000 + "\n", "m.yaml"),
    _manifest("date", GOOD + "description: 2024-99-99\n", "m.yaml"),
    _manifest("variable-flood", GOOD + "description: '" + "${" * 50_000 + "'\n", "a.txt"),
    _manifest("empty", "", "expected a mapping"),
    _manifest("input-device", GOOD.replace("a.txt", "/dev/zero"), "a device or a pipe"),
    _manifest("input-self", GOOD.replace("a.txt", "m.yaml"), ""),
    _manifest("input-protocol", GOOD.replace("a.txt", "nowhere://x"), "nowhere"),
    _manifest("input-chain", GOOD.replace("a.txt", "zip://x::simplecache::file:///etc/passwd"), "m"),
    _manifest("input-nul", GOOD.replace("a.txt", '"a\\0b"'), "a"),
    _manifest("input-long", GOOD.replace("a.txt", "a" * 10_000), "a"),
    _dedup("good", {"in/a.jsonl": LINE * 3}),
    _dedup("not-json", {"in/a.jsonl": LINE + b"not json\n\xff\xfe\n{]\n" + LINE}),
    _dedup("deep", {"in/a.jsonl": LINE + b'{"text": ' + b"[" * 500_000 + b"\n" + LINE}),
    _dedup("key-twice", {"in/a.jsonl": b'{"text": "a", "text": "b"}\n' + LINE}),
    _dedup("numbers", {"in/a.jsonl": b'{"text": 1e999}\n{"text": NaN}\n{"text": ' + b"9" * 100_000 + b"}\n" + LINE}),
    _dedup("surrogates", {"in/a.jsonl": b'{"text": "\\ud800 \\udc00\\ud800 \\u0000"}\n' + LINE}),
    _dedup("nul-bytes", {"in/a.jsonl": b"\0" * 5000 + b"\n" + LINE}),
    _dedup("escapes", {"in/a.jsonl": b'{"text": "' + b"\\\\" * 200_000 + b'"}\n' + LINE}),
    _dedup("open-string", {"in/a.jsonl": b'{"text": "' + b"x" * 300_000 + b"\n" + LINE}),
    _dedup("no-line-end", {"in/a.jsonl": LINE.strip()}),
    _dedup("blank-lines", {"in/a.jsonl": b"\n" * 200_000 + LINE}),
    _dedup("empty", {"in/a.jsonl": b""}),
    _dedup("gz-cut", {"in/a.jsonl.gz": gzip.compress(LINE * 500)[:-20]}, "truncated"),
    _dedup("gz-noise", {"in/a.jsonl.gz": b"\x1f\x8b\x08" + b"\xff" * 99}, "damaged"),
    _dedup("zst-cut", {"in/a.jsonl.zst": zstandard.compress(LINE * 500)[:-5]}, "truncated"),
    _dedup("zst-noise", {"in/a.jsonl.zst": b"\x28\xb5\x2f\xfd" + b"\xff" * 99}, "damaged"),
    _dedup("parquet-cut", {"in/a.parquet": PARQUET[:-10]}, "damaged"),
    _dedup("parquet-footer-huge", {"in/a.parquet": PARQUET[:-8] + b"\xff\xff\xff\x7fPAR1"}, "damaged"),
    _dedup(
        "parquet-footer-noise", {"in/a.parquet": PARQUET[:60] + b"\xff" * (len(PARQUET) - 68) + PARQUET[-8:]}, "damaged"
    ),
    _dedup("parquet-only-magic", {"in/a.parquet": b"PAR1PAR1"}, "damaged"),
    _dedup(
        "parquet-flipped",
        {"in/a.parquet": PARQUET[:40] + bytes(byte ^ 0xFF for byte in PARQUET[40:60]) + PARQUET[60:]},
        "found none",
    ),
    _tokenizer("not-json", "{", "t.json"),
    _tokenizer("empty", "{}", "t.json"),
    _tokenizer("list", "[]", "t.json"),
    _tokenizer("deep", "[" * 100_000, "t.json"),
    _tokenizer("model-unknown", '{"model": {"type": "pickle"}}', "t.json"),
    _tokenizer("vocabulary-negative", BYTES.replace('"a": 0', '"a": -1'), "no special token"),
    _tokenizer("vocabulary-huge", BYTES.replace('"a": 0', '"a": 4294967295'), "no special token"),
    _tokenizer("merges-wrong", BYTES.replace('"merges": []', '"merges": ["a", "b b b"]'), "no special token"),
    _tokenizer("merges-unknown", BYTES.replace('"merges": []', '"merges": [["x", "y"]]'), "no special token"),
    _tokenizer(
        "pattern-trap",
        BYTES[:-1]
        + ', "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a+)+$("}, "behavior": "Isolated", '
        + '"invert": false}}',
        "no special token",
    ),
    _tokenizer("added-token", BYTES[:-1] + ', "added_tokens": [{"id": 1, "special": true}]}', "expected a definition"),
    _tokenizer("added-kinds", BYTES[:-1] + ', "added_tokens": 5}', "expected a definition"),
    _tokenizer("vocabulary-kinds", BYTES.replace('"a": 0', '"a": [0]'), "no special token"),
    _tokenizer("number-huge", '{"version": 1e999999, "model": null}', "t.json"),
    _evals("not-yaml", "a: [", "e.yaml"),
    _evals("tag", "evals: !!python/object/apply:os.system [id]\n", "e.yaml"),
    _evals("laughs", LAUGHS, "e.yaml"),
    _train("not-json", b"not json\n", "a.jsonl"),
    _train("deep", b"[" * 200_000 + b"\n", "a.jsonl"),
    _train("no-text", b'{"x": 1}\n', "a.jsonl"),
    _train("surrogates", b'{"text": "\\ud800"}\n', "a.jsonl"),
    _train("number", b'{"text": 5}\n', "a.jsonl"),
]
