"""How much of each source goes into training: from epochs, or from weights, a total and caps, to exact epochs.

A source's epochs are how often each surviving byte of it appears in training; its weight is its share of training bytes
after that. Bytes are UTF-8 bytes of text as it is written. All arithmetic is in integers and fractions.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Final

Number = int | float | str | Decimal | Fraction
"""A number as a manifest gives it: 2, 1.5, "1/3". A float means the decimal that it prints as: 0.1 is 1/10."""

MAX_COPIES: Final = 256
"""Copies of a document at most: plans number them in 8 bits."""


@dataclass(frozen=True)
class MixtureSpec:
    """A mixture as asked for, in one of two ways.

    By `epochs`: source name -> epochs; sources not named get 1. Or by `weights`: source name -> weight, for every
    source, in any unit (they are normalised), with the `total` in bytes that they are shares of. `max_epochs` caps all
    sources, `max_epochs_by_source` single ones (it goes before the other). An empty spec is one epoch of everything.
    Over `epochs` a cap is only a check: what was asked for in so many words is an error if above, never changed.
    """

    epochs: Mapping[str, Number] = field(default_factory=dict)
    weights: Mapping[str, Number] = field(default_factory=dict)
    total: int | None = None
    max_epochs: Number | None = None
    max_epochs_by_source: Mapping[str, Number] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceShare:
    """What one source gives to training.

    `available` are its surviving bytes, `epochs` is exact, `target` is `floor(epochs * available)` bytes, `weight` its
    exact share of all `epochs * available` and `capped` says that a cap holds it below the weight asked for.
    """

    name: str
    available: int
    epochs: Fraction
    target: int
    weight: Fraction
    capped: bool

    @property
    def whole_copies(self) -> int:
        """How often every document appears at least."""
        return floor(self.epochs)

    @property
    def copies(self) -> int:
        """How often a document appears at most: copies are numbered from 0, a fractional one comes last."""
        return ceil(self.epochs)

    @property
    def extra_quota(self) -> int:
        """Bytes of the documents that appear once more than `whole_copies`."""
        return self.target - self.whole_copies * self.available


@dataclass(frozen=True)
class Mixture:
    """The planned mixture: one share per source, sorted by name.

    `total` is the sum of targets in bytes, `shortfall` the bytes asked for that the caps leave unplanned (0 without).
    """

    sources: tuple[SourceShare, ...]
    total: int
    shortfall: int

    def share(self, name: str) -> SourceShare:
        """The share of the source of this name.

        Raises:
            ValueError: there is none.
        """
        for source in self.sources:
            if source.name == name:
                return source
        raise ValueError(_unknown("mixture", name, [source.name for source in self.sources]))


def plan_mixture(available: Mapping[str, int], spec: MixtureSpec) -> Mixture:
    """Plan the training mixture over `available`: source name -> surviving training bytes.

    By weights, a source whose share of the total is more than its cap allows gets its cap, and what that cuts is spread
    over the sources without a cap reached, in proportion to weight, until none exceeds its own. If all are capped the
    total shrinks. Neither the order of names nor of rounds matters.

    Raises:
        ValueError: the spec gives both epochs and weights, or weights and no total, or names an unknown source, or a
            negative, non-finite or unreadable number; a source has a weight and no bytes; nothing is left to train on.
    """
    _check(available, spec)
    names = sorted(available)
    caps = {name: _cap(name, spec) for name in names}
    if spec.weights:
        epochs, capped = _by_weight(available, spec, caps)
    else:
        epochs, capped = _by_epochs(names, spec, caps), set()
    for name in names:
        if ceil(epochs[name]) > MAX_COPIES:
            raise ValueError(_too_many(name, epochs[name]))
    exact = {name: epochs[name] * available[name] for name in names}
    whole = sum(exact.values(), Fraction(0))
    if not whole:
        msg = f"mixture: nothing to train on: none of {', '.join(names) or 'no sources'} has bytes and epochs above 0"
        raise ValueError(msg)
    sources = tuple(
        SourceShare(
            name=name,
            available=available[name],
            epochs=epochs[name],
            target=floor(exact[name]),
            weight=exact[name] / whole,
            capped=name in capped,
        )
        for name in names
    )
    shortfall = ceil(spec.total - whole) if spec.total is not None else 0
    return Mixture(sources, sum(source.target for source in sources), shortfall)


def exact_number(value: Number, what: str) -> Fraction:
    """Read a manifest's number as an exact fraction; `what` names it in errors.

    Raises:
        ValueError: it is no number, not finite or negative.
    """
    try:
        number = Fraction(str(value) if isinstance(value, float) else value)
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        msg = f"{what}: expected a number such as 2, 1.5 or '1/3', got {value!r}"
        raise ValueError(msg) from error
    if number < 0:
        msg = f"{what}: expected a number of 0 or more, got {value}"
        raise ValueError(msg)
    return number


def _by_epochs(names: list[str], spec: MixtureSpec, caps: Mapping[str, Fraction | None]) -> dict[str, Fraction]:
    epochs = {}
    for name in names:
        epochs[name] = exact_number(spec.epochs.get(name, 1), f"epochs of {name}")
        cap = caps[name]
        if cap is not None and epochs[name] > cap:
            msg = (
                f"epochs of {name}: {epochs[name]} is above its max_epochs of {cap}; lower the epochs, raise the cap, "
                "or give weights and a total, of which a cap spreads what it cuts over the other sources"
            )
            raise ValueError(msg)
    return epochs


def _by_weight(
    available: Mapping[str, int], spec: MixtureSpec, caps: Mapping[str, Fraction | None]
) -> tuple[dict[str, Fraction], set[str]]:
    weights = {name: exact_number(spec.weights[name], f"weight of {name}") for name in available}
    if not any(weights.values()):
        msg = "mixture: expected a weight above 0 for one source at least, got 0 for all"
        raise ValueError(msg)
    empty = sorted(name for name, weight in weights.items() if weight and not available[name])
    if empty:
        msg = (
            f"weight of {empty[0]}: {weights[empty[0]]}, but the source has no bytes left to train on; give it weight "
            "0, or look up in the audit which rules dropped its documents"
        )
        raise ValueError(msg)
    assert spec.total is not None
    limits = {name: cap * available[name] for name, cap in caps.items() if cap is not None}
    targets = {name: Fraction(0) for name in available}
    open_names = {name for name, weight in weights.items() if weight}
    remaining = Fraction(spec.total)
    capped: set[str] = set()
    while open_names:
        per_weight = remaining / sum((weights[name] for name in open_names), Fraction(0))
        over = {name for name in open_names if name in limits and weights[name] * per_weight > limits[name]}
        if not over:
            targets.update({name: weights[name] * per_weight for name in open_names})
            break
        targets.update({name: limits[name] for name in over})
        remaining -= sum((limits[name] for name in over), Fraction(0))
        capped |= over
        open_names -= over
    return {name: targets[name] / available[name] if targets[name] else Fraction(0) for name in available}, capped


def _cap(name: str, spec: MixtureSpec) -> Fraction | None:
    cap = spec.max_epochs_by_source.get(name, spec.max_epochs)
    return None if cap is None else exact_number(cap, f"max_epochs of {name}")


def _check(available: Mapping[str, int], spec: MixtureSpec) -> None:
    if spec.epochs and spec.weights:
        msg = (
            f"mixture: expected either epochs or weights, got epochs for {', '.join(sorted(spec.epochs))} and weights "
            f"for {', '.join(sorted(spec.weights))}; give one kind for all sources"
        )
        raise ValueError(msg)
    if bool(spec.weights) != (spec.total is not None):
        msg = (
            "mixture: weights are shares of a total; give the total in bytes as well"
            if spec.weights
            else f"mixture: a total of {spec.total} bytes needs a weight per source; epochs state their own total"
        )
        raise ValueError(msg)
    if spec.total is not None and spec.total <= 0:
        msg = f"mixture: expected a total above 0 bytes, got {spec.total}"
        raise ValueError(msg)
    for field_name, named in (
        ("epochs", spec.epochs),
        ("weights", spec.weights),
        ("max_epochs_by_source", spec.max_epochs_by_source),
    ):
        for name in sorted(named):
            if name not in available:
                raise ValueError(_unknown(field_name, name, available))
    missing = sorted(set(available) - set(spec.weights)) if spec.weights else []
    if missing:
        msg = f"mixture: expected a weight for every source, got none for {', '.join(missing)}; weight 0 leaves one out"
        raise ValueError(msg)
    for name in sorted(available):
        if available[name] < 0:
            msg = f"available bytes of {name}: expected 0 or more, got {available[name]}"
            raise ValueError(msg)


def _unknown(where: str, name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{where}: unknown source {name!r}; {hint}the sources are {', '.join(names)}"


def _too_many(name: str, epochs: Fraction) -> str:
    return (
        f"epochs of {name}: {float(epochs):.6g} would write a document more than {MAX_COPIES} times; lower its epochs "
        "or weight, or set max_epochs"
    )
