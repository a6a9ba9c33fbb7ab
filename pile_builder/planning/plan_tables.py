"""A plan, and its comparison with a build, as tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor

from rich.markup import escape
from rich.table import Table

from pile_builder.planning.compare import Comparison
from pile_builder.planning.estimates import Estimate
from pile_builder.planning.plan import Plan
from pile_builder.planning.scaling import YARDSTICK
from pile_builder.terminal import Console

_RULES = 4
"""Rules that are named of those that drop records of a source's sample."""
_STEPS = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def print_plan(plan: Plan, console: Console) -> None:
    """Sources, training, phases, cost, what laws ask for, and at the end what was assumed."""
    sampled = sum(source.sampled for source in plan.sources)
    console.print(
        f"[bold]{plan.name}[/]: planned from {sampled:,} records in {plan.seconds:.0f} s, seed {plan.seed}; "
        "in parentheses the ends of 90 % intervals\n",
        markup=True,
        highlight=False,
        soft_wrap=True,
    )
    console.print(_sources(plan))
    console.print()
    for source in plan.sources:
        rules = list(source.dropped.items())
        if rules:
            shown = ", ".join(f"{rule} {count}" for rule, count in rules[:_RULES])
            more = sum(count for _, count in rules[_RULES:])
            rest = f", others {more}" if more else ""
            line = f"{source.name}: of {source.sampled} drawn, dropped by {shown}{rest}"
            console.print(line, style="dim", highlight=False, soft_wrap=True)
    console.print()
    console.print(_training(plan))
    console.print()
    console.print(_phases(plan))
    console.print()
    if plan.cost:
        _print_cost(plan, console)
    if plan.laws:
        _print_laws(plan, console)
    for warning in plan.warnings:
        console.print(f"warning: {warning}", style="bold red", highlight=False)
    for line in plan.assumptions:
        console.print(f"note: {line}", style="dim", highlight=False)


def print_comparison(comparisons: Sequence[Comparison], console: Console) -> None:
    """Planned, actual, and whether that lies inside; what was only assumed is marked."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("source", "what", "planned", "actual", "off by", ""):
        table.add_column(column, justify="left" if column in ("source", "what", "") else "right", no_wrap=True)
    last = ""
    for one in comparisons:
        unit = "B" if one.what.endswith("bytes") else ""
        off = (one.actual / one.planned.value - 1) if one.planned.value else 0.0
        verdict = "inside" if one.is_inside else "outside"
        note = f"{verdict}{', loss to duplicates assumed' if one.assumed else ''}"
        style = "" if one.is_inside else "bold red"
        name = one.source if one.source != last else ""
        planned = _span(one.planned, unit, whole=not unit)
        table.add_row(
            name,
            one.what.replace("_", " "),
            planned,
            f"{one.actual:,}",
            f"{off:+.1%}",
            note,
            style=style,
        )
        last = one.source
    console.print(table)
    inside = sum(one.is_inside for one in comparisons)
    console.print(f"{inside} of {len(comparisons)} numbers inside their 90 % intervals", highlight=False)


def _sources(plan: Plan) -> Table:
    table = _table("source", "input", "read", "drawn", "records", "kept by select", "their text")
    for source in plan.sources:
        table.add_row(
            source.name,
            _number(source.input_bytes, "B"),
            f"{source.units_read:,} of {source.units:,} units",
            f"{source.sampled:,}",
            _span(source.records, whole=True),
            _span(source.survivors, whole=True),
            _span(source.text_bytes, "B"),
        )
    return table


def _training(plan: Plan) -> Table:
    table = _table("source", "without duplicates", "epochs", "share", "in training", "bytes/token", "tokens")
    total = sum(source.train_bytes.value for source in plan.sources)
    for source in plan.sources:
        table.add_row(
            source.name,
            _span(source.kept_bytes, "B"),
            f"{source.epochs:.3g}",
            f"{source.train_bytes.value / total:.1%}",
            _span(source.train_bytes, "B"),
            _span(source.bytes_per_token),
            _span(source.tokens),
        )
    table.add_row("all", "", "", "", _number(total, "B"), "", _span(plan.tokens), style="bold")
    return table


def _phases(plan: Plan) -> Table:
    table = _table("phase", "core time", "how that is known")
    table.columns[2].justify = "left"
    for one in plan.phases:
        table.add_row(one.phase, _hours(one.core_hours), one.basis)
    table.add_row("all", _hours(plan.core_hours), "", style="bold")
    return table


def _print_cost(plan: Plan, console: Console) -> None:
    profile, price = plan.cost["profile"], plan.cost["price"]
    hours = Estimate(*(plan.cost["hours"][end] for end in ("value", "low", "high")))
    machines = f"{profile['workers']} x {profile['vcpus']} vCPUs"
    if profile["worker_hour"]:
        money = f"[bold]{price['value']:,.2f}[/] ({price['low']:,.2f} - {price['high']:,.2f}) {profile['currency']}"
        machines += f" at {profile['worker_hour']:.4g} {profile['currency']} an hour each"
    else:
        money = "no price is given"
    described = escape(profile["description"])
    console.print(
        f"{described}, {escape(machines)}: {_hours(hours)}, {money}\n[dim]a vCPU counts as "
        f"{profile['vcpu_speed']:g} of a core here, give or take a factor of {profile['spread']:g}[/]",
        markup=True,
        highlight=False,
        soft_wrap=True,
    )
    if profile["worker_hour"]:
        table = _table(f"{profile['currency']} an hour", "price", "as of, by")
        table.columns[2].justify = "left"
        for name, one in profile["prices"].items():
            table.add_row(name, f"{one['price']:.6f}".rstrip("0"), one["said"])
        console.print(table)
    console.print(
        f"{profile['priced']}; `--runner FILE.yaml` with your own: see docs/planning.md\n", style="dim", soft_wrap=True
    )


def _print_laws(plan: Plan, console: Console) -> None:
    table = _table("law", "parameters", "tokens", "tokens/parameter", "compute", "passes", "most repeated")
    for law in plan.laws:
        epochs = plan.epochs_for(law)
        most = max(epochs, key=lambda name: epochs[name])
        table.add_row(
            law.law,
            _number(law.parameters),
            _number(law.tokens),
            f"{law.tokens_per_parameter:.3g}",
            f"{law.compute:.3g}",
            _number(plan.passes(law)),
            f"{most}, {_number(epochs[most])} times",
            style="bold" if law.law == YARDSTICK else "",
        )
    console.print(table)
    console.print(
        "[dim]passes: over the planned mixture; times a source's epochs, how often its text repeats[/]\n", markup=True
    )


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    return table


def _span(estimate: Estimate, unit: str = "", *, whole: bool = False) -> str:
    """A value and its interval, which is left out where the number is known; `whole` numbers are rounded to such."""
    if whole:
        estimate = Estimate(round(estimate.value), floor(estimate.low), ceil(estimate.high))
    size, _ = _step(estimate.value)
    value = _number(estimate.value, unit)
    if estimate.low == estimate.high:
        return value
    return f"{value} ({_digits(estimate.low / size)} - {_digits(estimate.high / size)})"


def _number(value: float, unit: str = "") -> str:
    """Three digits that mean something, with k, M, G, T behind."""
    size, letter = _step(value)
    return f"{_digits(value / size)} {letter}{unit}".rstrip()


def _step(value: float) -> tuple[float, str]:
    return next((step for step in _STEPS if abs(value) >= step[0] * 0.9995), (1.0, ""))


def _digits(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 99.95 or value == int(value) else f"{value:.3g}"


def _hours(hours: Estimate) -> str:
    for size, unit in ((1.0, "h"), (1 / 60, "min"), (1 / 3600, "s")):
        if hours.value >= size:
            return _span(hours.scaled(1 / size), unit)
    return _span(hours.scaled(3600), "s")
