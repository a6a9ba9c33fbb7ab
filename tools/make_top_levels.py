"""Write text/tables/top_levels_v1.txt: the top-level domains of the Public Suffix List that the package `tld` carries.

Of every rule in the list's first part, what ICANN delegates, the last label; names of other scripts in Unicode.
"""

from __future__ import annotations

import re
from pathlib import Path

import tld

SOURCE = Path(tld.__file__).parent / "res" / "effective_tld_names.dat.txt"
TARGET = Path(__file__).parents[1] / "pile_builder" / "text" / "tables" / "top_levels_v1.txt"


def main() -> None:
    text = SOURCE.read_text(encoding="utf-8")
    version = re.search(r"// VERSION: (\S+)", text)
    rules = text.split("===BEGIN ICANN DOMAINS===")[1].split("===END ICANN DOMAINS===")[0].splitlines()
    names = {rule.strip().rsplit(".", 1)[-1] for rule in rules if rule.strip() and not rule.startswith("//")}
    odd = [name for name in names if not re.fullmatch(r"[a-z\u0080-\U0010ffff]+", name)]
    if odd or version is None:
        raise SystemExit(f"{SOURCE}: no version, or names with other ASCII than a to z: {odd}")
    head = f"# Top-level domains of the Public Suffix List, {version[1]}. Written by tools/make_top_levels.py."
    TARGET.write_text("\n".join([head, *sorted(names)]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
