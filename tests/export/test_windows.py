"""Windows against plain Python; a shuffle is a permutation, the same every time, and mixes as a uniform one does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.export import windows
from pile_builder.export.format import ExportOptions
from pile_builder.export.windows import WindowCutter, window_order, windows_to_take
from tests.export.token_shards import batch_of

documents = st.lists(st.lists(st.integers(0, 99), max_size=15), max_size=15)


def cut(folder, lists, per_batch=3, stem="train-00000", **options):
    """Windows and tail as lists, after what batches promise is checked."""
    found = []

    def sink(batch):
        assert len(batch)
        assert batch.tokens.dtype == np.uint32
        assert batch.ends[-1] == len(batch.tokens)
        found.extend(batch.tokens[end - size : end].tolist() for end, size in zip(batch.ends, batch.sizes, strict=True))

    cutter = WindowCutter(ExportOptions(unit="windows", **options), sink, folder / "spool", stem)
    for start in range(0, len(lists), per_batch):
        cutter.write(batch_of(lists[start : start + per_batch]))
    cutter.close()
    assert not (folder / "spool").exists()
    return found, cutter.tail.tolist()


@settings(deadline=None)
@given(documents, st.integers(2, 9), st.integers(1, 4), st.sampled_from(["drop", "keep"]), st.integers(1, 40))
def test_windows_follow_each_other_and_the_rest_is_the_tail(tmp_path_factory, lists, window, multiple, tail, emit):
    multiple = 1 if tail == "keep" else multiple
    folder = tmp_path_factory.mktemp("windows")
    stream = [one for ids in lists for one in ids]
    count = len(stream) // window // multiple * multiple
    expected = [stream[number * window : (number + 1) * window] for number in range(count)]
    left = stream[count * window :]
    whole = [*expected, left] if tail == "keep" and left else expected
    rest = [] if tail == "keep" else left
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "EMIT_TOKENS", emit)
        options = {"window": window, "multiple": multiple, "tail": tail}
        assert cut(folder, lists, **options) == (whole, rest)
        shuffled, dropped = cut(folder, lists, shuffle=True, **options)
        order = window_order(count, 1, "train-00000")
        assert (shuffled, dropped) == ([expected[each] for each in order] + whole[count:], rest)


def test_the_order_depends_on_seed_and_shard_alone(tmp_path):
    lists = [[number] * 4 for number in range(50)]
    orders = {
        (seed, stem): str(cut(tmp_path, lists, per_batch=per_batch, window=4, shuffle=True, seed=seed, stem=stem))
        for per_batch in (1, 50)
        for seed in (1, 2)
        for stem in ("train-00000", "train-00001")
    }
    assert len(set(orders.values())) == 4
    assert str(cut(tmp_path, lists, per_batch=7, window=4, shuffle=True)) == orders[1, "train-00000"]


@pytest.mark.parametrize("seed", range(5))
def test_a_shuffle_mixes_as_a_uniform_permutation_does(seed):
    count = 20_000
    order = window_order(count, seed, "train-00000")
    assert np.array_equal(np.sort(order), np.arange(count))
    # Of a uniform permutation: 2 (count - 1) / count neighbours that were neighbours, by about a Poisson distribution;
    # a mean displacement of count / 3, with a standard deviation of the mean near 0.24 count / sqrt(count).
    assert np.sum(np.abs(np.diff(order)) == 1) <= 10
    assert np.sum(order == np.arange(count)) <= 8
    displacement = np.abs(order - np.arange(count)).mean() / count
    assert abs(displacement - 1 / 3) < 5 * 0.24 / count**0.5
    # Every tenth of the output holds windows of every tenth of the input.
    shares = np.histogram2d(np.arange(count), order, 10)[0]
    assert np.abs(shares - count / 100).max() < 6 * (count / 100) ** 0.5


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 50), st.integers(1, 9))
def test_files_end_at_a_multiple_and_are_never_empty(fit: int, written: int, left: int, multiple: int):
    taken = windows_to_take(fit, written, left, multiple)
    assert 0 <= taken <= left
    if taken < left:
        assert (written + taken) % multiple == 0
        assert written + taken > 0
    # No more than fits, but to reach a multiple.
    assert taken <= fit or taken < multiple + (written == 0)
