"""What a build has to do: every block's chain of tasks with their keys, known before anything runs.

A key is the fingerprint of all that a task's result depends on, keys of earlier tasks included. So what is done is what
has a commit record, a changed threshold moves the keys of select and after and no others, and `changes` can say why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from typing import Any

from pile_builder.annotate.language import LanguageModel
from pile_builder.annotate.set_names import SPAN_SETS
from pile_builder.annotate.sets import Annotations, plan_annotations
from pile_builder.decontamination.evals import eval_files
from pile_builder.decontamination.index import VERSION as INDEX_VERSION
from pile_builder.input_files import InputFile
from pile_builder.input_versions import WHOLE, InputVersions, Slice
from pile_builder.manifest import Manifest
from pile_builder.masking import masked
from pile_builder.source import Source, Split
from pile_builder.storage import Store, fingerprint

PHASES = (
    "ingest",
    "annotate",
    "select",
    "dedup",
    "paragraphs",
    "count",
    "decontaminate",
    "settle",
    "locate",
    "mix",
    "assemble",
)
VERSIONS = dict.fromkeys(PHASES, 1) | {"select": 2, "dedup": 2, "settle": 4, "locate": 2, "assemble": 2}
"""Raised whenever a phase's results change for the same input."""
TEXT_LIBRARIES = ("ftfy",)
JOIN_BYTES = 128 << 20
"""Input, as far as its expanded size is known, of which the fragments of one range of keys are joined in memory."""
PLAIN = (".xml", ".json", ".jsonl", ".txt", ".csv", ".parquet")
EXPANSION = 6
"""By which files of other kinds are taken to expand: that of a Stack Exchange dump in .7z."""
_NO_OPTIONS = {"inputs", "root"}
_Rough = tuple[str, Split, str, dict[str, str], str]


@dataclass(frozen=True)
class FragmentWork:
    """One split of a source that joins, and the key of reading its fragments."""

    source: str
    split: Split
    key: str

    @property
    def name(self) -> str:
        """`source/split`, for people."""
        return f"{self.source}/{self.split.name}"


@dataclass(frozen=True)
class BlockWork:
    """One split, the block that it becomes, and the keys of what is done to it.

    `rank` numbers blocks in the order (source, split name); it lives inside one build only.
    """

    rank: int
    source: str
    split: Split
    ingest: str
    sets: Mapping[str, str]
    select: str
    paragraphs: str
    count: str
    decontaminate: str
    settle: str

    @property
    def name(self) -> str:
        """`source/split`, for people."""
        return f"{self.source}/{self.split.name}"

    @property
    def spans(self) -> list[str]:
        """Keys of the sidecars that rewrite the block's text."""
        return _span_keys(self.sets)

    def task(self, key: str) -> dict[str, Any]:
        """This block's task of a phase, as it travels to a worker."""
        return {"key": key, "rank": self.rank, "source": self.source, "name": self.name}


@dataclass(frozen=True)
class Work:
    """All of a build's tasks but assemble's, which mix decides; `parts` says what each phase's keys depend on.

    Keys of phases that the manifest leaves out are empty. `index` is that of the eval items' n-grams, `common` that of
    the n-grams too common to count, `locate` that of the index of documents. `fragments` is what must be read before
    documents can be joined of it.
    """

    fragments: tuple[FragmentWork, ...]
    blocks: tuple[BlockWork, ...]
    dedup: str
    index: str
    common: str
    locate: str
    mix: str
    annotations: Mapping[str, Annotations]
    parts: Mapping[str, Mapping[str, Any]]

    def inputs(self) -> Iterator[tuple[str, InputFile]]:
        """Every (source, file) that is read, in the order of splits."""
        splits = [(one.source, one.split) for one in self.fragments]
        splits += [(one.source, one.split) for one in self.blocks]
        for source, split in splits:
            for file in split.files:
                yield source, file

    def keys(self, phase: str) -> list[str]:
        """Keys of a phase's tasks (of assemble: none here)."""
        if phase == "annotate":
            return [key for block in self.blocks for key in block.sets.values()]
        if phase in ("ingest", "select", "paragraphs", "count", "decontaminate", "settle"):
            return [key for block in self.blocks if (key := getattr(block, phase))]
        return [
            key for key in {"dedup": [self.dedup], "locate": [self.locate], "mix": [self.mix]}.get(phase, []) if key
        ]


def plan_work(manifest: Manifest, store: Store, part: Slice = WHOLE) -> Work:
    """List a build's tasks. Reads the inputs' directory entries, and their bytes once for their digests.

    Of a slice only its own splits are listed and read; keys of ingest, annotate and select are those of the whole, keys
    of later phases are not.

    Raises:
        ManifestError: an input is missing.
    """
    language = LanguageModel.load(None).digest
    annotations = {name: plan_annotations(manifest, name, language) for name in manifest.sources}
    versions = InputVersions(store, part)
    positions = count()
    parts: dict[str, dict[str, Any]] = {phase: {} for phase in PHASES}
    rough: list[_Rough] = []
    fragments: list[FragmentWork] = []
    for name in sorted(manifest.sources):
        plugin = manifest.plugins[name]
        ingest = _ingest_parts(manifest, name, plugin, language, versions)
        sets = annotations[name].sets()
        chosen = manifest.select_of(name)
        select = {"version": VERSIONS["select"], "select": chosen.model_dump(mode="json", exclude={"privacy"})}
        if chosen.quality:
            select["seed"] = manifest.seed
        parts["ingest"][name], parts["annotate"][name], parts["select"][name] = ingest, sets, select
        splits = sorted(plugin.splits(), key=lambda one: one.name)
        if plugin.joins:
            # What may belong to one document is read by one slice.
            own = {group for group in sorted({split.group for split in splits}) if part.has(next(positions))}
            splits = [split for split in splits if split.group in own]
        else:
            splits = [split for split in splits if part.has(next(positions))]
        known = [replace(split, files=tuple(versions.of(file) for file in split.files)) for split in splits]
        read = [FragmentWork(name, split, _split_key(ingest, name, split)) for split in known]
        to_ingest = [(one.split, one.key) for one in read]
        if plugin.joins:
            fragments += read
            to_ingest = [(split, _split_key(ingest, name, split)) for split in join_splits(read)]
        for split, ingest_key in to_ingest:
            set_keys = {each: fingerprint([ingest_key, each, value]) for each, value in sets.items()}
            used = {each: key for each, key in set_keys.items() if each != "sketch"}
            select_key = fingerprint([ingest_key, used, select])
            rough.append((name, split, ingest_key, set_keys, select_key))
    dedup = ""
    if manifest.dedup:
        order = manifest.dedup.source_priority or tuple(manifest.sources)
        chosen_dedup = manifest.dedup.model_dump(exclude={"paragraphs"})
        parts["dedup"]["all"] = {"version": VERSIONS["dedup"], "dedup": chosen_dedup, "order": order}
        seen = [(ingest_key, sets["sketch"], select) for _, _, ingest_key, sets, select in rough]
        dedup = fingerprint([parts["dedup"], seen])
    unique = _paragraphs(manifest, parts, rough, dedup)
    index, common, counted, found = _decontamination(manifest, versions, parts, rough, unique)
    versions.save()
    blocks = [
        BlockWork(
            rank,
            name,
            split,
            ingest_key,
            set_keys,
            select_key,
            unique[rank] if parts["paragraphs"] else "",
            counted[rank],
            found[rank],
            fingerprint([VERSIONS["settle"], ingest_key, _span_keys(set_keys), select_key, unique[rank], found[rank]]),
        )
        for rank, (name, split, ingest_key, set_keys, select_key) in enumerate(rough)
    ]
    shares = {name: (one.epochs, one.weight, one.max_epochs) for name, one in manifest.sources.items()}
    parts["mix"]["all"] = {
        "version": VERSIONS["mix"],
        "seed": manifest.seed,
        "mix": manifest.mix.model_dump(),
        "sources": shares,
        "output": manifest.output.model_dump(exclude={"level"}),
    }
    mix = fingerprint([parts["mix"], [block.settle for block in blocks]])
    names = {name: manifest.set_name(name) for name in manifest.sources}
    parts["assemble"]["all"] = {"version": VERSIONS["assemble"], "names": names, "level": manifest.output.level}
    locate = fingerprint([VERSIONS["locate"], [block.settle for block in blocks]])
    return Work(tuple(fragments), tuple(blocks), dedup, index, common, locate, mix, annotations, parts)


def join_splits(read: Sequence[FragmentWork]) -> list[Split]:
    """The splits whose documents are joined of the fragments in `read`: ranges of the hash of their keys, by group.

    Their number is a power of two, by which a range has about `JOIN_BYTES` of input.
    """
    groups: dict[str, list[FragmentWork]] = {}
    for one in read:
        groups.setdefault(one.split.group, []).append(one)
    found = []
    for group, members in sorted(groups.items()):
        # Of large files each split has a part.
        files = {file.name: file.size for one in members for file in one.split.files}
        size = sum(size * (1 if name.endswith(PLAIN) else EXPANSION) for name, size in files.items())
        ranges = 1 << max(-(-size // JOIN_BYTES) - 1, 0).bit_length()
        keys = [one.key for one in members]
        for number in range(ranges):
            params = {"fragments": keys, "range": number, "ranges": ranges}
            found.append(Split(f"{group or 'joined'}/{number:05}-of-{ranges:05}", (), params))
    return found


def _split_key(ingest: Mapping[str, Any], source: str, split: Split) -> str:
    files = [(file.name, file.size, file.version) for file in split.files]
    return fingerprint([ingest, source, split.name, files, dict(split.params)])


def _paragraphs(manifest: Manifest, parts: dict[str, dict[str, Any]], rough: Sequence[_Rough], dedup: str) -> list[str]:
    """Each block's key of what deduplication leaves of it: `dedup`, unless paragraphs are compared after it."""
    config = manifest.dedup.paragraphs if manifest.dedup else None
    if not config:
        return [dedup] * len(rough)
    parts["paragraphs"]["all"] = {"version": VERSIONS["paragraphs"], **config.model_dump()}
    # Where a paragraph stays depends on the text of every block; `dedup` knows its documents, but not its spans.
    texts = [(ingest_key, _span_keys(set_keys)) for _, _, ingest_key, set_keys, _ in rough]
    shared = fingerprint([parts["paragraphs"], dedup, texts])
    return [fingerprint([shared, ingest_key]) for _, _, ingest_key, _, _ in rough]


def _decontamination(
    manifest: Manifest,
    versions: InputVersions,
    parts: dict[str, dict[str, Any]],
    rough: Sequence[_Rough],
    unique: Sequence[str],
) -> tuple[str, str, list[str], list[str]]:
    """Keys of the index, of the common n-grams, and of each block's counts and matches; empty if nobody asks."""
    config = manifest.decontaminate
    if not config:
        return "", "", [""] * len(rough), [""] * len(rough)
    sets = {
        one.name: {
            "set": one.model_dump(mode="json", exclude={"action", "files", "harness"}),
            "files": [versions.of(file).version for file in eval_files(one, manifest.root)],
        }
        for one in manifest.eval_sets
    }
    parts["count"]["all"] = {"version": VERSIONS["count"], "index": INDEX_VERSION, "ngram": config.ngram, "evals": sets}
    index = fingerprint(parts["count"])
    counted = [
        fingerprint([index, ingest_key, _span_keys(set_keys), select_key, unique[rank]])
        for rank, (_, _, ingest_key, set_keys, select_key) in enumerate(rough)
    ]
    actions = {one.name: one.action for one in manifest.eval_sets}
    limits = {"max_documents": config.max_documents, "actions": actions}
    parts["decontaminate"]["all"] = {"version": VERSIONS["decontaminate"], **limits}
    common = fingerprint([config.max_documents, counted])
    return index, common, counted, [fingerprint([parts["decontaminate"], common, key]) for key in counted]


def assemble_key(work: Work, shard: str) -> str:
    """Key of the task that writes one shard."""
    return fingerprint([work.mix, work.parts["assemble"], shard])


def _ingest_parts(
    manifest: Manifest, name: str, plugin: Source, language: str, versions: InputVersions
) -> dict[str, Any]:
    select = manifest.select_of(name).language
    gate = None
    if gated(plugin) and select and select.keep:
        gate = {"keep": select.keep, "score": select.gate_score, "model": language}
    tables = {
        table: [(file.name, file.size, versions.of(file).version) for file in files]
        for table, files in plugin.side_tables().items()
    }
    # Of no effect on sources that the Pile treated no otherwise.
    compat = set() if plugin.config.compat and plugin.compat else {"compat"}
    return {
        "version": VERSIONS["ingest"],
        "plugin": f"{type(plugin).__module__}.{type(plugin).__name__}",
        "plugin_version": plugin.version,
        "options": masked(
            plugin.config.model_dump(mode="json", exclude=_NO_OPTIONS | (set() if compat else {"compat"}))
        ),
        "gate": gate,
        "tables": tables,
        "lists": [(file.name, versions.of(file).version) for file in plugin.list_files()],
        "libraries": {library: _version(library) for library in (*TEXT_LIBRARIES, *plugin.text_libraries())},
        **({"models": dict(models)} if (models := plugin.models()) else {}),
        "limits": manifest.limits.model_dump(mode="json", exclude={"time_limited"}),
        "time_limited": sorted(one for one in manifest.limits.time_limited if one.startswith(f"{name}:")),
    }


def _span_keys(sets: Mapping[str, str]) -> list[str]:
    return [sets[name] for name in SPAN_SETS if name in sets]


def gated(plugin: Source) -> bool:
    """Whether a source offers cheap text for the language gate."""
    return type(plugin).preview is not Source.preview


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"


def split_to_json(split: Split) -> dict[str, Any]:
    """A split as JSON."""
    files = [asdict(file) for file in split.files]
    return {"name": split.name, "files": files, "params": dict(split.params), "group": split.group}


def split_from_json(data: Mapping[str, Any]) -> Split:
    """The split that `split_to_json` gave."""
    files = tuple(InputFile(**file) for file in data["files"])
    return Split(data["name"], files, data["params"], data.get("group", ""))
