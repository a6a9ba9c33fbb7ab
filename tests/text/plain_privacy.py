"""What is private in a text by the rules of `pile_builder.text.privacy`, with `re` over bytes and `ipaddress`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from pile_builder.text.phones import COUNTRY_CODES
from pile_builder.text.privacy import EMAIL, IP, PHONE, SECRET
from pile_builder.text.secrets import SECRETS

Match = tuple[int, int, int]
"""Start and end in bytes, and kind."""

LOCAL_BACKWARDS = re.compile(
    rb"[A-Za-z0-9_%+-]+(?:(?:\.|(?<=[A-Za-z0-9])'(?=[A-Za-z0-9]))[A-Za-z0-9_%+-]+)*"
)  # fmt: skip
HOST = re.compile(rb"[A-Za-z0-9.-]*")
TOP_LEVEL = re.compile(rb"[A-Za-z]{2,24}|(?=.{5,24}$)[Xx][Nn]--[A-Za-z0-9-]+")
RESERVED = re.compile(rb"(?:.*\.)?(?:example\.(?:com|org|net)|example|test|invalid|localhost)", re.IGNORECASE)

NUMBER = rb"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
IPV4 = re.compile(
    rb"(?<![A-Za-z0-9_.])(?<![A-Za-z0-9][-+~/])(?<!\d:)" + NUMBER + rb"(?:\." + NUMBER + rb"){3}"
    rb"(?![A-Za-z0-9_])(?![.+~-][A-Za-z0-9])"
)  # fmt: skip
IPV6 = re.compile(rb"(?<![A-Za-z0-9_:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]*")
NOT_PUBLIC = [
    *map(ipaddress.ip_network, ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16")),
    *map(ipaddress.ip_network, ("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16")),
    *map(ipaddress.ip_network, ("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4")),
    *map(ipaddress.ip_network, ("2001:db8::/32", "2001:2::/32", "2001:10::/28", "2001:20::/28", "3fff::/20")),
]

SPACE = rb"(?: |\xc2\xa0)"
DASH = rb"(?:-|\xe2\x80[\x90\x91\x93])"
GAP = rb"(?:" + SPACE + rb"?" + DASH + SPACE + rb"?|" + SPACE + rb"|[./])"
REST = rb"(?P<exchange>[2-9]\d\d)(?P<second>" + GAP + rb")(?P<line>\d{4})"
AREA = re.compile(rb"(?=[2-9][0-8]\d)")
PLAIN = re.compile(rb"\d{3}(?P<first>" + GAP + rb")" + REST)
BRACKETED = re.compile(rb"\d{3}\)(?P<first>" + GAP + rb"|  |)" + REST)
SEPARATOR = rb"(?:" + SPACE + rb"|" + DASH + rb"|[./])"
GROUP = re.compile(rb"(?P<gap>" + SEPARATOR + rb"?[()]?" + SEPARATOR + rb"?)(?P<digits>\d+)")
MAY_NOT_PRECEDE = re.compile(rb"(?:[A-Za-z0-9_#$%&@+]|[A-Za-z0-9][-/]|\d[.:])\Z")
MAY_NOT_FOLLOW = re.compile(rb"[0-9_]|[-.]\d")
DATE = re.compile(rb"\+(?:19|20)\d\d([-./])\d\d\1\d\d")

SECRET_PATTERN = re.compile(
    rb"(?<![A-Za-z0-9_])(?:" + b"|".join(form for name, form in SECRETS.items() if name != "PRIVATE_KEY") + rb")|"
    + SECRETS["PRIVATE_KEY"]
)  # fmt: skip


def find(text: str) -> list[Match]:
    """All matches that remain when the longer of overlapping ones is preferred, in order."""
    data = text.encode()
    found = [*secrets(data)]
    for matches in (emails, addresses, phones):
        found += left_to_right(matches(data))
    kept: list[Match] = []
    for start, end, kind in sorted(found, key=lambda match: (match[0] - match[1], match[2], match[0])):
        if all(end <= other_start or other_end <= start for other_start, other_end, _ in kept):
            kept.append((start, end, kind))
    return sorted(kept)


def left_to_right(matches: Iterator[Match]) -> Iterator[Match]:
    """What a search that goes on behind each match would find."""
    free_from = 0
    for match in matches:
        if match[0] >= free_from:
            free_from = match[1]
            yield match


def emails(data: bytes) -> Iterator[Match]:
    for sign in re.finditer(b"@", data):
        at = sign.start()
        local = LOCAL_BACKWARDS.match(data[max(0, at - 400) : at][::-1])
        host = host_name(data[at + 1 : at + 400])
        if local is None or host is None or len(local.group()) > 64 or RESERVED.fullmatch(host):
            continue
        name = local.group()[::-1].lstrip(b"%+-.")
        end = at + 1 + len(host)
        if name and name != b"git" and data[end : end + 1] not in (b"_", b"("):
            yield at - len(name), end, EMAIL


def host_name(data: bytes) -> bytes | None:
    found = HOST.match(data)
    assert found
    best = None
    labels: list[bytes] = []
    for label in found.group().split(b"."):
        bare = label[:64].rstrip(b"-")
        labels.append(bare)
        name = b".".join(labels)
        if not bare or label.startswith(b"-") or len(bare) > 63 or len(name) > 253:
            break
        if len(labels) == 1 and re.fullmatch(rb"\dx", bare):
            break
        if len(labels) > 1 and TOP_LEVEL.fullmatch(bare):
            best = name
        if bare != label:
            break
    return best


def addresses(data: bytes) -> Iterator[Match]:
    found = []
    for match in IPV4.finditer(data):
        if sum(len(number) == 1 for number in match.group().split(b".")) < 3 and is_public(match.group()):
            found.append((*match.span(), IP))
    for match in IPV6.finditer(data):
        address = match.group()
        if address.endswith(b":") and not address.endswith(b"::"):
            address = address[:-1]
        end = match.start() + len(address)
        groups = len(address.replace(b"::", b":").strip(b":").split(b":"))
        if groups > 2 and not re.match(rb"[A-Za-z0-9_]|\.\d", data[end : end + 2]) and is_public(address):
            found.append((match.start(), end, IP))
    yield from sorted(found)


def is_public(address: bytes) -> bool:
    try:
        parsed = ipaddress.ip_address(address.decode())
    except ValueError:
        return False
    return not any(parsed in network for network in NOT_PUBLIC)


def phones(data: bytes) -> Iterator[Match]:
    taken = 0
    for place in re.finditer(rb"(?=\+\d)|" + AREA.pattern, data):
        at = place.start()
        found = international(data, at) if data[at] == ord("+") else american(data, at, taken)
        if found and found[0] >= taken:
            taken = found[1]
            yield (*found, PHONE)


def american(data: bytes, area: int, taken: int) -> tuple[int, int] | None:
    bracketed = data[:area].endswith(b"(") and data[area + 3 : area + 4] == b")"
    match = (BRACKETED if bracketed else PLAIN).match(data, area)
    if match is None or (match["exchange"] == b"555" and match["line"].startswith(b"01")):
        return None
    start, end = area - bracketed, match.end()
    code = re.search(rb"\+?1[ .-]?\Z" if bracketed else rb"\+?1[ .-]\Z", data[max(0, start - 3) : start])
    if code and start - len(code.group()) >= taken and may_begin(data, start - len(code.group())):
        start -= len(code.group())
    if not (bracketed or may_begin(data, start)) or MAY_NOT_FOLLOW.match(data, end):
        return None
    spaces = not bracketed and re.fullmatch(SPACE * 2, match["first"] + match["second"])
    in_row = re.search(rb"\d \Z", data[max(0, start - 2) : start]) or re.match(rb" \d", data[end : end + 2])
    return None if spaces and in_row else (start, end)


def international(data: bytes, plus: int) -> tuple[int, int] | None:
    fewest, most = (11, 11) if data[plus + 1 : plus + 2] == b"1" else (9, 15)
    digits, groups, dotted, stop = b"", 0, False, plus + 1
    complete: tuple[bytes, int] | None = None
    while (group := GROUP.match(data, stop)) and (groups == 0 or group["gap"]):
        if len(digits) + len(group["digits"]) > most:
            break
        digits += group["digits"]
        groups += 1
        dotted |= group["gap"].startswith(b".")
        stop = group.end()
        enough = len(digits) >= max(fewest, 10 if groups == 1 else 0) and not (dotted and groups < 3)
        if enough and not MAY_NOT_FOLLOW.match(data, stop):
            complete = digits, stop
    if complete is None or DATE.match(data, plus) or not may_begin(data, plus) or data[:plus].endswith(b")"):
        return None
    number, end = complete
    if most == 11:
        allowed = re.fullmatch(rb"1[2-9]\d\d[2-9]\d{6}", number) and not re.search(rb"55501\d\d\Z", number)
    else:
        allowed = number.startswith(tuple(code.encode() for code in COUNTRY_CODES.split()))
    return (plus, end) if allowed else None


def may_begin(data: bytes, at: int) -> bool:
    return not MAY_NOT_PRECEDE.search(data[max(0, at - 2) : at])


def secrets(data: bytes) -> Iterator[Match]:
    at = 0
    while match := SECRET_PATTERN.search(data, at):
        secret = match.group()
        is_placeholder = len(set(secret)) < 8 or secret.endswith(b"EXAMPLE")
        at = match.start() + 1 if is_placeholder else match.end()
        if not is_placeholder:
            yield (*match.span(), SECRET)
