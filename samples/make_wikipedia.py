"""Write the samples of a MediaWiki dump: multistream with its index, plain, and a download that broke off."""

from __future__ import annotations

import bz2
from pathlib import Path
from xml.sax.saxutils import escape

FOLDER = Path(__file__).parent
ORIGINALS = FOLDER / "originals" / "wikipedia"
TARGET = FOLDER / "wikipedia"
HEADER = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">
  <siteinfo>
    <sitename>Samplepedia</sitename>
    <dbname>samplewiki</dbname>
    <base>https://en.wikipedia.org/wiki/Main_Page</base>
    <generator>MediaWiki 1.43.0</generator>
    <case>first-letter</case>
    <namespaces>
      <namespace key="-2" case="first-letter">Media</namespace>
      <namespace key="0" case="first-letter" />
      <namespace key="6" case="first-letter">File</namespace>
      <namespace key="14" case="first-letter">Category</namespace>
    </namespaces>
  </siteinfo>
"""
PAGE = """  <page>
    <title>{title}</title>
    <ns>{namespace}</ns>
    <id>{number}</id>{redirect}
    <revision>
      <id>{revision}</id>
      <timestamp>2024-01-{day:02d}T12:00:00Z</timestamp>
      <contributor>
        <username>Nobody</username>
        <id>7</id>
      </contributor>
      <model>{model}</model>
      <format>text/x-wiki</format>
      <text bytes="{size}" xml:space="preserve">{text}</text>
    </revision>
  </page>
"""
PAGES = [
    ("Rope ferry", "rope_ferry"),
    ("Drawer sort", "sorting"),
    ("Cable ferry", "#REDIRECT [[Rope ferry]]"),
    ("Broken page", "broken"),
    ("Talk:Rope ferry", "I like it."),
    ("Paper kite", "nihongo"),
    ("Mercury", "mercury"),
    ("Only a picture", "image"),
    ("Deep", "{{x|" * 150 + "}}" * 150),
    ("Data", '{"a": 1}'),
]


def main() -> None:
    """Write every sample."""
    TARGET.mkdir(parents=True, exist_ok=True)
    pages = [page(number, *each) for number, each in enumerate(PAGES, 10)]
    streams = [HEADER, "".join(pages[:4]), "".join(pages[4:8]), "".join(pages[8:]), "</mediawiki>\n"]
    packed = [bz2.compress(each.encode()) for each in streams]
    name = "samplewiki-20240201-pages-articles-multistream"
    (TARGET / f"{name}.xml.bz2").write_bytes(b"".join(packed))
    offset, lines = len(packed[0]), []
    for number, (title, _) in enumerate(PAGES):
        if number in (4, 8):
            offset += len(packed[number // 4])
        lines.append(f"{offset}:{number + 10}:{title}\n")
    (TARGET / f"{name}-index.txt.bz2").write_bytes(bz2.compress("".join(lines).encode()))
    plain = HEADER.replace("samplewiki", "otherwiki") + "".join(pages[:3]) + "</mediawiki>\n"
    (TARGET / "otherwiki-20240201-pages-articles.xml").write_text(plain, encoding="utf-8")
    cut = HEADER.replace("samplewiki", "cutwiki") + "".join(pages[:2])
    (TARGET / "cutwiki-20240201-pages-articles.xml.bz2").write_bytes(bz2.compress(cut.encode()[:-400]))


def page(number: int, title: str, source: str) -> str:
    """One page, its text from a file of the originals or as given."""
    path = ORIGINALS / f"{source[:20]}.wiki"
    text = path.read_text(encoding="utf-8").rstrip("\n") if path.exists() else source
    return PAGE.format(
        title=escape(title),
        namespace=1 if title.startswith("Talk:") else 0,
        number=number,
        redirect='\n    <redirect title="Rope ferry" />' if text.startswith("#REDIRECT") else "",
        revision=number * 1000,
        day=number,
        model="json" if title == "Data" else "wikitext",
        size=len(text.encode()),
        text=escape(text),
    )


if __name__ == "__main__":
    main()
