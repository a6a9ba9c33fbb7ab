"""Write the samples of YouTube subtitles: as yt-dlp writes them, as transcripts in JSON, in folders, and broken."""

from __future__ import annotations

import json
from pathlib import Path

TARGET = Path(__file__).parent / "youtube_subtitles"
TALK = [
    (0.5, 3.0, "Good evening, and welcome to"),
    (3.0, 6.0, "the Wendlow Society for Ferries."),
    (6.2, 8.0, "[Music]"),
    (8.0, 12.0, ">> NELL: Can everybody hear me?"),
    (12.0, 14.0, ">> No. [Applause]"),
    (14.0, 15.0, "No."),
    (21.0, 25.0, "Then I will speak\nof ropes &amp; knots"),
    (25.0, 58.0, "until you <i>can</i>."),
    (61.0, 64.0, "A rope is a long thing (mostly)"),
    (64.0, 70.0, "with two ends, and a knot is a rope that has forgotten one of them."),
]
ANDERE = [
    (0.5, 6.0, "Guten Abend, und willkommen bei der Wendlower Fährgesellschaft."),
    (8.0, 12.0, "Können mich alle hören?"),
    (12.0, 14.0, "Nein, und das seit der Überfahrt um sechs Uhr nicht."),
    (61.0, 64.0, "Ein Seil ist ein langes Ding mit zwei Enden, und ein Knoten ist ein Seil, das eines vergessen hat."),
]
ROLLING = """WEBVTT
Kind: captions
Language: en

STYLE
::cue { color: white }

00:00:00.000 --> 00:00:02.500 align:start position:0%
~
so<00:00:00.400><c> the</c><00:00:00.900><c> ferry</c><00:00:01.500><c> was</c>

00:00:02.500 --> 00:00:02.510 align:start position:0%
so the ferry was
~

00:00:02.510 --> 00:00:05.000 align:start position:0%
so the ferry was
late<00:00:03.000><c> again</c><00:00:03.500><c> and</c><00:00:04.000><c> nobody</c><00:00:04.400><c> on</c>

00:00:05.000 --> 00:00:05.010 align:start position:0%
late again and nobody on
~

00:00:05.010 --> 00:00:09.000 align:start position:0%
late again and nobody on
the<00:00:05.300><c> quay</c><00:00:05.900><c> could</c>\
<00:00:06.300><c> say</c><00:00:06.900><c> why</c><00:00:07.300><c> it</c><00:00:07.900><c> was</c>

00:00:09.000 --> 00:00:09.010 align:start position:0%
the quay could say why it was
~

00:00:09.010 --> 00:00:12.000 align:start position:0%
the quay could say why it was
late<00:00:10.000><c> again</c><00:00:10.500><c> today</c>\
<00:00:11.500><c> at</c><00:00:11.900><c> six</c>
""".replace("~", " ")


def main() -> None:
    """Write every sample."""
    (TARGET / "talks" / "knots").mkdir(parents=True, exist_ok=True)
    name = "On Ropes [Wend_low-01]"
    write(f"{name}.en.vtt", "WEBVTT\n\nNOTE made by hand\nin two lines\n\n" + cues(TALK, ".", named=True))
    write(f"{name}.de.vtt", "WEBVTT - Deutsch\n\n" + cues(ANDERE, "."))
    told = {"id": "Wend_low-01", "title": "On Ropes", "upload_date": "20190405", "uploader": "Wendlow Society"}
    told["license"] = "Creative Commons Attribution license (reuse allowed)"
    write(f"{name}.info.json", json.dumps(told))
    write("LateFerry02.en.vtt", ROLLING)
    write("talks/knots/en.srt", "\ufeff" + cues(TALK, ",").replace("\n", "\r\n"))
    write("talks/knots/de.srt", cues(ANDERE, ",").replace("\n\n", "\n"))
    write("talks/short.en.srt", cues(TALK[:2], ","))
    write("talks/notimes.en.srt", "There are no times\nin this file.\n")
    snippets = [{"text": text, "start": start, "duration": end - start} for start, end, text in TALK]
    write("list.en.json", json.dumps(snippets))
    write("cut.en.json", json.dumps(snippets)[:300])
    around = {"video_id": "Transcript1", "language": "English", "language_code": "en", "is_generated": False}
    lines = [
        {**around, "snippets": snippets},
        {**around, "video_id": "Transcript2", "is_generated": True, "snippets": snippets},
        {"video_id": "Transcript3", "error": "subtitles are disabled"},
    ]
    write("dump.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    (TARGET / "talks" / "binary.en.srt").write_bytes(bytes(range(256)) * 4)


def write(name: str, text: str) -> None:
    """Write a file of UTF-8."""
    (TARGET / name).write_bytes(text.encode())


def cues(said: list[tuple[float, float, str]], point: str, *, named: bool = False) -> str:
    """Cues of SubRip or, with a full stop in their times, of WebVTT."""
    out = []
    for number, (start, end, text) in enumerate(said, 1):
        name = f"cue {number}\n" if named else f"{number}\n"
        settings = " align:start" if named else ""
        out.append(f"{name}{stamp(start, point)} --> {stamp(end, point)}{settings}\n{text}\n")
    return "\n".join(out)


def stamp(second: float, point: str) -> str:
    """A time as `00:01:02.500`."""
    thousandths = round(second * 1000)
    return f"00:{thousandths // 60000:02d}:{thousandths // 1000 % 60:02d}{point}{thousandths % 1000:03d}"


if __name__ == "__main__":
    main()
