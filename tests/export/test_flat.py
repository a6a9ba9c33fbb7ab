"""Flat files: documents found by their end token, shards cut between sequences."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.errors import PileError
from pile_builder.export import flat
from pile_builder.export.flat import CutWriter, FlatWriter, closed_documents, packed
from tests.export.token_shards import batch_of

documents = st.lists(st.lists(st.integers(1, 9), max_size=12).map(lambda ids: [*ids, 0]), max_size=20)
U2 = np.dtype("<u2")


@settings(deadline=None)
@given(documents, st.integers(1, 9))
def test_documents_are_found_by_their_end_token_however_they_are_read(lists, read_tokens):
    data = io.BytesIO(np.array([one for ids in lists for one in ids], U2).tobytes())
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flat, "READ_TOKENS", read_tokens)
        for batch in closed_documents(data, U2, 0, "x.bin"):
            found += [
                batch.tokens[end - size : end].tolist() for end, size in zip(batch.ends, batch.sizes, strict=True)
            ]
    assert found == lists


@pytest.mark.parametrize(
    ("data", "said"), [(b"\1\0\0\0\1", "1 bytes more"), (b"\0\0\1\0", "token 0 as its last, got 1")]
)
def test_files_that_end_in_the_middle_are_refused(data, said):
    with pytest.raises(PileError, match=said):
        list(closed_documents(io.BytesIO(data), U2, 0, "x.bin"))


@settings(deadline=None)
@given(documents, st.integers(1, 30), st.integers(1, 7))
def test_files_are_cut_between_documents_and_filled_as_far_as_they_go(tmp_path_factory, lists, limit, per_batch):
    folder = tmp_path_factory.mktemp("cut")
    writer = CutWriter(limit, lambda number: FlatWriter(folder, f"{number}.bin", U2))
    for start in range(0, len(lists), per_batch):
        writer.write(batch_of(lists[start : start + per_batch]))
    files = writer.close()
    expected: list[list[list[int]]] = []
    for ids in lists:
        if not expected or sum(map(len, expected[-1])) + len(ids) > limit:
            expected.append([])
        expected[-1].append(ids)
    assert [(file.name, file.sequences, file.tokens) for file in files] == [
        (f"{number}.bin", len(one), sum(map(len, one))) for number, one in enumerate(expected)
    ]
    for file, one in zip(files, expected, strict=True):
        assert np.fromfile(folder / file.name, U2).tolist() == [each for ids in one for each in ids]


def test_ids_are_packed_only_if_they_fit():
    assert packed(np.array([1, 65_535], np.uint32), U2, "x.bin") == b"\1\0\xff\xff"
    with pytest.raises(PileError, match=r"x\.bin: expected ids that fit uint16, got 65536"):
        packed(np.array([65_536], np.uint32), U2, "x.bin")
