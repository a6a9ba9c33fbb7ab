"""Large XML files record by record: entities off, no network, memory bounded by one record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import BinaryIO, cast

from lxml import etree

from pile_builder.errors import InputError
from pile_builder.streams import MAX_RECORD_BYTES

CHUNK_BYTES = 1 << 16


def xml_records(
    stream: BinaryIO, tags: Collection[str], name: str, limit: int = MAX_RECORD_BYTES
) -> Iterator[etree._Element]:
    """Stream the elements of some names, each valid until the next one is asked for.

    Args:
        stream: one XML document.
        tags: names as lxml spells them (`{namespace}local`, or `{*}local` for any namespace).
        name: of the file, for errors.
        limit: bytes of input after which an element that has not ended is too large.

    Raises:
        InputError: `truncated`, `damaged` or `too_large`; what was yielded before stands.
    """
    parser = etree.XMLPullParser(
        events=("end",), tag=tuple(tags), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    waiting = 0
    while chunk := stream.read(CHUNK_BYTES):
        waiting += len(chunk)
        stumbled = _stumbled(partial(parser.feed, chunk))
        # What ended before the damage comes first.
        for _, found in parser.read_events():
            element = cast("etree._Element", found)
            waiting = 0
            yield element
            _forget(element)
        if stumbled:
            raise InputError("damaged", f"{name}: {stumbled}") from stumbled
        if waiting > limit:
            raise InputError("too_large", f"{name}: no record ends within {limit:,} bytes")
    if stumbled := _stumbled(parser.close):
        raise InputError("truncated", f"{name}: {stumbled}") from stumbled


def _stumbled(step: Callable[[], object]) -> etree.XMLSyntaxError | None:
    try:
        step()
    except etree.XMLSyntaxError as error:
        return error
    return None


def _forget(element: etree._Element) -> None:
    """Free a record and what lies before it on every level."""
    element.clear()
    node: etree._Element | None = element
    while node is not None:
        parent = node.getparent()
        if parent is None:
            return
        while node.getprevious() is not None:
            del parent[0]
        node = parent
