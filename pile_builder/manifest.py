"""What a corpus is: frozen models that drive the YAML, its checks, the JSON schema, the lock and the report.

`load_manifest` reads YAML, expands `${VAR}`, validates every field and every source's options, and names file, field,
what was expected and the nearest valid word when something is off.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator, model_validator

from pile_builder.dedup.presets import PRESETS, solve
from pile_builder.errors import ManifestError
from pile_builder.recipes import RECIPES, Rule
from pile_builder.source import Source, SourceConfig, load_source
from pile_builder.streams import is_remote

Share = Annotated[float, Field(ge=0, lt=0.5)]
Fraction = Annotated[float, Field(ge=0, le=1)]
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


class Model(BaseModel):
    """Base of all parts of a manifest: frozen, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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


class Select(Model):
    """Which documents are kept, by language and by recipes of rules."""

    language: Language | None = Field(Language(), description="null keeps every language")
    recipes: tuple[str, ...] = Field((), description="recipes in order; spans of one apply to those after it")
    rules: tuple[OwnRule, ...] = Field((), description="rules of one's own, tested after the recipes")
    thresholds: dict[str, float] = Field(
        default_factory=dict, description="replaces a rule's threshold, by recipe.rule, for example fineweb_v1.newlines"
    )


class SourceEntry(Model):
    """One source of the corpus."""

    plugin: str = Field("", description="source plugin; the entry's name if empty")
    inputs: tuple[str, ...] = Field(min_length=1, description="files, globs, directories or fsspec URLs")
    root: str = Field("", description="what relative inputs are relative to; the manifest's root if empty")
    options: dict[str, Any] = Field(default_factory=dict, description="the plugin's own options")
    set_name: str = Field("", description="meta.pile_set_name; the plugin's if empty")
    epochs: float | None = Field(None, ge=0, description="how often each surviving byte appears in training")
    weight: float | None = Field(None, ge=0, description="share of training bytes (needs mix.total)")
    max_epochs: float | None = Field(None, gt=0, description="cap on epochs when weights are given")
    select: Select | None = Field(None, description="replaces the manifest's select for this source")
    max_reject_rate: float = Field(
        0.5, ge=0, le=1, description="share of a split's records that may be damaged before the build stops"
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


class Mix(Model):
    """How much of what goes where."""

    total: int | None = Field(None, gt=0, description="bytes of training text, when sources have weights")
    validation: Share = Field(0.001, description="share of bytes held out for validation")
    test: Share = Field(0.001, description="share of bytes held out for test")


class Output(Model):
    """How shards are written."""

    shard_bytes: int = Field(2 << 30, gt=0, description="text bytes that a shard aims at")
    segment_bytes: int = Field(64 << 20, gt=0, description="text bytes of one zstd frame")
    shards: int | None = Field(None, gt=0, description="fixed number of train shards (the Pile: 30)")
    level: int = Field(3, ge=1, le=19, description="zstd level (the Pile: 3)")


class Limits(Model):
    """Bounds on the work that one record may cause."""

    record_seconds: float = Field(20, gt=0, description="CPU seconds to extract one record; the last resort")
    worker_memory: int = Field(4 << 30, gt=0, description="address space of a pool process, bytes")
    document_bytes: int = Field(64 << 20, gt=0, description="UTF-8 bytes of one document")
    time_limited: tuple[str, ...] = Field(
        (), description="ids rejected as time_limit without trying: a lock lists those that met it, so a rebuild agrees"
    )


class Manifest(Model):
    """A whole corpus."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", description="lower-case name of the corpus")
    description: str = ""
    seed: int = Field(1, ge=0, description="key of every random choice")
    root: str = Field("", description="what relative inputs are relative to; the manifest's folder if empty")
    sources: dict[str, SourceEntry] = Field(min_length=1)
    select: Select = Select()
    dedup: Dedup | None = Field(Dedup(), description="null removes no duplicates")
    mix: Mix = Mix()
    output: Output = Output()
    limits: Limits = Limits()
    _given: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Manifest:
        weighted = [name for name, entry in self.sources.items() if entry.weight is not None]
        given = [name for name, entry in self.sources.items() if entry.epochs is not None]
        if weighted and given:
            msg = f"sources give either epochs or weight: {weighted[0]!r} has a weight, {given[0]!r} has epochs"
            raise ValueError(msg)
        if weighted and len(weighted) < len(self.sources):
            without = next(name for name in self.sources if name not in weighted)
            msg = f"every source needs a weight once one has it: {without!r} has none"
            raise ValueError(msg)
        if bool(weighted) != (self.mix.total is not None):
            msg = "mix.total and the sources' weight belong together: give both or neither"
            raise ValueError(msg)
        return self

    @property
    def given(self) -> dict[str, Any]:
        """The manifest as it was written, before variables and roots were resolved."""
        return self._given

    @cached_property
    def plugins(self) -> dict[str, Source]:
        """Each source's plugin, configured."""
        return {name: _configured(name, entry, self.root) for name, entry in self.sources.items()}

    def select_of(self, source: str) -> Select:
        """What applies to a source."""
        return self.sources[source].select or self.select

    def set_name(self, source: str) -> str:
        """`meta.pile_set_name` of a source."""
        return self.sources[source].set_name or self.plugins[source].pile_set_name


def manifest_schema() -> dict[str, Any]:
    """The JSON schema of a manifest."""
    return Manifest.model_json_schema()


def load_manifest(
    path: str | Path, environment: Mapping[str, str] | None = None, base: str | Path | None = None
) -> Manifest:
    """Read and check a manifest, or the manifest inside a lock, with the records that the lock lists as time-limited.

    Args:
        path: a YAML file.
        base: what a relative root is relative to; the folder of the file by default.
        environment: what `${VAR}` and `${VAR:-default}` expand from; the process environment by default.

    Raises:
        ManifestError: with file, field, what was expected, what came, and the nearest valid word.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: cannot read the manifest: {error}"
        raise ManifestError(msg) from error
    try:
        data = yaml.load(text, Loader=_UniqueKeyLoader)
    except yaml.YAMLError as error:
        msg = f"{path}: not valid YAML: {error}"
        raise ManifestError(msg) from error
    if not isinstance(data, dict):
        msg = f"{path}: expected a mapping with the keys {', '.join(Manifest.model_fields)}; got {type(data).__name__}"
        raise ManifestError(msg)
    if isinstance(data.get("manifest"), dict) and "digest" in data:
        limited = data.get("time_limited") or []
        data = data["manifest"]
        data["limits"] = {**(data.get("limits") or {}), **({"time_limited": limited} if limited else {})}
    return check_manifest(data, str(path), os.environ if environment is None else environment, base)


def check_manifest(
    data: Mapping[str, Any], file: str, environment: Mapping[str, str], base: str | Path | None = None
) -> Manifest:
    """Validate a manifest given as data; `file` is named in errors, its folder is the default `base` of roots."""
    expanded = _expand(data, file, "", environment)
    base = Path(file).parent if base is None else Path(base)
    expanded["root"] = _absolute(expanded.get("root"), base)
    entries = expanded.get("sources")
    for entry in entries.values() if isinstance(entries, dict) else ():
        if isinstance(entry, dict) and entry.get("root"):
            entry["root"] = _absolute(entry["root"], base)
    try:
        manifest = Manifest.model_validate(expanded)
    except ValidationError as error:
        raise ManifestError("\n".join(_explain(file, Manifest, error))) from error
    manifest._given = dict(data)
    problems = list(_problems(manifest, file))
    if problems:
        raise ManifestError("\n".join(problems))
    return manifest


def _absolute(root: Any, base: Path) -> str:
    given = str(root or "")
    return given if is_remote(given) else os.path.normpath(base.absolute() / given)


def _problems(manifest: Manifest, file: str) -> Iterator[str]:
    for name, entry in manifest.sources.items():
        try:
            _configured(name, entry, manifest.root)
        except ManifestError as error:
            yield f"{file}: {error}"
    selects = {"select": manifest.select}
    selects |= {f"sources.{name}.select": entry.select for name, entry in manifest.sources.items() if entry.select}
    for where, select in selects.items():
        yield from _select_problems(file, where, select)
    if manifest.dedup:
        for name in manifest.dedup.source_priority:
            if name not in manifest.sources:
                yield f"{file}: dedup.source_priority: {unknown_word('source', name, manifest.sources)}"


def _select_problems(file: str, where: str, select: Select) -> Iterator[str]:
    for name in select.recipes:
        if name not in RECIPES:
            yield f"{file}: {where}.recipes: {unknown_word('recipe', name, RECIPES)}"
    rules = [f"{name}.{rule.name}" for name in select.recipes if name in RECIPES for rule in RECIPES[name].rules]
    for name in select.thresholds:
        if name not in rules:
            yield f"{file}: {where}.thresholds: {unknown_word('rule', name, rules)}"


def _configured(name: str, entry: SourceEntry, root: str) -> Source:
    try:
        plugin = load_source(entry.plugin or name)
    except ManifestError as error:
        msg = f"sources.{name}{'.plugin' if entry.plugin else ''}: {error}"
        raise ManifestError(msg) from error
    given = {**entry.options, "inputs": entry.inputs, "root": entry.root or root}
    try:
        config = plugin.Config.model_validate(given)
    except ValidationError as error:
        lines = _explain(f"sources.{name}.options", plugin.Config, error, leave_out=set(SourceConfig.model_fields))
        raise ManifestError("\n".join(lines)) from error
    return plugin(config)


def _expand(value: Any, file: str, field: str, environment: Mapping[str, str]) -> Any:
    if isinstance(value, str):

        def variable(match: re.Match[str]) -> str:
            name, default = match.groups()
            if name not in environment and default is None:
                msg = (
                    f"{file}: {field}: ${{{name}}} is not set in the environment; set it, or write ${{{name}:-default}}"
                )
                raise ManifestError(msg)
            return environment.get(name, default)

        return _VARIABLE.sub(variable, value)
    if isinstance(value, Mapping):
        return {
            key: _expand(each, file, f"{field}.{key}" if field else str(key), environment)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_expand(each, file, f"{field}.{i}", environment) for i, each in enumerate(value)]
    return value


def _explain(
    file: str, model: type[BaseModel], error: ValidationError, leave_out: set[str] | None = None
) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        where = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            known = [word for word in _fields_at(model, problem["loc"][:-1]) if word not in (leave_out or ())]
            yield f"{file}: {where}: {unknown_word('key', str(problem['loc'][-1]), known)}"
        elif problem["type"] == "missing":
            yield f"{file}: {where}: required and not given"
        elif problem["type"] == "value_error":
            yield f"{file}: {where + ': ' if where else ''}{problem['msg'].removeprefix('Value error, ')}"
        else:
            yield f"{file}: {where}: {problem['msg'][0].lower() + problem['msg'][1:]}; got {problem['input']!r}"


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Keys that are valid at a place inside a model."""
    here: Any = model
    for part in location:
        if isinstance(here, type) and issubclass(here, BaseModel):
            field = here.model_fields.get(str(part))
            here = field.annotation if field else None
        else:
            # A key of a mapping of models: what it holds is the mapping's last type argument.
            here = getattr(here, "__args__", (None,))[-1]
        arguments = [one for one in getattr(here, "__args__", ()) if isinstance(one, type) and one is not type(None)]
        if len(arguments) == 1 and getattr(here, "__origin__", None) is not dict:
            here = arguments[0]
    return list(here.model_fields) if isinstance(here, type) and issubclass(here, BaseModel) else []


def unknown_word(kind: str, word: str, known: Iterable[str]) -> str:
    """The end of an error about a word that is not valid, with the nearest one that is and all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown {kind} {word!r}{hint} Valid: {', '.join(known) or 'none here'}"


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML in which a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=deep)
            if key in seen:
                msg = f"key {key!r} is given twice"
                raise yaml.constructor.ConstructorError(None, None, msg, key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)
