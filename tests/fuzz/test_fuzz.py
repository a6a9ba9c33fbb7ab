"""Every parser meets damaged samples and raises nothing but its declared errors."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import MARKED, TARGETS, seeds


def spoiled(seed: bytes, number: int) -> bytes:
    """A sample with a few bytes changed, cut out, repeated or put elsewhere; the same for the same number."""
    draw = random.Random(number)
    data = bytearray(seed[:40_000])
    for _ in range(draw.randrange(1, 8)):
        at, size = draw.randrange(len(data) + 1), draw.choice((1, 1, 2, 4, 30, 600))
        match draw.randrange(5):
            case 0:
                data[at : at + size] = draw.randbytes(size)
            case 1:
                del data[at : at + size]
            case 2:
                data[at:at] = data[at : at + size] * draw.randrange(1, 40)
            case 3:
                data[at : at + size] = draw.choice((b"\0", b"\xff", b"9", b"<", b"{", b"\\", b"\n", b" ")) * size
            case _:
                other = draw.randrange(len(data) + 1)
                data[at:at] = data[other : other + size]
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_samples_raise_declared_errors_only(name: str):
    function = TARGETS[name][0]
    samples = list(seeds(name))
    assert samples
    for number in range(40):
        sample = samples[number % len(samples)]
        mark = sample[: name in MARKED]
        function(mark + spoiled(sample[len(mark) :], number))


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=30, deadline=None)
@given(data=st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_any_bytes_raise_declared_errors_only(name: str, data: bytes):
    TARGETS[name][0](data)
