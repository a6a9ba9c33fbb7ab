"""Logs, mails, captions and debates: broken headers, endless parts, floods of tags, times and dates out of range."""

import gzip
import json
import tarfile
from collections.abc import Mapping
from typing import Any

from tests.hostile.cases import Case, Reader
from tests.hostile.made import STORY, TAR_END, tar_header, tar_member, tar_of
from tests.hostile.posts import BIDI, HTML
from tests.hostile.well_formed import captions, chapter, lines, log, mail

READERS = {
    "ubuntu_irc": Reader({"2005/01/03/#good.txt": log()}),
    "enron": Reader({"good.eml": mail()}),
    "youtube_subtitles": Reader({"good.en.srt": captions()}),
    "europarl": Reader({"txt/en/ep-05-06-07-008.txt": chapter()}),
}
IRC = {
    "nul": (log("a\0b"), 0, "undecodable", ""),
    "controls": (log("\x03\x03\x03" * 30_000 + "\x02\x1f\x1b]0;owned\x07 hello"), 1, "", ""),
    "bidi": (log(BIDI), 1, "", ""),
    "latin-1": (log().replace(b"hello", b"h\xe9llo\x81"), 1, "", ""),
    "surrogate": (log().replace(b"hello", b"h\xed\xa0\x80llo"), 1, "", ""),
    "utf-16": (log().decode().encode("utf-16"), 0, "undecodable", ""),
    "events": (b"=== ann has joined #x\n" * 100_000, 0, "no_text", ""),
    "brackets": (b"=== " + b"] " * 100_000 + b"x\n" + log(), 1, "", ""),
    "at-signs": (b"=== " + b"x [" * 30 + b"@" * 200_000 + b"\n" + log(), 1, "", ""),
    "no-line-end": (b"x" * (10 << 20), 1, "", ""),
    "returns": (b"\r" * 100_000 + log(), 1, "", ""),
    "empty": (b"", 0, "no_text", ""),
}
LOGS = [
    *(Case("ubuntu_irc", f"2005/01/04/#{what}.txt", *rest) for what, rest in IRC.items()),
    Case("ubuntu_irc", "2005/01/04/#cut.txt.gz", gzip.compress(log() * 90)[:-20], 0, "truncated"),
    Case("ubuntu_irc", "2005/01/04/#bomb.txt.gz", lambda: gzip.compress(bytes(100 << 20)), 0, "bomb"),
    Case("ubuntu_irc", "0000/00/00/#day.txt", log(), skipped="other_file"),
    Case("ubuntu_irc", "0001/01/01/#day.txt", log(), 1),
    Case("ubuntu_irc", "9999/12/31/#day.txt", log(), 1),
    Case("ubuntu_irc", "2005/02/30/#day.txt", log(), skipped="other_file"),
    Case("ubuntu_irc", "99999/01/01/#day.txt", log(), skipped="other_file"),
    Case("ubuntu_irc", "2005/01/05/%2e%2e%2f%2e%2e%2fevil.txt", log(), 1),
    Case("ubuntu_irc", "2005/01/05/%ff%00%0a.txt", log(), 1),
    Case("ubuntu_irc", "2005/01/05/<script>\u202e.txt", log(), 1),
]
MULTIPART = "Content-Type: multipart/mixed; boundary=b"
MAILS = {
    "empty": (b"", 0, "not_mail"),
    "no-header": (STORY.encode(), 0, "not_mail"),
    "nuls": (bytes(100_000), 0, "not_mail"),
    "nul-inside": (mail("a\0b " + STORY), 1, ""),
    "header-10m": (mail(fields=["X: " + "x" * (10 << 20)]), 1, ""),
    "headers-100k": (mail(fields=[f"X-{n}: y" for n in range(100_000)]), 1, ""),
    "header-folds": (mail(fields=["X: a" + "\n b" * 100_000]), 1, ""),
    "subject-words": (mail(fields=["Subject: " + "=?utf-8?q?a?= " * 20_000]), 1, ""),
    "subject-bad": (mail(fields=["Subject: =?x-nowhere?b?////?= =?utf-7?q?+2AA-?="]), 1, ""),
    "date-year-0": (
        mail(fields=["Date: Mon, 0 Jan 0000 99:99:99 +9999"]).replace(b"Date: Tue, 6 Mar 2001 09:15:00 +0100\n", b""),
        1,
        "",
    ),
    "date-year-99999": (mail().replace(b"2001", b"99999"), 1, ""),
    "date-huge": (mail().replace(b"2001", b"9" * 5_000), 1, ""),
    "charset-unknown": (mail(fields=["Content-Type: text/plain; charset=../../etc/passwd"]), 1, ""),
    "charset-nul": (mail(fields=["Content-Type: text/plain; charset=a\0b"]), 1, ""),
    "charset-lie": (mail(STORY.encode("utf-16"), ["Content-Type: text/plain; charset=ascii"]), 1, ""),
    "base64-bad": (mail("!!!!" * 1000, ["Content-Transfer-Encoding: base64"]), 0, "no_text"),
    "qp-bad": (mail("=ZZ=\n" * 20_000 + STORY, ["Content-Transfer-Encoding: quoted-printable"]), 1, ""),
    "encoding-unknown": (mail(fields=["Content-Transfer-Encoding: x-uuencode"]), 1, ""),
    "uuencode": (mail("begin 644 /tmp/evil.py\n#86)C\nend\n", ["Content-Transfer-Encoding: x-uuencode"]), 1, ""),
    "parts-nested": (
        mail(
            "\n".join(f"--b{n}\nContent-Type: multipart/mixed; boundary=b{n + 1}\n" for n in range(500)),
            ["Content-Type: multipart/mixed; boundary=b0"],
        ),
        0,
        "nested",
    ),
    "parts-5k": (mail(("--b\n\nx\n") * 5_000, [MULTIPART]), 0, "too_many_parts"),
    "dashes-100k": (mail("--\n" * 100_000), 0, "too_many_parts"),
    "boundary-empty": (mail("--\n\n" + STORY, ["Content-Type: multipart/mixed; boundary="]), 1, ""),
    "boundary-none": (mail(fields=["Content-Type: multipart/mixed"]), 1, ""),
    "boundary-pattern": (
        mail(f"--(a+)+$\n\n{STORY}\n--(a+)+$--\n", ['Content-Type: multipart/mixed; boundary="(a+)+$"']),
        1,
        "",
    ),
    "boundary-long": (mail(fields=["Content-Type: multipart/mixed; boundary=" + "b" * 100_000]), 1, ""),
    "message-in-itself": (
        mail("Content-Type: message/rfc822\n\n" * 100, ["Content-Type: message/rfc822"]),
        0,
        "nested",
    ),
    "attachment-evil": (
        mail(
            f"--b\nContent-Disposition: attachment; filename=../../../evil.py\n\nx\n--b\n\n{STORY}\n--b--\n",
            [MULTIPART],
        ),
        1,
        "",
    ),
    "html-deep": (mail("<div>" * 20_000 + STORY, ["Content-Type: text/html"]), 0, "no_text"),
    "html-entities": (mail(HTML["external"], ["Content-Type: text/html"]), 1, ""),
    "quotes": (
        mail(">" * 200_000 + "\n" + ("> " * 300 + "x\n") * 300 + STORY, ["Content-Type: text/plain; format=flowed"]),
        1,
        "",
    ),
    "forwarded-flood": (mail("-----Original Message\n" * 50_000), 1, ""),
    "returns": (mail().replace(b"\n", b"\r"), 1, ""),
    "bidi": (mail(BIDI + STORY), 1, ""),
    "surrogate": (mail(b"x" + b"\xed\xa0\x80" + STORY.encode()), 1, ""),
    "binary": (mail(bytes(range(256)) * 400), 0, "undecodable"),
}
MBOX = b"From a@a.example Tue Mar  6 09:15:00 2001\n"
LETTERS = [
    *(Case("enron", f"mails/{what}.eml", *rest) for what, rest in MAILS.items()),
    Case("enron", "mbox-empty-mails.mbox", (MBOX + b"\n") * 50, 0, "not_mail*50"),
    Case("enron", "mbox-same.mbox", (MBOX + mail() + b"\n\n") * 20, 20),
    Case("enron", "mbox-line-10m.mbox", lambda: MBOX + mail("x" * (10 << 20) + "\n\n") + MBOX + mail(), 2),
    Case(
        "enron",
        "names.tar",
        lambda: tar_of(
            {name: mail() for name in ("../../../evil.eml", "/tmp/evil.eml", "a\n.eml", "\u202e", "x" * 5_000)}
        ),
        5,
    ),
    Case(
        "enron",
        "links.tar",
        tar_header(b"evil.eml", 0, b"2", link=b"/etc/passwd")
        + tar_header(b"h", 0, b"1", link=b"/etc/passwd")
        + tar_header(b"p", 0, b"6")
        + tar_member(b"a", mail())
        + TAR_END,
        1,
        "",
        "link*2 special",
    ),
    Case("enron", "same-names.tar", lambda: tar_member(b"maildir/a/1.", mail()) * 9 + TAR_END, 9),
    Case("enron", "cut.tar.gz", gzip.compress(tar_of({"a": mail()}, tarfile.GNU_FORMAT))[:100], 0, "truncated"),
]
CUES = {
    "times-huge": (captions().replace(b"00:00:", b"999:99:"), 1, ""),
    "times-backwards": (captions().replace(b"-->", b"--> 00:00:00,000 -->"), 1, ""),
    "no-times": (b"1\n\nhello\n" * 1000, 0, "damaged"),
    "cues-300k": (
        b"00:00 --> 00:01\nx\n".replace(b"00:00", b"00:00:00,000").replace(b"00:01", b"00:00:01,000") * 250_000,
        0,
        "too_large",
    ),
    "tags": (captions(*["<c>" * 5_000 + STORY] * 3), 1, ""),
    "voices": (captions(*["<v " * 5_000 + STORY] * 3), 1, ""),
    "brackets": (captions(*["[" * 20_000 + STORY] * 3), 1, ""),
    "entities": (captions(*["&amp;" * 20_000 + "&#x110000; &#xd800; " + STORY] * 3), 1, ""),
    "bidi": (captions(BIDI + STORY), 1, ""),
    "nuls": (bytes(5_000), 0, "undecodable"),
    "utf-16": (captions().decode().encode("utf-16"), 1, ""),
    "empty": (b"", 0, "damaged"),
    "line-10m": (captions("x" * (10 << 20)), 1, ""),
}
SNIPPETS: Mapping[str, tuple[Any, int, str]] = {
    "numbers": ([{"text": STORY, "start": 10**400, "duration": -5}], 1, ""),
    "kinds": ([{"text": [STORY], "start": "x", "duration": None}, {"text": None}], 1, ""),
    "video-path": ({"video_id": "../../../evil", "language": "../..", "snippets": [{"text": STORY}]}, 1, ""),
    "video-list": (
        {"video_id": [1], "language_code": {"a": 1}, "title": {"b": []}, "snippets": [{"text": STORY}]},
        1,
        "",
    ),
    "snippets-number": ({"snippets": 5}, 0, "damaged"),
    "a-number": (5, 0, "damaged"),
    "nothing": (None, 0, "damaged"),
}
VIDEOS = [
    *(Case("youtube_subtitles", f"cues/{what}.en.srt", *rest) for what, rest in CUES.items()),
    *(
        Case("youtube_subtitles", f"json/{what}.json", lambda value=value: json.dumps(value).encode(), *rest)
        for what, (value, *rest) in SNIPPETS.items()
    ),
    Case(
        "youtube_subtitles",
        "json/infinite.json",
        b'[{"text": "' + STORY.encode() + b'", "start": 1e999, "duration": NaN}]',
        1,
    ),
    Case(
        "youtube_subtitles",
        "json/surrogate.json",
        b'{"video_id": "\\ud800", "snippets": [{"text": "\\udc00 ' + STORY.encode() + b'"}]}',
        1,
    ),
    Case("youtube_subtitles", "json/deep.json", b"[" * 100_000, 0, "truncated"),
    Case("youtube_subtitles", "json/digits.json", b"[" + b"9" * 10_000 + b"]", 0, "damaged"),
    Case("youtube_subtitles", "lines.jsonl", b"5\n{]\n\n" + lines([{"text": STORY}]), 1, "damaged*2"),
    Case("youtube_subtitles", "bomb.en.srt.gz", lambda: gzip.compress(captions() + bytes(100 << 20)), 0, "bomb"),
]
SITTINGS = {
    "tags": (chapter("<" * 100_000 + STORY), 1, ""),
    "tag-long": (chapter("<SPEAKER " + "x" * 100_000 + ">" + STORY), 1, ""),
    "name-long": (chapter('<SPEAKER NAME="' + "x" * 300 + '">' + STORY), 1, ""),
    "names-flood": (chapter("<SPEAKER NAME=NAME=NAME=>\n" * 20_000 + STORY), 1, ""),
    "unknown-tags": (chapter("<script>alert(1)</script>" * 1000 + STORY), 1, ""),
    "paragraphs-200k": (chapter("<P>\n" * 200_000 + STORY), 1, ""),
    "bidi": (chapter(BIDI + STORY), 1, ""),
    "not-utf-8": (chapter() + b"\xff", 0, "undecodable"),
    "surrogate": (chapter("\ud800" + STORY), 0, "undecodable"),
    "nuls": (bytes(5_000), 0, "no_text"),
    "empty": (b"", 0, "too_short"),
}
DEBATES = [
    *(Case("europarl", f"txt/de/ep-06-06-07-{what}.txt", *rest) for what, rest in SITTINGS.items()),
    Case("europarl", "txt/fr/ep-00-00-00.txt", chapter(), 1),
    Case(
        "europarl",
        "names.tar",
        lambda: tar_of(
            {
                "../../../evil.txt": b"x",
                "/tmp/txt/en/ep-99-99-99.txt": chapter(),
                "txt/en/ep-07-01-01/../../evil.txt": b"x",
            }
        ),
        1,
        "",
        "other_file*2",
    ),
    Case("europarl", "size.tar", tar_header(b"txt/en/ep-07-01-02.txt", (1 << 33) - 1), 0, "too_large truncated"),
    Case("europarl", "cut.tar", tar_of({"txt/en/ep-07-01-03.txt": chapter() * 9})[:1_500], 0, "truncated"),
]

CASES = [*LOGS, *LETTERS, *VIDEOS, *DEBATES]
