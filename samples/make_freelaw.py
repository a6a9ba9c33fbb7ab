"""Build `samples/freelaw/` from opinions written here: bulk CSV of three ages, JSON in a tar of tars, a volume's zip.

    python samples/make_freelaw.py

Written byte for byte the same by every run.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

TARGET = Path(__file__).parent / "freelaw"
COLUMNS = (
    "id", "date_created", "date_modified", "author_str", "per_curiam", "joined_by_str", "type", "sha1", "page_count",
    "download_url", "local_path", "plain_text", "html", "html_lawbox", "html_columbia", "html_anon_2020", "xml_harvard",
    "xml_scan", "html_with_citations", "extracted_by_ocr", "author_id", "cluster_id",
)  # fmt: skip
CLUSTER_COLUMNS = ("id", "date_created", "date_modified", "date_filed", "slug", "case_name", "blocked", "docket_id")
DOCKET_COLUMNS = ("id", "date_created", "date_modified", "docket_number", "court_id")
CITED = (
    '<p>The ferry <span class="star-pagination">*12</span> "Penny" was moored at the north pier.\n'
    '<a class="citation" href="/opinion/1/">Hale v. Ormond, 3 Quay 41</a>, decides it.'
    '<sup id="r1"><a href="#n1">1</a></sup></p>\n<blockquote>A ferry \\"at rest\\" is no ferry.</blockquote>\n'
    '<p id="n1"><a href="#r1">1</a>. The tide was out, see \\\\board\\minutes.</p>\n'
    "<p>\n77,2016-01-01 10:00:00+00\nis a line of a table.</p>"
)
HARVARD = (
    '<?xml version="1.0" encoding="utf-8"?>\n<casebody firstpage="41" lastpage="42"><parties>HALE v. ORMOND</parties>'
    "<docketnumber>No. 3</docketnumber><court>Court of the Quay</court><decisiondate>May 4, 1911</decisiondate>"
    '<opinion type="majority"><author>Pell, J.</author><p>The defend\u00ad ant kept a crab in the tide '
    '<page-number citation-index="1" label="42">*42</page-number>gauge.<footnotemark>1</footnotemark></p>'
    "<p/><p>Judgment for the plaintiff.</p>"
    '<footnote label="1"><p>It was a small crab.</p></footnote></opinion></casebody>'
)
PAGES = [
    "                         COURT OF THE QUAY\n\n\n"
    + "\n".join(
        f"{number:3}  {line}"
        for number, line in enumerate(
            ["Plaintiff asks for a low weir.", "Defendant asks for a high one.", "", "We heard both on"]
            + ["Monday, when the water was low, and"] * 7, 1)
    ) + "\n\n                                 1\n",
    "Case 1:99-cv-00012   Document 7\n\nagain on Friday, when it was high.\n\n                        - 2 -\n",
    "Case 1:99-cv-00012   Document 7\n\nThe weir stays where it is.\n\n                        - 3 -\n",
    "Case 1:99-cv-00012   Document 7\n\n                        So ordered.\n\n                        - 4 -\n",
]  # fmt: skip
FAILED = "Unable to extract the content from this file. Please try reading the original."
CASE = {
    "id": 900, "name": "Arthur Pell versus The Harbour Board", "name_abbreviation": "Pell v. Harbour Board",
    "decision_date": "1903-02", "docket_number": "No. 9", "citations": [{"type": "official", "cite": "2 Quay 7"}],
    "court": {"id": 1, "name": "Supreme Court of the Quay"},
    "casebody": {
        "head_matter": "PELL v. HARBOUR BOARD\nFebruary Term, 1903.", "corrections": "",
        "opinions": [
            {"type": "majority", "author": "Hale, C. J.", "text": "Hale, C. J.\nThe coal was delivered.\nAffirmed."},
            {"type": "dissent", "author": None, "text": "Ormond, J., dissenting.\nIt was not coal."},
        ],
    },
}  # fmt: skip


def main() -> None:
    """Write every sample."""
    TARGET.mkdir(parents=True, exist_ok=True)
    rows = [
        opinion(11, html_with_citations=CITED, html="<p>not this</p>", author_str="Pell", cluster_id="501"),
        opinion(12, xml_harvard=HARVARD, cluster_id="502"),
        opinion(13, plain_text="\f".join(PAGES), html=" ", cluster_id="503"),
        opinion(14, plain_text=FAILED, cluster_id="504"),
        opinion(15, html="<p>A case that nobody shall find.</p>", cluster_id="505"),
        opinion(16, html="<p>Broken below.</p>", cluster_id="506"),
        opinion(17, html_lawbox="<div><p>The last \\ of its file.</p></div>", cluster_id="507"),
    ]
    today = table(COLUMNS, rows, '"', "\\")
    broken = today.replace('"16",', '"16","2016-01-01 10:00:00.1+00",stray "quotes" here\n"', 1)
    (TARGET / "opinions-2026-03-31.csv.bz2").write_bytes(bz2.compress(broken.encode()))
    older = [opinion(row_id, html=f'<p class="a">Row "{row_id}", old.</p>', cluster_id="508") for row_id in (21, 22)]
    (TARGET / "opinions-2022-08-02.csv").write_text(table(COLUMNS, older, '"', '"'), encoding="utf-8", newline="")
    odd = [opinion(31, html='<p class="a">`Ticks` quote this.</p>', cluster_id="509")]
    (TARGET / "opinions-2024-12-31.csv.gz").write_bytes(gzip.compress(table(COLUMNS, odd, "`", "`").encode(), mtime=0))
    (TARGET / "tables").mkdir(exist_ok=True)
    clusters = [
        stamped(
            501, date_filed="1999-05-04", slug="in-re-penny", case_name='In re "Penny"', blocked="f", docket_id="71"
        ),
        stamped(505, date_filed="2001-01-01", slug="x", case_name="X", blocked="t", docket_id="71"),
    ]
    dockets = [stamped(71, docket_number="99-12", court_id="quay")]
    for name, columns, table_rows in (
        ("opinion-clusters-2026-03-31.csv", CLUSTER_COLUMNS, clusters),
        ("dockets-2026-03-31.csv", DOCKET_COLUMNS, dockets),
    ):
        (TARGET / "tables" / name).write_text(table(columns, table_rows, '"', "\\"), encoding="utf-8", newline="")
    old = {
        "resource_uri": "/api/rest/v3/opinions/41/", "cluster": "/api/rest/v3/clusters/601/",
        "plain_text": "One line, from the old interface.\n", "html": "", "html_lawbox": "",
    }  # fmt: skip
    court = {
        "41.json": json.dumps(old).encode(),
        "42.json": b'{"plain_text": "cut in the mid',
    }
    courts = {
        "quay.tar.gz": gzip.compress(tar(court), mtime=0),
        "weir.tar.gz": gzip.compress(tar(court), mtime=0)[:150],
    }
    (TARGET / "all.tar").write_bytes(tar(courts))
    members = {
        "cases/0007-01.json": json.dumps(CASE).encode(),
        "html/0007-01.html": b"<p>The same in HTML.</p>",
        "metadata/CasesMetadata.json": b"[]",
        "metadata/VolumeMetadata.json": b"{}",
    }
    (TARGET / "quay-2.zip").write_bytes(zipped(members))


def opinion(number: int, **fields: str) -> dict[str, str]:
    """A row of the table of opinions."""
    return stamped(number, per_curiam="f", type="010combined", extracted_by_ocr="f", **fields)


def stamped(number: int, **fields: str) -> dict[str, str]:
    """A row with what every table begins with."""
    return {"id": str(number), "date_created": "2016-07-05 20:18:57.164305+00",
            "date_modified": "2020-03-02 21:38:43.821+00", **fields}  # fmt: skip


def table(columns: Sequence[str], rows: Sequence[Mapping[str, str]], quote: str, escape: str) -> str:
    """A table as COPY TO writes it with FORCE_QUOTE *: NULL is an empty field without quotes."""
    lines = [",".join(columns)]
    for row in rows:
        cells = []
        for column in columns:
            value = row.get(column)
            if value is not None:
                value = value.replace(escape, escape * 2).replace(quote, escape + quote) if escape != quote else value
                value = value.replace(quote, quote * 2) if escape == quote else value
            cells.append("" if value is None else f"{quote}{value}{quote}")
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


def tar(files: Mapping[str, bytes]) -> bytes:
    """A tar of files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip of files, of one date."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 3, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


if __name__ == "__main__":
    main()
