"""Patents of 2001 and later: ST.32 (`PATDOC`), the first applications, and ST.36 (`us-patent-grant`), to blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from pile_builder.errors import InputError
from pile_builder.sources.markup import local_name, numbered_entities
from pile_builder.sources.uspto.patent import DETAIL, DRAWINGS, RELATED, SUMMARY, Block, Patent
from pile_builder.sources.uspto.records import plain_number
from pile_builder.sources.xml_inline import MAX_DEPTH, Style, inline_text, laid_out, nodes, plain
from pile_builder.sources.xml_tables import table_rows

ROOTS = frozenset(["PATDOC", "us-patent-grant", "us-patent-application", "patent-application-publication"])

_DESCRIPTIONS = ("SDODE", "description", "subdoc-description")
_PARTS = {
    "relapp": RELATED, "cross-reference-to-related-applications": RELATED, "govint": RELATED,
    "federal-research-statement": RELATED, "brfsum": SUMMARY, "summary-of-invention": SUMMARY,
    "background-of-invention": SUMMARY, "drwdesc": DRAWINGS, "description-of-drawings": DRAWINGS,
    "brief-description-of-drawings": DRAWINGS, "detdesc": DETAIL, "detailed-description": DETAIL,
}  # fmt: skip
"""Elements and processing instructions that mark the parts of a description."""
_UNWRAPPED = (
    "PDAT", "PTEXT", "STEXT", "HIL", "BOLD", "FGREF", "CLREF", "SMALLCAPS", "ULINE", "b", "bold", "highlight", "figref",
    "claim-ref", "cross-reference", "smallcaps", "u", "o", "underline", "small-caps", "dependent-claim-reference",
)  # fmt: skip
"""Elements without a meaning for the text: reference numerals are bold, numbers of figures links."""
_NAMES = {
    "SB": "sub", "SP": "sup", "ITALIC": "i", "italic": "i", "subscript": "sub", "superscript": "sup", "sub2": "sub",
    "sup2": "sup", "EMI": "graphic", "img": "graphic", "image": "graphic", "MATH-US": "disp-formula",
    "CHEM-US": "disp-formula", "maths": "disp-formula", "chemistry": "disp-formula", "math-cwu": "disp-formula",
    "chemistry-cwu": "disp-formula", "chemistry-chemdraw-file": "object-id", "math-mathml-file": "object-id",
    "br": "break", "F": "in-line-formula", "H": "heading", "PARA": "p", "paragraph": "p", "LST": "ul", "UL": "ul",
    "OL": "ul", "ol": "ul", "LI": "li", "number": "object-id", "tables": "tables", "TABLE-US": "tables",
    "TABLE-CWU": "tables", "table-cwu": "tables",
}  # fmt: skip
"""Names of elements that mean what others mean, JATS's where it has one."""
_BLOCKS = frozenset(["tables", "table", "ul", "p", "heading", "li"])


def parse(record: bytes) -> Patent | None:
    """A record's patent, or None where it is another kind of document.

    Raises:
        InputError: `damaged`, `truncated` or `too_large`.
    """
    root = _tree(record)
    if root.tag not in ROOTS:
        return None
    blocks: list[Block] = []
    description = next(root.iter(*_DESCRIPTIONS), None)
    if description is not None:
        etree.strip_tags(description, *_UNWRAPPED)
        for element in description.iter(*_NAMES):
            element.tag = _NAMES[str(element.tag)]
        blocks = [block for block in _Walk().blocks(description, 1, 0) if block.text]
    return Patent(_meta(root), blocks)


def _tree(record: bytes) -> etree._Element:
    content = numbered_entities(record)
    try:
        return etree.fromstring(content, _parser(is_lenient=False))
    except etree.XMLSyntaxError as error:
        # Files of 2001 are SGML: empty elements need not end.
        if content.rstrip().endswith(b"</PATDOC>") and not record.lstrip().startswith(b"<?xml"):
            # After an error the parser drops even these entities.
            content = content.replace(b"&amp;", b"&#38;").replace(b"&lt;", b"&#60;").replace(b"&gt;", b"&#62;")
            lenient = etree.fromstring(content, _parser(is_lenient=True))
            if lenient is not None and lenient.tag == "PATDOC":
                return lenient
        is_whole = any(b"</%s>" % root.encode() in content for root in ROOTS)
        raise InputError("damaged" if is_whole else "truncated", str(error)) from error


def _parser(*, is_lenient: bool) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True,
        recover=is_lenient,
    )  # fmt: skip


class _Walk:
    """Blocks of a description in order; `part` is what processing instructions say of where the walk is."""

    def __init__(self) -> None:
        self._part = ""
        self._style = Style()

    def blocks(self, parent: etree._Element, level: int, depth: int) -> Iterator[Block]:
        if depth > MAX_DEPTH:
            raise InputError("too_large", f"elements nested deeper than {MAX_DEPTH}")
        for child in parent:
            if isinstance(child, etree._ProcessingInstruction):
                self._marked(child)
                continue
            if not isinstance(child.tag, str):
                continue
            name = local_name(child)
            part = _PARTS.get(name)
            if part is not None:
                before, self._part = self._part, part
                yield from self.blocks(child, level, depth + 1)
                self._part = before
            elif name == "heading":
                yield Block(inline_text(child, self._style), _level(child), self._part)
            elif name in ("p", "ul", "li"):
                yield from (Block(text, 0, self._part) for text in self._flow(child, depth + 1))
            elif name in ("tables", "table"):
                yield Block(self._table(child), 0, self._part)
            elif name in ("disp-formula", "in-line-formula", "graphic"):
                yield Block(inline_text(child, self._style), 0, self._part)
            else:
                yield from self.blocks(child, level + 1, depth + 1)

    def _marked(self, instruction: etree._ProcessingInstruction) -> None:
        part = _PARTS.get(str(instruction.target).lower())
        if part is not None:
            self._part = part if 'end="lead"' in (instruction.text or "") else ""

    def _flow(self, element: etree._Element, depth: int) -> Iterator[str]:
        """A paragraph or a list, cut where tables and items stand in it."""
        if depth > MAX_DEPTH:
            raise InputError("too_large", f"elements nested deeper than {MAX_DEPTH}")
        text = plain(element.text, self._style)
        for child in element:
            if isinstance(child, etree._ProcessingInstruction):
                text += plain(child.tail, self._style)
                continue
            name = local_name(child) if isinstance(child.tag, str) else ""
            if name not in _BLOCKS:
                text += nodes([child], self._style, depth + 1)
                continue
            yield laid_out(text, self._style)
            text = plain(child.tail, self._style)
            if name in ("tables", "table"):
                yield self._table(child)
            elif name == "ul":
                # Lists have no marks of their own: where there are any, they stand in the text.
                yield "\n".join(line for line in self._flow(child, depth + 1) if line)
            else:
                yield from self._flow(child, depth + 1)
        yield laid_out(text, self._style)

    def _table(self, element: etree._Element) -> str:
        """Rows of each group of columns; a group of one column (a title, a note) as plain lines."""
        groups: list[etree._Element] = []
        for group in list(element.iter("tgroup")) or [element]:
            # Head and body are often groups of their own.
            if groups and groups[-1].get("cols") == group.get("cols"):
                groups[-1].extend(list(group))
            else:
                groups.append(group)
        parts = []
        for group in groups:
            if group.get("cols") == "1":
                lines = (inline_text(row, self._style) for row in group.iter("row"))
                parts.append("\n".join(line for line in lines if line))
            else:
                parts.append(table_rows(group, self._style))
        return "\n".join(part for part in parts if part)


def _level(heading: etree._Element) -> int:
    text = heading.get("level") or heading.get("lvl") or heading.get("LVL") or "1"
    return max(1, min(int(text), 6)) if text.isdecimal() else 1


def _meta(root: etree._Element) -> dict[str, object]:
    found: dict[str, object]
    if root.tag == "PATDOC":
        number, kind, date = (_text(root, f".//B100/{path}") for path in ("B110", "B130", "B140"))
        codes = [_st32_class(_all(one)) for one in root.iterfind(".//B510/*") if one.tag in ("B511", "B512")]
        codes = codes or [_text(root, ".//B520/B521")]
        title = _text(root, ".//B540")
    elif root.tag == "patent-application-publication":
        head = "./subdoc-bibliographic-information"
        number, kind, date = (
            _text(root, f"{head}/document-id/{name}") for name in ("doc-number", "kind-code", "document-date")
        )
        codes = [_st32_class(_all(one)) for one in root.iterfind(f"{head}/.//ipc")]
        title = _text(root, f"{head}/.//title-of-invention")
    else:
        document = next(root.iterfind("./*/publication-reference/document-id"), root)
        number, kind, date = (_text(document, f"./{name}") for name in ("doc-number", "kind", "date"))
        codes = [
            f"{''.join(_text(one, f'./{name}') for name in ('section', 'class', 'subclass'))} "
            f"{_text(one, './main-group')}/{_text(one, './subgroup')}"
            for one in root.iterfind("./*/classifications-ipcr/classification-ipcr")
        ] or [_text(root, "./*/classification-national/main-classification")]
        title = _text(root, "./*/invention-title")
    found = {
        "title": title,
        "number": plain_number(number),
        "kind": kind,
        "date": f"{date[:4]}-{date[4:6]}-{date[6:8]}" if re.fullmatch(r"\d{8}", date) else "",
        "classification": list(dict.fromkeys(code for code in codes if code)),
    }
    return found


def _text(element: etree._Element, path: str) -> str:
    found = element.find(path)
    return _all(found) if found is not None else ""


def _all(element: etree._Element) -> str:
    return " ".join("".join(map(str, element.itertext())).split())


def _st32_class(code: str) -> str:
    """`G06F 1516` and `G06F015/16` are `G06F 15/16`."""
    found = re.fullmatch(r"([A-H]\d\d[A-Z])\s*0*(\d{1,3}?)/?(\d\d)", code)
    return f"{found[1]} {found[2]}/{found[3]}" if found else code
