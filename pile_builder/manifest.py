"""What a corpus is: frozen models that drive the YAML, its checks, the JSON schema, the lock and the report.

`load_manifest` reads YAML, expands `${VAR}`, validates every field and every source's options, and names file, field,
what was expected and the nearest valid word when something is off.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator

from pile_builder.checked_yaml import Model, absolute, expand, explain, read_yaml, unknown_word
from pile_builder.decontamination.evals import Action, EvalSet, load_eval_lists
from pile_builder.dedup.config import Dedup
from pile_builder.errors import ManifestError
from pile_builder.export.config import Export, export_problems, subset_problems
from pile_builder.input_files import is_remote
from pile_builder.mixing.subsets import Subset, parse_subset
from pile_builder.runners.choice import Profile, choose_profile
from pile_builder.runners.profile import RunnerProfile
from pile_builder.selection import Select, missing_needs, select_problems
from pile_builder.source import Source, SourceConfig, load_source

Share = Annotated[float, Field(ge=0, lt=0.5)]


Band = tuple[Annotated[float, Field(ge=0, le=1)], Annotated[float, Field(ge=0, le=1)]]


class Expected(Model):
    """Between which shares a source's counts should lie; elsewhere the audit raises an alarm."""

    kept: Band | None = Field(None, description="least and greatest share of the documents read that is kept")
    rejected: Band | None = Field(None, description="least and greatest share of them that ingest rejects")

    @model_validator(mode="after")
    def _ordered(self) -> Expected:
        for name, band in (("kept", self.kept), ("rejected", self.rejected)):
            if band and band[0] > band[1]:
                msg = f"{name}: expected the lower share first, got [{band[0]:g}, {band[1]:g}]"
                raise ValueError(msg)
        return self


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
    expected: Expected = Field(Expected(), description="shares that the audit should find, or else raise an alarm")
    max_reject_rate: float = Field(
        0.5, ge=0, le=1, description="share of a split's records that may be damaged before the build stops"
    )


class Decontaminate(Model):
    """Passages of eval sets are found in the documents that survived, and cut out or dropped."""

    evals: tuple[str, ...] = Field(
        min_length=1, description="lists of eval sets (YAML as in manifests/evals), relative to the manifest's folder"
    )
    ngram: int = Field(13, ge=5, le=100, description="words of an n-gram; shorter items are matched whole")
    max_documents: int = Field(10, ge=1, description="n-grams found in more documents of the corpus are ignored")
    actions: dict[str, Action] = Field(default_factory=dict, description="replaces the action of an eval set, by name")


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
    compat: Literal["", "pile-2020"] = Field(
        "", description="pile-2020: sources do as the Pile did, where it differs; `pile sources show NAME` says how"
    )
    sources: dict[str, SourceEntry] = Field(min_length=1)
    select: Select = Select()
    dedup: Dedup | None = Field(Dedup(), description="null removes no duplicates")
    decontaminate: Decontaminate | None = Field(None, description="null looks for no eval set")
    mix: Mix = Mix()
    output: Output = Output()
    subsets: tuple[int | float | str, ...] = Field(
        (), description="nested parts of the training corpus to write too: fractions such as 1/2, or bytes such as 5 GB"
    )
    exports: tuple[Export, ...] = Field((), description="token shards to write of the corpus")
    limits: Limits = Limits()
    takedowns: tuple[str, ...] = Field(
        (), description="lists of documents to take down (takedown.jsonl, or an id a line), relative to the manifest"
    )
    runners: dict[str, Profile] = Field(
        default_factory=dict, description="where phases run, by the name that --runner takes; changes no digest"
    )
    _given: dict[str, Any] = PrivateAttr(default_factory=dict)
    _taken_down: tuple[str, ...] = PrivateAttr(default=())
    _environment: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _unset: dict[str, str] = PrivateAttr(default_factory=dict)

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

    @field_validator("subsets")
    @classmethod
    def _are_subsets(cls, given: tuple[int | float | str, ...]) -> tuple[int | float | str, ...]:
        names = [parse_subset(one).name for one in given]
        if len(set(names)) < len(names):
            msg = f"expected each subset once, got {', '.join(map(str, given))}"
            raise ValueError(msg)
        return given

    @cached_property
    def wanted_subsets(self) -> list[Subset]:
        """The subsets, fractions first, larger ones first."""
        return sorted(map(parse_subset, self.subsets), key=lambda one: (not one.is_fraction, -one.size))

    @property
    def given(self) -> dict[str, Any]:
        """The manifest as it was written, before variables and roots were resolved."""
        return self._given

    @property
    def taken_down(self) -> tuple[str, ...]:
        """Ids of documents that a lock lists as taken down, in place of the lists that its manifest named."""
        return self._taken_down

    @cached_property
    def plugins(self) -> dict[str, Source]:
        """Each source's plugin, configured."""
        return {name: _configured(name, entry, self) for name, entry in self.sources.items()}

    @cached_property
    def eval_sets(self) -> list[EvalSet]:
        """The eval sets to decontaminate from, each with the action that applies.

        Raises:
            ManifestError: a list cannot be read, or an action names no set.
        """
        if not self.decontaminate:
            return []
        actions = self.decontaminate.actions
        sets = load_eval_lists(self.decontaminate.evals, self._environment)
        names = [each.name for each in sets]
        for name in actions:
            if name not in names:
                msg = f"decontaminate.actions: {unknown_word('eval set', name, names)}"
                raise ManifestError(msg)
        return [each.model_copy(update={"action": actions.get(each.name, each.action)}) for each in sets]

    def runner(self, name: str) -> RunnerProfile:
        """The runner profile of that name: the manifest's own, or the built-in one of a runner.

        Raises:
            ManifestError: there is none, or it needs a variable that the environment lacks.
        """
        if name in self._unset:
            raise ManifestError(self._unset[name])
        return choose_profile(name, self.runners)

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
    """Read and check a manifest, or the manifest inside a lock, with what the lock lists as time-limited or taken down.

    Args:
        path: a YAML file.
        base: what a relative root is relative to; the folder of the file by default.
        environment: what `${VAR}` and `${VAR:-default}` expand from; the process environment by default.

    Raises:
        ManifestError: with file, field, what was expected, what came, and the nearest valid word.
    """
    path = Path(path)
    data = read_yaml(path, Manifest)
    taken_down: tuple[str, ...] = ()
    if isinstance(data.get("manifest"), dict) and "digest" in data:
        limited = data.get("time_limited") or []
        taken_down = tuple((data.get("takedown") or {}).get("ids", "").split())
        data = data["manifest"]
        data["limits"] = {**(data.get("limits") or {}), **({"time_limited": limited} if limited else {})}
        data.pop("takedowns", None)
    manifest = check_manifest(data, str(path), os.environ if environment is None else environment, base)
    manifest._taken_down = taken_down
    return manifest


def check_manifest(
    data: Mapping[str, Any], file: str, environment: Mapping[str, str], base: str | Path | None = None
) -> Manifest:
    """Validate a manifest given as data; `file` is named in errors, its folder is the default `base` of roots."""
    # A profile that nobody asks for may name variables that are not set.
    runners = data.get("runners")
    data_of_corpus = {key: value for key, value in data.items() if key != "runners"} if runners else data
    expanded = expand(data_of_corpus, file, "", environment)
    unset: dict[str, str] = {}
    if runners:
        expanded["runners"] = {} if isinstance(runners, dict) else runners
    for name, profile in runners.items() if isinstance(runners, dict) else ():
        try:
            expanded["runners"][name] = expand(profile, file, f"runners.{name}", environment)
        except ManifestError as error:
            unset[name] = str(error)
    base = Path(file).parent if base is None else Path(base)
    expanded["root"] = absolute(expanded.get("root"), base)
    entries = expanded.get("sources")
    for entry in entries.values() if isinstance(entries, dict) else ():
        if isinstance(entry, dict) and entry.get("root"):
            entry["root"] = absolute(entry["root"], base)
    evals = expanded.get("decontaminate")
    if isinstance(evals, dict) and isinstance(evals.get("evals"), list):
        evals["evals"] = [absolute(path, base) for path in evals["evals"]]
    exports = expanded.get("exports")
    for export in exports if isinstance(exports, list) else ():
        # A tokenizer is a file or folder if there is one of that name; else a name on the hub or of an encoding.
        given = export.get("tokenizer") if isinstance(export, dict) else None
        if isinstance(given, str) and not is_remote(given) and (where := Path(absolute(given, base))).exists():
            export["tokenizer"] = str(where)
    if isinstance(expanded.get("takedowns"), list):
        expanded["takedowns"] = [absolute(path, base) for path in expanded["takedowns"]]
    try:
        manifest = Manifest.model_validate(expanded)
    except ValidationError as error:
        # What a runner profile's variables expand to may be a secret.
        shown = {**expanded, "runners": runners}
        raise ManifestError("\n".join(explain(file, Manifest, error, written=shown))) from None
    manifest._given = dict(data)
    manifest._environment = environment
    manifest._unset = unset
    problems = list(_problems(manifest, file))
    if problems:
        raise ManifestError("\n".join(problems))
    return manifest


def manifest_to_json(manifest: Manifest) -> dict[str, Any]:
    """A checked manifest as JSON-able data, with all that it read from files beside it; variables are expanded.

    Runner profiles are left out: their variables may be secrets, and what is kept of a build needs none.
    """
    return {
        "manifest": manifest.model_dump(mode="json", exclude={"runners"}),
        "given": manifest.given,
        "eval_sets": [one.model_dump(mode="json") for one in manifest.eval_sets],
    }


def manifest_from_json(data: Mapping[str, Any]) -> Manifest:
    """The manifest that `manifest_to_json` gave; reads no file."""
    manifest = Manifest.model_validate(data["manifest"])
    manifest._given = data["given"]
    manifest.__dict__["eval_sets"] = [EvalSet.model_validate(one) for one in data["eval_sets"]]
    return manifest


def _problems(manifest: Manifest, file: str) -> Iterator[str]:
    for name, entry in manifest.sources.items():
        try:
            _configured(name, entry, manifest)
        except ManifestError as error:
            yield f"{file}: {error}"
    selects = {"select": manifest.select}
    selects |= {f"sources.{name}.select": entry.select for name, entry in manifest.sources.items() if entry.select}
    for where, select in selects.items():
        yield from select_problems(f"{file}: {where}", select)
    try:
        _ = manifest.eval_sets
    except ManifestError as error:
        yield f"{file}: {error}"
    for number, export in enumerate(manifest.exports):
        yield from export_problems(f"{file}: exports.{number}", export)
        yield from subset_problems(f"{file}: exports.{number}.subset", export.subset, manifest.wanted_subsets)
    for path in manifest.takedowns:
        if not is_remote(path) and not Path(path).is_file():
            yield f"{file}: takedowns: expected a list of document ids at {path}, there is no such file"
    for name, entry in manifest.sources.items():
        yield from missing_needs(f"{file}: sources.{name}", manifest.select_of(name), entry.options)
    if manifest.dedup:
        for field, names in (
            ("source_priority", manifest.dedup.source_priority),
            ("expected", manifest.dedup.expected),
        ):
            for name in names:
                if name not in manifest.sources:
                    yield f"{file}: dedup.{field}: {unknown_word('source', name, manifest.sources)}"


def _configured(name: str, entry: SourceEntry, manifest: Manifest) -> Source:
    try:
        plugin = load_source(entry.plugin or name)
    except ManifestError as error:
        msg = f"sources.{name}{'.plugin' if entry.plugin else ''}: {error}"
        raise ManifestError(msg) from error
    given = {"compat": manifest.compat, **entry.options, "inputs": entry.inputs, "root": entry.root or manifest.root}
    try:
        config = plugin.Config.model_validate(given)
    except ValidationError as error:
        lines = explain(f"sources.{name}.options", plugin.Config, error, leave_out=set(SourceConfig.model_fields))
        raise ManifestError("\n".join(lines)) from error
    return plugin(config)
