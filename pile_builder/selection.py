"""What a manifest says about which documents are kept: languages, recipes, rules, licences, words, quality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, model_validator

from pile_builder.annotate.private_kinds import Kind
from pile_builder.checked_yaml import Model, unknown_word
from pile_builder.licences import Policy, Standing
from pile_builder.presets import PRESETS, lay_over, unmet_needs
from pile_builder.recipes import RECIPES, Recipe, Rule

BAD_WORDS = Rule("bad_words", "bad_words.count", "above", 0, "C4, arXiv 1910.10683, section 2.2")
"""Drops documents in which a word of `select.bad_words` occurs."""


class Language(Model):
    """Which languages are kept, by fastText's lid.176 on 1,000 characters of it."""

    keep: tuple[str, ...] = Field(("en",), description="labels of lid.176 that are kept; empty keeps all")
    min_score: float = Field(0.65, ge=0, le=1, description="least score of the label (FineWeb: 0.65)")
    gate_score: float = Field(
        0.3,
        ge=0,
        le=1,
        description="ingest drops a record before extraction when its cheap text has another label, or less than this",
    )


class OwnRule(Model):
    """A rule over a signal that a function of one's own computes (entry-point group `pile_builder.signals`)."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    signal: str = Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$", description="signal function.column")
    drop: Literal["below", "above"]
    threshold: float

    def as_rule(self) -> Rule:
        """The rule in the form that recipes have."""
        return Rule(self.name, self.signal, self.drop, self.threshold, "manifest")


class Licences(Model):
    """Which licences are kept, by SPDX names and the groups permissive, public-domain, copyleft and non-commercial."""

    allow: tuple[str, ...] = Field((), description="names or groups that are kept; empty keeps all that deny does not")
    deny: tuple[str, ...] = Field((), description="names or groups that are dropped, whatever allow says")
    unknown: Literal["keep", "drop"] = Field(description="what becomes of documents whose licence is not known")

    @cached_property
    def policy(self) -> Policy:
        """The lists with their groups resolved; raises ValueError if they hold an unknown name."""
        return Policy.of(self.allow, self.deny)

    def keeps(self, licence: str | None) -> bool:
        """Whether a document under `licence` (an SPDX expression, or None) is kept."""
        standing = self.policy.standing(licence)
        return standing == Standing.ALLOWED or (standing == Standing.UNKNOWN and self.unknown == "keep")


class BadWordsList(Model):
    """A local list of words that drop a document."""

    list: str = Field(description="text file or URL, one word or phrase a line, relative to the manifest's root")
    mode: Literal["document", "line"] = Field(
        "document",
        description="document: whole words anywhere (C4's paper); line: inside a line, between two characters that are "
        "not a to z (C4's program)",
    )


class Quality(Model):
    """Keeping documents by the score of a fastText classifier."""

    model: str = Field(
        description="folder that `pile classifier train` wrote, or a fastText model's file, relative to the manifest's "
        "root"
    )
    keep: Literal["pile", "gpt3", "dclm"] = Field(
        "pile", description="pile and gpt3 keep by chance, (2 - score)^-3 and ^-9; dclm keeps above 0.018112"
    )
    threshold: float | None = Field(
        None, ge=0, le=1, description="keeps documents that score above it, in place of the rule of `keep`"
    )


class Select(Model):
    """Which documents are kept, by language and by recipes of rules.

    A preset fills in the fields that are not given; a field that is given replaces the preset's.
    """

    preset: str = Field("", description="a published corpus whose selection this follows, see `pile rules presets`")
    without: tuple[str, ...] = Field((), description="what the preset needs and is left out on purpose, by name")
    language: Language | None = Field(Language(), description="null keeps every language")
    recipes: tuple[str, ...] = Field((), description="recipes in order; spans of one apply to those after it")
    rules: tuple[OwnRule, ...] = Field((), description="rules of one's own, tested after the recipes")
    thresholds: dict[str, float] = Field(
        default_factory=dict, description="replaces a rule's threshold, by recipe.rule, for example fineweb_v1.newlines"
    )

    licences: Licences | None = Field(None, description="which licences are kept; null keeps all")
    bad_words: BadWordsList | None = Field(None, description="drops documents that hold a word of a list")
    quality: Quality | None = Field(None, description="keeps documents by a classifier's score")
    privacy: tuple[Kind, ...] = Field((), description="what is replaced by stand-ins: email, ip, phone, secret")

    @model_validator(mode="before")
    @classmethod
    def _fill_in_preset(cls, given: Any) -> Any:
        return lay_over(given) if isinstance(given, dict) else given

    def all_rules(self) -> Iterator[tuple[str, Rule, float]]:
        """Every rule over a signal, in the order in which they apply: full name, rule, threshold."""
        for name in self.recipes:
            for rule in RECIPES[name].rules:
                full = f"{name}.{rule.name}"
                yield full, rule, self.thresholds.get(full, rule.threshold)
        if self.bad_words:
            yield BAD_WORDS.name, BAD_WORDS, self.thresholds.get(BAD_WORDS.name, BAD_WORDS.threshold)
        for own in self.rules:
            yield own.name, own.as_rule(), own.threshold


def select_problems(where: str, select: Select) -> Iterator[str]:
    """What is wrong with a select, a line each; `where` names file and field."""
    for name in select.recipes:
        if name not in RECIPES:
            yield f"{where}.recipes: {unknown_word('recipe', name, RECIPES)}"
    rules = [f"{name}.{rule.name}" for name in select.recipes if name in RECIPES for rule in RECIPES[name].rules]
    rules += [BAD_WORDS.name] if select.bad_words else []
    for name in select.thresholds:
        if name not in rules:
            yield f"{where}.thresholds: {unknown_word('rule', name, rules)}"
    known = [RECIPES[name] for name in select.recipes if name in RECIPES]
    readings = {recipe.name: recipe.edit for recipe in known if recipe.edit and recipe.edit.startswith("c4_")}
    if len(set(readings.values())) > 1:
        yield f"{where}.recipes: {' and '.join(readings)} rewrite lines by different readings of C4; keep one"
    yield from _measured_twice(f"{where}.recipes", known)
    if select.licences:
        try:
            _ = select.licences.policy
        except ValueError as error:
            yield f"{where}.licences: {error}"
        if not select.licences.allow and not select.licences.deny:
            yield f"{where}.licences: give allow or deny; a policy without either says nothing of a licence"
    yield from _preset_problems(f"{where}", select)


def _measured_twice(where: str, recipes: list[Recipe]) -> Iterator[str]:
    """Recipes that share signals and have one between them that rewrites the text: a signal has one value."""
    edits: set[str] = set()
    first: dict[str, tuple[str, int]] = {}
    for recipe in recipes:
        edits |= {recipe.edit} if recipe.edit else set()
        for group in recipe.groups:
            name, before = first.setdefault(group, (recipe.name, len(edits)))
            if before != len(edits):
                yield (
                    f"{where}: {name} and {recipe.name} look at the same signals before and after the text is "
                    "rewritten; put them side by side"
                )


def _preset_problems(where: str, select: Select) -> Iterator[str]:
    preset = PRESETS.get(select.preset)
    if preset is None:
        if select.preset:
            yield f"{where}.preset: {unknown_word('preset', select.preset, PRESETS)}"
        elif select.without:
            yield f"{where}.without: leaves out needs of a preset, and no preset is given"
        return
    if preset.recipes and not set(preset.recipes).intersection(select.recipes):
        yield (
            f"{where}.recipes: nothing of the preset {preset.name} is left ({', '.join(preset.recipes)}); "
            "leave preset out, or keep one of its recipes"
        )
    needs = {need.name: need for need in preset.needs}
    for name in select.without:
        if name not in needs:
            yield f"{where}.without: {unknown_word(f'need of the preset {preset.name}', name, needs)}"
        elif any(getattr(select, field.removeprefix("select."), None) for field in needs[name].fields):
            yield f"{where}.without: {name} is left out here and given as {' or '.join(needs[name].fields)}; do one"


def missing_needs(where: str, select: Select, options: Mapping[str, Any]) -> Iterator[str]:
    """Lines about what the preset of a select needs and neither it nor its source's options give."""
    preset = PRESETS.get(select.preset)
    if preset is None:
        return
    given = {f"select.{name}": getattr(select, name) for name in Select.model_fields}
    given |= {f"options.{name}": value for name, value in options.items()}
    for need in unmet_needs(preset, select.without, given):
        yield (
            f"{where}: the preset {preset.name} needs {need.what}: give {' or '.join(need.fields)}, "
            f"or leave it out with `select.without: [{need.name}]`"
        )
