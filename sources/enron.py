"""Enron Emails: mail in RFC 822 files, maildirs, mbox files and tars of them, one document per message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, ClassVar

from pydantic import Field

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile
from pile_builder.source import Document, Raw, Reject, Skipped, Source, SourceConfig, Upstream
from pile_builder.sources.mail import Mail, parse_mail, without_quotes
from pile_builder.sources.tar_archive import tar_members
from pile_builder.streams import MAX_RECORD_BYTES, open_text_bytes, read_all

MAX_LINE_BYTES = 1 << 20

_TAR = re.compile(r"\.(?:tar|tar\.\w+|tgz)$")
_FROM_LINE = re.compile(rb"From \S+ .{0,60}\d\d:\d\d.{0,30}\d{4}.{0,10}\s*$")
_ESCAPED_FROM = re.compile(rb"^>(>*From )", re.M)


class Enron(Source):
    """Electronic mail.

    Upstream: the CMU edition of the Enron corpus, `enron_mail_20150507.tar.gz` (the folders of 150 employees, 517,401
    files under `maildir/`), as it is or unpacked; also any folder or tar of RFC 822 files, and mbox files. The mails
    were made public by the Federal Energy Regulatory Commission; no licence was ever stated.

    Comes out: the subject, a blank line, and the body: its plain text, else its HTML as text. Transfer encodings and
    character sets are undone, soft line breaks joined, forwarded mails follow with their own subject. Quoted replies
    and the headers inside forwarded text stay unless `strip_quoted`. Key: the path from `maildir/` on, else the file's
    name under the root with the member's name or the number in the mbox. meta: title, date, message_id, attachments
    (their media types). The mail's header, and so sender and recipients, is left out of text and meta alike.

    The texts name people, telephone numbers and addresses: the manifest's `privacy` masks addresses and numbers.

    Dropped: attachments, parts that are no text, delivery reports' machine parts, calendar entries.

    Rejects: `not_mail` (no header field of a mail), `no_text` (also attachments alone), `undecodable`, `damaged`,
    `nested` (parts in parts beyond `mail.MAX_NESTING`), `too_many_parts`, `too_large`, `truncated`, `bomb`.
    """

    class Config(SourceConfig):
        """Settings of the mail source."""

        strip_quoted: bool = Field(default=False, description="leave out quoted replies and forwarded messages")

    config: Config
    pile_set_name: ClassVar[str] = "Enron Emails"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("lxml", "resiliparse")
    compat: ClassVar[str] = (
        "the body alone, without the subject; no title (empty mails, which the Pile kept, stay rejects)"
    )
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream("https://www.cs.cmu.edu/~enron/enron_mail_20150507.tar.gz", 443_254_787, 1, 443_254_787, "2015-05"),
    )
    licence: ClassVar[str] = "public record, no licence stated"
    tried: ClassVar = "upstream"

    def read_file(self, file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        """Stream the mails of a tar, an mbox file, or the one in a file."""
        with open_text_bytes(file) as stream:
            if _TAR.search(file.name):
                yield from _read_tar(stream, file.name)
            elif not file.name.endswith(".eml") and _starts_mbox(stream):
                yield from _read_mbox(stream, file.name)
            else:
                yield Raw(_key(file.name), read_all(stream))

    def extract(self, raw: Raw) -> Document | Reject:
        """Turn one mail into its text."""
        try:
            mail = parse_mail(raw.payload)
        except InputError as error:
            return Reject(error.rule, error.detail)
        body = without_quotes(mail.body) if self.config.strip_quoted else mail.body
        if not any(map(str.isalnum, body)):
            return Reject("no_text", f"attachments: {', '.join(mail.attachments) or 'none'}")
        meta = self._meta(mail)
        title = meta.get("title")
        return Document(f"{title}\n\n{body}" if title else body, meta)

    def _meta(self, mail: Mail) -> dict[str, object]:
        title = "" if self.config.compat else mail.subject
        meta = {"title": title, "date": mail.date, "message_id": mail.message_id, "attachments": list(mail.attachments)}
        return {name: value for name, value in meta.items() if value}


def _key(name: str) -> str:
    before, folder, path = name.rpartition("maildir/")
    return folder + path if folder and before[-1:] in ("", "/") else name


def _read_tar(stream: BinaryIO, name: str) -> Iterator[Raw | Reject | Skipped]:
    for member in tar_members(stream, name):
        if isinstance(member, str):
            yield Skipped(member)
            continue
        key = _key(f"{name}/{member.name.removeprefix('./')}")
        if member.size > MAX_RECORD_BYTES:
            yield Reject("too_large", f"{member.size:,} bytes", key=key)
        else:
            yield Raw(key, read_all(member.content))


def _starts_mbox(stream: BinaryIO) -> bool:
    head: bytes = stream.peek(200)[:200]  # type: ignore[attr-defined]
    return _FROM_LINE.match(head.split(b"\n", 1)[0]) is not None


def _read_mbox(stream: BinaryIO, name: str) -> Iterator[Raw | Reject]:
    """Stream the mails of an mbox file: each begins with a `From ` line after a blank one (RFC 4155)."""
    number, size, lines, is_after_blank = 0, 0, list[bytes](), True
    while line := stream.readline(MAX_LINE_BYTES):
        if is_after_blank and line.startswith(b"From ") and _FROM_LINE.match(line):
            if number:
                yield _mbox_mail(f"{name}/{number}", lines, size)
            number, size, lines = number + 1, 0, []
            continue
        is_after_blank = not line.strip(b"\r\n")
        size += len(line)
        if size <= MAX_RECORD_BYTES:
            lines.append(line)
    yield _mbox_mail(f"{name}/{number}", lines, size)


def _mbox_mail(key: str, lines: list[bytes], size: int) -> Raw | Reject:
    if size > MAX_RECORD_BYTES:
        return Reject("too_large", f"{size:,} bytes", key=key)
    return Raw(key, _ESCAPED_FROM.sub(rb"\1", b"".join(lines)))
