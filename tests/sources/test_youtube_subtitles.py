from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from pile_builder.errors import InputError
from pile_builder.source import Document, Fragment, Raw, Reject
from pile_builder.sources.youtube_subtitles import YoutubeSubtitles
from pile_builder.sources.youtube_subtitles.captions import parse_json, parse_text, to_lines

SAMPLES = Path(__file__).parents[2] / "samples" / "youtube_subtitles"
REAL = Path(os.environ.get("PILE_DATA", "/nowhere")) / "youtube_subtitles"
ENGLISH = (
    "Good evening, and welcome to the Wendlow Society for Ferries.\n- NELL: Can everybody hear me?\n- No.\nNo.\n"
    "Then I will speak of ropes & knots until you can.\n"
    "A rope is a long thing (mostly) with two ends, and a knot is a rope that has forgotten one of them."
)


def source(root: Path, *inputs: str, **settings: object) -> YoutubeSubtitles:
    return YoutubeSubtitles(YoutubeSubtitles.Config(inputs=inputs or (".",), root=str(root), **settings))


def records(subtitles: YoutubeSubtitles) -> Iterator[Raw | Reject]:
    for split in subtitles.splits():
        yield from subtitles.read(split)


def documents(subtitles: YoutubeSubtitles) -> dict[str, Document | Reject]:
    return {one.key: subtitles.extract(one) for one in records(subtitles) if isinstance(one, Raw)}


GOLDEN = {
    "Wend_low-01/de": "d6b58dd970d1f9e4",
    "Wend_low-01/en": "c776185b55f60de1",
    "Transcript1/en": "c776185b55f60de1",
    "list.en": "c776185b55f60de1",
    "talks/knots/de": "d6b58dd970d1f9e4",
    "talks/knots/en": "c776185b55f60de1",
}


def test_samples() -> None:
    made = documents(source(SAMPLES))
    assert {key: one.rule for key, one in made.items() if isinstance(one, Reject)} == {
        "LateFerry02/en": "generated",
        "Transcript2/en": "generated",
        "Transcript3": "damaged",
        "talks/binary.en": "undecodable",
        "talks/notimes.en": "damaged",
        "talks/short.en": "no_text",
    }
    assert [(one.rule, one.key) for one in records(source(SAMPLES)) if isinstance(one, Reject)] == [
        ("truncated", "cut.en")
    ]
    found = {key: one for key, one in made.items() if isinstance(one, Document)}
    assert {key: hashlib.sha256(one.text.encode()).hexdigest()[:16] for key, one in found.items()} == GOLDEN
    for key in ("Wend_low-01/en", "Transcript1/en", "list.en", "talks/knots/en"):
        assert found[key].text == ENGLISH
    assert found["talks/knots/de"].text == found["Wend_low-01/de"].text
    assert found["talks/knots/de"].meta == {"language": "de"}


def test_metadata() -> None:
    subtitles = source(SAMPLES, "*.de.vtt", metadata=(".",))
    table = dict(subtitles.read_table("metadata", subtitles.side_tables()["metadata"]))
    subtitles.bind_tables({"metadata": table.get})
    assert documents(subtitles)["Wend_low-01/de"].meta == {
        "video_id": "Wend_low-01",
        "language": "de",
        "url": "https://www.youtube.com/watch?v=Wend_low-01",
        "title": "On Ropes",
        "date": "2019-04-05",
        "channel": "Wendlow Society",
        "license": "CC-BY-3.0",
    }


def test_captions_that_roll() -> None:
    made = documents(source(SAMPLES, generated=True))["LateFerry02/en"]
    assert made.text == (
        "so the ferry was late again and nobody on the quay could say why it was late again today at six"
    )
    assert made.meta["generated"] is True and made.meta["language"] == "en"
    cues = "".join(
        f"{n}\n00:00:{n:02d},000 --> 00:00:{n + 1:02d},000\nline {n}\nline {n + 1}\n\n" for n in range(1, 30)
    )
    assert [line for cue in parse_text(cues).cues for line in cue.lines] == [f"line {n}" for n in range(1, 31)]


def test_as_the_pile_did() -> None:
    subtitles = source(SAMPLES, compat="pile-2020")
    assert subtitles.joins and not source(SAMPLES).joins
    parts = defaultdict(list)
    for one in records(subtitles):
        if isinstance(one, Fragment):
            parts[one.key].append(one)
    made = {
        key: subtitles.extract(Raw(key, b"", fragments=tuple(sorted(each, key=lambda one: one.order))))
        for key, each in parts.items()
    }
    for key in ("Wend_low-01", "talks/knots"):
        text = made[key].text
        assert (
            text.startswith("German: \nGuten Abend")
            and "\n\nEnglish: \nGood evening, and welcome to\nthe Wendlow" in text
        )
        assert text.count("German: \n") == text.count("English: \n") == 2
        assert made[key].meta["languages"] == ["de", "en"]
    assert made["Transcript1"].text.startswith("Good evening, and welcome to\nthe Wendlow Society for Ferries.\n- NELL")
    assert made["LateFerry02"].rule == made["Transcript2"].rule == "generated"


def test_order_does_not_matter() -> None:
    again = source(SAMPLES, "talks", "*.json", "*.vtt", "dump.jsonl", "talks/*.srt")
    assert list(documents(again)) == list(documents(source(SAMPLES)))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("1\n00:00:01,000 --> 00:00:02,000\n42\n\n2\n00:00:02,000 --> 00:00:03,000\nmen\n", ["42 men"]),
        (
            "WEBVTT\n\n00:01.000 --> 00:02.000\na\n\nb\n\n00:02.000 --> 00:03.000 line:0\n<v Ann>c</v>\n",
            ["a", "Ann: c"],
        ),
        ("1\n00:00:01,000 --> 00:00:02,000\na\n\nb\n\n2\n00:00:02,000 --> 00:00:03,000\nc\n", ["a b c"]),
        ("1\n00:00:01,000 --> 00:00:02,000\na\n2\n00:00:09,000 --> 00:00:10,000\nb\n", ["a", "b"]),
        ('1\n0:00:01.0 --> 0:00:02.0\n{\\an8}<font color="red">a</font>&nbsp;[b] c\n', ["a [b] c"]),
        ("1\n00:00:01,000 --> 00:00:02,000\n我们\n\n2\n00:00:02,000 --> 00:00:03,000\n在这里\n", ["我们在这里"]),
        ("1\n00:00:01,000 --> 00:00:02,000\n[Музика]\n\n2\n00:00:02,000 --> 00:00:03,000\na (laughs)\n", ["a"]),
    ],
)
def test_cues(text: str, lines: list[str]) -> None:
    assert to_lines(parse_text(text).cues) == lines


@pytest.mark.parametrize("value", [None, 3, {}, [1], {"snippets": "a"}, {"transcript": [{"start": 1}]}])
def test_json_that_is_no_transcript(value: object) -> None:
    with pytest.raises(InputError, match="damaged"):
        parse_json(value)
    assert to_lines(parse_json([{"text": "a", "start": "x"}]).cues) == ["a"]


@pytest.mark.skipif(not REAL.is_dir(), reason="PILE_DATA has no subtitles")
def test_real_subtitles() -> None:
    made = documents(source(REAL))
    assert len(made) == 40 and all(isinstance(one, Document) for one in made.values())
    assert Counter(one.meta.get("language") for one in made.values())["uk"] == 20
    assert sum(len(one.text.encode()) for one in made.values()) > 1_500_000
    assert not any("-->" in one.text or "\ufeff" in one.text for one in made.values())
