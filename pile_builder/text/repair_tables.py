"""The generated tables behind `repair`: ftfy's character fixes and mojibake pattern, NFC's properties.

tools/make_repair_tables.py derives them from the pinned ftfy and writes them as data, so that a verdict never depends
on the Unicode tables of the running Python.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import ftfy
import numpy as np
from numpy.typing import NDArray

MATCH = 1
"""The automaton's state "this text looks like mojibake"; it starts in 0."""


class RepairTables(NamedTuple):
    """Arrays for the kernels.

    `stage2[stage1[c >> 7], c & 127]` is the kind of code point c; kind 0 means that only ftfy can tell. A row of
    `kinds`: automaton class, combining class, start and stop in `output`, start and stop in `output_classes`. A start
    of -1 means that the character stays; else it becomes those bytes, whose characters have those automaton classes.
    """

    automaton: NDArray[np.uint8]  # [states, classes] -> next state
    stage1: NDArray[np.uint16]  # [8704]
    stage2: NDArray[np.uint16]  # [blocks, 128]
    kinds: NDArray[np.int32]  # [kinds, 6]
    output: NDArray[np.uint8]
    output_classes: NDArray[np.uint8]


@cache
def load_tables() -> RepairTables:
    """Read the shipped tables once per process.

    Raises:
        RuntimeError: the installed ftfy is not the version that the tables describe.
    """
    resource = files("pile_builder.text") / "tables" / "repair_v1.npz"
    with resource.open("rb") as stream, np.load(stream) as tables:
        described = str(tables["ftfy_version"])
        if described != ftfy.__version__:
            msg = (
                f"text/tables/repair_v1.npz describes ftfy {described}, but ftfy {ftfy.__version__} is installed: "
                f"install ftfy=={described}, or regenerate the tables with tools/make_repair_tables.py"
            )
            raise RuntimeError(msg)
        return RepairTables(*(tables[name] for name in RepairTables._fields))
