"""Templates that carry a part of the sentence that they stand in; all others are dropped."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

Render = Callable[[Sequence[str], Mapping[str, str]], str]
"""Positional arguments and named ones to text."""

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_RANGES = {"to", "and", "or", "by", "x", "-", "–", "+/-", "to(-)", "and(-)", "×"}
_UNITS = {
    "sqmi": "sq mi", "sqft": "sq ft", "cuft": "cu ft", "cumi": "cu mi", "km2": "km²", "m2": "m²", "cm2": "cm²",
    "m3": "m³", "km3": "km³", "C": "°C", "F": "°F", "K": "K", "mph": "mph", "km/h": "km/h", "ha": "ha", "lbs": "lb",
    "L": "L", "in": "in", "foot": "feet", "ft": "ft",
}  # fmt: skip
_LANGUAGE = re.compile(r"(?:lang|langue|vol|lang\.)-[a-z]{2,3}(?:-[a-z]{2,4})?$")
_NUMBER = re.compile(r"[-+−]?[0-9][0-9.,/]*$")


def render(name: str, arguments: Sequence[str], title: str) -> str | None:
    """Text of a template call, or None if it is dropped.

    Args:
        name: as it stands in the page.
        arguments: what stands between the bars, links and inner templates already resolved.
        title: of the page.
    """
    name = name.strip().replace("_", " ").lower()
    function, colon, value = name.partition(":")
    if colon and function in ("formatnum", "lc", "uc", "lcfirst", "ucfirst", "nowrap"):
        return value
    if name in _FIXED:
        return _FIXED[name]
    if name in ("pagename", "subpagename", "fullpagename"):
        return title
    found = _RENDERERS.get(name)
    if found is None:
        if not _LANGUAGE.match(name):
            return None
        found = _first
    positional: list[str] = []
    named: dict[str, str] = {}
    for argument in arguments:
        key, equals, text = argument.partition("=")
        key = key.strip()
        if equals and len(key) < 30 and "<" not in key and "\x02" not in key:
            named[key.lower()] = text.strip()
        else:
            positional.append(argument.strip())
    # `1=` states by name what else goes by place.
    for number in range(1, 10):
        if str(number) in named:
            positional[number - 1 : number] = [named[str(number)]]
    return found(positional, named)


def _at(place: int) -> Render:
    return lambda positional, named: positional[place] if len(positional) > place else ""


_first = _at(0)


def _second_or_text(positional: Sequence[str], named: Mapping[str, str]) -> str:
    return positional[1] if len(positional) > 1 else named.get("text", "")


def _last(positional: Sequence[str], named: Mapping[str, str]) -> str:
    return positional[-1] if positional else ""


def _joined(separator: str) -> Render:
    return lambda positional, named: separator.join(one for one in positional if one)


def _items(positional: Sequence[str], named: Mapping[str, str]) -> str:
    if len(positional) == 1 and positional[0].startswith("*"):
        return f"\n{positional[0]}\n"
    return "".join(f"\n* {one}" for one in positional if one) + "\n"


def _quote(positional: Sequence[str], named: Mapping[str, str]) -> str:
    said = named.get("text") or named.get("quote") or named.get("κείμενο") or (positional[0] if positional else "")
    by = named.get("author") or named.get("sign") or (positional[1] if len(positional) > 1 else "")
    of = named.get("source") or named.get("title") or (positional[2] if len(positional) > 2 else "")
    after = ", ".join(one for one in (by, of) if one)
    return f"\n\n{said}\n\n" + (f"— {after}\n\n" if after else "")


def _nihongo(positional: Sequence[str], named: Mapping[str, str]) -> str:
    name, *others = [*positional, ""]
    inside = ", ".join(one for one in others if one)
    return f"{name} ({inside})" if name and inside else name or inside


def _convert(positional: Sequence[str], named: Mapping[str, str]) -> str:
    words = list(positional)
    said: list[str] = []
    while len(words) > 2 and words[1] in _RANGES:
        said += [words[0], {"x": "×", "-": "–", "to(-)": "to"}.get(words[1], words[1])]
        del words[:2]
    said += [words[0], _unit(words[1])] if len(words) > 1 else words
    if len(words) > 3 and _NUMBER.match(words[2]) and not _NUMBER.match(words[3]):
        said += [words[2], _unit(words[3])]
    return " ".join(said)


def _unit(unit: str) -> str:
    return _UNITS.get(unit, unit)


def _date(positional: Sequence[str], named: Mapping[str, str]) -> str:
    numbers = [one for one in positional[:3] if re.fullmatch(r"\d{1,4}", one)]
    if len(numbers) < 2 or not 1 <= int(numbers[1]) <= 12:
        return _first(positional, named)
    day = f" {int(numbers[2])}," if len(numbers) > 2 else ""
    return f"{MONTHS[int(numbers[1]) - 1]}{day} {numbers[0]}"


def _as_of(positional: Sequence[str], named: Mapping[str, str]) -> str:
    since = "since" in named
    word = ("since" if since else "as of") if named.get("lc") else ("Since" if since else "As of")
    year, month = [*positional, "", ""][:2]
    name = MONTHS[int(month) - 1] if re.fullmatch(r"0?[1-9]|1[0-2]", month) else month
    return " ".join(one for one in (word, name, year) if one)


def _fraction(positional: Sequence[str], named: Mapping[str, str]) -> str:
    if len(positional) == 1:
        return f"1/{positional[0]}"
    if len(positional) == 3:
        return f"{positional[0]} {positional[1]}/{positional[2]}"
    return "/".join(positional)


def _value(positional: Sequence[str], named: Mapping[str, str]) -> str:
    power = f"×10^{named['e']}" if "e" in named else ""
    unit = named.get("u") or named.get("ul") or ""
    spread = (
        f" ± {positional[1]}" if len(positional) > 1 and not positional[1].startswith("(") else _at(1)(positional, {})
    )
    return f"{_first(positional, {})}{spread}{power}{' ' if unit else ''}{unit}"


def _chemistry(positional: Sequence[str], named: Mapping[str, str]) -> str:
    return "".join(f"<sub>{one}</sub>" if re.fullmatch(r"[0-9n+\-']+", one) else one for one in positional)


def _ship(prefix: str) -> Render:
    return lambda positional, named: f"{prefix} {_first(positional, named)}".strip()


def _harvard(form: str) -> Render:
    """A citation that is the subject of its sentence: names, then the year."""

    def cited(positional: Sequence[str], named: Mapping[str, str]) -> str:
        *names, year = positional or [""]
        return form.format(" & ".join(names), year).strip()

    return cited


def _parenthesised(positional: Sequence[str], named: Mapping[str, str]) -> str:
    return f"({_first(positional, named)})"


_RENDERERS: dict[str, Render] = {}
for _render, _names in (
    (
        _first,
        "nowrap|small|smaller|big|larger|nobr|nobold|noitalic|abbr|abbrlink|tooltip|sc|smallcaps|math|mvar|keypress|key"
        "|kbd|code|tt|var|samp|unicode|script|pre|strong|em|center|vanchor|visible anchor"
        "|not a typo|as written|sic|proper name"
        "|nts|ntsh|formatnum|number|flag|flagcountry|flagu|sort dash|hebrew|polytonic|rtl-lang"
        "|gaps|big|ill|interlanguage link"
        "|illm|ill-wd|longitem|su|allcaps|caps|serif|mono|monospace|normal|block indent|in5"
        "|poemquote|verse translation"
        "|poem|columns|tq|strikethrough|overline|underline|okina|native phrase"
        "|zh|linktext|xt|highlight|lower|upper|color text|center block|air temperature",
    ),
    (
        _second_or_text,
        "lang|langx|langue|wikt-lang|native name|nativename|transl|transliteration|font color|color|fontcolor"
        "|colored text|sort|resize|font|lang-zh|язык|iw",
    ),
    (_last, "columns-list|columns list|hidden|colonnes"),
    (_joined(", "), "hlist|flatlist|flat list"),
    (_items, "plainlist|plain list|unbulleted list|ubl|ublist|vunblist|bulleted list|bullet list|blist|ordered list"),
    (_quote, "quote|cquote|blockquote|quotation|rquote|quote box|bquote|απόσπασμα|citation bloc|cita|zitat|цитата"),
    (_nihongo, "nihongo|nihongo2|nihongo3|nihongo foot|korean|japonais"),
    (_convert, "convert|cvt|unité|conversion|unit"),
    (_date, "birth date|birth date and age|death date|death date and age|start date|end date|dts|date|bda|dda"),
    (_as_of, "as of|asof"),
    (_fraction, "frac|sfrac|fraction|tfrac"),
    (_value, "val"),
    (_chemistry, "chem|chem2|chemf"),
    (lambda positional, named: f"c. {_first(positional, named)}".strip(), "circa|c.|ca.|ca"),
    (lambda positional, named: f"⟨{_first(positional, named)}⟩", "angbr|angle bracket|angbr ipa|grapheme"),
    (lambda positional, named: f"×10^{_first(positional, named)}", "e|e-sp"),
    (lambda positional, named: f"<sup>{_first(positional, named)}</sup>", "sup|smallsup"),
    (lambda positional, named: f"<sub>{_first(positional, named)}</sub>", "sub"),
    (_harvard("{} ({})"), "harvtxt|harvcoltxt"),
    (_harvard("{} {}"), "harvnb|harvcolnb"),
    (_parenthesised, "parenthesis|par"),
    (_ship("USS"), "uss"),
    (_ship("HMS"), "hms"),
):
    _RENDERERS |= dict.fromkeys(_names.split("|"), _render)

_FIXED = {
    "ndash": "–", "en dash": "–", "mdash": "—", "em dash": "—", "mdashb": " — ", "spaced ndash": " – ", "snd": " – ",
    "snds": " – ", "spnd": " – ", "spaced en dash": " – ", "nbsp": " ", "spaces": " ", "space": " ", "thinsp": " ",
    "'": "'", "'s": "'s", "' \"": "'\"", "\" '": "\"'", "=": "=", "pipe": "|",
    "·": " · ", "dot": " · ", "middot": " · ",
    "•": " • ", "bull": " • ", "zwj": "\u200d", "zwnj": "\u200c", "br": "\n", "clear": "\n", "pound": "£", "euro": "€",
    "yen": "¥", "prime": "′", "pprime": "″", "times": "×", "minus": "−", "plus": "+", "deg": "°", "sharp": "♯",
    "flat": "♭", "natural": "♮", "hash": "#", "asterisk": "*", "colon": ":", "semicolon": ";", "(": "{", ")": "}",
    "((": "{{", "))": "}}", "π": "π", "pi": "π", "sigma": "σ",
    "hydrogen": "H", "carbon": "C", "nitrogen": "N", "oxygen": "O", "fluorine": "F", "sodium": "Na", "magnesium": "Mg",
    "aluminium": "Al", "silicon": "Si", "phosphorus": "P", "sulfur": "S", "chlorine": "Cl", "potassium": "K",
    "calcium": "Ca", "iron": "Fe", "copper": "Cu", "zinc": "Zn", "bromine": "Br", "silver": "Ag", "iodine": "I",
}  # fmt: skip
"""Templates that stand for a sign, or an element in a formula. `!` is a table's bar and handled where tables are."""
