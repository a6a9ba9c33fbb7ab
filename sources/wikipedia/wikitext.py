"""Wikitext to plain text in one pass with a stack of open templates, links and tables: linear in the page's length.

mwparserfromhell builds a tree and goes back on every brace that nobody closes, at 2.7 MB/s before anything is made of
the tree; a page needs no tree to become text. What is wrong in a page (open braces, crossed brackets) costs no more
than what is right, and loses no more than the piece that it is in.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

from pile_builder.errors import InputError
from pile_builder.sources.wikipedia import templates
from pile_builder.sources.wikipedia.layout import BREAK, CELL, laid_out
from pile_builder.sources.wikipedia.wording import is_interlanguage, is_textless

MAX_DEPTH = 100
"""Most templates, links and tables inside each other, as in MediaWiki's own limit for templates; seen: 9."""
MAX_CHARACTERS = 8 << 20
"""Longest page; MediaWiki's own limit is 2 MiB."""

_OPEN, _CLOSE = "\x02\x03"
"""Around the number of a piece that is kept as it is."""
_MARKS = {ord(sign): None for sign in "\x00\x01\x02\x03\x04\x05\x06\r"}
_DROPPED = (
    "ref|references|gallery|timeline|imagemap|score|hiero|templatestyles|graph|mapframe|maplink|inputbox|categorytree"
    "|indicator|section|charinsert|noinclude|syntaxhighlight-|style|script|rss|quiz|dynamicpagelist"
)
_LITERAL = "nowiki|pre|syntaxhighlight|source|math|chem|ce"
_EXTENSION = re.compile(rf"<!--|<({_DROPPED}|{_LITERAL}|poem)(?=[\s/>])([^<>]{{0,1000}})>", re.I)
_CLOSING = {name: re.compile(rf"</{name}\s*>", re.I) for name in f"{_DROPPED}|{_LITERAL}|poem".split("|")}
_TOKEN = re.compile(
    r"\{\{+|\}\}+|\[\[|\]\]|^[ \t:*#]{0,20}\{\||^[ \t]{0,20}(?:\|\}(?!\}(?!\}))|\|[-+]?|!)|\|\|?|!!", re.M
)
_ATTRIBUTES = re.compile(r"\s*[\w-]+\s*=|\s*$|[^\n\x02<\]]{0,40}\"\s*$")
_ONLY_ATTRIBUTES = re.compile(
    r"\s*(?:(?:col|row)span|style|class|align|valign|bgcolor|width|scope)\s*=[^|\n]{0,200}\s*"
)
_NO_PROSE = re.compile(
    r"class\s*=\s*[\"']?[^\"'|\n]{0,100}?\b(?:navbox|infobox|metadata|ambox|noprint|toc|vertical-navbox)\b", re.I
)
_EXTERNAL = re.compile(
    r"\[(?:(?:https?|ftps?|irc|news|gopher):|//|mailto:)[^\s\[\]<>\x02]{0,2000}(?:[ \t]+([^\[\]\n]{0,1000}))?\]"
)
_LINE_BREAK = re.compile(rf"<br\s{{0,9}}/?\s{{0,9}}>|{BREAK}", re.I)
_VARIANT = re.compile(r"-\{([^{}\n]{0,1000})\}-")
_MAGIC = re.compile(r"__[^\W\d_a-z]{3,30}__")
_QUOTES = re.compile(r"'{2,}")
_KEPT = re.compile(rf"{_OPEN}(\d+){_CLOSE}")


@dataclass(slots=True)
class _Frame:
    """Something open: a template, a link, a table, or the page itself (kind "")."""

    kind: str
    text: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    is_dropped: bool = False
    is_header: bool = False
    is_caption: bool = False

    def end_argument(self) -> None:
        self.arguments.append("".join(self.text))
        self.text = []

    def end_cell(self) -> None:
        cell = "".join(self.text)
        self.text = []
        # Attributes in front of a template that stood for the bar and the rest.
        if cell.strip() and not _ONLY_ATTRIBUTES.fullmatch(cell):
            self.rows[-1].append(cell)


def to_text(
    wikitext: str,
    title: str = "",
    *,
    namespaces: frozenset[str] = frozenset(),
    dropped: frozenset[str] = frozenset(),
    tables: bool = True,
) -> str:
    """Text of a page without its title, paragraphs separated by blank lines.

    Args:
        wikitext: the page's source.
        title: what `{{PAGENAME}}` stands for.
        namespaces: the wiki's own names (lower case) of files, media and categories.
        dropped: headings, lower case, that end with their sections.
        tables: whether tables become rows or nothing.

    Raises:
        InputError: `too_large`: more than `MAX_CHARACTERS`; `too_deep`: more than `MAX_DEPTH` things in each other.
    """
    if len(wikitext) > MAX_CHARACTERS:
        raise InputError("too_large", f"{len(wikitext):,} characters, at most {MAX_CHARACTERS:,}")
    kept: list[str] = []
    text = _protected(wikitext.translate(_MARKS), kept)
    text = _VARIANT.sub(_chosen_variant, text)
    text = _Resolver(text, title, namespaces, tables=tables).run()
    text = _EXTERNAL.sub(lambda link: link[1] or "", text)
    text = _MAGIC.sub("", text)
    text = _QUOTES.sub(_apostrophes, text)
    text = laid_out(text, dropped)
    text = _KEPT.sub(lambda place: kept[int(place[1])], text)
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")


def _protected(text: str, kept: list[str]) -> str:
    """Take out comments and what other parsers than that of wikitext read; what stays as it is goes to `kept`."""
    out: list[str] = []
    absent: set[str] = set()
    at = 0
    while opening := _EXTENSION.search(text, at):
        out.append(text[at : opening.start()])
        at = opening.end()
        if not opening[1]:
            end = text.find("-->", at)
            at = len(text) if end < 0 else end + 3
            # A line that holds nothing but a comment is no line.
            if out[-1].endswith("\n") and text.startswith("\n", at):
                at += 1
            continue
        name = opening[1].lower()
        if opening[2].endswith("/"):
            continue
        # Looked for once: a thousand open tags must not read the page a thousand times.
        closing = None if name in absent else _CLOSING[name].search(text, at)
        if closing is None:
            absent.add(name)
            continue
        inside = text[at : closing.start()]
        at = closing.end()
        if name == "poem":
            out.append("\n\n" + _EXTENSION.sub("", inside).strip("\n").replace("\n", f"{BREAK}\n") + "\n\n")
        elif name in _LITERAL.split("|"):
            kept.append(_literal(name, opening[2], inside))
            place = f"{_OPEN}{len(kept) - 1}{_CLOSE}"
            is_block = name in ("pre", "syntaxhighlight", "source") and "\n" in inside
            out.append(f"\n\n{place}\n\n" if is_block else place)
    out.append(text[at:])
    return "".join(out)


def _literal(name: str, attributes: str, inside: str) -> str:
    if name in ("math", "chem", "ce"):
        formula = " ".join(html.unescape(inside).split())
        if not formula:
            return ""
        formula = formula if name == "math" else rf"\ce{{{formula}}}"
        return f"$${formula}$$" if "block" in attributes else f"${formula}$"
    return html.unescape(inside).strip("\n") if name != "nowiki" else html.unescape(inside)


def _chosen_variant(written: re.Match[str]) -> str:
    """The first of several spellings of a Chinese or Serbian word; conversion rules for the page are no text."""
    flag, bar, words = written[1].rpartition("|")
    if bar and flag.strip().upper() in ("A", "T", "H", "D", "-"):
        return words if flag.strip() in ("A", "-") and ":" not in words else ""
    return words.split(";")[0].rpartition(":")[2]


def _apostrophes(quotes: re.Match[str]) -> str:
    length = len(quotes[0])
    return "'" if length == 4 else "'" * (length - 5)


class _Resolver:
    """Templates, links and tables of a page to text."""

    def __init__(self, text: str, title: str, namespaces: frozenset[str], *, tables: bool) -> None:
        self._text = text
        self._title = title
        self._namespaces = namespaces
        self._tables = tables
        self._stack = [_Frame("")]
        self._at = 0

    def run(self) -> str:
        text, search = self._text, _TOKEN.search
        while token := search(text, self._at):
            if token.start() > self._at:
                self._stack[-1].text.append(text[self._at : token.start()])
            self._at = token.end()
            self._take(token[0], starts_line=not token.start() or text[token.start() - 1] == "\n")
        self._stack[-1].text.append(text[self._at :])
        while len(self._stack) > 1:
            self._abandon()
        return "".join(self._stack[0].text)

    def _take(self, token: str, *, starts_line: bool) -> None:
        top = self._stack[-1]
        sign = token[0]
        if sign == "[" or sign == "]":
            self._bracket(token, top)
        elif token.startswith("{{"):
            self._open_braces(len(token))
        elif sign == "}":
            self._close_braces(len(token))
        elif token.endswith("{|"):
            self._open(_Frame("{|", rows=[[]], is_dropped=_NO_PROSE.search(self._rest_of_line()) is not None))
        elif top.kind == "{|":
            self._table(token.strip(), top, starts_line=starts_line)
        elif top.kind in ("{{", "[[", "{{{") and "|" in token:
            top.end_argument()
            # A bar that ends an argument at the start of a line may look like a table's.
            bar = token.index("|") + 1
            if token[bar:] == "|":
                top.end_argument()
            else:
                self._at -= len(token) - bar
        else:
            top.text.append(token)

    def _bracket(self, token: str, top: _Frame) -> None:
        if token == "[[":
            self._open(_Frame("[["))
        elif top.kind == "[[":
            top.end_argument()
            self._stack.pop()
            self._stack[-1].text.append(self._link(top.arguments))

    def _open(self, frame: _Frame) -> None:
        if len(self._stack) > MAX_DEPTH:
            raise InputError("too_deep", f"more than {MAX_DEPTH} templates, links and tables inside each other")
        self._stack.append(frame)

    def _open_braces(self, length: int) -> None:
        while length > 1:
            width = 3 if length == 3 else 2
            self._open(_Frame("{" * width))
            length -= width

    def _close_braces(self, length: int) -> None:
        while length > 1:
            depth = next(
                (depth for depth in range(len(self._stack) - 1, 0, -1) if self._stack[depth].kind[:2] == "{{"), 0
            )
            if not depth:
                return
            while len(self._stack) - 1 > depth:
                self._abandon()
            frame = self._stack.pop()
            frame.end_argument()
            length -= len(frame.kind)
            self._stack[-1].text.append(self._template(frame))

    def _template(self, frame: _Frame) -> str:
        name, *arguments = frame.arguments
        if frame.kind == "{{{":
            return arguments[0] if arguments else ""
        if name.strip() == "!":
            # The bar of a table inside a template's argument.
            table = self._stack[-1]
            if table.kind == "{|":
                self._table("|", table, starts_line=not table.text or table.text[-1].endswith("\n"))
            return ""
        return templates.render(name, arguments, self._title) or ""

    def _link(self, arguments: list[str]) -> str:
        target = arguments[0].strip()
        if not target.startswith(":") and is_textless(target, self._namespaces):
            return ""
        if len(arguments) > 1:
            label = "|".join(arguments[1:])
            return label if label.strip() else re.sub(r"\s*\([^()]*\)$", "", target.rpartition(":")[2])
        return "" if is_interlanguage(target) else target.lstrip(":")

    def _table(self, token: str, table: _Frame, *, starts_line: bool) -> None:
        if token == "|}":
            self._stack.pop()
            self._stack[-1].text.append(self._rows(table))
        elif token in ("|-", "|+"):
            table.end_cell()
            table.rows.append([])
            table.is_caption = token == "|+"
            if token == "|-":
                self._rest_of_line()
        elif token == "!!" and not table.is_header:
            table.text.append(token)
        elif starts_line or token in ("||", "!!"):
            table.is_header = token == "!" if starts_line else table.is_header
            table.end_cell()
            if table.is_caption and starts_line:
                table.rows.append([])
                table.is_caption = False
        elif token == "!":
            table.text.append(token)
        elif _ATTRIBUTES.match("".join(table.text)):
            table.text = []
        else:
            table.end_cell()

    def _rest_of_line(self) -> str:
        """Attributes of a table or row: read past."""
        end = self._text.find("\n", self._at)
        start, self._at = self._at, len(self._text) if end < 0 else end
        return self._text[start : self._at]

    def _rows(self, table: _Frame) -> str:
        table.end_cell()
        if table.is_dropped or not self._tables:
            return "\n"
        if any(_is_layout(cell) for row in table.rows for cell in row):
            return "\n\n" + "\n\n".join(cell.strip(" ") for row in table.rows for cell in row) + "\n\n"
        rows = [CELL.join(_one_line(cell) for cell in row) for row in table.rows if row]
        return "\n\n" + BREAK.join(CELL + row for row in rows) + "\n\n"

    def _abandon(self) -> None:
        """End what the page never closes: a table stands as far as it goes, of others the words stay.

        A template gives its first paragraph up: that is what it swallowed by being open.
        """
        frame = self._stack.pop()
        below = self._stack[-1].text
        if frame.kind == "{|":
            below.append(self._rows(frame))
            return
        frame.end_argument()
        text = "|".join(frame.arguments)
        below.append(text if frame.kind == "[[" else "\n\n" + text.partition("\n\n")[2])


def _is_layout(cell: str) -> bool:
    """Whether a cell holds blocks (lists, paragraphs, a table), so that its table only arranges them on the page."""
    return "\n\n" in cell.strip() or len(re.findall(r"^[*#=]", cell, re.M)) > 3


def _one_line(cell: str) -> str:
    cell = re.sub(r"\n[*#:;]+ *", ", ", cell.strip(" "))
    return " ".join(_LINE_BREAK.sub(" ", cell).split()).removeprefix(", ")
