from __future__ import annotations

import hashlib
import io
import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.errors import InputError
from pile_builder.source import Document, Raw, Reject, Skipped
from pile_builder.sources.books import EPUB, TEXT, Books
from pile_builder.sources.books import epub as books_epub
from pile_builder.sources.books import gutenberg as books_gutenberg
from pile_builder.sources.text_encoding import decode, python_name

SAMPLES = Path(__file__).parents[2] / "samples" / "books"
PROSE = "The boats came in at noon, and the harbour master wrote down the name of every one of them.\n" * 12


def books(root: Path, *inputs: str, **settings: object) -> Books:
    return Books(Books.Config(inputs=inputs or (".",), root=str(root), **settings))


def records(source: Books) -> Iterator[Raw | Reject | Skipped]:
    for split in source.splits():
        yield from source.read(split)


def extract(payload: bytes, media_type: str = TEXT) -> Document | Reject:
    return books(SAMPLES).extract(Raw("a.txt", payload, media_type))


def text_of(payload: bytes, media_type: str = TEXT) -> str:
    document = extract(payload, media_type)
    assert isinstance(document, Document), document
    return document.text


def rule_of(payload: bytes, media_type: str = TEXT) -> str:
    reject = extract(payload, media_type)
    assert isinstance(reject, Reject), reject
    return reject.rule


def gutenberg(
    body: str, *, header: str = "Title: A Day\n", end: str = "*** END OF THE PROJECT GUTENBERG EBOOK A DAY ***"
) -> bytes:
    start = "*** START OF THE PROJECT GUTENBERG EBOOK A DAY ***"
    return f"The Project Gutenberg eBook of A Day\n\n{header}\n{start}\n\n{body}\n\n{end}\nLicence words.\n".encode()


def epub(pages: dict[str, str], **extra: bytes) -> bytes:
    """An EPUB with a page per entry; `extra` replaces members, with `__` for `/` and `_` for `.` in their names."""
    items = "".join(f'<item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml"/>' for name in pages)
    order = "".join(f'<itemref idref="{name}"/>' for name in pages)
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata/>'
        f"<manifest>{items}</manifest><spine>{order}</spine></package>"
    )
    members = {
        "META-INF/container.xml": b'<container><rootfiles><rootfile full-path="b/p.opf"/></rootfiles></container>',
        "b/p.opf": package.encode(),
    }
    for name, body in pages.items():
        page = f'<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>{body}</body></html>'
        members[f"b/{name}.xhtml"] = page.encode()
    members |= {name.replace("__", "/").replace("_", "."): content for name, content in extra.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_samples() -> None:
    source = books(SAMPLES)
    offered = {raw.key: source.extract(raw) for raw in records(source) if isinstance(raw, Raw)}
    assert {key: made.rule for key, made in offered.items() if isinstance(made, Reject)} == {
        "90013-0.txt": "not_a_book",
        "90018-0.txt": "truncated",
        "a-locked-account-of-bread.epub": "encrypted",
        "half-a-penny-ferry.epub": "truncated",
    }
    found = {key: made for key, made in offered.items() if isinstance(made, Document)}
    digests = {key: hashlib.sha256(document.text.encode()).hexdigest()[:16] for key, document in found.items()}
    assert digests == {
        "90001.txt": "f4db46363039f07c",
        "90002-8.txt": "44df6945b507137e",
        "90003-0.txt": "800e535547096b5f",
        "90004.txt": "a4660b51654ecc77",
        "90005-8.txt": "1acf03bfe53f5d55",
        "90006-0.txt": "cdc56022091a5ee5",
        "90007-0.txt": "d8cfe80e5c3fa470",
        "90008.txt": "3ae022e97e10445b",
        "90009-8.txt": "c7b26caaa40df6f0",
        "90010.txt": "4047cf51c224af7b",
        "90011-0.txt": "f632b5e471a9b30b",
        "90012-8.txt": "6ffdfe0c57e72a43",
        "90014.txt": "cf2e938440b8db74",
        "90015-8.txt": "47cf7771d6fe4497",
        "90016-0.txt": "0ab8d57dc2ea29ac",
        "90017-0.txt": "a81009970740dd5c",
        "a-plain-account-of-bread.epub": "4068ff5b74e9af97",
        "the-bell-of-st-osyth.txt.gz": "74dcdc95407351ba",
        "the-keeper-of-the-tide-tables.epub": "5cd36cb9fcc8a144",
        "the-penny-ferry.epub": "55a2c3ea62c0afa0",
        "the-seventh-umbrella.epub": "fa37b6b8f96eea38",
        "the-weather-glass.epub": "45e693e85305ff5b",
        "wendlow-society.tar.gz/books/fables.txt": "f66aca06b7a44956",
        "wendlow-society.tar.gz/books/wendlow.txt": "b195f57ea241b29c",
    }
    clock = found["90002-8.txt"]
    assert clock.meta == {
        "title": "The Clockmender of Rue Saint-Rémy: A Winter's Tale",
        "authors": ["Élodie Vasseur-Grant"],
        "date": "2004-11",
        "language": "en",
        "license": "LicenseRef-PublicDomain-US",
        "gutenberg_id": 90002,
        "url": "https://www.gutenberg.org/ebooks/90002",
    }
    assert "lived a mender of\nclocks by the name of Achille Bréton" in clock.text
    assert all("Gutenberg" not in document.text and "Produced by" not in document.text for document in found.values())
    bread = found["a-plain-account-of-bread.epub"].text
    assert bread.startswith("Preface\n\nThis small book") and "Contents" not in bread and "Set by a script" not in bread
    assert "all the remainder is the germ's luncheon.[1] When" in bread and "\n\n[1] The proportions are about" in bread
    assert "Set it when the hens go in,\nKnock it when the stars begin,\n" in bread
    text, pages = (" ".join(found[key].text.split()) for key in ("90001.txt", "the-keeper-of-the-tide-tables.epub"))
    assert text.removeprefix("THE KEEPER OF THE TIDE TABLES by Ruth Ellerby ") == pages


def test_order_and_keys_are_stable() -> None:
    forward = [one.key for one in records(books(SAMPLES)) if isinstance(one, Raw)]
    backward = books(SAMPLES, *sorted((p.name for p in SAMPLES.iterdir()), reverse=True))
    again = [one.key for one in records(backward) if isinstance(one, Raw)]
    assert forward == again == sorted(set(forward))


def test_tar_and_gzip(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "books.tar.gz", "w:gz") as archive:
        for path in sorted(SAMPLES.iterdir()):
            archive.add(path, f"shelf/{path.name}")
        archive.addfile(tarfile.TarInfo("shelf/cover.jpg"))
        archive.addfile(tarfile.TarInfo("../../escape.txt"))
    found = list(records(books(tmp_path)))
    assert next(one.key for one in found if isinstance(one, Raw)) == "books.tar.gz/shelf/90001.txt"
    assert Skipped("other_file") in found
    cut = (tmp_path / "books.tar.gz").read_bytes()[:9_000]
    (tmp_path / "books.tar.gz").write_bytes(cut)
    assert [one.rule for one in records(books(tmp_path)) if isinstance(one, Reject)] == ["truncated"]


def test_pg19_metadata(tmp_path: Path) -> None:
    (tmp_path / "19.txt").write_text(PROSE)
    (tmp_path / "metadata.csv").write_text(
        '19,"A Day, or Two",1871,http://www.gutenberg.org/ebooks/19\nbook_id,x,y,z\n'
    )
    source = books(tmp_path, "19.txt", metadata=("metadata.csv",))
    table = dict(source.read_table("metadata", source.side_tables()["metadata"]))
    source.bind_tables({"metadata": table.get})
    [raw] = records(source)
    assert source.extract(raw).meta == {
        "title": "A Day, or Two",
        "date": "1871",
        "url": "http://www.gutenberg.org/ebooks/19",
        "gutenberg_id": 19,
        "license": "LicenseRef-PublicDomain-US",
    }


@pytest.mark.parametrize(
    "end",
    [
        "*** END OF THIS PROJECT GUTENBERG EBOOK A DAY ***",
        "***END OF THE PROJECT GUTENBERG EBOOK A\nDAY***",
        "End of the Project Gutenberg EBook of A Day\n\n*** END OF THIS PROJECT GUTENBERG EBOOK A DAY ***",
        "End of Project Gutenberg's A Day, by\nA Writer",
        "End of this Project Gutenberg Etext of A Day",
    ],
)
def test_footers(end: str) -> None:
    assert text_of(gutenberg(PROSE, end=end)) == PROSE.strip()


def test_small_print_header() -> None:
    file = (
        "**The Project Gutenberg Etext of A Day, by A. Writer**\nMay, 1993  [Etext #77]\n\n"
        "***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***\nLawyers.\n"
        f"*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\n\n{PROSE}\n\n"
        "End of The Project Gutenberg Etext of A Day\n"
    )
    document = extract(file.encode())
    assert document.text == PROSE.strip()
    assert document.meta["title"] == "A Day" and document.meta["authors"] == ["A. Writer"]
    assert document.meta["date"] == "1993-05" and document.meta["gutenberg_id"] == 77


@pytest.mark.parametrize(
    ("added", "kept"),
    [
        ("Produced by A. Volunteer and the Online\nDistributed Proofreading Team at http://www.pgdp.net\n\n", ""),
        ("E-text prepared by A. Volunteer\n\n\nTranscriber's note:\n\n   One word.\n\n   Another.\n\n", ""),
        ("[Transcriber's Note: A [sic] was\n\nleft out.]\n\n[Illustration]\n\n", ""),
        ("[Illustration: A ship]\n\n", "[Illustration: A ship]\n\n"),
        ("A DAY\n\nProduced by the Theatre Royal, 1871\n\n", "A DAY\n\nProduced by the Theatre Royal, 1871\n\n"),
        ("A tale.\n\n[Pg 2]\n\n\n\n", "A tale.\n\n\n"),
        ("A tale.\n\n\nScanned for Project Gutenberg\n\n", "A tale.\n\n\n"),
        ("    Verse,\n      indented\n\n\n\n\n\n", "    Verse,\n      indented\n\n\n"),
    ],
)
def test_credits_and_notes(added: str, kept: str) -> None:
    assert text_of(gutenberg(added + PROSE)) == kept.rstrip(" ") + PROSE.strip()


def test_closing_notes_go_and_notes_in_the_middle_stay() -> None:
    heading = "\n\nTranscriber's Notes:\n\n"
    body = PROSE * 8 + heading + PROSE * 8
    assert text_of(gutenberg(body)) == body.strip()
    assert (
        text_of(gutenberg(f"{PROSE * 8}\n\n   *   *   *   *\n{heading}    Page 3: changed a comma."))
        == (PROSE * 8).strip()
    )


def test_meta_of_copyrighted_and_recent_books() -> None:
    marked = gutenberg(PROSE, header="** This is a COPYRIGHTED Project Gutenberg eBook **\n\nTitle: A Day\n")
    assert extract(marked).meta["license"] == "LicenseRef-ProjectGutenberg-Copyrighted"
    assert extract(gutenberg("Copyright (C) 1999 A. Writer\n\n" + PROSE)).meta["license"] == "NOASSERTION"
    assert (
        extract(gutenberg("Copyright, 1909, by A. Writer\n\n" + PROSE)).meta["license"] == "LicenseRef-PublicDomain-US"
    )


@pytest.mark.parametrize(
    ("payload", "rule"),
    [
        (b"", "no_text"),
        (b"\xef\xbb\xbf", "no_text"),
        (b"* * *\n" * 100, "no_text"),
        (b"These files were moved to another directory.\n", "not_a_book"),
        (b"-rw-rw-r--  1 1005  100     247438 Feb  4  2001 07tom10.txt\n" * 100, "not_a_book"),
        (b"This is an audio reading of the book.\n" + b"Chapter one is in the file named one.mp3\n" * 40, "not_a_book"),
        (b"\x00\x01\x02\x03" * 1000, "undecodable"),
        (gutenberg(PROSE, end=""), "truncated"),
        (b"The Project Gutenberg eBook of A Day\n\nTitle: A Day\n\n" + PROSE.encode(), "damaged"),
        (b"PK\x03\x04" + b"\x00" * 60 + PROSE.encode(), "undecodable"),
    ],
)
def test_rejected_texts(payload: bytes, rule: str) -> None:
    assert rule_of(payload) == rule


def test_huge_line_and_many_brackets() -> None:
    assert len(text_of(b"word " * 400_000)) == 1_999_999
    assert "brackets" in text_of(("[Transcriber's note " * 20_000 + "brackets " * 200_000).encode())
    assert text_of(("\n" * 300_000 + PROSE).encode()) == PROSE.strip()


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("latin-1", "ISO-8859-1"),
        ("cp1252", "ISO Latin-1"),
        ("utf-8", "ASCII"),
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("mac_roman", "MacRoman"),
    ],
)
def test_encodings(encoding: str, declared: str) -> None:
    text = (
        "Ein Frühstück für den König, déjà vu: “naïve” façade. "
        if encoding != "latin-1"
        else "Ein Frühstück für den König. "
    )
    assert decode((text * 20).encode(encoding), declared) == text * 20


def test_encoding_names() -> None:
    assert python_name("ISO-646-US (US-ASCII)") == "cp1252"
    assert python_name("Windows Code Page 1252") == "cp1252"
    assert python_name("Unicode UTF-8") == "utf-8"
    assert python_name("something odd") == ""


@settings(deadline=None, max_examples=80)
@given(st.binary(max_size=400))
def test_any_bytes_give_a_document_or_a_reject(payload: bytes) -> None:
    for media_type in (TEXT, EPUB):
        assert isinstance(extract(payload, media_type), Document | Reject)
        assert isinstance(books(SAMPLES).preview(Raw("a", payload, media_type)), str | None)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.sampled_from(
            ["", " ", "[Illustration]", "Produced by", "Transcriber's Note:", "]", "x", "\t* * *", "[Pg 3]"]
        )
    )
)
def test_clean_is_idempotent(lines: list[str]) -> None:
    once = books_gutenberg.clean("\n".join(lines))
    assert books_gutenberg.clean(once + "\n") == books_gutenberg.clean(once)
    assert "\n\n\n\n" not in once and once == once.strip("\n")


def test_epub_blocks() -> None:
    page = (
        "<h2>One</h2><p>A <em>small</em>\n  word&nbsp;here<br/>and&#160;there.</p><hr/>"
        "<ol><li><p>First</p></li><li>Second</li></ol><ul><li>Point</li></ul>"
        "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>"
        "<pre>x =\n    1</pre><p>Noted<a epub:type='noteref' href='#n'>7</a>, and<sup><a href='#m'>8</a></sup>.</p>"
        "<span epub:type='pagebreak'>12</span><script>no()</script><nav>no</nav><p hidden=''>no</p>"
    )
    assert books_epub.parse(epub({"c": page})).text == (
        "One\n\nA small word here\nand there.\n\n* * *\n\n1. First\n\n2. Second\n\n- Point\n\na | b\nc | d\n\n"
        "x =\n    1\n\nNoted[7], and[8]."
    )


def test_epub_order_and_boilerplate() -> None:
    pages = {
        "z": "<p>Chapter one.</p>",
        "t": "<section epub:type='titlepage'><p>Title</p></section>",
        "a": "<p>Chapter two.",
    }
    assert books_epub.parse(epub(pages)).text == "Chapter one.\n\n\nChapter two."


def test_epub_entities_are_not_expanded() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    page = f'<!DOCTYPE html [<!ENTITY l0 "ha">{laughs}<!ENTITY f SYSTEM "file:///etc/passwd">]><html><body><p>A&l9;&f;&eacute;</p></body></html>'
    assert books_epub.parse(epub({"c": ""}, b__c_xhtml=page.encode())).text == "Aé"


def protected(method: str) -> bytes:
    listing = f'<encryption><EncryptedData><EncryptionMethod Algorithm="{method}"/></EncryptedData></encryption>'
    return epub({"c": f"<p>{PROSE}</p>"}, **{"META-INF__encryption_xml": listing.encode()})


def test_rejected_epubs() -> None:
    good = epub({"c": f"<p>{PROSE}</p>"})
    assert rule_of(good[: len(good) // 2], EPUB) == "truncated"
    assert rule_of(b"PK\x05\x06" + b"\x00" * 18, EPUB) == "damaged"
    assert rule_of(good.replace(b"b/p.opf", b"b/q.opf"), EPUB) == "damaged"
    locked = bytearray(good)
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    assert rule_of(bytes(locked), EPUB) == "encrypted"
    assert rule_of(protected("http://www.w3.org/2001/04/xmlenc#aes128-cbc"), EPUB) == "encrypted"
    assert PROSE.split("\n")[0] in text_of(protected("http://www.idpf.org/2008/embedding"), EPUB)
    assert rule_of(epub({"c": " " * (9 << 20)}), EPUB) == "bomb"
    assert rule_of(epub({"../../../etc/passwd": ""}), EPUB) in ("no_text", "damaged")
    broken = bytearray(good)
    at = broken.index(b"b/c.xhtml") + 30
    broken[at : at + 20] = b"\xff" * 20
    assert rule_of(bytes(broken), EPUB) == "damaged"
    deep = "<div>" * 100_000 + PROSE
    assert isinstance(extract(epub({"c": deep}), EPUB), Document | Reject)


def test_epub_of_project_gutenberg() -> None:
    page = "".join(f"<p>{line}</p>" for line in gutenberg(PROSE).decode().split("\n") if line)
    assert text_of(epub({"c": page}), EPUB) == "\n\n".join(PROSE.strip().split("\n"))


def test_duplicate_members_read_the_last(tmp_path: Path) -> None:
    out = io.BytesIO(epub({"c": "<p>first</p>"}))
    with zipfile.ZipFile(out, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("b/c.xhtml", b"<html><body><p>second</p></body></html>")
    assert books_epub.parse(out.getvalue()).text == "second"


def test_errors_name_their_rule() -> None:
    with pytest.raises(InputError, match="truncated"):
        books_gutenberg.parse(gutenberg(PROSE, end="").decode())


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="needs real inputs in PILE_DATA")
def test_real_books() -> None:
    source = books(Path(os.environ["PILE_DATA"]), "books", "neardup/gutenberg-editions")
    found = {raw.key: source.extract(raw) for raw in records(source)}
    assert [key.rsplit("/", 1)[-1] for key, one in found.items() if isinstance(one, Reject)] == [
        "dracu3-readme.txt",
        "pandp09.txt",
    ]
    for key, document in found.items():
        if isinstance(document, Document) and "COPYING" not in key:
            ends = document.text[:1_500] + document.text[-1_500:]
            assert "Gutenberg" not in ends and "pgdp" not in ends, key
            assert document.meta["title"], key
