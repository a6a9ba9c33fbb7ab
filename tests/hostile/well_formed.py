"""Small well-formed files of the sources that read more than pages, papers, code and books, for cases to spoil."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from tests.hostile.made import STORY

TIME = "2016-07-05 20:18:57.164305+00"


def post(number: int | str, kind: int | str = 1, body: str = f"<p>{STORY}</p>", **others: Any) -> str:
    """A row of Stack Exchange's Posts.xml."""
    values = {"Id": number, "PostTypeId": kind, "CreationDate": "2020-01-02T03:04:05.678", "Score": 5, "Body": body}
    values |= {"Title": "A question", "Tags": "<a><b>", "AnswerCount": 1} if str(kind) == "1" else {}
    pairs = {**values, **others}.items()
    return "  <row " + " ".join(f'{name}="{escape(str(value))}"' for name, value in pairs if value is not None) + " />"


def answer(number: int | str, question: int | str, body: str = f"<p>{STORY}</p>", **others: Any) -> str:
    """A row of an answer."""
    return post(number, 2, body, ParentId=question, **others)


def posts(*rows: str) -> bytes:
    """A site's Posts.xml."""
    head = '\ufeff<?xml version="1.0" encoding="utf-8"?>\n<posts>\n'
    return (head + "\n".join(rows) + "\n</posts>\n").encode("utf-8", "surrogatepass")


def thread(first: int, size: int = 2) -> list[dict[str, Any]]:
    """A story of Hacker News and comments below each other, ids from `first` on."""
    story = {"id": first, "type": "story", "by": "ann", "title": "A story", "text": STORY, "score": 3, "time": 1 << 30}
    replies = [
        {"id": first + n, "type": "comment", "by": "ben", "text": STORY, "parent": first + n - 1, "time": 1 << 30}
        for n in range(1, size)
    ]
    return [story, *replies]


def lines(*values: Any) -> bytes:
    """JSON lines."""
    return "".join(json.dumps(value) + "\n" for value in values).encode()


def jats(body: str = f"<p>{STORY}</p>", front: str = "", head: str = "") -> bytes:
    """An article of PubMed Central."""
    meta = f"<front><article-meta><title-group><article-title>An article</article-title></title-group>{front}"
    return f"{head}<article>{meta}</article-meta></front><body><sec>{body}</sec></body></article>".encode(
        "utf-8", "surrogatepass"
    )


def citation(number: int | str, text: str = STORY, inside: str = "", version: str = "1") -> str:
    """A record of PubMed."""
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="{version}">{number}</PMID><Article><Journal><JournalIssue>'
        f"<PubDate>{inside or '<Year>2018</Year>'}</PubDate></JournalIssue></Journal><ArticleTitle>A title."
        f"</ArticleTitle><Abstract><AbstractText>{text}</AbstractText></Abstract></Article></MedlineCitation>"
        "</PubmedArticle>"
    )


def baseline(*records: str, head: str = "") -> bytes:
    """A file of PubMed's baseline."""
    return f"{head}<PubmedArticleSet>{''.join(records)}</PubmedArticleSet>".encode("utf-8", "surrogatepass")


def patent(number: str = "10990001", text: str = f"<p>{STORY}</p>", doctype: str = "") -> bytes:
    """A patent of today."""
    identity = f"<country>US</country><doc-number>{number}</doc-number><kind>B2</kind><date>20200107</date>"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE us-patent-grant SYSTEM "x.dtd" [{doctype}]>\n'
        f"<us-patent-grant><us-bibliographic-data-grant><publication-reference><document-id>{identity}</document-id>"
        "</publication-reference><invention-title>A kettle</invention-title></us-bibliographic-data-grant><description>"
        f"<heading>BACKGROUND</heading>{text}</description></us-patent-grant>\n"
    ).encode("utf-8", "surrogatepass")


def green_book(number: str = "039990018", text: str = STORY) -> bytes:
    """A patent of 1976."""
    head = f"PATN\nWKU  {number}\nTTL  A kettle\nISD  19760106\nBSUM\nPAC  BACKGROUND OF THE INVENTION\nPAR  "
    return (head + text + "\n").encode("utf-8", "surrogatepass")


def wiki_page(number: int | str, text: str = STORY, title: str = "A ferry") -> str:
    """A page of a wiki."""
    return (
        f"<page><title>{escape(title)}</title><ns>0</ns><id>{number}</id><revision><id>{number}</id><timestamp>"
        f"2024-01-10T12:00:00Z</timestamp><model>wikitext</model><text>{escape(text)}</text></revision></page>"
    )


def wiki(*pages: str, name: str = "awiki", head: str = "") -> bytes:
    """A dump of a wiki."""
    site = f"<siteinfo><dbname>{name}</dbname><base>https://en.wikipedia.org/wiki/Main_Page</base></siteinfo>"
    return f"{head}<mediawiki>{site}{''.join(pages)}</mediawiki>".encode("utf-8", "surrogatepass")


def subtitles(*sentences: str, head: str = "") -> bytes:
    """A film's subtitles as OPUS has them."""
    said = "".join(f'<s id="{n}">{one}</s>' for n, one in enumerate(sentences or [f"Line {n}." for n in range(20)]))
    return f'<?xml version="1.0" encoding="utf-8"?>{head}<document id="1">{said}</document>'.encode(
        "utf-8", "surrogatepass"
    )


def captions(*texts: str) -> bytes:
    """A video's subtitles in SubRip's form."""
    cues = enumerate(texts or [STORY[n : n + 60] for n in range(0, 420, 60)])
    return "".join(f"{n + 1}\n00:00:{n:02},000 --> 00:00:{n + 1:02},000\n{text}\n\n" for n, text in cues).encode()


def opinions(*rows: Mapping[str, str] | str) -> bytes:
    """CourtListener's opinions as it writes them today."""
    columns = ("id", "date_created", "plain_text", "html", "cluster_id")
    told = [",".join(columns)]
    for row in rows:
        if isinstance(row, str):
            told.append(row)
            continue
        values = {"id": "1", "date_created": TIME, "plain_text": STORY, **row}
        fields = (values.get(name, "").replace("\\", "\\\\").replace('"', '\\"') for name in columns)
        told.append(",".join(f'"{field}"' for field in fields))
    return ("\n".join(told) + "\n").encode("utf-8", "surrogatepass")


def grants(*rows: tuple[str, str]) -> bytes:
    """NIH's abstracts of a year."""
    quoted = [f'{number},"{text}"\n' for number, text in rows or [("9000001", STORY)]]
    return ("APPLICATION_ID,ABSTRACT_TEXT\n" + "".join(quoted)).encode("utf-8", "surrogatepass")


def mail(body: str | bytes = STORY, fields: Sequence[str] = ()) -> bytes:
    """A mail."""
    head = "\n".join(["From: a@a.example", "Subject: Tides", "Date: Tue, 6 Mar 2001 09:15:00 +0100", *fields, "", ""])
    return head.encode("utf-8", "surrogateescape") + (body.encode() if isinstance(body, str) else body)


def chapter(text: str = STORY) -> bytes:
    """A sitting of the European Parliament."""
    return f'<CHAPTER ID=1>\nA ferry\n<SPEAKER ID=1 NAME="President">\n{text}\n<P>\n'.encode("utf-8", "surrogatepass")


def exercises(count: int = 300) -> bytes:
    """A module of exercises."""
    return b"".join(b"Solve %d*x = %d for x.\n%d\n" % (n, n * 7, 7) for n in range(1, count))


def log(text: str = "hello there, who has seen the ferry?") -> bytes:
    """A day of a channel."""
    return f"=== ann [n=ann@a.example] has joined #harbour\n[10:11] <ann> {text}\n[10:12] <ben> not me\n".encode()


def pdf(text: str = STORY * 4, extra: bytes = b"") -> bytes:
    """A paper of one page in PDF, its lines without compression."""
    words = text.split()
    rows = [" ".join(words[n : n + 10]) for n in range(0, len(words), 10)]
    shown = b"".join(b"(%s) Tj T*\n" % row.encode("ascii", "replace").translate(None, b"()\\") for row in rows)
    content = b"BT /F1 10 Tf 50 800 Td 12 TL\n" + shown + b"ET"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R" + extra + b">>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 850]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    made, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(made))
    return made + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + end
