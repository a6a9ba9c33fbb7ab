"""Build `samples/enron/` from mails written here: a tar of maildirs, an mbox, loose files, broken ones among them.

    python samples/make_enron.py

Written byte for byte the same by every run.
"""

from __future__ import annotations

import base64
import gzip
import io
import quopri
import tarfile
from pathlib import Path

HERE = Path(__file__).parent
ORIGINALS = HERE / "originals" / "enron"
TARGET = HERE / "enron"
FIELDS = """Message-ID: <{number}.10758{number}.JavaMail.evans@thyme>
Date: {date}
From: {sender}@quayside.example
To: {receiver}@quayside.example
Subject: {subject}
Mime-Version: 1.0
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: 7bit
X-From: {sender}
X-To: {receiver}
X-cc:\x20
X-bcc:\x20
X-Folder: \\{sender}_Notes Folders\\All documents
X-Origin: {sender}
X-FileName: {sender}.nsf

"""


def main() -> None:
    """Write every sample."""
    TARGET.mkdir(parents=True, exist_ok=True)
    mails = {}
    for number, path in enumerate(sorted(ORIGINALS.glob("*.txt")), 1):
        head, _, body = path.read_text(encoding="utf-8").partition("\n\n")
        fields = dict(line.split(": ", 1) for line in head.split("\n"))
        folder = fields.pop("Folder")
        mail = FIELDS.format(number=1000 + number, **{name.lower(): value for name, value in fields.items()}) + body
        mails[f"maildir/{folder}/{number}."] = mail.replace("{01}", "\x01").replace("\n", "\r\n").encode("ascii")
    mails["maildir/ormond-t/inbox/90."] = b"\x00\x01\x02 this was a picture once \xff\xd8"
    mails["maildir/ormond-t/inbox/91."] = mails["maildir/ormond-t/inbox/1."].split(b"\r\n\r\n")[0] + b"\r\n\r\n"
    (TARGET / "enron_mail_20150507.tar.gz").write_bytes(gzip.compress(tar(mails), mtime=0))
    for name, mail in loose().items():
        (TARGET / name).write_bytes(mail)


def tar(files: dict[str, bytes]) -> bytes:
    """A tar of files, their folder first."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo("maildir")
        info.type = tarfile.DIRTYPE
        archive.addfile(info)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def loose() -> dict[str, bytes]:
    """Mails as other programs wrote them."""
    head = "From: Ada <ada@quayside.example>\nDate: Tue, 6 Mar 2001 09:15:00 +0100\nMime-Version: 1.0\n"
    rota = "<p>The <b>new</b> rota:</p><ul><li>Mon: Ben</li><li>Tue: Ada</li></ul>"
    page = f"<html><head><title>no</title></head><body>{rota}</body></html>"
    café = "Le café de la jetée ouvre à sept heures, même l'hiver."
    quoted = quopri.encodestring(café.encode()).decode()
    parts = [
        f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n{quoted}",
        f"Content-Type: text/html\n\n{page}",
    ]
    alternative = "\n".join(f"--in\n{part}" for part in parts) + "\n--in--\n"
    picture = base64.encodebytes(b"\xff\xd8\xff\xe0 not much of a picture").decode()
    nested = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(60))
    return {
        "alternative.eml": (
            f"{head}Subject: =?utf-8?Q?Le_caf=C3=A9?=\nContent-Type: multipart/mixed; boundary=out\n\n--out\n"
            f"Content-Type: multipart/alternative; boundary=in\n\n{alternative}--out\nContent-Type: image/jpeg\n"
            f"Content-Disposition: attachment; filename=pier.jpg\n"
            f"Content-Transfer-Encoding: base64\n\n{picture}--out--\n"
        ).encode(),
        "html.eml": (f"{head}Subject: Rota\nContent-Type: text/html; charset=iso-8859-1\n\n{page}\n").encode(),
        "lying.eml": f"{head}Subject: Lying\nContent-Type: text/plain; charset=us-ascii\n\n{café} ".encode("cp1252"),
        "japanese.eml": (f"{head}Subject: Tide\nContent-Type: text/plain; charset=iso-2022-jp\n\n").encode()
        + "潮は六時に満ちます。".encode("iso-2022-jp"),
        "attachment.eml": f"{head}Content-Type: image/jpeg\nContent-Transfer-Encoding: base64\n\n{picture}".encode(),
        "nested.eml": (head + nested + "deep\n").encode(),
        "weir.mbox": (
            "From ada@quayside.example Tue Mar  6 09:15:00 2001\n"
            f"{head}Subject: The weir\nContent-Type: text/plain; format=flowed\n\n"
            "The weir was raised by a hand's \nbreadth last night.\n\n"
            "> Was it \n> raised?\n\n>From here it looks higher still.\n\n"
            f"From ben@quayside.example Wed Mar  7 10:00:00 2001\n{head}Subject: Re: The weir\n\nAs we saw.\n\n"
        ).encode(),
    }


if __name__ == "__main__":
    main()
