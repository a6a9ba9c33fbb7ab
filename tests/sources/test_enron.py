from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.source import Document, Raw, Reject, Skipped
from pile_builder.sources.enron import Enron
from pile_builder.sources.mail import MAX_NESTING, MAX_PARTS

SAMPLES = Path(__file__).parents[2] / "samples" / "enron"
TAR = "enron_mail_20150507.tar.gz"
HEAD = "From: a@b.example\nSubject: Hello\n"


def enron(root: Path, *inputs: str, **settings: object) -> Enron:
    return Enron(Enron.Config(inputs=inputs or (".",), root=str(root), **settings))


def records(source: Enron) -> Iterator[Raw | Reject | Skipped]:
    for split in source.splits():
        yield from source.read(split)


def extract(mail: str | bytes, **settings: object) -> Document | Reject:
    payload = mail if isinstance(mail, bytes) else mail.encode()
    return enron(SAMPLES, **settings).extract(Raw("a", payload))


def text_of(mail: str | bytes, **settings: object) -> str:
    document = extract(mail, **settings)
    assert isinstance(document, Document), document
    return document.text


def test_samples() -> None:
    source = enron(SAMPLES)
    offered = {raw.key: source.extract(raw) for raw in records(source) if isinstance(raw, Raw)}
    assert {key: made.rule for key, made in offered.items() if isinstance(made, Reject)} == {
        "attachment.eml": "no_text",
        "maildir/ormond-t/inbox/90.": "not_mail",
        "maildir/ormond-t/inbox/91.": "no_text",
        "nested.eml": "nested",
    }
    found = {key: made for key, made in offered.items() if isinstance(made, Document)}
    digests = {key: hashlib.sha256(document.text.encode()).hexdigest()[:16] for key, document in found.items()}
    assert digests == {
        "alternative.eml": "049c9d3ed1ebc6a9",
        "html.eml": "d476fab2ba0af1f9",
        "japanese.eml": "ed7878fa20729d07",
        "lying.eml": "84e92771137b8c71",
        "maildir/hale-l/notes/3.": "4eab2107c43725f8",
        "maildir/hale-l/sent/2.": "e329093fc2c62b7e",
        "maildir/ormond-t/inbox/1.": "6b2b2e7ab26f7200",
        "maildir/ormond-t/inbox/4.": "982795955ae2010c",
        "weir.mbox/1": "3c08f32541eb678d",
        "weir.mbox/2": "59d7752a0acfc2f4",
    }
    assert found["maildir/ormond-t/inbox/1."].meta == {
        "title": "Tide gauge at the north pier",
        "date": "2000-09-04",
        "message_id": "1001.107581001.JavaMail.evans@thyme",
    }
    assert "date" not in found["maildir/ormond-t/inbox/4."].meta
    notes = found["maildir/hale-l/notes/3."].text
    assert "The board’s meeting was short. Mr Pell asked what “ordinary wear” means" in notes
    assert found["alternative.eml"].text == "Le café\n\nLe café de la jetée ouvre à sept heures, même l'hiver."
    assert found["alternative.eml"].meta["attachments"] == ["image/jpeg"]
    assert found["html.eml"].text == "Rota\n\nThe new rota:\n\n- Mon: Ben\n\n- Tue: Ada"
    assert found["lying.eml"].text.endswith("même l'hiver.")
    assert found["japanese.eml"].text == "Tide\n\n潮は六時に満ちます。"
    assert found["weir.mbox/1"].text == (
        "The weir\n\nThe weir was raised by a hand's breadth last night.\n\n"
        "> Was it raised?\n\nFrom here it looks higher still."
    )
    assert all("quayside.example" not in str(document.meta) for document in found.values())


def test_keys_are_those_of_the_maildir_whatever_holds_it(tmp_path: Path) -> None:
    folder = tmp_path / "unpacked" / "maildir" / "ormond-t" / "inbox"
    folder.mkdir(parents=True)
    (folder / "1.").write_text(f"{HEAD}\nText.\n")
    (tmp_path / TAR).write_bytes((SAMPLES / TAR).read_bytes())
    keys = [one.key for one in records(enron(tmp_path, TAR)) if isinstance(one, Raw)]
    assert [one.key for one in records(enron(tmp_path, "unpacked"))] == ["maildir/ormond-t/inbox/1."]
    assert "maildir/ormond-t/inbox/1." in keys and len(set(keys)) == len(keys)


def test_a_cut_tar_gives_what_came_before(tmp_path: Path) -> None:
    mail = (HEAD + "\nText.\n" * 3_000).encode()
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for number in range(3):
            info = tarfile.TarInfo(f"maildir/a/{number}.")
            info.size = len(mail)
            archive.addfile(info, io.BytesIO(mail))
    (tmp_path / "a.tar").write_bytes((tmp_path / "a.tar").read_bytes()[:50_000])
    found = list(records(enron(tmp_path)))
    assert [one.key for one in found[:2]] == ["maildir/a/0.", "maildir/a/1."]
    assert [one.rule for one in found[2:]] == ["truncated"]


def test_compat_and_stripping() -> None:
    [answer] = [raw for raw in records(enron(SAMPLES, TAR)) if isinstance(raw, Raw) and raw.key.endswith("sent/2.")]
    [forward] = [raw for raw in records(enron(SAMPLES, TAR)) if isinstance(raw, Raw) and raw.key.endswith("inbox/4.")]
    assert text_of(answer.payload, strip_quoted=True) == (
        "Re: Tide gauge at the north pier\n\nDone. There was a crab in the pipe.\n\nLucy"
    )
    assert text_of(forward.payload, strip_quoted=True, compat="pile-2020") == "See below; I would say no."
    assert text_of(answer.payload, compat="pile-2020").startswith("Done. There was a crab")


@pytest.mark.parametrize(
    ("mail", "rule"),
    [
        ("", "not_mail"),
        ("The whole file is a letter.\n\nYours,\n", "not_mail"),
        (f"{HEAD}\n-- \n", "no_text"),
        (f"{HEAD}Content-Type: text/plain\n\n".encode() + bytes(range(256)) * 20, "undecodable"),
        (f"{HEAD}Content-Type: message/rfc822\n\n" * (MAX_NESTING + 1), "nested"),
        (f"{HEAD}Content-Type: multipart/mixed; boundary=x\n" + "\n--x" * 60_000, "too_many_parts"),
        (f"{HEAD}Content-Type: multipart/mixed; boundary=x\n\n" + "--x\n\na\n" * (MAX_PARTS + 1), "too_many_parts"),
    ],
)
def test_rejects(mail: str | bytes, rule: str) -> None:
    reject = extract(mail)
    assert isinstance(reject, Reject) and reject.rule == rule


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("Content-Transfer-Encoding: base64\n\nVGV4\ndC4=\n!", "Text."),
        ("Content-Transfer-Encoding: quoted-printable\n\nT=65xt=\n.\n", "Text."),
        ('Content-Transfer-Encoding: x-uuencode\n\nbegin 644 a\n%5&5X="X \n \nend\n', "Text."),
        ("Content-Transfer-Encoding: none of these\n\nText.\n", "Text."),
        ("Content-Type: text/plain; charset=nonsense\n\nText.\n", "Text."),
        ("Content-Type: multipart/mixed\n\nText.\n", "Text."),
        ("Content-Type: text/plain; charset*0*=x''\n\nText.\n", "Text."),
        (
            "\nA line=20\nof text =\nthat was left=20\nas it=\n was=20\nsent, s=\nee.\n",
            "A line\nof text that was left\nas it was\nsent, see.",
        ),
    ],
)
def test_encodings_right_and_wrong(part: str, text: str) -> None:
    assert text_of(HEAD + part) == f"Hello\n\n{text}"


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.sampled_from(
            ["Subject: x", "Content-Type: multipart/mixed; boundary=b", "Content-Type: text/html; charset=utf-7", "--b",
             "--b--", "", "Content-Transfer-Encoding: base64", "=?utf-8?B?x?=", "Date: Mon, 99", "\xff", ">From",
             "Content-Type: text/plain; charset=\"", "Content-Disposition: ;;filename*=''%", "<p>", "text", "\x01,",
             "Content-Type: message/rfc822", "Content-Transfer-Encoding: uuencode", "begin 644 x", "M" * 61]
        )
    )
)  # fmt: skip
def test_any_lines_give_a_document_or_a_reject(lines: list[str]) -> None:
    assert isinstance(extract("\n".join(lines).encode("latin-1")), Document | Reject)


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="PILE_DATA is not set")
def test_real_mails() -> None:
    source = enron(Path(os.environ["PILE_DATA"]) / "enron")
    made = [source.extract(raw) for raw in records(source) if isinstance(raw, Raw)]
    assert Counter(type(one).__name__ for one in made) == {"Document": 392, "Reject": 11}
