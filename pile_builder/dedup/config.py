"""What a manifest says about deduplication."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from pile_builder.checked_yaml import Model, unknown_word
from pile_builder.dedup.presets import PRESETS, solve

Fraction = Annotated[float, Field(ge=0, le=1)]


class Paragraphs(Model):
    """Repeated paragraphs are removed from all places but the first; see `dedup.paragraphs`."""

    unit: Literal["paragraph", "line"] = Field(
        "line",
        description="each line, which is a paragraph in text from the web (as CCNet and Dolma); or what lies between "
        "blank lines, for text whose lines are wrapped",
    )
    min_characters: int = Field(
        100, ge=1, description="shorter ones stay wherever they are; white space counts as single spaces"
    )


class Dedup(Model):
    """Exact and near-duplicate removal.

    `ngram`, `bands` and `rows` always say what is used: a preset, or a threshold with a number of permutations, is
    resolved into them.
    """

    preset: str | None = Field(None, description="published parameters by name: sets ngram, bands and rows")
    permutations: int | None = Field(
        None, ge=2, le=10_000, description="with threshold, sets bands and rows as datasketch solves it"
    )
    ngram: int = Field(5, ge=1, le=100, description="words per shingle")
    bands: int = Field(14, ge=1, le=1024)
    rows: int = Field(8, ge=1, le=256)
    threshold: float = Field(0.7, ge=0, le=1, description="least Jaccard similarity of a link; 0 keeps all candidates")
    verify: Literal["estimate", "exact"] = Field(
        "estimate", description="by sketches, or by the n-grams of both texts, which reads the text of candidates"
    )
    scope: Literal["corpus", "source"] = Field("corpus", description="across sources, or only inside each")
    action: Literal["drop", "tag"] = Field("drop", description="drop the losers, or keep them and record who lost")
    prefer: tuple[Literal["source", "quality", "length", "id"], ...] = Field(
        ("source", "quality", "length", "id"),
        description="which document of a cluster survives: compared in this order",
    )
    quality: str = Field("", description="signal column of the preference `quality`; all are equal if empty")
    source_priority: tuple[str, ...] = Field((), description="sources, most preferred first; manifest order if empty")
    expected: dict[str, tuple[Fraction, Fraction]] = Field(
        default_factory=dict, description="per source, least and greatest share lost; another is an alarm"
    )
    passes: int = Field(1, ge=1, le=64, description="runs over parts of the hash ranges, to hold less at a time")
    paragraphs: Paragraphs | None = Field(None, description="null removes no repeated paragraphs")

    @field_validator("preset")
    @classmethod
    def _known_preset(cls, name: str | None) -> str | None:
        if name is not None and name not in PRESETS:
            raise ValueError(unknown_word("preset", name, PRESETS))
        return name

    @field_validator("prefer")
    @classmethod
    def _decisive(cls, prefer: tuple[str, ...]) -> tuple[str, ...]:
        if prefer[-1:] != ("id",) or len(set(prefer)) != len(prefer):
            msg = f"expected an order without repeats that ends with id, which alone decides, got {list(prefer)}"
            raise ValueError(msg)
        return prefer

    @field_validator("expected")
    @classmethod
    def _ordered(cls, expected: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        for name, (low, high) in expected.items():
            if low > high:
                msg = f"expected the lower share of {name} first, got [{low}, {high}]"
                raise ValueError(msg)
        return expected

    @model_validator(mode="after")
    def _no_paragraphs_of_tagged(self) -> Dedup:
        if self.paragraphs and self.action == "tag":
            msg = "paragraphs are removed where documents repeat each other, which action tag keeps: leave one out"
            raise ValueError(msg)
        return self

    @model_validator(mode="before")
    @classmethod
    def _resolved(cls, data: Any) -> Any:
        """Fill ngram, bands and rows in; what is given besides must agree, but a preset's ngram may be replaced."""
        if not isinstance(data, Mapping):
            return data
        preset, permutations = data.get("preset"), data.get("permutations")
        if preset is not None and permutations is not None:
            msg = "preset and permutations both set bands and rows: give one of them"
            raise ValueError(msg)
        if isinstance(preset, str) and preset in PRESETS:
            found = PRESETS[preset]
            given, values = f"preset {preset}", {"bands": found.bands, "rows": found.rows}
            data = {"ngram": found.ngram, **data}
        elif isinstance(permutations, int) and permutations >= 2:
            threshold = data.get("threshold")
            if not isinstance(threshold, int | float) or not 0 < threshold < 1:
                msg = f"permutations needs a threshold between 0 and 1 to solve bands and rows for, got {threshold}"
                raise ValueError(msg)
            bands, rows = solve(threshold, permutations)
            given, values = f"{permutations} permutations at {threshold}", {"bands": bands, "rows": rows}
        else:
            return data
        for name, value in values.items():
            if data.get(name, value) != value:
                msg = f"{given} has {value} {name}, and {name} is given as {data[name]}: leave one out"
                raise ValueError(msg)
        return {**data, **values}
