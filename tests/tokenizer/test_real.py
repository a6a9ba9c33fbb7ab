"""Both published tokenizers on real text: a sample of PILE_DATA, or every text of it with PILE_TOKENIZER_WHOLE=1."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import tokenizers

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile
from pile_builder.storage import Store
from pile_builder.streams import open_text_bytes
from pile_builder.tokenizer import load_tokenizer, open_tokenizer
from pile_builder.tokenizer.reference import groups
from tests.tokenizer import made

DATA = os.environ.get("PILE_DATA")
WHOLE = bool(os.environ.get("PILE_TOKENIZER_WHOLE"))
PIECE = 1_000_000
SAMPLED = ("books/gutenberg", "enron", "web-gold-multilingual", "evals", "ubuntu_irc", "pubmed_central", "uspto")
FILES = ("tokenizers/gpt2/gpt2.json", "tokenizers/gpt-neox-20b/20B_tokenizer.json")

pytestmark = pytest.mark.skipif(not DATA, reason="PILE_DATA names no folder of real texts")


def _pieces(path: Path, most: int) -> Iterator[str]:
    """Text of a file, decompressed, in pieces; bytes that are no UTF-8 become U+FFFD, and binaries are left out."""
    try:
        with open_text_bytes(InputFile(path.name, str(path), path.stat().st_size)) as stream:
            while most > 0 and (data := stream.read(min(PIECE, most))):
                most -= len(data)
                text = data.decode(errors="replace")
                if text.count("\ufffd") + text.count("\0") < len(text) / 10:
                    yield text
    except InputError:
        return


def _texts() -> Iterator[str]:
    root = Path(DATA or "")
    if WHOLE:
        for path in sorted(root.rglob("*")):
            if path.is_file() and "tokenizers" not in path.parts:
                yield from _pieces(path, 1 << 40)
    else:
        for folder in SAMPLED:
            for path in sorted((root / folder).rglob("*.*"))[:400:50]:
                if path.is_file():
                    yield from _pieces(path, 60_000)


@pytest.mark.parametrize("file", FILES)
def test_ids_of_real_text_are_the_library_s(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(DATA or "") / file
    load_tokenizer(str(path)).save(Store(str(tmp_path)), "tokenizer")
    tokenizer = open_tokenizer(Store(str(tmp_path)), "tokenizer")
    assert tokenizer.engine == "tiktoken", tokenizer.why_not
    library = tokenizers.Tokenizer.from_file(str(path))
    library.encode_special_tokens = True
    texts = size = count = 0
    # A generator of groups, for the whole is more than memory has.
    for group in groups(_texts(), 8 * PIECE):
        expected = library.encode_batch_fast(group, add_special_tokens=False)
        for text, ids, encoding in zip(group, made.documents(tokenizer, group), expected, strict=True):
            assert ids[:-1] == encoding.ids, text[:80]
            texts += 1
            size += len(text.encode())
            count += len(ids) - 1
    assert texts > 20
    with capsys.disabled():
        print(f"\n{file}: {texts:,} texts, {size:,} bytes, {count:,} tokens, all equal")


def test_both_forms_of_gpt2_are_one_definition() -> None:
    folder = Path(DATA or "") / "tokenizers/gpt2"
    one, other = load_tokenizer(str(folder)), load_tokenizer(str(folder / "gpt2.json"))
    assert one.digest == other.digest
    assert (
        (one.end_id, one.vocabulary, one.name) == (other.end_id, other.vocabulary, other.name) == (50256, 50257, "gpt2")
    )
