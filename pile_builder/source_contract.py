"""The contract of source plugins, checked on the author's own sample: `check` in tests, `pile sources test`.

    from pile_builder.source_contract import check

    def test_contract():
        check(Almanac(SourceConfig(inputs=("samples/almanac",))))

Everything that is read, read again, cut and damaged is read in a process of its own, with another hash seed and time
zone: a source that crashes, hangs or eats memory fails a check, and the next check goes on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pile_builder.contract.checks import (
    Finding,
    Sample,
    check_declared,
    check_documents,
    check_places,
    check_repeated,
    check_splits,
)
from pile_builder.contract.damaged import check_damaged
from pile_builder.contract.large import check_streaming
from pile_builder.contract.process import Readers
from pile_builder.contract.reading import outcomes
from pile_builder.errors import ManifestError
from pile_builder.source import Source

STREAM_BYTES, QUICK_STREAM_BYTES = 100 << 20, 8 << 20
"""To how many bytes a sample is repeated to see whether a source streams; in tests, where the records held count."""


def check(source: Source, stream_bytes: int = QUICK_STREAM_BYTES, readers: Readers | None = None) -> None:
    """Check a source on the sample that its config's inputs name.

    Args:
        source: with the sample as its inputs.
        stream_bytes: to how many bytes the sample is repeated.
        readers: where it is read; a process of its own if None.

    Raises:
        AssertionError: with every check that failed and the records that did it.
        ManifestError: the inputs cannot be listed.
    """
    failed = [finding for finding in examine(source, stream_bytes, readers=readers) if finding.problems]
    assert not failed, "\n".join(
        f"{finding.check}: expected {finding.expected}\n    " + "\n    ".join(finding.problems) for finding in failed
    )


def documents(source: Source) -> dict[str, str]:
    """The texts that a source makes of its inputs, by key; rejects left out."""
    return {one.key: one.text for one in outcomes(source, source.splits()) if one.is_document}


def examine(
    source: Source,
    stream_bytes: int = STREAM_BYTES,
    say: Callable[[str], None] = lambda _: None,
    readers: Readers | None = None,
) -> Iterator[Finding]:
    """Each check with what it found, as they are made.

    Args:
        source: with the sample as its inputs.
        stream_bytes: to how many bytes the sample is repeated.
        say: told the name of each check before it is made.
        readers: where it is read; a process of its own if None.

    Raises:
        ManifestError: the inputs cannot be listed.
    """
    with tempfile.TemporaryDirectory(prefix="pile-contract-") as folder, ExitStack() as stack:
        say("declared")
        yield check_declared(source)
        say("splits")
        yield check_splits(source)
        sample = Sample(source, Path(folder), readers or stack.enter_context(Readers()))
        say("documents")
        yield from check_documents(sample)
        say("repeated")
        yield from check_repeated(sample)
        if not sample.files:
            yield Finding(
                "files", "copies, repeats and damage of the sample's files", "not tried: its inputs are no files"
            )
            return
        say("places")
        yield check_places(sample)
        say("streaming")
        yield from check_streaming(sample, stream_bytes)
        yield from check_damaged(sample, say)


def sample_config(plugin: type[Source], name: str) -> dict[str, Any]:
    """The config with which a plugin reads the sample that comes with it.

    Raises:
        ManifestError: there is none.
    """
    if not plugin.sample.get("inputs", True):
        return dict(plugin.sample)
    folder = str(sample_of(plugin, name))
    return {"inputs": (".",) if plugin.sample else (folder,), "root": folder if plugin.sample else "", **plugin.sample}


def sample_of(plugin: type[Source], name: str) -> Path:
    """The sample that comes with a plugin: `samples/NAME` beside its module or up to two folders above.

    Raises:
        ManifestError: there is none.
    """
    import inspect

    module = Path(inspect.getfile(plugin)).resolve()
    for folder in list(module.parents)[:3]:
        if (folder / "samples" / name).is_dir():
            return folder / "samples" / name
    msg = f"{name}: expected a sample in samples/{name} beside {module.name}, there is none; name files to read"
    raise ManifestError(msg)
