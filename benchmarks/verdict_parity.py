"""Compare our recipes with datatrove's filters, document by document.

    python benchmarks/verdict_parity.py --datatrove /path/to/other/python texts.jsonl ...

datatrove runs in the interpreter given (it pins other versions of shared libraries), one filter at a time on the same
texts; the C4 filter's rewritten text is compared as well. A text is the `text` field of each line.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pile_builder.annotate.edits import edit_texts
from pile_builder.annotate.signals import signals
from pile_builder.recipes import RECIPES, verdicts
from pile_builder.text.column import from_strings

REASONS: Mapping[str, Mapping[str, str]] = {
    "gopher_quality_v1": {
        "min_words": "gopher_short_doc",
        "max_words": "gopher_long_doc",
        "min_mean_word_length": "gopher_below_avg_threshold",
        "max_mean_word_length": "gopher_above_avg_threshold",
        "max_hash_ratio": "gopher_too_many_hashes",
        "max_ellipsis_ratio": "gopher_too_many_ellipsis",
        "max_bullet_lines": "gopher_too_many_bullets",
        "max_ellipsis_lines": "gopher_too_many_end_ellipsis",
        "min_alphabetic_words": "gopher_below_alpha_threshold",
        "min_stop_words": "gopher_enough_stop_words",
    },
    "gopher_repetition_v1": {
        "empty": "empty",
        "max_dup_paragraphs": "dup_para_frac",
        "max_dup_paragraph_chars": "dup_para_char_frac",
        "max_dup_lines": "dup_line_frac",
        "max_dup_line_chars": "dup_line_char_frac",
        **{f"max_top_{n}_gram_chars": f"top_{n}_gram" for n in (2, 3, 4)},
        **{f"max_dup_{n}_gram_chars": f"duplicated_{n}_n_grams" for n in (5, 6, 7, 8, 9, 10)},
    },
    "c4_fineweb_v1": {
        "lorem_ipsum": "lorem_ipsum",
        "curly_bracket": "curly_bracket",
        "min_sentences": "too_few_sentences",
    },
    "fineweb_v1": {
        "empty": "empty",
        "min_punctuated_lines": "line_punct_ratio",
        "max_short_lines": "short_line_ratio",
        "max_dup_line_chars": "char_dup_ratio",
        "max_newline_ratio": "list_ratio",
    },
}
"""datatrove's name for each of our rules."""

THEIRS = """
import json, sys, time
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter)
name, source, target = sys.argv[1:]
quality_filter = {
    "gopher_quality_v1": GopherQualityFilter, "gopher_repetition_v1": GopherRepetitionFilter,
    "c4_fineweb_v1": lambda: C4QualityFilter(filter_no_terminal_punct=False), "fineweb_v1": FineWebQualityFilter,
}[name]()
texts = [json.loads(line)["text"] for line in open(source)]
quality_filter.filter(Document(text="One two three four five.", id="warm-up"))
began = time.perf_counter()
results = []
for text in texts:
    document = Document(text=text, id="")
    result = quality_filter.filter(document)
    reason = "" if result is True else result[1]
    results.append([reason, document.text if name == "c4_fineweb_v1" and not reason else None])
seconds = time.perf_counter() - began
with open(target, "w") as out:
    json.dump({"seconds": seconds, "results": results}, out)
"""


def main() -> None:
    """Run every recipe over the texts and print one table and the differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--datatrove", required=True, type=Path, help="a Python that has datatrove and spaCy")
    parser.add_argument("files", nargs="+", type=Path, help="jsonl with a text field")
    arguments = parser.parse_args()
    texts = [json.loads(line)["text"] for file in arguments.files for line in file.open()]
    size = sum(len(text.encode()) for text in texts)
    print(f"{len(texts)} documents, {size / 1e6:.1f} MB")
    print(f"{'recipe':22}{'rejected':>9}{'verdicts':>10}{'reasons':>10}{'texts':>10}{'datatrove':>12}{'ours':>12}")
    differing = []
    for name, names in REASONS.items():
        theirs, their_seconds = run_datatrove(arguments.datatrove, name, texts)
        began = time.perf_counter()
        ours = run_ours(name, texts)
        seconds = time.perf_counter() - began
        reasons = [names[reason] if reason else "" for reason, _ in ours]
        same = [bool(a) == bool(b) for a, (b, _) in zip(reasons, theirs, strict=True)]
        equal = [a == b for a, (b, _) in zip(reasons, theirs, strict=True)]
        text = [b[1] is None or a[1] == b[1] for a, b in zip(ours, theirs, strict=True)]
        print(
            f"{name:22}{sum(bool(b) for b, _ in theirs):9}{share(same):>10}{share(equal):>10}{share(text):>10}"
            f"{len(texts) / their_seconds:>7.0f} /s{len(texts) / seconds:>10.0f} /s"
        )
        differing += [
            f"{name} document {i}: ours {reasons[i] or 'kept'}, datatrove {theirs[i][0] or 'kept'}"
            + ("" if text[i] else ", text differs")
            for i in range(len(texts))
            if not (equal[i] and text[i])
        ]
    print(*differing, sep="\n")


def share(flags: Sequence[bool]) -> str:
    """Per cent of the flags that are set."""
    return f"{100 * sum(flags) / max(len(flags), 1):.2f} %"


def run_ours(name: str, texts: Sequence[str]) -> list[tuple[str, str | None]]:
    """The rule that drops each text ("" if none does), and for C4 the text that is left."""
    recipe = RECIPES[name]
    column = from_strings(texts)
    left: Sequence[str | None] = [None] * len(texts)
    if recipe.edit:
        edited = edit_texts(column, [recipe.edit])
        batch, left = edited.signals[0], edited.texts[1].to_arrow().to_pylist()
    else:
        batch = signals(column, recipe.groups)
    found = verdicts(recipe, batch)
    return [(recipe.rules[index].name if index >= 0 else "", text) for index, text in zip(found, left, strict=True)]


def run_datatrove(python: Path, name: str, texts: Sequence[str]) -> tuple[list[tuple[str, str | None]], float]:
    """The same from datatrove in another interpreter, and the seconds it took without start-up."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "texts.jsonl"), Path(folder, "results.json")
        with source.open("w") as file:
            for text in texts:
                print(json.dumps({"text": text}), file=file)
        command = [str(python), "-c", THEIRS, name, str(source), str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"datatrove failed on {name}:\n{done.stderr}")
        answer = json.loads(target.read_text())
    return [(reason, text) for reason, text in answer["results"]], answer["seconds"]


if __name__ == "__main__":
    main()
