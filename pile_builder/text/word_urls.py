"""spaCy's URL pattern (`spacy/lang/tokenizer_exceptions.py`, 3.8) as a kernel.

The pattern is: a scheme or none; anything and an @, or nothing; a public IPv4 address or a host name of labels up to 64
characters and a top level of 2 to 63 small or caseless letters; a port or none; a path or none. What can follow a host
cannot be part of one, so one pass over the text from each place where a host may begin decides: the start, behind the
scheme, behind every @ that something precedes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pile_builder.text.word_tables import (
    DECIMAL,
    SPACY_LOWER,
    URL_LABEL,
    URL_SCHEME,
    WordTables,
    bits_at,
    decode,
    kernel,
)

_LONGEST_LABEL = 64
_LONGEST_TOP_LEVEL = 63


@kernel
def is_url(data: NDArray[np.uint8], low: int, high: int, tables: WordTables) -> bool:
    """Whether all of `data[low:high]`, a text without white space, is a URL to spaCy."""
    i = low
    while i < high and data[i] != ord("."):
        i += 1
    if i == high:
        return False
    if _is_host(data, low, high, tables):
        return True
    i = low
    characters = 0
    while i < high and bits_at(data, i, tables) & URL_SCHEME:
        i += decode(data, i)[1]
        characters += 1
    has_scheme = characters > 1 and i + 3 <= high
    has_scheme = has_scheme and data[i] == ord(":") and data[i + 1] == ord("/") and data[i + 2] == ord("/")
    found = has_scheme and _is_host(data, i + 3, high, tables)
    at = low + 1
    while at < high and not found:
        found = data[at] == ord("@") and _is_host(data, at + 1, high, tables)
        at += 1
    return found


@kernel
def _is_host(data: NDArray[np.uint8], low: int, high: int, tables: WordTables) -> bool:
    """Whether `data[low:high]` is an address or a host name, with port and path if it has them."""
    if _is_public_address(data, low, high, tables):
        return True
    i = low
    labels = 0
    while True:
        if labels > 0:
            end = i
            characters = 0
            while end < high and bits_at(data, end, tables) & SPACY_LOWER:
                end += decode(data, end)[1]
                characters += 1
            if 2 <= characters <= _LONGEST_TOP_LEVEL and _is_port_and_path(data, end, high, tables):
                return True
        # A label: at most 64 characters, the first and the last no hyphen or underscore.
        characters = 0
        last_fits = False
        while i < high and data[i] != ord("."):
            last_fits = bits_at(data, i, tables) & URL_LABEL != 0
            if not last_fits and (characters == 0 or (data[i] != ord("-") and data[i] != ord("_"))):
                return False
            i += decode(data, i)[1]
            characters += 1
        if i >= high or not last_fits or characters > _LONGEST_LABEL:
            return False
        i += 1
        labels += 1


@kernel
def _is_port_and_path(data: NDArray[np.uint8], i: int, high: int, tables: WordTables) -> bool:
    """Whether `data[i:high]` is what may follow a host: nothing, a port of two to five digits, a path."""
    if i < high and data[i] == ord(":"):
        i += 1
        digits = 0
        while i < high and digits < 6 and bits_at(data, i, tables) & DECIMAL:
            i += decode(data, i)[1]
            digits += 1
        if not 2 <= digits <= 5:
            return False
    return i >= high or data[i] == ord("/") or data[i] == ord("?") or data[i] == ord("#")


@kernel
def _is_public_address(data: NDArray[np.uint8], low: int, high: int, tables: WordTables) -> bool:
    """Whether `data[low:high]` is an IPv4 address outside the private networks, with port and path if it has them."""
    i = low
    private = False
    network = np.int64(0)
    for octet in range(4):
        if octet > 0:
            if i >= high or data[i] != ord("."):
                return False
            i += 1
        # Digits of other scripts count as digits, but equal none that the pattern names: they stand for 10.
        count = 0
        a = b = c = np.int64(10)
        while i < high and bits_at(data, i, tables) & DECIMAL:
            if count == 3:
                return False
            digit = np.int64(data[i]) - 0x30 if data[i] < 0x80 else np.int64(10)
            if count == 0:
                a = digit
            elif count == 1:
                b = digit
            else:
                c = digit
            i += decode(data, i)[1]
            count += 1
        if not _is_octet(octet, count, a, b, c):
            return False
        value = a if count == 1 else 10 * a + b if count == 2 else 100 * a + 10 * b + c
        if octet == 0:
            network = value
        elif octet == 1:
            if network == 172 and count == 2:
                private = bool(a == 2 or (a == 1 and 6 <= b <= 9) or (a == 3 and b <= 1))
            else:
                private = _is_private(network, value)
    return not private and _is_port_and_path(data, i, high, tables)


@kernel
def _is_octet(octet: int, count: int, a: int, b: int, c: int) -> bool:
    """Whether the digits a, b, c (the first `count` of them) may be the octet of that number in an address."""
    if count == 0:
        return False
    if count < 3:
        return octet == 1 or octet == 2 or 1 <= a <= 9
    if a == 1:
        return True
    tens = 2 if octet == 0 else 5
    ones = 3 if octet == 0 else 4 if octet == 3 else 5
    return a == 2 and (b < tens or (b == tens and c <= ones))


@kernel
def _is_private(first: int, second: int) -> bool:
    """Whether these two octets begin an address of a private or local network; 172.16 to 172.31 left out."""
    if first == 169:
        return second == 254
    if first == 192:
        return second == 168
    return first == 10 or first == 127
