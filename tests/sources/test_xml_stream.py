"""Records of XML streams, and what becomes of damage and hostile input."""

import io
from collections.abc import Iterator

import pytest

from pile_builder.errors import InputError
from pile_builder.sources.markup import html_text
from pile_builder.sources.xml_stream import xml_records


def texts(data: bytes, limit: int = 1 << 20) -> Iterator[str]:
    for element in xml_records(io.BytesIO(data), ["row"], "x.xml", limit):
        yield element.get("a", "") + (element.text or "")


def test_records_come_in_order_and_are_forgotten():
    rows = b"".join(b'<row a="%d">t<x/></row>' % number for number in range(20_000))
    counted = 0
    for number, element in enumerate(xml_records(io.BytesIO(b"<r>" + rows + b"</r>"), ["row"], "x.xml")):
        assert element.get("a") == str(number)
        root = element.getroottree().getroot()
        counted = max(counted, len(root))
    assert number == 19_999
    # What one chunk of input holds at most, not the file.
    assert counted < 5_000


@pytest.mark.parametrize(
    ("data", "rule", "before"),
    [
        (b'<r><row a="1"/><row a="2', "truncated", 1),
        (b'<r><row a="1"/>', "truncated", 1),
        (b'<r><row a="1"/><row a=2/></r>', "damaged", 1),
        (b"<r><row>" + b"a" * 200_000 + b"</row></r>", "too_large", 0),
        (b"", "truncated", 0),
        (b"<r>" + b"<x>" * 5_000 + b"</r>", "damaged", 0),
        (b"<r><row a='1'/>" + b"\xff</r>", "damaged", 1),
    ],
)
def test_damage_has_a_name_and_what_came_before_stands(data: bytes, rule: str, before: int):
    found = []
    with pytest.raises(InputError) as caught:
        found.extend(texts(data, 100_000))
    assert (caught.value.rule, len(found)) == (rule, before)


def test_entities_stay_unread():
    bomb = b'<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY f SYSTEM "file:///etc/passwd">]><r><row>&a;&f;b</row></r>'
    assert list(texts(bomb)) == [""] or list(texts(bomb)) == ["b"]


def test_html_fragments_keep_their_layout():
    markup = (
        "<p>One <b>two</b> &amp;<br>three</p><pre><code>a:\n    b\n</code></pre><ul><li>x</li></ul><script>no</script>"
    )
    assert html_text(markup) == "One two &\nthree\n\na:\n    b\n\n- x"
    assert html_text("") == html_text("<!-- nothing -->") == ""
    assert html_text("no <tags") == "no"
