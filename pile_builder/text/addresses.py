"""How e-mail and IP addresses are written: checks round one place in a text.

Every check takes a place that a fast pass marked and looks a bounded number of bytes to both sides, within the document
`data[low:high]`. It answers (start, end), or NOTHING. Matches are ASCII, so they never cut a longer character.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pile_builder.text.word_tables import kernel

NOTHING = (-1, -1)
LONGEST_LOCAL_PART, LONGEST_DOMAIN, LONGEST_LABEL, LONGEST_TOP_LEVEL = 64, 253, 63, 24
"""Bytes of the parts of an address: RFC 5321 section 4.5.3.1, RFC 1035 section 2.3.4, the root zone."""
_LONGEST_IPV6, _IPV6_GROUPS, _FEWEST_GROUPS = 39, 8, 3
_MOST_ONE_DIGIT_NUMBERS = 2


def _phrase(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode("ascii"), np.uint8)


_EXAMPLE_COM, _EXAMPLE_ORG, _EXAMPLE_NET = _phrase("example.com"), _phrase("example.org"), _phrase("example.net")
_EXAMPLE, _TEST, _INVALID, _LOCALHOST = _phrase("example"), _phrase("test"), _phrase("invalid"), _phrase("localhost")


@kernel
def is_digit(byte: int) -> bool:
    """0 to 9."""
    return 0x30 <= byte <= 0x39


@kernel
def is_alphanumeric(byte: int) -> bool:
    """ASCII letters and digits."""
    return 0x30 <= byte <= 0x39 or 0x61 <= byte | 0x20 <= 0x7A


@kernel
def is_word(byte: int) -> bool:
    """ASCII letters, digits and the underscore."""
    return is_alphanumeric(byte) or byte == 0x5F


@kernel
def match_email(data: NDArray[np.uint8], at: int, low: int, high: int) -> tuple[int, int]:
    """The e-mail address round the `@` at `at`.

    The grammar is that of datatrove's PIIFormatter (a dot-atom, `@`, a host name of two labels or more) with two
    differences. Upper case counts. Of RFC 5322's marks only `_ % + -` and single `.` and `'` inside belong to the local
    part, because the others (`= / & ? |` and so on) part an address from what stands before it in URLs and tables.
    Left alone are the names reserved by RFC 2606, `git@` (how repositories are addressed), file names such as
    `logo@2x.png` and what an underscore or an opening bracket follows (code).
    """
    start = at
    while start > low and at - start <= LONGEST_LOCAL_PART:
        byte = data[start - 1]
        if not _is_atom(byte):
            inside = start < at and start - 2 >= low and _is_atom(data[start - 2])
            if byte == 0x27:
                inside = inside and is_alphanumeric(data[start]) and is_alphanumeric(data[start - 2])
            elif byte != 0x2E:
                inside = False
            if not inside:
                break
        start -= 1
    if at - start > LONGEST_LOCAL_PART:
        return NOTHING
    while start < at and not is_word(data[start]):
        start += 1
    if start == at or (at - start == 3 and data[start] == 0x67 and data[start + 1] == 0x69 and data[start + 2] == 0x74):
        return NOTHING
    end = _domain_end(data, at + 1, high)
    if end < 0 or (end < high and (data[end] == 0x5F or data[end] == 0x28)):
        return NOTHING
    return NOTHING if _is_reserved(data, at + 1, end) else (start, end)


@kernel
def match_ipv4(data: NDArray[np.uint8], dot: int, low: int, high: int) -> tuple[int, int]:
    """The public IPv4 address whose first dot stands at `dot`, behind a digit.

    Four numbers up to 255 without leading zeros. Not where it is a part of something longer or a version: letters,
    digits and `_` on either side, a fifth number or another dotted name, `-`, `+` or `~` with more behind or before
    (`1.2.3.4-5`, `foo-1.2.3.4`), a path or product before (`Mozilla/1.2.3.4`), an epoch before (`1:2.3.4.5`). Nor with
    three numbers of one digit: `2.0.0.12` is a version or a section (BigCode's rule wants four; one address in 4,000 is
    lost).
    """
    start = dot
    while start > low and dot - start < 4 and is_digit(data[start - 1]):
        start -= 1
    if start > low:
        before = data[start - 1]
        if is_word(before) or before == 0x2E:
            return NOTHING
        if start - 2 >= low and is_alphanumeric(data[start - 2]):
            if _is_version_mark(before) or before == 0x2F:
                return NOTHING
            if before == 0x3A and is_digit(data[start - 2]):
                return NOTHING
    end = start
    address = np.int64(0)
    one_digit = 0
    for k in range(4):
        if k > 0:
            if end >= high or data[end] != 0x2E:
                return NOTHING
            end += 1
        begin = end
        value = np.int64(0)
        while end < high and end - begin < 4 and is_digit(data[end]):
            value = 10 * value + (np.int64(data[end]) - 0x30)
            end += 1
        if end == begin or value > 255 or end - begin > 3 or (data[begin] == 0x30 and end - begin > 1):
            return NOTHING
        address = address << 8 | value
        one_digit += end - begin == 1
    if end < high:
        after = data[end]
        if is_word(after):
            return NOTHING
        if (after == 0x2E or _is_version_mark(after)) and end + 1 < high and is_alphanumeric(data[end + 1]):
            return NOTHING
    if one_digit > _MOST_ONE_DIGIT_NUMBERS or _is_special_ipv4(address):
        return NOTHING
    return start, end


@kernel
def match_ipv6(data: NDArray[np.uint8], start: int, low: int, high: int) -> tuple[int, int]:
    """The public IPv6 address that begins at `start`, in any form of RFC 4291 section 2.2 but the one with dots.

    Public addresses are those of 2000::/3, the one part of the space that IANA has given out (RFC 4291 section 2.4), so
    the first group has four digits and `::1`, link-local, unique local and multicast addresses fall out. So do RFC
    3849's and 9637's documentation prefixes, RFC 5180's benchmarks and the identifiers of RFC 4843 and 7343. At least
    three groups must be written: with fewer, a network or something else is meant.
    """
    if start > low and (is_word(data[start - 1]) or data[start - 1] == 0x3A or data[start - 1] == 0x2E):
        return NOTHING
    end = start
    while end < high and end - start <= _LONGEST_IPV6 + 1 and (_is_hex(data[end]) or data[end] == 0x3A):
        end += 1
    if data[end - 1] == 0x3A and data[end - 2] != 0x3A:
        end -= 1
    if end - start > _LONGEST_IPV6 or (end < high and is_word(data[end])):
        return NOTHING
    if end + 1 < high and data[end] == 0x2E and is_digit(data[end + 1]):
        return NOTHING
    groups = digits = value = first = second = 0
    shortened = False
    for i in range(start, end + 1):
        if i < end and data[i] != 0x3A:
            digits += 1
            value = value << 4 | _hex_value(data[i])
            continue
        if digits > 4:
            return NOTHING
        if digits > 0:
            first = value if groups == 0 else first
            second = value if groups == 1 and not shortened else second
            groups += 1
        elif i < end:
            # A second colon: the first group is never empty here.
            if shortened:
                return NOTHING
            shortened = True
        digits = value = 0
    if groups < _FEWEST_GROUPS or groups > _IPV6_GROUPS or (groups == _IPV6_GROUPS) == shortened:
        return NOTHING
    return NOTHING if _is_special_ipv6(first, second) else (start, end)


@kernel
def _is_atom(byte: int) -> bool:
    return is_word(byte) or byte == 0x2D or byte == 0x2B or byte == 0x25


@kernel
def _domain_end(data: NDArray[np.uint8], start: int, high: int) -> int:
    """Where the longest host name from `start` on ends, -1 if there is none with two labels and letters as the last."""
    end = -1
    labels = 0
    i = start
    while i < high:
        stop = i
        while stop < high and stop - i <= LONGEST_LABEL and (is_alphanumeric(data[stop]) or data[stop] == 0x2D):
            stop += 1
        if stop == i or data[i] == 0x2D:
            break
        close = stop
        while data[close - 1] == 0x2D:
            close -= 1
        if close - i > LONGEST_LABEL or close - start > LONGEST_DOMAIN:
            break
        labels += 1
        if labels == 1 and close - i == 2 and is_digit(data[i]) and data[i + 1] == 0x78:
            break
        if labels > 1 and _is_top_level(data, i, close):
            end = close
        if close < stop or stop >= high or data[stop] != 0x2E:
            break
        i = stop + 1
    return end


@kernel
def _is_top_level(data: NDArray[np.uint8], start: int, end: int) -> bool:
    if not 2 <= end - start <= LONGEST_TOP_LEVEL:
        return False
    if end - start > 4 and data[start] | 0x20 == 0x78 and data[start + 1] | 0x20 == 0x6E and data[start + 2] == 0x2D:
        return data[start + 3] == 0x2D
    letters = True
    for i in range(start, end):
        letters &= 0x61 <= data[i] | 0x20 <= 0x7A
    return letters


@kernel
def _is_reserved(data: NDArray[np.uint8], start: int, end: int) -> bool:
    """Whether a host name is one of RFC 2606 or lies below one."""
    reserved = _ends_in(data, start, end, _EXAMPLE_COM) or _ends_in(data, start, end, _EXAMPLE_ORG)
    reserved = reserved or _ends_in(data, start, end, _EXAMPLE_NET) or _ends_in(data, start, end, _EXAMPLE)
    reserved = reserved or _ends_in(data, start, end, _TEST) or _ends_in(data, start, end, _INVALID)
    return reserved or _ends_in(data, start, end, _LOCALHOST)


@kernel
def _ends_in(data: NDArray[np.uint8], start: int, end: int, labels: NDArray[np.uint8]) -> bool:
    begin = end - len(labels)
    if begin < start or (begin > start and data[begin - 1] != 0x2E):
        return False
    equal = True
    for k in range(len(labels)):
        equal &= data[begin + k] | 0x20 == labels[k]
    return equal


@kernel
def _is_version_mark(byte: int) -> bool:
    return byte == 0x2D or byte == 0x2B or byte == 0x7E


@kernel
def _is_special_ipv4(address: int) -> bool:
    """Whether IANA's IPv4 Special-Purpose Address Registry (RFC 6890), or multicast, holds an address."""
    high, middle = address >> 24, address >> 16
    # This network, RFC 791; private, RFC 1918; loopback, RFC 1122.
    if high == 0 or high == 10 or high == 127 or 0xAC10 <= middle <= 0xAC1F or middle == 0xC0A8:
        return True
    # Multicast, RFC 5771; reserved, RFC 1112, with broadcast, RFC 919, and net masks.
    if high >= 224:
        return True
    # Shared by carriers, RFC 6598; link-local, RFC 3927; benchmarks, RFC 2544.
    if 0x6440 <= middle <= 0x647F or middle == 0xA9FE or 0xC612 <= middle <= 0xC613:
        return True
    # Protocols, RFC 6890; 6to4 relays, RFC 7526; documentation, RFC 5737.
    block = address >> 8
    return block == 0xC00000 or block == 0xC05863 or block == 0xC00002 or block == 0xC63364 or block == 0xCB0071


@kernel
def _is_special_ipv6(first: int, second: int) -> bool:
    """Whether an address of 2000::/3 with these first groups is kept for a purpose."""
    if first == 0x2001:
        # Documentation, RFC 3849; benchmarks, RFC 5180; identifiers, RFC 4843 and 7343.
        return second == 0x0DB8 or second == 0x0002 or 0x0010 <= second <= 0x002F
    # Documentation, RFC 9637.
    return first == 0x3FFF and second < 0x1000


@kernel
def _is_hex(byte: int) -> bool:
    return is_digit(byte) or 0x61 <= byte | 0x20 <= 0x66


@kernel
def _hex_value(byte: int) -> np.int64:
    digit = np.int64(byte)
    return digit - 0x30 if digit < 0x40 else (digit & 7) + 9
