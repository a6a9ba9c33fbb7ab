"""A plan as JSON: what `pile plan --json` writes, and what a build's folder keeps for the comparison afterwards."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pile_builder.planning.estimates import Estimate
from pile_builder.planning.plan import Plan, SourcePlan
from pile_builder.planning.scaling import Allocation

PLAN = "work/expected.json"
"""Where a build's folder keeps what `pile plan` expects of it."""
DERIVED = ("kept", "kept_bytes", "tokens")


def plan_json(plan: Plan) -> dict[str, Any]:
    """All numbers of a plan; an estimate is its value with the ends of its 90 % interval."""
    return {
        "name": plan.name,
        "seed": plan.seed,
        "sample_seconds": round(plan.seconds, 1),
        "sources": {source.name: _source(source) for source in plan.sources},
        "phases": [
            {"phase": one.phase, "core_hours": one.core_hours.as_json(), "basis": one.basis} for one in plan.phases
        ],
        "core_hours": plan.core_hours.as_json(),
        "tokens": plan.tokens.as_json(),
        "cost": dict(plan.cost),
        "training": [_training(plan, law) for law in plan.laws],
        "warnings": plan.warnings,
        "assumptions": list(plan.assumptions),
    }


def _source(source: SourcePlan) -> dict[str, Any]:
    names = [field.name for field in fields(source) if field.name != "name"] + list(DERIVED)
    values = {name: getattr(source, name) for name in names}
    return {name: value.as_json() if isinstance(value, Estimate) else value for name, value in values.items()}


def _training(plan: Plan, law: Allocation) -> dict[str, Any]:
    return {
        "law": law.law,
        "parameters": law.parameters,
        "tokens": law.tokens,
        "compute": law.compute,
        "tokens_per_parameter": law.tokens_per_parameter,
        "passes": plan.passes(law),
        "epochs": plan.epochs_for(law),
    }
