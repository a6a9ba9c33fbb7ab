from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.source import Document, Raw, Reject, Skipped
from pile_builder.sources.dm_mathematics import DmMathematics

SAMPLES = Path(__file__).parents[2] / "samples" / "dm_mathematics"


def exercises(root: Path, *inputs: str, **settings: object) -> DmMathematics:
    return DmMathematics(DmMathematics.Config(inputs=inputs or (".",), root=str(root), **settings))


def records(source: DmMathematics) -> Iterator[Raw | Reject | Skipped]:
    for split in source.splits():
        yield from source.read(split)


def test_samples() -> None:
    source = exercises(SAMPLES)
    offered = list(records(source))
    assert [one.kind for one in offered if isinstance(one, Skipped)] == ["directory", "other_file", "test_set"]
    made = {
        one.key: source.extract(one) if isinstance(one, Raw) else one for one in offered if not isinstance(one, Skipped)
    }
    assert {key: one.rule for key, one in made.items() if isinstance(one, Reject)} == {
        "train-hard/numbers__cut/1": "unanswered",
        "train-hard/numbers__spaced/0": "broken_lines",
    }
    found = {key: one for key, one in made.items() if isinstance(one, Document)}
    digests = {key: hashlib.sha256(document.text.encode()).hexdigest()[:16] for key, document in found.items()}
    assert digests == {
        "train-easy/arithmetic__add/0": "ea7e1a1beeef8738",
        "train-easy/numbers__remainder/0": "df8015e7d00c93b2",
        "train-easy/numbers__remainder/1": "c9dae91c0e740ab0",
        "train-hard/arithmetic__add/0": "497a82b991d79b58",
        "train-hard/numbers__cut/0": "6283d796fee29eed",
        "train-hard/numbers__remainder/0": "06a554fdae175206",
        "train-hard/numbers__remainder/1": "232d65f1550d78ca",
        "train-medium/arithmetic__add/0": "a0f35f07d64daa2a",
        "train-medium/numbers__remainder/0": "eaed9444b14d21fa",
        "train-medium/numbers__remainder/1": "d37770d2a18c6bc4",
    }
    first = found["train-hard/numbers__remainder/0"]
    assert first.meta == {"module": "numbers__remainder", "difficulty": "hard", "license": "Apache-2.0"}
    assert 8192 <= len(first.text) < 8192 + 200
    assert all(document.text.count("\n") % 2 == 1 for document in found.values())
    questions = [line for document in found.values() for line in document.text.split("\n")[::2]]
    assert all(line.endswith(("?", ".")) for line in questions) and len(questions) == 6 * 260 + 1


def test_unpacked_files_have_the_keys_of_the_tar(tmp_path: Path) -> None:
    with tarfile.open(SAMPLES / "mathematics_dataset-v1.0.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    unpacked, packed = (
        {one.key: one.payload for one in records(exercises(root)) if isinstance(one, Raw)}
        for root in (tmp_path, SAMPLES)
    )
    assert unpacked == packed


@settings(deadline=None, max_examples=40)
@given(lengths=st.lists(st.integers(1, 30), max_size=40), size=st.integers(1, 100))
def test_cuts_are_those_of_counting_characters(tmp_path_factory: object, lengths: list[int], size: int) -> None:
    lines = ["x" * length for length in lengths]
    expected, held = [], list[str]()
    for line in lines:
        held.append(line)
        if len("\n".join(held)) + 1 > size and len(held) % 2 == 0:
            expected.append("\n".join(held) + "\n")
            held = []
    expected += ["\n".join(held[: len(held) // 2 * 2]) + "\n"] * (len(held) > 1)
    root = tmp_path_factory.mktemp("m") / "train-easy"  # type: ignore[attr-defined]
    root.mkdir()
    (root / "a.txt").write_text("".join(f"{line}\n" for line in lines))
    found = list(records(exercises(root.parent, size=size)))
    assert [one.payload.decode() for one in found if isinstance(one, Raw)] == expected
    assert len([one for one in found if isinstance(one, Reject)]) == len(lines) % 2


def test_a_line_without_end(tmp_path: Path) -> None:
    (tmp_path / "train-easy").mkdir()
    (tmp_path / "train-easy" / "b.txt").write_bytes(b"Wh\xfft?\n2\n")
    (tmp_path / "train-easy" / "c.txt").write_bytes(b"?" + b"1" * 70_000 + b"\n2\n")
    (tmp_path / "train-easy" / "d.txt").write_bytes(b"\n\n")
    source = exercises(tmp_path)
    made = {one.key: source.extract(one) if isinstance(one, Raw) else one for one in records(source)}
    rules = {key: one.rule for key, one in made.items() if isinstance(one, Reject)}
    assert rules == {"train-easy/b/0": "undecodable", "train-easy/c/0": "too_large", "train-easy/d/0": "no_text"}
