from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from pile_builder.sources.ubuntu_irc import UbuntuIrc, conversation
from tests.sources.joined import joined

SAMPLES = Path(__file__).parents[2] / "samples" / "ubuntu_irc"
FIRST = """\
#harbour 2005-01-03
<ruth> morning all. does anybody have the tides for #weir?
<achille> yes: low at 09:14
<ruth> === that is what the table said === too
* ruth writes it down
<achille> § café – closed"""
SECOND = "#harbour 2005-01-04\n<lampman> is the bell ringing?\n* ruth listens\n<ruth> no"
SUNDAY = "#harbour 2005-01-09\n<ruth> sunday of the same week"
LATER = "#harbour 2006-01-04\n<wendlow> a year later"
BOATS = "##boats 2006-01-05\n<ruth> régatta at noon\n<achille> ==="


def logs(root: Path, *inputs: str, **settings: object) -> UbuntuIrc:
    return UbuntuIrc(UbuntuIrc.Config(inputs=inputs or (".",), root=str(root), **settings))


def test_samples_by_day() -> None:
    source = logs(SAMPLES)
    found = joined(source)
    assert not source.joins
    assert {key: one.text for key, one in found.documents.items()} == {
        "2005/01/03/#harbour": FIRST,
        "2005/01/04/#harbour": SECOND,
        "2005/01/09/#harbour": SUNDAY,
        "2006/01/04/#harbour": LATER,
        "2006/01/05/##boats": BOATS,
    }
    assert found.rejects == [
        ("2005/01/04/#binary", "undecodable"),
        ("2005/01/04/#weir", "no_text"),
        ("2006/01/05/#harbour.txt.gz", "truncated"),
    ]
    assert found.skipped == {"other_file": 2}
    assert found.documents["2006/01/05/##boats"].meta == {
        "channel": "##boats",
        "date": "2006-01-05",
        "url": "https://irclogs.ubuntu.com/2006/01/05/%23%23boats.txt",
        "license": "LicenseRef-PublicDomain-US",
    }


def test_samples_by_week() -> None:
    source = logs(SAMPLES, period="week")
    found = joined(source)
    assert source.joins
    assert {key: one.text for key, one in found.documents.items()} == {
        "2005-W01/#harbour": f"{FIRST}\n\n{SECOND}\n\n{SUNDAY}",
        "2006-W01/#harbour": LATER,
        "2006-W01/##boats": BOATS,
    }
    assert {split.group for split in source.splits()} == {"", "2005", "2006"}
    assert found.documents["2005-W01/#harbour"].meta["url"] == "https://irclogs.ubuntu.com/2005/01/03/"
    backwards = sorted((str(path.relative_to(SAMPLES)) for path in SAMPLES.rglob("*.txt*")), reverse=True)
    assert joined(logs(SAMPLES, *backwards, period="week")).documents == found.documents


def test_a_week_may_lie_in_two_years(tmp_path: Path) -> None:
    for day in ("2004/12/31", "2005/01/01", "2005/01/02"):
        path = tmp_path / day / "#harbour.txt"
        path.parent.mkdir(parents=True)
        path.write_text(f"[10:00] <ruth> {day}\n")
    found = joined(logs(tmp_path, period="week"))
    assert list(found.documents) == ["2004-W53/#harbour"]
    assert re.findall(r"> (\S+)", found.documents["2004-W53/#harbour"].text) == [
        "2004/12/31",
        "2005/01/01",
        "2005/01/02",
    ]


def test_as_the_pile_did() -> None:
    found = joined(logs(SAMPLES, compat="pile-2020"))
    text = found.documents["W01/#harbour"].text
    assert list(found.documents) == ["W01/##boats", "W01/#harbour"]
    assert re.findall(r"(?m)^#harbour .*", text) == [
        "#harbour 2005-01-03", "#harbour 2005-01-04", "#harbour 2005-01-09", "#harbour 2006-01-04",
    ]  # fmt: skip
    assert "\n* mode/#harbour [+o ruth]  by ChanServ\n" in text and "\n * ruth listens\n<ruth> no\n#harbour" in text
    assert "has joined" not in text and "Topic" not in text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[08:01] <a> [08:02] <b> quoted", "<a> [08:02] <b> quoted"),
        ("[08:01:59] <a> seconds", "<a> seconds"),
        ("=== a joins the crowd", "* a joins the crowd"),
        ("=== a has left the building", "* a has left the building"),
        ("=== a has joined #b", ""),
        ("=== a [b@c]  has left #b [\"[x]\"]", ""),
        ("=== a changed the topic of #b to: c", ""),
        ("[08:01] <a> === b has joined #b", "<a> === b has joined #b"),
        ("[08:01] <a> \x0312,4colour\x03 \x1fline\x1f  ", "<a> colour line"),
        ("", ""),
    ],
)  # fmt: skip
def test_lines(line: str, said: str) -> None:
    assert conversation([line]) == said


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="real data is not at hand")
def test_real_logs(tmp_path: Path) -> None:
    files = sorted(Path(os.environ["PILE_DATA"], "ubuntu_irc").glob("*-c.raw.txt"))
    for file in files:
        path = tmp_path / file.name[:10].replace("-", "/") / "#ubuntu.txt"
        path.parent.mkdir(parents=True)
        shutil.copy(file, path)
    found = joined(logs(tmp_path))
    assert len(found.documents) == len(files) > 50 and not found.rejects
    lines = [line for one in found.documents.values() for line in one.text.split("\n")]
    odd = [line for line in lines if not re.match(r"<[^>]+> ?|\* \S|#ubuntu \d|-\S+:#ubuntu- |\(\S+/#ubuntu\) ", line)]
    assert odd == []
    reported = [line for line in lines if re.match(r"\* .*(?:@\S+\]  has (?:joined|left) #|is now known as)", line)]
    assert reported == []
