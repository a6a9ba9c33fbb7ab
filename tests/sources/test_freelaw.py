from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.source import Document, Raw, Reject, Skipped
from pile_builder.sources import freelaw
from pile_builder.sources.freelaw import FreeLaw, postgres_csv
from pile_builder.sources.freelaw.opinion import markup_text, plain_text
from samples import make_freelaw

SAMPLES = Path(__file__).parents[2] / "samples" / "freelaw"
INPUTS = ("all.tar", "quay-2.zip", "opinions-*")


def source_of(root: Path, *inputs: str, **settings: object) -> FreeLaw:
    source = FreeLaw(FreeLaw.Config(inputs=inputs or (".",), root=str(root), **settings))
    tables = source.side_tables()
    source.bind_tables({name: dict(source.read_table(name, files)).get for name, files in tables.items()})
    return source


def records(source: FreeLaw) -> Iterator[Raw | Reject | Skipped]:
    for split in source.splits():
        yield from source.read(split)


def offered(source: FreeLaw) -> dict[str, Document | Reject]:
    return {
        one.key: source.extract(one) if isinstance(one, Raw) else one
        for one in records(source)
        if not isinstance(one, Skipped)
    }


def test_samples() -> None:
    source = source_of(SAMPLES, *INPUTS, clusters=("tables/opinion-clusters-*",), dockets=("tables/dockets-*",))
    made = offered(source)
    assert {key: one.rule for key, one in made.items() if isinstance(one, Reject)} == {
        "opinion/14": "no_text",
        "opinion/15": "blocked",
        "opinion/16": "damaged",
        "opinion/42": "damaged",
        "all.tar/weir.tar.gz": "truncated",
    }
    found = {key: one for key, one in made.items() if isinstance(one, Document)}
    digests = {key: hashlib.sha256(document.text.encode()).hexdigest()[:16] for key, document in found.items()}
    assert digests == {
        "case/900": "1f53c35e36aa7c19",
        "opinion/11": "7af9b493f63bbd8e",
        "opinion/12": "86368f04148c1ce0",
        "opinion/13": "33a0d2827b3c0c63",
        "opinion/17": "ec9eebda008f5234",
        "opinion/21": "3f4b81c6feda307f",
        "opinion/22": "adc7668182455af9",
        "opinion/31": "6cf9e5d60e8db2fe",
        "opinion/41": "cd085e4d7f2fe799",
    }
    assert found["opinion/11"].text.startswith(
        'The ferry "Penny" was moored at the north pier. Hale v. Ormond, 3 Quay 41, decides it.[1]\n\n'
    )
    assert found["opinion/11"].meta == {
        "authors": ["Pell"],
        "cluster_id": 501,
        "court": "quay",
        "date": "1999-05-04",
        "docket_number": "99-12",
        "form": "html_with_citations",
        "license": "LicenseRef-PublicDomain-US",
        "opinion_id": 11,
        "title": 'In re "Penny"',
        "url": "https://www.courtlistener.com/opinion/501/in-re-penny/",
    }
    assert found["opinion/12"].text == (
        "HALE v. ORMOND\n\nNo. 3\n\nCourt of the Quay\n\nMay 4, 1911\n\nPell, J.\n\n"
        "The defendant kept a crab in the tide gauge.[1]\n\nJudgment for the plaintiff.\n\n[1] It was a small crab."
    )
    assert "low weir.\nDefendant asks" in found["opinion/13"].text and "cv-0" not in found["opinion/13"].text
    assert found["opinion/13"].text.endswith("The weir stays where it is.\n        So ordered.")
    assert found["opinion/17"].text == "The last \\ of its file."
    assert [found[f"opinion/{number}"].text for number in (21, 31)] == ['Row "21", old.', "`Ticks` quote this."]
    assert found["opinion/41"].meta["court"] == "quay" and found["opinion/41"].meta["cluster_id"] == 601
    assert found["case/900"].meta["title"] == "Pell v. Harbour Board" and found["case/900"].meta["license"] == "CC0-1.0"


def test_compat_takes_the_last_form_with_its_page_marks() -> None:
    made = offered(source_of(SAMPLES, "opinions-2026-03-31.csv.bz2", compat="pile-2020"))
    assert made["opinion/11"].text.startswith('The ferry *12 "Penny" was')
    assert made["opinion/12"].meta["form"] == "xml_harvard" and "gauge.1Judgment" in made["opinion/12"].text


@pytest.mark.parametrize("size", [700, 2_000, 5_000, 1 << 20])
def test_ranges_of_a_file_hold_each_record_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    rows = [
        make_freelaw.opinion(number, html=f"<p>{number}\n{'x' * (number * 37 % 900)}</p>") for number in range(1, 40)
    ]
    text = make_freelaw.table(make_freelaw.COLUMNS, rows, '"', "\\")
    (tmp_path / "opinions-a.csv").write_text(text)
    monkeypatch.setattr(freelaw, "RANGE_BYTES", size)
    monkeypatch.setattr(postgres_csv, "CHUNK_BYTES", 4_096)
    source = source_of(tmp_path)
    assert [one.key for one in records(source)] == [f"opinion/{number}" for number in range(1, 40)]
    assert len(list(source.splits())) == max(1, -(-len(text) // size)) or size > len(text)
    assert all(isinstance(one, Document) for one in offered(source).values())


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.text(st.sampled_from('a"\\,\n1`='), max_size=9), min_size=3, max_size=3), max_size=5),
    st.booleans(),
)
def test_fields_are_what_the_csv_module_reads(rows: list[list[str]], has_backslash: bool) -> None:
    columns = ("id", "date_created", "a", "b", "c")
    named = [
        {"id": str(number), "date_created": "2020-01-01 10:00:00", **dict(zip("abc", row, strict=True))}
        for number, row in enumerate(rows)
    ]
    text = make_freelaw.table(columns, named, '"', "\\" if has_backslash else '"')
    options = {"escapechar": "\\", "doublequote": False} if has_backslash else {"doublequote": True}
    expected = list(csv.reader(io.StringIO(text, newline=""), strict=True, **options))[1:]
    dialect = postgres_csv.Dialect(columns, '"', has_backslash)
    head = text.index("\n") + 1
    found = list(postgres_csv.records(io.BytesIO(), dialect, text[head:].encode()))
    assert [list(postgres_csv.fields(record, dialect).values()) for record in found] == expected


def test_a_huge_record_costs_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [make_freelaw.opinion(number, html="x" * (9_000 if number == 2 else 9)) for number in (1, 2, 3)]
    text = make_freelaw.table(make_freelaw.COLUMNS, rows, '"', "\\").encode()
    monkeypatch.setattr(postgres_csv, "CHUNK_BYTES", 1_000)
    monkeypatch.setattr(postgres_csv, "MAX_RECORD_BYTES", 3_000)
    stream = io.BytesIO(text)
    dialect, rest = postgres_csv.read_head(stream, "a")
    found = list(postgres_csv.records(stream, dialect, rest))
    assert [one.number if isinstance(one, postgres_csv.TooLarge) else len(one) for one in found][1] == "2"
    assert [postgres_csv.number_of(one) for one in (found[0], found[2])] == ["1", "3"] and len(found) == 3


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "opinions-a.csv").write_text("name,address\n1,2\n")
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "c.json").write_text("[1, 2")
    (tmp_path / "d.json").write_text('{"other": 1}')
    (tmp_path / "e.json").write_text('{"id": 5, "html": null, "plain_text": "\\u0007  "}')
    assert {key: one.rule for key, one in offered(source_of(tmp_path)).items()} == {
        "b.zip": "truncated",
        "c.json": "damaged",
        "opinion/5": "no_text",
        "opinions-a.csv": "damaged",
    }


def test_markup_that_was_never_closed() -> None:
    assert markup_text('<p>Joined by <page-number label="9">Kennedy, and Hale, JJ., who would affirm.</p>').endswith(
        "affirm."
    )
    assert markup_text("<p>An addition</p><p>[590 S.E.2d 54]</p><p>with a bath.</p>") == "An addition with a bath."


def test_marks_of_pages_and_labels_of_notes() -> None:
    assert markup_text("<p>In Hale, the Supreme</p><p>[590 S.E.2d 54]</p><p>Court held.</p>") == (
        "In Hale, the Supreme Court held."
    )
    assert (
        markup_text("<p>OMITTED</p><p>[590 S.E.2d 54 , 2 Quay 7]</p><p>Appeal.</p><p>-----</p>") == "OMITTED\n\nAppeal."
    )
    notes = '<p>So held.<footnotemark>(1)</footnotemark></p><footnote label="(1)"><p>(1) In 1911.</p></footnote>'
    assert markup_text(notes + '<footnote label="2"><p>2d Series.</p></footnote>') == (
        "So held.[1]\n\n[1] In 1911.\n\n[2] 2d Series."
    )


def test_plain_text_keeps_what_is_no_furniture() -> None:
    numbered = "\n".join(f"{at}  men, it said" for at in range(1, 12))
    assert plain_text(f"{numbered}\n" + "Words.\n" * 12).startswith("1  men, it said")
    assert plain_text(numbered) == "\n".join(["men, it said"] * 11)
    assert plain_text("1. First.\n2. Second.\n\n7\n") == "1. First.\n2. Second.\n\n7"


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="PILE_DATA is not set")
def test_real_cases() -> None:
    made = offered(source_of(Path(os.environ["PILE_DATA"]) / "freelaw", "capstone/000*.json"))
    assert [type(one) for one in made.values()] == [Document] * 3
    page = (Path(os.environ["PILE_DATA"]) / "freelaw/courtlistener/opinion_html.html").read_text()
    text = markup_text(page)
    assert "Many assignments of error" in text and "\n1\n" not in text and "bulk.resource" not in text
