"""Errors that a user can meet: each message says what was expected, what came, and what to do."""

from __future__ import annotations


class PileError(Exception):
    """Base of every error that pile-builder raises on purpose; the command line prints it without a traceback."""


class ManifestError(PileError):
    """The manifest, or something that it names, is not usable."""


class InputError(PileError):
    """Input bytes are damaged or pass a stated bound.

    A source lets it escape from `Source.read_file`: the engine turns it into a counted Reject of the file.

    Attributes:
        rule: the name under which the reject is counted, for example `truncated`.
    """

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule
        self.detail = detail

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str]]:
        return type(self), (self.rule, self.detail)


class BudgetError(PileError):
    """What a build may spend is spent; what is committed stands, and the next build goes on."""


class DamagedError(PileError):
    """A file of a build's work is missing, or is not what was written; the next build or export makes it again.

    Attributes:
        path: the file.
        why: what is wrong with it.
    """

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path} is damaged: {why}; the next `pile build`, `tokenize` or `parquet` makes it again")
        self.path = path
        self.why = why

    def __reduce__(self) -> tuple[type[DamagedError], tuple[str, str]]:
        return type(self), (self.path, self.why)


class BuildError(PileError):
    """Some work failed for good; the message lists what, and the next build retries only that."""


class StoreError(PileError):
    """A folder or store refuses what a build wants of it; trying again changes nothing."""


class StoreUnreachableError(StoreError):
    """A store gave no answer, or only that it is busy, as often as it was asked."""


class LeaseLostError(StoreError):
    """Another builder took this folder over: whatever this one did not commit yet is not its to commit any more."""


class HeldError(StoreError):
    """Another command works in this folder."""
