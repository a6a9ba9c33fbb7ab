"""Imported by the fork server, and by nothing else: numba has started up before extraction processes are forked.

The first kernel of a process takes a quarter of a second of it, whichever it is; every process runs this one.
"""

import gc

from pile_builder.text.repair import repair_texts

repair_texts(["“warm”"])
# What they share is not searched for garbage by each of them.
gc.freeze()
