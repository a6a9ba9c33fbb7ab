"""Runs the targets under atheris, each in a process of its own.

    python -m tests.fuzz SECONDS [TARGET ...]

SECONDS are for all of them together. An uncaught exception, an input that takes 30 seconds or 1 GiB beyond the start
ends a target with its input in build/fuzz; the status is then 1.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

TIMEOUT = 30
MEMORY_MIB = 1024 + 700
"""With what imports and kernels take."""
FOLDER = Path("build/fuzz")


def main() -> int:
    seconds, *names = sys.argv[1:] or [""]
    if not seconds.isdecimal() and seconds != "--one":
        sys.exit(f"expected SECONDS [TARGET ...], got {seconds!r}")
    if seconds == "--one":
        return one(*names)
    from tests.fuzz.targets import TARGETS, seeds

    if unknown := sorted(set(names) - set(TARGETS)):
        sys.exit(f"unknown target {unknown[0]!r}; there are {', '.join(TARGETS)}")
    chosen = names or list(TARGETS)
    failed = 0
    for name in chosen:
        corpus = FOLDER / name
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds(name)):
            (corpus / f"seed-{number}").write_bytes(seed)
        share = max(int(seconds) // len(chosen), 1)
        command = [sys.executable, "-m", "tests.fuzz", "--one", name, str(corpus), str(share)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        runs = re.search(r"number_of_executed_units: *(\d+)", done.stderr) or re.search(r"Done (\d+) runs", done.stderr)
        memory = re.search(r"peak_rss_mb: *(\d+)", done.stderr)
        print(
            f"{name:<18} {runs[1] if runs else '?':>9} executions, peak {memory[1] if memory else '?'} MiB, "
            f"{'crashed' if done.returncode else 'nothing found'}",
            flush=True,
        )
        if done.returncode:
            failed += 1
            print(f"{done.stdout[-3000:]}\n{done.stderr[-1000:]}", flush=True)
    return int(failed > 0)


def kernels() -> Iterator[str]:
    """Modules that may not be instrumented, as Numba compiles what is in them."""
    top = find_spec("pile_builder")
    assert top is not None and top.submodule_search_locations
    for folder in top.submodule_search_locations:
        for path in Path(folder).rglob("*.py"):
            module = ".".join(("pile_builder", *path.relative_to(folder).with_suffix("").parts))
            if module.startswith("pile_builder.text.") or "numba" in path.read_text():
                yield module.removesuffix(".__init__")


def one(name: str, corpus: str, seconds: str) -> int:
    """Fuzz one target in this process; atheris ends it."""
    try:
        import atheris  # type: ignore[import-not-found]
    except ImportError:
        print("expected atheris: pip install 'pile-builder[fuzz]'", file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=["pile_builder"], exclude=list(kernels())):
        from pile_builder.export.format import find_formats
        from pile_builder.source import find_sources
        from tests.fuzz.targets import TARGETS

        find_sources()
        find_formats()
    function = TARGETS[name][0]
    function(b"")
    options = [f"-max_total_time={seconds}", f"-timeout={TIMEOUT}", f"-rss_limit_mb={MEMORY_MIB}", "-max_len=60000"]
    options += [f"-artifact_prefix={FOLDER}/{name}-", "-print_final_stats=1"]
    atheris.Setup(["fuzz", *options, corpus], function)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
