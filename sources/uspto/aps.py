"""Patents of 1976 to 2001: the APS text format ("Green Book"), lines of a code and a text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pile_builder.sources.uspto.patent import DETAIL, DRAWINGS, RELATED, SUMMARY, Block, Patent
from pile_builder.sources.uspto.records import patent_number

_PARTS = {
    "PARN": RELATED, "RLAP": RELATED, "GOVT": RELATED, "BSUM": SUMMARY, "DRWD": DRAWINGS, "DETD": DETAIL,
    "DCLM": DETAIL,
}  # fmt: skip
_PARAGRAPHS = frozenset(["PAR", "PAL", "PA0", "PA1", "PA2", "PA3", "PA4", "PA5", "FNT", "EQU"])
_SIGNS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "GAMMA": "Γ", "DELTA": "Δ",
    "THETA": "Θ", "LAMBDA": "Λ", "PI": "Π", "SIGMA": "Σ", "PHI": "Φ", "PSI": "Ψ", "OMEGA": "Ω", "degree": "°",
    "times": "×", "+-": "±", "-+": "∓", "gtoreq": "≥", "ltoreq": "≤", "gtorsim": "≳", "ltorsim": "≲", "noteq": "≠",
    "apprxeq": "≈", "about": "~", "congruent": "≅", "ident": "≡", "varies": "∝", "infin": "∞", "fwdarw": "→",
    "rarw": "←", "rightarw": "→", "dwnarw": "↓", "uparw": "↑", "multidot": "·", "cndot": "·", "div": "÷", "sqroot": "√",
    "intg": "∫", "differential": "∂", "gradient": "∇", "angle": "∠", "perp": "⊥", "parallel": "∥", "dbd": "=",
    "tbd": "≡", "ANG": "Å", "ohm": "Ω", "OMEGA.": "Ω", "mgreaterthan": "≫", "mlessthan": "≪", "epsilon.": "ε",
    "orgate": "∨", "andgate": "∧", "sym": "~", "prime": "′", "star": "☆", "circle": "○", "cent": "¢", "sctn": "§",
    "vertline": "|", "chi.": "χ", "hoarfrost": "~",
}  # fmt: skip
_SIGN = re.compile(r"\.(" + "|".join(sorted(map(re.escape, _SIGNS), key=len, reverse=True)) + r")\.")
_RAISED = re.compile(r"\.(sup|sub)\.((?:[^\s.,;:()\[\]]|\.(?=\d))+|\([^()\s]*\))")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_ICL = re.compile(r"([A-H]\d\d[A-Z])\s*(\d{1,3})(\d\d\d?)\s*$")


def parse(record: bytes, *, is_plain: bool = False) -> Patent:
    """A record's patent; `is_plain` leaves the codes for signs (`.degree.`, `.sub.2`) as they are."""
    fields: dict[str, str] = {}
    codes: list[str] = []
    national = ""
    blocks: list[Block] = []
    part, group = "", "PATN"
    for code, text in _fields(record.decode("utf-8" if _is_utf8(record) else "cp1252", "replace")):
        if not text and len(code) == 4:
            group, part = code, _PARTS.get(code, "")
        elif group == "PATN":
            fields.setdefault(code, text)
        elif group == "CLAS":
            national = national or (text if code == "OCL" else "")
            codes += [_class(text)] if code == "ICL" else []
        elif part:
            readable = text if is_plain else _readable(text)
            if code == "PAC":
                blocks.append(Block(readable, 1, part))
            elif code in _PARAGRAPHS:
                blocks.append(Block(readable, 0, part))
            elif code == "TBL":
                blocks.append(Block(_table(text), 0, part))
    number, date = patent_number(record), fields.get("ISD", "")
    meta = {
        "title": " ".join(fields.get("TTL", "").split()),
        "number": number,
        "date": f"{date[:4]}-{date[4:6]}-{date[6:8]}" if re.fullmatch(r"\d{8}", date) else "",
        "classification": codes or ([" ".join(national.split())] if national else []),
    }
    return Patent(meta, [block for block in blocks if block.text])


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Codes with their texts, continued lines joined; of a table, its lines as they are."""
    code, lines = "", [""]
    for line in _CONTROLS.sub("", text).split("\n"):
        head = line[:4].strip()
        if head and (line[4:5] in ("", " ")) and re.fullmatch(r"[A-Z][A-Z0-9]{2,3}", head):
            if code:
                yield code, _joined(code, lines)
            code, lines = head, [line[5:]]
        else:
            lines.append(line)
    if code:
        yield code, _joined(code, lines)


def _joined(code: str, lines: list[str]) -> str:
    return "\n".join(lines) if code == "TBL" else " ".join(line.strip() for line in lines if line.strip())


def _readable(text: str) -> str:
    """Codes of signs, sub- and superscripts as signs: `50.degree. C.`, `H.sub.2 O`."""
    text = _SIGN.sub(lambda found: _SIGNS[found[1]], text)
    # A blank ends what is raised or lowered: `H.sub.2 O` is one formula.
    text = _RAISED.sub(
        lambda found: f"{'^' if found[1] == 'sup' else '~'}{found[2]}{'^' if found[1] == 'sup' else '~'}", text
    )
    return " ".join(re.sub(r"(~\d+~) (?=[A-Z][a-z]?(?:~|\b))", r"\1", text).split())


def _table(text: str) -> str:
    """A table's lines without rules and blank lines."""
    lines = (line.rstrip() for line in text.split("\n"))
    kept = [line for line in lines if line.strip() and not re.fullmatch(r"[\s_=-]+", line)]
    indent = min((len(line) - len(line.lstrip()) for line in kept), default=0)
    return "\n".join(line[indent:] for line in kept)


def _class(text: str) -> str:
    """`B60R  900` is `B60R 9/00`."""
    found = _ICL.match(text)
    return f"{found[1]} {int(found[2])}/{found[3]}" if found else " ".join(text.split())


def _is_utf8(record: bytes) -> bool:
    try:
        record.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
