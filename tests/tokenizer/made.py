"""Small tokenizers of every kind, trained here on text written here."""

import functools
import itertools
import json
import random
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from pile_builder.tokenizer import Tokenizer as Ours
from pile_builder.tokenizer import load_tokenizer

TEXT = """The harbour master wrote in his ledger every evening, and the ledger didn't lie: 1,204 crates, 17 barrels.
We've counted them again; they're all there, he'd say, and I'll sign for it. It's a long winter when the boats can't go.
def measure(height, width=3):
    if height > width:
        return [height * n for n in range(1, 100)]
\treturn {"height": None}   # nothing else

Der Hafenmeister schrieb jeden Abend in sein Buch. Le maître du port écrivait « tout » dans son cahier, déjà rempli.
Ο λιμενάρχης έγραφε κάθε βράδυ. Начальник порта писал каждый вечер. 港の長は毎晩帳簿をつけた。港务长每晚记账。
नाविक हर शाम लिखता था। 🙂🙂 🚢 ÅÅ éé ½ ² x² ٣٤ 2024-11-26 3.14159 HTTPServer McDonald don'T SHE'LL
"""
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
QWEN = CL100K.replace("{1,3}", "")
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
END = "<|endoftext|>"


def lines() -> list[str]:
    """The text, and its words in other orders, so that merges of many lengths are found."""
    draw = random.Random(3)
    words = TEXT.split(" ")
    return [TEXT, *(" ".join(draw.choices(words, k=30)) for _ in range(60))]


def byte_level(
    pattern: str | None = None, *, special: tuple[str, ...] = (END,), normalizer: Any = None, size: int = 700
) -> Tokenizer:
    """Byte-level BPE by GPT-2's pattern or another."""
    library = Tokenizer(models.BPE())
    if normalizer:
        library.normalizer = normalizer
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
    steps = [] if pattern is None else [pre_tokenizers.Split(Regex(pattern), "isolated")]
    library.pre_tokenizer = pre_tokenizers.Sequence([*steps, level]) if steps else level
    library.decoder = decoders.ByteLevel()
    library.post_processor = processors.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(special), initial_alphabet=sorted(alphabet), show_progress=False
    )
    library.train_from_iterator(lines(), trainer)
    return library


def neox() -> Tokenizer:
    """NFC, runs of 2 to 24 spaces as added tokens behind the vocabulary, a special token that is a plain word."""
    library = byte_level(special=(END, "<|padding|>"), normalizer=normalizers.NFC())
    library.add_tokens([AddedToken(" " * n, special=False, normalized=True) for n in range(24, 1, -1)])
    library.add_special_tokens(["<|im_start|>", "quayside"])
    return library


def llama3() -> Tokenizer:
    """Whole pieces before merges, and a merge for each way to part a token, as converted tiktoken vocabularies have."""
    content = json.loads(byte_level(CL100K, special=()).to_str())
    vocab = content["model"]["vocab"]
    merges = []
    for token in sorted(vocab, key=vocab.__getitem__):
        merges += [[token[:i], token[i:]] for i in range(1, len(token)) if token[:i] in vocab and token[i:] in vocab]
    content["model"] |= {"merges": merges, "ignore_merges": True}
    library = Tokenizer.from_str(json.dumps(content))
    library.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"])
    return library


def watched() -> Tokenizer:
    """Added tokens that are words, one of them changed by NFC."""
    library = byte_level(QWEN, normalizer=normalizers.NFC())
    library.add_tokens([AddedToken(one, special=False, normalized=True) for one in ("<tool>", "e\u0301tude", "zz")])
    return library


def unigram() -> Tokenizer:
    """As T5: `</s>` is a piece of the model."""
    library = Tokenizer(models.Unigram())
    library.normalizer = normalizers.NFKC()
    library.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<pad>", "</s>", "<unk>"]
    library.train_from_iterator(
        lines(), trainers.UnigramTrainer(vocab_size=400, special_tokens=special, unk_token="<unk>", show_progress=False)
    )
    return library


def word_piece() -> Tokenizer:
    """As BERT."""
    library = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    library.normalizer = normalizers.BertNormalizer()
    library.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    library.train_from_iterator(
        lines(), trainers.WordPieceTrainer(vocab_size=500, special_tokens=special, show_progress=False)
    )
    library.enable_truncation(8)
    library.enable_padding(length=12)
    return library


def spaced_words() -> Tokenizer:
    """A vocabulary of words parted at white space, in which `[SEP]` is a word like others."""
    library = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    library.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    library.train_from_iterator(
        lines(), trainers.WordLevelTrainer(special_tokens=["[UNK]", "[SEP]"], show_progress=False)
    )
    return library


def sentence_piece() -> Tokenizer:
    """As Llama 2: BPE with bytes to fall back on, whose merges put `</s>` together."""
    library = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    library.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    library.train_from_iterator(
        [*lines(), "</s> " * 40], trainers.BpeTrainer(vocab_size=800, special_tokens=special, show_progress=False)
    )
    content = json.loads(library.to_str())
    vocab = content["model"]["vocab"]
    made = ["</", "s>"]
    for token in made:
        vocab.setdefault(token, len(vocab))
    content["model"]["merges"] += [["<", "/"], ["s", ">"], made]
    content["added_tokens"] = content["added_tokens"][:3]
    return Tokenizer.from_str(json.dumps(content))


MAKERS = {
    "gpt2": byte_level,
    "neox": neox,
    "cl100k": functools.partial(byte_level, CL100K),
    "o200k": functools.partial(byte_level, O200K),
    "qwen": functools.partial(byte_level, QWEN, normalizer=normalizers.NFC()),
    "llama3": llama3,
    "watched": watched,
    "unigram": unigram,
    "wordpiece": word_piece,
    "words": spaced_words,
    "sentencepiece": sentence_piece,
}
FAST = ("gpt2", "neox", "cl100k", "o200k", "qwen", "llama3", "watched")
SLOW = tuple(name for name in MAKERS if name not in FAST)


@functools.cache
def json_of(name: str) -> str:
    """Its tokenizer.json; made once, for the trainer of Unigrams gives other numbers each time."""
    return MAKERS[name]().to_str()


@functools.cache
def library_of(name: str) -> Tokenizer:
    """The library's own tokenizer of that name, told to take special tokens in text as text."""
    library = Tokenizer.from_str(json_of(name))
    library.no_truncation()
    library.no_padding()
    library.encode_special_tokens = True
    return library


def write(folder: Path, name: str) -> Path:
    """Its tokenizer.json in a folder of its name."""
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "tokenizer.json").write_text(json_of(name))
    return folder / name


def load(folder: Path, name: str) -> Ours:
    """Ours of that name."""
    return load_tokenizer(str(write(folder, name)))


def documents(tokenizer: Ours, texts: list[str]) -> list[list[int]]:
    """Ids of each text, with the end-of-document id after each."""
    batch = tokenizer.encode(texts)
    starts = [0, *batch.ends.tolist()]
    assert len(batch.ends) == len(texts)
    assert starts[-1] == len(batch.tokens)
    return [batch.tokens[a:b].tolist() for a, b in itertools.pairwise(starts)]
