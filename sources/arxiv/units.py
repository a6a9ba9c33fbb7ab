r"""Quantities written with siunitx (`\SI{425}{\km\squared}`) as plain text (425 km²)."""

from __future__ import annotations

import re

_PREFIXES = {
    "quecto": "q", "ronto": "r", "yocto": "y", "zepto": "z", "atto": "a", "femto": "f", "pico": "p", "nano": "n",
    "micro": "µ", "milli": "m", "centi": "c", "deci": "d", "deca": "da", "deka": "da", "hecto": "h", "kilo": "k",
    "mega": "M", "giga": "G", "tera": "T", "peta": "P", "exa": "E", "zetta": "Z", "yotta": "Y", "ronna": "R",
    "quetta": "Q", "kibi": "Ki", "mebi": "Mi", "gibi": "Gi", "tebi": "Ti", "pebi": "Pi", "exbi": "Ei", "zebi": "Zi",
    "yobi": "Yi",
}  # fmt: skip
_UNITS = {
    "meter": "m", "metre": "m", "second": "s", "gram": "g", "kilogram": "kg", "ampere": "A", "kelvin": "K",
    "mole": "mol", "candela": "cd", "hertz": "Hz", "newton": "N", "pascal": "Pa", "joule": "J", "watt": "W",
    "coulomb": "C", "volt": "V", "farad": "F", "ohm": "Ω", "siemens": "S", "weber": "Wb", "tesla": "T", "henry": "H",
    "lumen": "lm", "lux": "lx", "becquerel": "Bq", "gray": "Gy", "sievert": "Sv", "degreeCelsius": "°C",
    "celsius": "°C", "electronvolt": "eV", "minute": "min", "hour": "h", "day": "d", "liter": "L", "litre": "L",
    "tonne": "t", "percent": "%", "degree": "°", "radian": "rad", "bit": "bit", "byte": "B", "bar": "bar",
    "angstrom": "Å", "dalton": "Da", "parsec": "pc", "decibel": "dB", "arcminute": "′", "arcsecond": "″",
    "astronomicalunit": "au", "steradian": "sr", "barn": "b", "hectare": "ha", "squared": "²", "cubed": "³",
    "square": "", "cubic": "", "of": "", "per": "/", "celcius": "°C", "bel": "B", "neper": "Np", "katal": "kat",
    "knot": "kn", "nauticalmile": "M", "atomicmassunit": "u", "amu": "u", "bohr": "a₀", "hartree": "Eₕ",
    "elementarycharge": "e", "electronmass": "mₑ", "clight": "c", "planckbar": "ħ", "arcmin": "′", "arcsec": "″",
    "mohm": "mΩ", "kohm": "kΩ", "Mohm": "MΩ",
    **{f"u{unit}": f"µ{unit}" for unit in ("m", "s", "g", "l", "L", "mol", "A", "V", "W", "J", "F", "H")},
}  # fmt: skip
_TOKEN = re.compile(r"\\([A-Za-z]+)|([^\\]+)")
_TIMES = re.compile(r"(?<=\d)[eE]([+-]?\d+)")
_CLEAN = str.maketrans("", "", "{}$")


def unit(text: str) -> str:
    """A unit as text; macros that no table knows stand as they are called, which is right for `kHz` and its like."""
    parts: list[str] = []
    prefix = ""
    power = ""
    for match in _TOKEN.finditer(text):
        name = match[1]
        if name is None:
            parts.append(match[2].translate(_CLEAN).replace("~", " ").replace(".", " ").strip())
            continue
        if name in _PREFIXES:
            prefix = _PREFIXES[name]
            continue
        if name in ("square", "cubic"):
            power = "²" if name == "square" else "³"
            continue
        shown = _UNITS.get(name, name)
        if name in ("squared", "cubed", "per", "of", "tothe", "raiseto"):
            parts.append(shown if name not in ("tothe", "raiseto") else "^")
            continue
        separate = bool(parts) and not parts[-1].endswith(("/", "^"))
        parts.append(f"{' ' if separate else ''}{prefix}{shown}{power}")
        prefix = power = ""
    return "".join(parts)


def number(text: str) -> str:
    """A number as text, powers of ten spelt out."""
    text = text.translate(_CLEAN).replace("\\pm", "±").replace("+-", "±").replace("\\times", "×").replace("\\", "")
    return _TIMES.sub(r" × 10^\1", text).strip()
