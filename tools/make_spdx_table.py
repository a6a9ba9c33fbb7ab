"""Write pile_builder/spdx.txt: the identifiers of the SPDX licence list, as the package `packaging` knows them."""

from __future__ import annotations

from pathlib import Path

from packaging.licenses import _spdx

TARGET = Path(__file__).parents[1] / "pile_builder" / "spdx.txt"


def main() -> None:
    licences = sorted((entry["id"] for entry in _spdx.LICENSES.values()), key=str.lower)
    exceptions = sorted((f"WITH {entry['id']}" for entry in _spdx.EXCEPTIONS.values()), key=str.lower)
    head = f"# SPDX licence list {_spdx.VERSION}: licences, then exceptions. Written by tools/make_spdx_table.py."
    TARGET.write_text("\n".join([head, *licences, *exceptions]) + "\n")


if __name__ == "__main__":
    main()
