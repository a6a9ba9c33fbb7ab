"""Documents are taken down from all that a build keeps, nothing else moves, and rebuilds agree."""

import gzip
import io
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
import yaml
import zstandard
from typer.testing import CliRunner

from pile_builder.audit.explain import explain_document
from pile_builder.audit.status import build_status
from pile_builder.audit.verify import verify_corpus
from pile_builder.cli import app
from pile_builder.commits import Commits
from pile_builder.document import document_id
from pile_builder.errors import BuildError
from pile_builder.manifest import Manifest, load_manifest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.takedown import propose, take_down
from pile_builder.storage import Store
from pile_builder.takedown.copies import copies_of
from pile_builder.takedown.look_up import Wanted
from tests.audit.recount import kept_ids, read_blocks
from tests.audit.recount import read_shards as recount_shards
from tests.pages import (
    EVIL,
    FAMOUS,
    HIDDEN,
    LICENSED,
    MIRROR,
    TWIN,
    id_of,
    manifest_of,
    mark,
    register_paged,
    write_pages,
)
from tests.test_build import read_shards


def run(manifest: Manifest, out: Path) -> dict[str, Any]:
    return build(manifest, str(out), RunOptions())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        register_paged(patch)
        yield write_pages(tmp_path_factory.mktemp("raw"))


@pytest.fixture(scope="module")
def finished(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished")
    run(manifest_of(root), out)
    return out


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "out")


def held_out_url(out: Path) -> str:
    """The address of a page of the validation set."""
    index = next(iter(shard_records(out, "validation")))
    identity = pq.read_table(out / index["index"])["id"][0].as_py()
    (story,) = explain_document(Store(str(out)), identity)
    return str(story["meta"]["url"])


def shard_records(out: Path, split: str = "") -> list[dict[str, Any]]:
    commits = Commits(Store(str(out)), "assemble")
    records = [commits.load(key) for key in sorted(commits.done())]
    return [record for record in records if split in ("", record["split"])]


def contents(path: Path) -> bytes:
    """All that a file says, whatever it is packed in."""
    data = path.read_bytes()
    if data.startswith(b"SQLite format 3"):
        with sqlite3.connect(path) as connection:
            return "\n".join(connection.iterdump()).encode() + data
    if data.startswith(b"PAR1"):
        return orjson.dumps(pq.read_table(io.BytesIO(data)).to_pylist(), default=repr) + data
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True).read()
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def files_that_tell(out: Path, *urls: str) -> set[str]:
    """Files below a folder in which the address or the own word of a page occurs."""
    words = [word.lower().encode() for url in urls for word in (url, mark(url))]
    return {
        str(path.relative_to(out))
        for path in out.rglob("*")
        if path.is_file() and any(word in contents(path).lower() for word in words)
    }


def fingerprints(out: Path, *folders: str) -> dict[str, tuple[int, str]]:
    """Time and hash of every file."""
    paths = [path for folder in folders or ("",) for path in (out / folder).rglob("*") if path.is_file()]
    return {
        str(path.relative_to(out)): (path.stat().st_mtime_ns, sha256(path.read_bytes()).hexdigest()) for path in paths
    }


def problems(out: Path) -> list[str]:
    return [problem for check in verify_corpus(Store(str(out))) for problem in check.problems]


def command(out: Path, *arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["takedown", str(out), *arguments])
    assert result.exit_code == status, (result.output, result.exception)
    return result.output


def listed(path: Path, *words: str) -> str:
    path.write_text("# what is to go\n\n" + "\n".join(words) + "\n")
    return str(path)


def test_by_id_url_and_domain_and_everything_agrees(root: Path, out: Path, tmp_path: Path):
    store = Store(str(out))
    held_out = held_out_url(out)
    gone = (FAMOUS, MIRROR, TWIN, HIDDEN, *EVIL, held_out)
    (famous,) = explain_document(store, FAMOUS)
    assert famous["written"]
    assert {row["copy"] for row in famous["written"]} >= {0, 1}
    # All that has to be looked after really is there before.
    places = {name.split("/")[0] + "/" + name.split("/")[1] for name in files_that_tell(out, *gone)}
    assert places == {
        "corpus/train",
        "corpus/validation.jsonl.zst",
        "work/ingest",
        "work/annotate",
        "work/decontaminate",
        "work/tables",
        "report/index.html",
    } | {f"report/{name}.json" for name in ("audit", "dedup", "decontamination", "privacy")}
    before = orjson.loads((out / "report/summary.json").read_bytes())
    shards = fingerprints(out, "corpus/train")
    raw = root.rename(root.with_name("elsewhere"))
    try:
        ids = listed(tmp_path / "ids", famous["id"], document_id("web", "nothing"))
        said = command(out, "--ids", ids, "--by", "her", "--why", "she wrote it", "--yes")
        assert f"not found: {document_id('web', 'nothing')}" in said
        assert "copies in 1 clusters" in said
        assert "takedowns: [takedown.jsonl]" in said
        assert not files_that_tell(out, FAMOUS, MIRROR, TWIN, HIDDEN)
        command(out, "--urls", listed(tmp_path / "urls", held_out), "--yes")
        assert "not found: no.example" in command(
            out, "--domains", listed(tmp_path / "d", "*.evil.example", "no.example"), "--yes"
        )
        assert not files_that_tell(out, *gone)
        whole = fingerprints(out)
        said = command(out, "--ids", ids, "--yes")
        assert "nothing to do" in said
        assert f"(1 document): {famous['id']}" in said
        assert "nothing to do" in command(out, "--urls", listed(tmp_path / "urls", held_out, FAMOUS), "--yes")
        # What is gone has no address by which a domain could find it: the list knows that it was asked for.
        said = command(out, "--domains", listed(tmp_path / "d", "evil.example"), "--yes")
        date = orjson.loads((out / "takedown.jsonl").read_bytes().splitlines()[-1])["when"][:10]
        assert f"already taken down on {date} (3 documents): evil.example" in said
        assert "nothing to do" in said
        said = command(out, "--domains", listed(tmp_path / "d", "good.example"), "--yes", status=1)
        assert "none was found" in said
        assert fingerprints(out) == whole
    finally:
        raw.rename(root)
    assert not problems(out)

    entries = [orjson.loads(line) for line in (out / "takedown.jsonl").read_bytes().splitlines()]
    assert {entry["id"] for entry in entries} == {
        *(id_of("web", url) for url in (FAMOUS, *EVIL)),
        *(id_of("forum", url) for url in (MIRROR, TWIN, HIDDEN)),
        id_of(held_out.split("/")[2][:-9], held_out),
    }
    assert {entry["cluster_of"] for entry in entries} == {"", famous["id"]}
    for wanted in (famous["id"], FAMOUS, TWIN):
        (story,) = explain_document(store, wanted)
        assert {key: story["taken_down"][key] for key in ("by", "why")} == {"by": "her", "why": "she wrote it"}
        assert not {"key", "text", "meta"} & story.keys()

    after = orjson.loads((out / "report/summary.json").read_bytes())
    for name, number in (("web", 3), ("forum", 0)):
        number += held_out.startswith(f"https://{name}")
        assert after["sources"][name]["dropped"].get("takedown", 0) == number
        assert after["sources"][name]["kept"] == before["sources"][name]["kept"] - number
        assert after["sources"][name]["kept_bytes"] < before["sources"][name]["kept_bytes"] or not number
    assert after["takedown"]["listed"] == 8
    assert f"{3 + 1} documents were taken down" in (out / "corpus/README.md").read_text()
    lines = [line["text"] for split in read_shards(out).values() for line in split]
    assert sum(split["pieces"] for split in after["written"].values()) == len(lines)

    audit = orjson.loads((out / "report/audit.json").read_bytes())
    check_content(audit, out)
    assert audit["sources"]["web"]["content"]["domains"]["counts"]["web0.example"] > 30

    touched = {f"corpus/{record['name']}" for record in shard_records(out, "train") if record["taken"]}
    now = fingerprints(out, "corpus/train")
    assert {name for name in shards if now[name] != shards[name]} == touched
    assert touched < shards.keys()
    assert {row.next for row in build_status(manifest_of(root), store)} == {"nothing to do"}

    # In another folder, with the list in the manifest; and from the lock alone.
    shutil.copy(out / "takedown.jsonl", root / "gone.jsonl")
    other, locked = tmp_path / "other", tmp_path / "locked"
    summary = run(manifest_of(root, takedowns=["gone.jsonl"]), other)
    assert summary["digest"] == after["digest"]
    assert not files_that_tell(other, *gone)
    for name in ("summary", "dedup", "decontamination", "privacy"):
        assert (other / f"report/{name}.json").read_bytes() == (out / f"report/{name}.json").read_bytes()
    assert orjson.loads((other / "report/audit.json").read_bytes())["sources"] == audit["sources"]
    assert fingerprints(other, "work/ingest/objects").keys() == fingerprints(out, "work/ingest/objects").keys()
    assert not problems(other)
    shutil.copy(out / "manifest.lock.yaml", root / "lock.yaml")
    assert run(load_manifest(root / "lock.yaml", {}), locked)["digest"] == after["digest"]
    lock = yaml.safe_load((locked / "manifest.lock.yaml").read_text())
    assert lock["takedown"]["documents"] == 4
    assert set(lock["takedown"]["ids"].split()) == {entry["id"] for entry in entries}


def check_content(audit: dict[str, Any], out: Path) -> None:
    """The content of a corpus from which documents were taken down is that of the lines which its shards still have."""
    assert not [alarm for alarm in audit["alarms"] if alarm["kind"] in ("balance", "mixture")], audit["alarms"]
    shards, blocks, kept = recount_shards(out), read_blocks(out), kept_ids(out)
    for name, source in audit["sources"].items():
        content, there = source["content"], [blocks.documents[name][one]["meta"] for one in kept[name]]
        assert source["balanced"] == {"documents": True, "bytes": True}
        domains = Counter(one["url"].split("/")[2].lower().split(":")[0] for one in there)
        assert content["domains"]["counts"] == dict(domains)
        assert content["years"]["counts"] == dict(Counter(str(one.get("date", ""))[:4] for one in there))
        assert sum(content["licences"]["counts"].values()) == len(there) == source["kept"]
        assert sum(content["lengths"]["kept"].values()) == len(there)
        assert audit["mixture"]["sources"][name]["within_tolerance"]
    # Both sources write lines of one set name.
    mixed = audit["mixture"]["sources"].values()
    (set_name,) = {source["set_name"] for source in audit["sources"].values()}
    assert sum(one["kept_bytes"] for one in audit["sources"].values()) == distinct_bytes(shards.texts(set_name))
    assert sum(one["train_bytes"] for one in mixed) == shards.size(set_name, "train")
    assert sum(one["pool"] for one in mixed) == distinct_bytes(shards.texts(set_name, "train"))


def distinct_bytes(texts: Counter[str]) -> int:
    return sum(len(text.encode()) for text in texts)


def test_killed_in_the_middle_and_run_again(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store, wanted = Store(str(out)), Wanted(urls=frozenset({FAMOUS}))
    # A manifest that was built here before left its own records, which may name the same objects.
    ingest = Commits(store, "ingest")
    for number, key in enumerate(sorted(ingest.done())):
        ingest.put(f"{number:024x}", ingest.load(key))
    proposal = propose(store, wanted, only_listed=False)
    assert (len(proposal.asked), len(proposal.copies), proposal.new, proposal.blocks) == (1, 3, 4, 6)

    def killed(self: Commits, key: str, record: Any) -> None:
        raise OSError("the power is gone")

    with monkeypatch.context() as patch:
        patch.setattr(Commits, "replace", killed)
        with pytest.raises(BuildError, match="the power is gone"):
            take_down(store, proposal, "", "", RunOptions())
    assert files_that_tell(out, FAMOUS)
    # Records stand, the objects before them do not go yet, and no shard is written again.
    with monkeypatch.context() as patch:
        patch.setattr("pile_builder.pipelines.purge.sweep_objects", lambda _: killed(None, "", {}))  # type: ignore[arg-type]
        with pytest.raises(OSError, match="the power is gone"):
            take_down(store, proposal, "", "", RunOptions())
    assert any(name.startswith("work/ingest/objects") for name in files_that_tell(out, FAMOUS))
    again = propose(store, wanted, only_listed=False)
    assert (again.new, again.blocks, again.pending) == (0, 0, True)
    assert again.shards
    take_down(store, again, "", "", RunOptions())
    assert not files_that_tell(out, FAMOUS, MIRROR, TWIN, HIDDEN)
    assert not problems(out)
    assert not propose(store, wanted, only_listed=False).pending


def test_in_no_shard_and_only_what_is_listed(out: Path, tmp_path: Path):
    digest = orjson.loads((out / "report/summary.json").read_bytes())["digest"]
    shards, blocks = fingerprints(out, "corpus/train"), fingerprints(out, "work/ingest/objects")
    assert any(name.startswith("work/select") for name in files_that_tell(out, LICENSED))
    said = command(out, "--urls", listed(tmp_path / "urls", TWIN, LICENSED), "--only-listed", "--yes")
    assert "2 blocks and 0 shards to rewrite" in said
    assert not files_that_tell(out, LICENSED)
    assert TWIN.encode() not in b"".join(contents(path) for path in out.rglob("*") if path.is_file())
    summary = orjson.loads((out / "report/summary.json").read_bytes())
    assert summary["digest"] == digest
    assert all("takedown" not in one["dropped"] for one in summary["sources"].values())
    assert fingerprints(out, "corpus/train") == shards
    assert len(blocks.keys() - fingerprints(out, "work/ingest/objects").keys()) == 2
    assert not problems(out)


def test_what_is_listed_no_more_comes_back_and_later_phases_see_whole_text(root: Path, out: Path, tmp_path: Path):
    command(out, "--urls", listed(tmp_path / "urls", FAMOUS, *EVIL), "--yes")
    wanted = {id_of("web", url) for url in (FAMOUS, *EVIL[1:])}
    lines = (out / "takedown.jsonl").read_bytes().splitlines()
    assert len(lines) == 7
    (out / "takedown.jsonl").write_bytes(
        b"\n".join(line for line in lines if orjson.loads(line)["id"] in wanted) + b"\n"
    )
    # Another n-gram size has to count all text again; a shard without the document that comes back is stale.
    changed = manifest_of(root, decontaminate={"evals": ["evals.yaml"], "ngram": 12})
    status = {row.phase: row.next for row in build_status(changed, Store(str(out)))}
    assert status["ingest"].startswith("runs 4: the whole text")
    summary = run(changed, out)
    assert not problems(out)
    (story,) = explain_document(Store(str(out)), EVIL[0])
    assert mark(EVIL[0]) in story["text"]
    assert story["written"]
    assert story["contamination"][0]["excerpt"]
    assert not files_that_tell(out, *EVIL[1:])
    assert FAMOUS.encode() not in b"".join(contents(path) for path in out.rglob("*") if path.is_file())
    shutil.copy(out / "takedown.jsonl", root / "fewer")
    fresh = tmp_path / "fresh"
    anew = manifest_of(root, decontaminate={"evals": ["evals.yaml"], "ngram": 12}, takedowns=["fewer"])
    assert run(anew, fresh)["digest"] == summary["digest"]
    assert (fresh / "report/decontamination.json").read_bytes() == (out / "report/decontamination.json").read_bytes()


def test_copies_lead_to_copies(finished: Path):
    store = Store(str(finished))
    story = orjson.loads((finished / "work/story.json").read_bytes())
    hidden = id_of("forum", HIDDEN)
    found = copies_of(store, story, [hidden])
    assert set(found) == {
        id_of("web", FAMOUS),
        *(id_of("forum", url) for url in (MIRROR, TWIN)),
    }
    assert set(found.values()) == {hidden}
