"""Lists of what is to go: their forms, what is wrong with them, and ids that are hard to tell apart."""

import io
from pathlib import Path

import orjson
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from pile_builder.cli import app
from pile_builder.document import document_id
from pile_builder.domains import parse_domain
from pile_builder.errors import ManifestError, PileError
from pile_builder.storage import Store
from pile_builder.takedown.listing import Takedown, add_entries, distinct, entries_of, own_entries, read_entries
from tests.pages import manifest_of, register_paged

SOME = document_id("web", "http://a.example")


def test_what_is_wrong_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def told(*arguments: str) -> str:
        return str(CliRunner().invoke(app, ["takedown", str(tmp_path), *arguments]).exception)

    (tmp_path / "good").write_text(f"{SOME}\n")
    assert "give --yes" in told("--ids", str(tmp_path / "good"))
    assert "run `pile build` first" in told("--ids", str(tmp_path / "good"), "--yes")
    assert told("--yes").startswith("expected --ids FILE")
    assert told("--yes", "--urls", "none") == "--urls: expected a file with one entry a line, there is none at none"
    (tmp_path / "bad").write_text("# ids\n\nweb:0123\n")
    assert "bad, line 3: expected a document id" in told("--ids", str(tmp_path / "bad"), "--yes")
    register_paged(monkeypatch)
    with pytest.raises(ManifestError, match=r"takedowns: expected a list of document ids at .*/none"):
        manifest_of(tmp_path, takedowns=["none"], decontaminate=None)


def test_domains_as_lists_spell_them():
    assert [parse_domain(one) for one in ("*.Example.org", "https://a.example.org/x", "bücher.example")] == [
        "example.org",
        "a.example.org",
        "xn--bcher-kva.example",
    ]
    for wrong in (".com", "localhost", "a..ü.example"):
        with pytest.raises(PileError, match=r"expected domains such as example\.org, got "):
            parse_domain(wrong)


def test_lists_of_bare_ids_and_of_objects(tmp_path: Path):
    whole = {"id": SOME, "by": "me", "when": "2024-05-06", "why": "so", "cluster_of": ""}
    other = document_id("web", "http://b.example")
    text = b"# two\n" + orjson.dumps(whole) + b"\n" + other.encode() + b"\n\n" + orjson.dumps({"id": SOME, "by": None})
    table = distinct(read_entries(io.BytesIO(text), "list"))
    assert {row["id"]: row["by"] for row in table.to_pylist()} == {SOME: "me", other: ""}
    store = Store(str(tmp_path))
    (tmp_path / "takedown.jsonl").write_bytes(orjson.dumps(whole))
    add_entries(store, entries_of([{"id": other}]))
    assert [batch.to_pylist()[0]["id"] for batch in own_entries(store)] == [SOME]
    assert distinct(own_entries(store)).num_rows == 2


def test_ids_that_share_half_their_hash_are_told_apart():
    near = [f"web:{1:016x}{number:04x}" for number in range(3)] + [f"forum:{1:016x}0001"]
    takedown = Takedown.of([near[3], near[1], near[1]])
    assert len(takedown) == 2
    assert takedown.digest == Takedown.of([near[1], near[3]]).digest
    assert takedown.find(pa.array(near)).tolist() == [1, 3]
    assert Takedown.of([]).find(pa.array(near)).tolist() == []
