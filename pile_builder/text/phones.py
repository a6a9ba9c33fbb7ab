"""How phone numbers are written: checks round one place in a text, within the document `data[low:high]`.

Precision comes first: a number counts if it is written as one, with a plus sign or with separators as in North America.
Other countries' national forms, seven digits without an area code and bare ten digits do not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pile_builder.text.addresses import NOTHING, is_alphanumeric, is_digit, is_word
from pile_builder.text.word_tables import kernel

FEWEST_DIGITS, FEWEST_UNPARTED_DIGITS, MOST_DIGITS, NORTH_AMERICAN_DIGITS = 9, 10, 15, 11
"""Digits behind a plus sign, country code included; the most are E.164's (section 6.2.1)."""
COUNTRY_CODES = (
    "1 7 20 211 212 213 216 218 22 23 24 25 26 27 290 291 297 298 299 30 31 32 33 34 35 36 37 38 39 40 41 420 421 423 "
    "43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 690 691 692 80 81 82 84 850 852 853 "
    "855 856 86 870 878 88 90 91 92 93 94 95 96 97 98 992 993 994 995 996 998"
)
"""What a number behind a plus sign may begin with: ITU-T's list of codes assigned under E.164, tens that are nearly
full taken whole."""


def _first_three_digits(codes: str) -> NDArray[np.bool_]:
    """Whether a number may begin with these three digits; bool of shape (1000,)."""
    return np.array([f"{digits:03}".startswith(tuple(codes.split())) for digits in range(1000)])


_ASSIGNED = _first_three_digits(COUNTRY_CODES)


@kernel
def match_american_phone(data: NDArray[np.uint8], area: int, low: int, high: int, taken: int) -> tuple[int, int]:
    """The phone number of the North American plan whose area code begins at `area`.

    As in Dolma's PII tagger: three digits, with or without brackets, three and four. Here a separator always parts the
    groups (ten bare digits are more often an id), area code and exchange begin as the plan wants ([2-9][0-8]x, [2-9]xx)
    and the number is not a part of a longer one. `1` or `+1` before it belongs to it unless it lies before `taken`, in
    another number. 555-0100 to 555-0199 are kept for fiction, and left alone.
    """
    if not (_are_digits(data, area, high, 3) and data[area] >= 0x32 and data[area + 1] != 0x39):
        return NOTHING
    start = area
    i = area + 3
    bracketed = area > low and data[area - 1] == 0x28 and i < high and data[i] == 0x29
    if bracketed:
        start -= 1
        i += 1
    first_gap = _gap(data, i)
    if bracketed and first_gap == 1 and data[i] == 0x20 and data[i + 1] == 0x20:
        first_gap = 2
    elif not bracketed and first_gap == 0:
        return NOTHING
    exchange = i + first_gap
    if not (_are_digits(data, exchange, high, 3) and data[exchange] >= 0x32):
        return NOTHING
    second_gap = _gap(data, exchange + 3)
    line = exchange + 3 + second_gap
    if second_gap == 0 or not _are_digits(data, line, high, 4):
        return NOTHING
    end = line + 4
    coded = _with_country_code(data, start, low, bracketed)
    start = coded if coded >= taken else start
    if not ((bracketed or _may_begin_phone(data, start, low)) and _may_end_phone(data, end, high)):
        return NOTHING
    only_spaces = not bracketed and _is_space(data, i) == first_gap and _is_space(data, exchange + 3) == second_gap
    if only_spaces and _stands_among_numbers(data, start, end, low, high):
        return NOTHING
    fictional = data[exchange] == 0x35 and data[exchange + 1] == 0x35 and data[exchange + 2] == 0x35
    return NOTHING if fictional and data[line] == 0x30 and data[line + 1] == 0x31 else (start, end)


@kernel
def match_international_phone(data: NDArray[np.uint8], plus: int, low: int, high: int) -> tuple[int, int]:
    """The phone number that begins with the `+` at `plus`.

    Groups of digits parted by single spaces, dashes, dots, slashes or brackets: as many as keep to E.164's 15 digits,
    taking nothing from another number. At least nine digits, ten if nothing parts them, a country code that exists;
    behind +1 North America's ten. Two groups with a dot are a decimal number, and a year, month and day are a date
    behind the plus sign of a patch.
    """
    if not _may_begin_phone(data, plus, low) or (plus > low and data[plus - 1] == 0x29):
        return NOTHING
    is_american = data[plus + 1] == 0x31
    fewest, most = (NORTH_AMERICAN_DIGITS, NORTH_AMERICAN_DIGITS) if is_american else (FEWEST_DIGITS, MOST_DIGITS)
    stop = plus + 1
    gap = groups = digits = 0
    end = NOTHING[1]
    number = complete = np.int64(0)
    dotted = False
    while groups == 0 or gap > 0:
        begin = stop + gap
        size = 0
        while begin + size < high and size <= most and is_digit(data[begin + size]):
            size += 1
        if size == 0 or digits + size > most:
            break
        for k in range(size):
            number = number * 10 + (np.int64(data[begin + k]) - 0x30)
        dotted |= gap > 0 and data[stop] == 0x2E
        groups += 1
        digits += size
        stop = begin + size
        gap = _bracket_gap(data, stop)
        enough = digits >= fewest and (groups > 1 or digits >= FEWEST_UNPARTED_DIGITS) and (groups > 2 or not dotted)
        if enough and _may_end_phone(data, stop, high):
            end = stop
            complete = number
    if end < 0 or _is_date(data, plus + 1, high):
        return NOTHING
    if is_american:
        is_number = complete // 10**7 % 1000 >= 200 and complete // 10**4 % 1000 >= 200
        return (plus, end) if is_number and not 5_550_100 <= complete % 10**7 <= 5_550_199 else NOTHING
    while complete > 999:
        complete //= 10
    return (plus, end) if data[plus + 1] != 0x30 and _ASSIGNED[complete] else NOTHING


@kernel
def _are_digits(data: NDArray[np.uint8], i: int, high: int, count: int) -> bool:
    """Whether `count` digits stand at i."""
    if i + count > high:
        return False
    digits = True
    for k in range(count):
        digits &= is_digit(data[i + k])
    return digits


@kernel
def _is_space(data: NDArray[np.uint8], i: int) -> int:
    """Bytes of the space or no-break space at i, or 0."""
    if data[i] == 0x20:
        return 1
    return 2 if data[i] == 0xC2 and data[i + 1] == 0xA0 else 0


@kernel
def _dash(data: NDArray[np.uint8], i: int) -> int:
    """Bytes of the hyphen-minus, hyphen, no-break hyphen or en dash at i, or 0."""
    if data[i] == 0x2D:
        return 1
    if data[i] == 0xE2 and data[i + 1] == 0x80:
        return 3 if data[i + 2] == 0x90 or data[i + 2] == 0x91 or data[i + 2] == 0x93 else 0
    return 0


@kernel
def _gap(data: NDArray[np.uint8], i: int) -> int:
    """Bytes at i of a space, a dash with or without spaces, a dot or a slash; 0 if none of them stands there."""
    space = _is_space(data, i)
    dash = _dash(data, i + space)
    if dash > 0:
        return space + dash + _is_space(data, i + space + dash)
    if space > 0:
        return space
    return 1 if data[i] == 0x2E or data[i] == 0x2F else 0


@kernel
def _separator(data: NDArray[np.uint8], i: int) -> int:
    if data[i] == 0x2E or data[i] == 0x2F:
        return 1
    return _is_space(data, i) + _dash(data, i)


@kernel
def _bracket_gap(data: NDArray[np.uint8], i: int) -> int:
    """Bytes at i of a separator, a round bracket and a separator, of which any may be missing."""
    size = _separator(data, i)
    size += data[i + size] == 0x28 or data[i + size] == 0x29
    return size + _separator(data, i + size)


@kernel
def _with_country_code(data: NDArray[np.uint8], start: int, low: int, bracketed: bool) -> int:  # noqa: FBT001
    """Where a number begins if `1` or `+1` before it belongs to it; `start` if none stands there."""
    i = start - 1
    if i >= low and (data[i] == 0x20 or data[i] == 0x2D or data[i] == 0x2E):
        i -= 1
    elif not bracketed:
        return start
    if i < low or data[i] != 0x31:
        return start
    if i > low and data[i - 1] == 0x2B:
        i -= 1
    return i if _may_begin_phone(data, i, low) else start


@kernel
def _may_begin_phone(data: NDArray[np.uint8], i: int, low: int) -> bool:
    """Whether what stands before i does not make the number a part of something else."""
    if i == low:
        return True
    byte = data[i - 1]
    if is_word(byte) or 0x23 <= byte <= 0x26 or byte == 0x40 or byte == 0x2B:
        return False
    if i - 2 < low:
        return True
    if byte == 0x2D or byte == 0x2F:
        return not is_alphanumeric(data[i - 2])
    return not ((byte == 0x2E or byte == 0x3A) and is_digit(data[i - 2]))


@kernel
def _may_end_phone(data: NDArray[np.uint8], i: int, high: int) -> bool:
    if i >= high:
        return True
    byte = data[i]
    if is_digit(byte) or byte == 0x5F:
        return False
    return not ((byte == 0x2D or byte == 0x2E) and i + 1 < high and is_digit(data[i + 1]))


@kernel
def _stands_among_numbers(data: NDArray[np.uint8], start: int, end: int, low: int, high: int) -> bool:
    """Whether a space and a digit stand on either side: a row of a table."""
    if start - 2 >= low and data[start - 1] == 0x20 and is_digit(data[start - 2]):
        return True
    return end + 1 < high and data[end] == 0x20 and is_digit(data[end + 1])


@kernel
def _is_date(data: NDArray[np.uint8], i: int, high: int) -> bool:
    """Whether a year, a month and a day stand at i, parted by dashes, dots or slashes."""
    if not (_are_digits(data, i, high, 4) and _are_digits(data, i + 5, high, 2) and _are_digits(data, i + 8, high, 2)):
        return False
    century = (data[i] == 0x31 and data[i + 1] == 0x39) or (data[i] == 0x32 and data[i + 1] == 0x30)
    return century and data[i + 4] == data[i + 7] and 0x2D <= data[i + 4] <= 0x2F
