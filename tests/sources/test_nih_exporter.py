"""The NIH source on its samples, and on damaged and odd rows; nothing that the upstream published is at hand."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.source import Document, Reject
from pile_builder.sources.nih_exporter import NihExporter, clean, decoded
from tests.sources.joining import joined

SAMPLES = Path(__file__).parents[2] / "samples" / "nih_exporter"


def source(root: Path = SAMPLES, inputs: tuple[str, ...] = (".",), **config: object) -> NihExporter:
    return NihExporter(NihExporter.Config(inputs=inputs, root=str(root), **config))


def written(tmp_path: Path, data: bytes) -> dict[str, Document | Reject]:
    (tmp_path / "RePORTER_PRJABS_C_FY2001.csv").write_bytes(b"APPLICATION_ID,ABSTRACT_TEXT\r\n" + data)
    return joined(source(tmp_path))


def test_samples() -> None:
    made = source(projects=("RePORTER_PRJ_C_FY2009.zip",))
    table = dict(made.read_table("projects", made.side_tables()["projects"]))
    made.bind_tables({"projects": table.get})
    found = joined(made)
    assert {key: one.rule for key, one in found.items() if isinstance(one, Reject)} == {
        "9000004": "no_abstract",
        "RePORTER_PRJABS_C_FY2009.zip#6": "damaged",
        "RePORTER_PRJABS_C_FY2009.zip:13": "damaged",
        "RePORTER_PRJABS_C_FY2010.csv:end": "truncated",
    }
    documents = {key: one for key, one in found.items() if isinstance(one, Document)}
    assert {key: hashlib.sha256(one.text.encode()).hexdigest()[:16] for key, one in sorted(documents.items())} == {
        "9000001": "eec9109746d08bea",
        "9000002": "ec58d8831335b016",
        "9000003": "77bc93a656c942e9",
        "9000005": "df1f0d1e5b0affe9",
        "9000006": "259aa62295dfd0d8",
        "9000008": "87cedf7dd8fbb3d0",
        "9000010": "a701d4950110123e",
        "9000101": "eec9109746d08bea",
    }
    assert documents["9000001"] == Document(
        'Kettles whistle, and nobody knows why they stop before the water is hot. We will listen to "all" kettles '
        "of one town. Aim 1 is to count them; Aim 2, to understand naïve listeners.",
        {
            "fiscal_year": 2009,
            "title": "Why kettles stop whistling",
            "date": "2009-07-31",
            "application_id": 9000001,
            "url": "https://reporter.nih.gov/project-details/9000001",
        },
    )
    assert documents["9000003"].meta["fiscal_year"] == 1994
    assert "says café and 25 °C," in documents["9000010"].text


def test_order_of_inputs_does_not_matter() -> None:
    names = ("CRISP_PRJABS_C_FY1994.zip", "RePORTER_PRJABS_C_FY2009.zip")
    assert joined(source(inputs=names)) == joined(source(inputs=names[::-1]))
    assert joined(source(inputs=names[:1]))["9000001"].text.startswith("CRISP's words")


def test_as_the_pile_did() -> None:
    found = joined(source(compat="pile-2020"))
    assert found["9000001"].text.startswith("Kettles whistle,") and "[unreadable]" in found["9000001"].text
    assert found["9000002"].text.startswith("Project Summary/Abstract PROJECT SUMMARY")
    assert "says caf and 25 C," in found["9000010"].text
    assert found["9000004"] == Document("No abstract provided", {"APPLICATION_ID": 9000004})


@pytest.mark.parametrize(
    "header",
    [
        "DESCRIPTION (provided by applicant): ",
        "DESCRIPTION: (Adapted from the Investigator's Abstract) ",
        "DESCRIPTION (adapted from applicant's abstract): ",
        "DESCRIPTION (Verbatim from the Applicant's Abstract): ",
        "? DESCRIPTION (provided by candidate): ",
        "[unreadable] DESCRIPTION (provided by applicant): [unreadable] ",
        "Project Summary/Abstract ",
        "PROJECT SUMMARY (See instructions): ",
        "PROJECT SUMMARY ",
        "Abstract: ",
        "ABSTRACT ",
    ],
)
def test_headers(header: str) -> None:
    assert clean(f"{header}The kettle is studied.") == "The kettle is studied."


def test_words_that_only_look_like_headers_stay() -> None:
    for text in ("Abstract thought is studied.", "Description of kettles is one aim.", "SUMMARY SCORES are compared."):
        assert clean(text) == text


def test_long_runs_are_no_work() -> None:
    assert clean(" " * 100_000 + "? " * 50_000 + "abstract:" * 5_000 + "The end.") == "The end."


def test_damaged_rows(tmp_path: Path) -> None:
    long = b"words of an abstract that are enough to be one and a few more"
    rows = b'1001,"%s"\r\n1002,"%s\r\n1003,"%s"\r\n1004,%s,extra\r\n1005,%s\r\n' % ((long,) * 5)
    found = written(tmp_path, rows)
    assert sorted(key for key, one in found.items() if isinstance(one, Document)) == ["1001", "1003", "1005"]
    assert [one.rule for one in found.values() if isinstance(one, Reject)] == ["damaged", "damaged"]
    found = written(tmp_path, b'1001,"%s"\r\n1002,"%s\r\n%s' % (long, long, b"more\r\n" * 5_000))
    assert isinstance(found["1001"], Document) and len(found) > 2
    found = written(tmp_path, b'1001,"%s"\r\n1002,"%s"\r\n' % (b"a " * 100_000, long))
    assert [one.rule for one in found.values() if isinstance(one, Reject)] == ["too_large"]
    assert isinstance(found["1002"], Document)


def test_files_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "RePORTER_PRJABS_C_FY2002.csv").write_bytes(b"PMID,TITLE\r\n1,x\r\n")
    (tmp_path / "RePORTER_PRJABS_C_FY2003.zip").write_bytes(b"PK\x03\x04")
    (tmp_path / "RePORTER_PRJABS_C_FY2004.csv").write_bytes(b"")
    assert [one.rule for one in joined(source(tmp_path)).values()] == ["damaged", "truncated", "damaged"]


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet=st.characters(codec="cp1252", exclude_categories=["Cc"]), max_size=200), st.binary(max_size=9))
def test_no_byte_is_lost(text: str, odd: bytes) -> None:
    assert decoded(text.encode()) == text
    mixed = decoded("naïve ".encode() + odd.replace(b" ", b"") + " café 25 °C".encode("cp1252"))
    assert mixed.startswith("naïve ") and mixed.endswith(" café 25 °C")
    assert len(mixed) >= len("naïve  café 25 °C") + (len(odd.replace(b" ", b"")) + 3) // 4


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=200))
def test_clean_is_idempotent(text: str) -> None:
    assert clean(clean(text)) == clean(text)
