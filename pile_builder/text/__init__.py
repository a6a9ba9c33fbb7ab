"""Text kernels: numba functions over UTF-8 columns. No Beam, no I/O.

Importing this package names the folder of numba's cache of compiled kernels. Numba recompiles a function when its own
file changes, but not when a function that it inlines from another file does, so a stale cache would give old results
without a word. The folder's name is a digest of all kernels' sources.
"""

import hashlib
import os
from pathlib import Path

import numba


def _cache_folder() -> str:
    package = Path(__file__).parents[1]
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted([*package.glob("text/*.py"), *package.glob("dedup/*.py"), *package.glob("main_content/*.py"), package / "spans.py"]):
        digest.update(path.read_bytes())
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return str(Path(home) / "pile-builder" / digest.hexdigest())


if not numba.config.CACHE_DIR:
    numba.config.CACHE_DIR = _cache_folder()
