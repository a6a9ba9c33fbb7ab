"""A mail (RFC 5322, MIME) to the text a person would read, whatever is wrong with it.

The standard library's parser with its old policy: headers stay as they are until asked for, which is faster, and safe
where headers are broken. What it still stumbles over is an `InputError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError, MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from email.utils import parsedate
from quopri import decodestring

from pile_builder.errors import InputError
from pile_builder.sources.markup import html_text
from pile_builder.sources.text_encoding import decode, python_name

MAX_NESTING = 30
"""Most parts that hold parts, counted over the whole mail (seen: 7)."""
MAX_PARTS = 1_000
MAX_DASHED = 50_000
"""Most lines that begin with two dashes, as every part does, and rules in text do."""
MAX_ATTACHMENT_KINDS = 20
MAX_CONTROLS = 0.01
"""Largest share of stray control characters that are taken out of a mail in ASCII; more are no text."""

_CONTAINER = re.compile(rb"^content-type:\s*(?:multipart/|message/)", re.I | re.M)
_FIELDS = frozenset(
    ["bcc", "cc", "content-type", "date", "from", "message-id", "mime-version", "received", "return-path", "sender",
     "subject", "to"]
)  # fmt: skip
_MACHINE_TEXT = frozenset(
    ["text/calendar", "text/csv", "text/rfc822-headers", "text/rtf", "text/vcard", "text/x-vcard"]
)
_STATEFUL = ("iso2022", "utf-7", "utf_7", "hz")
"""Encodings whose text is valid ASCII too, so that only the declaration tells."""
_MAIL_ERRORS = (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError, MessageError)
"""All that the parser and its decoders were seen to raise on broken mail."""
_NOTES_CODES = {
    b"\x01&": "\u201c", b"\x018": "\u201d", b"\x01+": "\u2018", b"\x01,": "\u2019", b"\x01(": "\u2013",
    b"\x01)": "\u2013", b"\x01*": "\u2014", b"\x01\x07": "\u2022", b"\x01;": " ", b"\x0f\x07": "\u2022", b"\x0f": "",
}  # fmt: skip
"""Lotus Notes' own codes for what ASCII lacks (group byte, then code), as mails of its users still hold them; read from
such mails, where the same text stands in ASCII below."""
_NOTES_CODE = re.compile(rb"\x01[&8+,()*\x07;]|\x0f\x07?")
_CONTROLS = bytes([*range(9), *range(14, 27), *range(28, 32), 127])
_ESCAPE_LEFT = re.compile(r"=(?:20|09|3D|0A|A0|92|93|94)", re.I)
_SOFT_BREAK = re.compile(r"(?<=[^=-])=\n")
_FORWARDED = re.compile(
    r"^[ \t>]*-{3,} ?(?:original message|forwarded (?:by|message))\b"
    r"|^[^\n]{1,100}\n\s*\d\d/\d\d/\d{2,4} \d\d:\d\d(?: [AP]M)?\s*\n\s*To:",
    re.I | re.M,
)


@dataclass(frozen=True, slots=True)
class Mail:
    """What is kept of a mail; `date` is ISO, as the sender's clock had it, fields are empty where unknown."""

    subject: str
    body: str
    date: str
    message_id: str
    attachments: tuple[str, ...]


def parse_mail(data: bytes) -> Mail:
    """Parse a mail.

    Raises:
        InputError: `not_mail`, `damaged`, `nested`, `too_many_parts`, `undecodable`, or `too_large` (an HTML part).
    """
    # Each level of nesting is a level of recursion in the parser, and one more look at every line.
    if len(_CONTAINER.findall(data)) > MAX_NESTING:
        raise InputError("nested", f"more than {MAX_NESTING} parts that hold parts")
    if data.count(b"\n--") > MAX_DASHED:
        raise InputError("too_many_parts", f"more than {MAX_DASHED:,} lines that may begin a part")
    try:
        message = BytesParser(policy=compat32).parsebytes(data.lstrip(b"\r\n"))
        if not _FIELDS & {name.lower() for name, _ in message.raw_items()}:
            raise InputError("not_mail", "no header field of a mail")
        reader = _Reader()
        texts = [text for text in reader.texts(message) if text]
        if not texts and reader.undecodable:
            raise InputError("undecodable", f"character set {reader.undecodable}")
        return Mail(
            _header(message, "subject"),
            "\n\n".join(texts),
            _date(_header(message, "date")),
            _header(message, "message-id").strip("<>"),
            tuple(dict.fromkeys(reader.attachments))[:MAX_ATTACHMENT_KINDS],
        )
    except _MAIL_ERRORS as error:
        if isinstance(error, InputError):
            raise
        raise InputError("damaged", f"{type(error).__name__}: {error}") from error


def without_quotes(body: str) -> str:
    """A body without the lines it quotes, and without the messages that it answers or forwards below its own text."""
    found = _FORWARDED.search(body)
    own = body[: found.start()] if found else body
    kept = [line for line in own.split("\n") if not line.lstrip().startswith(">")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip("\n")


class _Reader:
    """Walks through a mail's parts and remembers what it left out."""

    def __init__(self) -> None:
        self.attachments: list[str] = []
        self.undecodable = ""
        self._parts = 0

    def texts(self, part: Message) -> Iterator[str]:
        """The texts of a part and of those in it, in order."""
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise InputError("too_many_parts", f"more than {MAX_PARTS:,} parts")
        kind = part.get_content_type()
        held = part.get_payload()
        if isinstance(held, list):
            children = [child for child in held if isinstance(child, Message)]
            if kind == "multipart/alternative":
                yield from self._best(children)
            elif kind == "message/delivery-status":
                self.attachments.append(kind)
            else:
                for child in children:
                    if kind == "message/rfc822" and (subject := _header(child, "subject")):
                        yield subject
                    yield from self.texts(child)
        elif kind.startswith("multipart/"):
            # A container whose parts were never marked holds text, if anything.
            if isinstance(held, str) and held.strip():
                yield self._text(part, "text/plain")
        elif _is_attachment(part) or not kind.startswith("text/") or kind in _MACHINE_TEXT:
            self.attachments.append(kind)
        else:
            yield self._text(part, kind)

    def _best(self, children: list[Message]) -> list[str]:
        """Of alternatives the first plain text that is not empty, else the first other one."""
        found: list[str] = []
        for child in sorted(children, key=lambda one: one.get_content_type() != "text/plain"):
            if not found:
                found = [text for text in self.texts(child) if text]
        return found

    def _text(self, part: Message, kind: str) -> str:
        content = part.get_payload(decode=True)
        data = content if isinstance(content, bytes) else b""
        declared = str(part.get_content_charset() or "")
        text = _decoded(data, declared)
        if text is None:
            self.undecodable = declared or "unknown"
            return ""
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
        if kind == "text/html":
            return html_text(text)
        if str(part.get_param("format") or "").lower() == "flowed":
            text = _unflowed(text, is_spaceless=str(part.get_param("delsp") or "").lower() == "yes")
        return _laid_out(_without_escapes(text))


def _is_attachment(part: Message) -> bool:
    named = part.get_param("filename", header="content-disposition")
    return bool(named) or part.get_content_disposition() == "attachment"


def _decoded(data: bytes, declared: str) -> str | None:
    """Text of a part; a declaration of an encoding in seven bits is believed, if it works."""
    if data.isascii():
        data = _NOTES_CODE.sub(lambda found: _NOTES_CODES[found[0]].encode(), data)
        plain = data.translate(None, _CONTROLS)
        data = plain if len(data) - len(plain) <= MAX_CONTROLS * len(data) else data
    name = python_name(declared) if declared.isascii() else ""
    if name.replace("-", "").replace("_", "").startswith(_STATEFUL) or name in _STATEFUL:
        try:
            return data.decode(name)
        except UnicodeError:
            pass
    return decode(data, declared)


def _header(message: Message, wanted: str) -> str:
    """A header field as text on one line: raw bytes and encoded words undone, "" if there is none."""
    raw = next((str(value) for name, value in message.raw_items() if name.lower() == wanted), "")
    declared = str(message.get_content_charset() or "")
    text = decode(raw.encode("utf-8", "surrogateescape"), declared) or raw.encode("ascii", "replace").decode()
    if "=?" in text:
        try:
            parts = decode_header(text)
        except (HeaderParseError, ValueError):
            parts = [(text, None)]
        text = "".join(
            part if isinstance(part, str) else _decoded(part, charset or "") or part.decode("ascii", "ignore")
            for part, charset in parts
        )
    return " ".join(text.replace("\x00", "").split())


def _date(text: str) -> str:
    try:
        parsed = parsedate(text)
    except (ValueError, LookupError, TypeError):
        return ""
    if parsed is None or not (1970 <= parsed[0] < 2100 and 1 <= parsed[1] <= 12 and 1 <= parsed[2] <= 31):
        return ""
    return f"{parsed[0]:04}-{parsed[1]:02}-{parsed[2]:02}"


def _unflowed(text: str, *, is_spaceless: bool) -> str:
    """Paragraphs of flowed text on one line each (RFC 3676): a line that ends in a space goes on in the next."""
    lines: list[str] = []
    goes_on, depth = False, 0
    for line in text.split("\n"):
        bare = line.lstrip(">")
        quotes = len(line) - len(bare)
        bare = bare.removeprefix(" ")
        if goes_on and quotes == depth and bare != "-- ":
            lines[-1] += bare
        else:
            lines.append(">" * quotes + (" " if quotes else "") + bare)
        depth = quotes
        goes_on = bare.endswith(" ") and bare != "-- "
        if goes_on and is_spaceless:
            lines[-1] = lines[-1][:-1]
    return "\n".join(lines)


def _without_escapes(text: str) -> str:
    """Quoted-printable that an earlier program forgot to undo, undone."""
    if not text.isascii() or len(_ESCAPE_LEFT.findall(text)) < 3 or len(_SOFT_BREAK.findall(text)) < 3:
        return text
    return decode(decodestring(text.encode()), "cp1252") or text


def _laid_out(text: str) -> str:
    """No blanks at line ends, and at most two blank lines in a row."""
    text = re.sub(r"[ \t\u00a0]+$", "", text, flags=re.M)
    return re.sub(r"\n{4,}", "\n\n\n", text).strip("\n")
