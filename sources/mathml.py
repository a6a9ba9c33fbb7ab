"""Presentation MathML, and the LaTeX that JATS files carry, to LaTeX as people write it between dollar signs."""

from __future__ import annotations

import re
import unicodedata

from lxml import etree

from pile_builder.errors import InputError
from pile_builder.sources.markup import local_name

MAX_DEPTH = 80
"""Deepest nesting of a formula (seen: 21)."""

_ACCENTS = {
    "¯": "bar", "‾": "bar", "ˉ": "bar", "_": "bar", "^": "hat", "ˆ": "hat", "~": "tilde", "˜": "tilde", "∼": "tilde",
    "→": "vec", "⇀": "vec", "˙": "dot", ".": "dot", "¨": "ddot", "\u0307": "dot", "\u0308": "ddot", "\u0304": "bar",
    "\u0305": "bar", "\u0302": "hat", "\u0303": "tilde", "\u20d7": "vec", "⏞": "overbrace",
}  # fmt: skip
_INVISIBLE = {ord(sign): None for sign in "\u2061\u2062\u2063\u2064\u200b\u200c\u200d\xad\ufeff"}
_MATHEMATICAL = re.compile("[\U0001d400-\U0001d7ff]")
_LEAVES = frozenset(["mi", "mn", "mo", "mtext", "ms"])
_NOTHING = frozenset(["mspace", "mphantom", "annotation", "annotation-xml", "maligngroup", "malignmark", "none"])
_BEGIN, _END = r"\begin{document}", r"\end{document}"
_PREAMBLE = re.compile(r"\\(?:documentclass|usepackage|setlength)\s*(?:\[[^\]]{0,500}\])?(?:\{[^}]{0,500}\})+")


def tex_of_mathml(math: etree._Element) -> str:
    r"""LaTeX of a `math` element: `\frac{a}{b}`, `x_{i}^{2}`; letters and signs stay Unicode.

    Raises:
        InputError: `too_large`: nested deeper than `MAX_DEPTH`.
    """
    return re.sub(r" {2,}", " ", _tex(math, 0)).strip()


def tex_of_latex(latex: str) -> str:
    """The formula in a `tex-math` element, without the document around it and without dollar signs."""
    # A pattern for both would look for the end from every beginning.
    _, begin, rest = latex.partition(_BEGIN)
    inner, end, _ = rest.partition(_END)
    text = inner if begin and end else _PREAMBLE.sub(" ", latex)
    text = " ".join(text.split())
    for opening, closing in (("$$", "$$"), ("$", "$"), (r"\[", r"\]"), (r"\(", r"\)")):
        if text.startswith(opening) and text.endswith(closing) and len(text) >= len(opening) + len(closing):
            return text[len(opening) : -len(closing)].strip()
    return text


def _tex(node: etree._Element, depth: int) -> str:
    if depth > MAX_DEPTH:
        raise InputError("too_large", f"a formula nested deeper than {MAX_DEPTH}")
    if not isinstance(node.tag, str):
        return ""
    name = local_name(node)
    if name in _NOTHING:
        return " " if name == "mspace" else ""
    if name in _LEAVES:
        return _leaf(node, name)
    parts = [_tex(child, depth + 1) for child in node if isinstance(child.tag, str)]
    if name == "semantics":
        return parts[0] if parts else ""
    if name in ("mtable", "mtr", "mlabeledtr"):
        return _table(node, name, parts)
    return _script(name, node, parts) if name in _SCRIPTS and len(parts) >= _SCRIPTS[name] else _sequence(parts)


_SCRIPTS = {
    "mfrac": 2, "msqrt": 1, "mroot": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2, "munderover": 3,
    "mmultiscripts": 1, "mfenced": 0,
}  # fmt: skip
"""Elements with a layout of their own, and how many parts they need."""


def _script(name: str, node: etree._Element, parts: list[str]) -> str:
    if name == "mfrac":
        return f"\\frac{{{parts[0]}}}{{{parts[1]}}}"
    if name == "msqrt":
        return f"\\sqrt{{{_sequence(parts)}}}"
    if name == "mroot":
        return f"\\sqrt[{parts[1]}]{{{parts[0]}}}"
    if name == "mfenced":
        opening, closing = node.get("open", "("), node.get("close", ")")
        return f"{opening}{(node.get('separators', ',')[:1] + ' ').join(parts)}{closing}"
    if name == "mmultiscripts":
        return _based(parts[0]) + "".join(f"_{{{part}}}" for part in parts[1:] if part)
    base = _based(parts[0])
    if name == "mover" and parts[1].strip() in _ACCENTS:
        return f"\\{_ACCENTS[parts[1].strip()]}{{{parts[0].strip()}}}"
    if name in ("msup", "mover"):
        return f"{base}^{{{parts[1]}}}" if parts[1] else base
    text = f"{base}_{{{parts[1]}}}" if parts[1] else base
    return f"{text}^{{{parts[2]}}}" if len(parts) > 2 and parts[2] else text


def _based(base: str) -> str:
    plain = base.strip()
    return plain if len(plain) <= 1 or re.fullmatch(r"\\?\w+(?:\{[^{}]*\})?|[^\W\d_]+|\d+|\(.*\)|\[.*\]", plain) else (
        f"{{{plain}}}"
    )  # fmt: skip


def _leaf(node: etree._Element, name: str) -> str:
    text = " ".join("".join(map(str, node.itertext())).translate(_INVISIBLE).split())
    text = _MATHEMATICAL.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    if not text:
        return ""
    if name == "mtext":
        return f" {text} " if len(text) > 1 else text
    if name == "mo":
        return f" {text} " if text in _RELATIONS else f"{text} " if text in ",;" else text
    # Names of functions and units would run into what follows.
    return f"{text} " if name == "mi" and len(text) > 1 else text


_RELATIONS = frozenset("=<>≤≥≠≈≡∼≃≅∝∈∉⊂⊆→←↔⇒⇔+−-±×·*:|∣∧∨∪∩∀∃≪≫")


def _sequence(parts: list[str]) -> str:
    """Parts in a row; a sign in front of the first is no operation."""
    return re.sub(r"^ ([−+±-]) ", r"\1", "".join(parts))


def _table(node: etree._Element, name: str, parts: list[str]) -> str:
    if name == "mtable":
        return "\\begin{matrix} " + " \\\\ ".join(part.strip() for part in parts) + " \\end{matrix}"
    return " & ".join(part.strip() for part in parts)
