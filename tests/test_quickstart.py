"""The quickstart through the command line, to a golden digest: a change in any phase's results shows here."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).parents[1]
GOLDEN = {
    "digest": "1e03e09c87d2f101a2c562d1",
    "kept": {"common_crawl": 28, "arxiv": 24, "books": 21, "github": 25},
}
"""Raise the versions in work.py, sets.py or the source that changed, then put the new values here."""


def pile(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pile_builder.cli", *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("quickstart")
    done = pile("build", "manifests/quickstart.yaml", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert f"corpus: {out}/corpus  digest {GOLDEN['digest']}" in done.stdout
    return out


def test_golden_digest_and_counts(corpus: Path):
    summary = orjson.loads((corpus / "report" / "summary.json").read_bytes())
    assert {name: source["kept"] for name, source in summary["sources"].items()} == GOLDEN["kept"]
    assert summary["digest"] == GOLDEN["digest"]
    assert all(split["documents"] for split in summary["written"].values())


def test_commands_on_a_finished_build(corpus: Path):
    assert pile("verify", str(corpus)).stdout.endswith("digests and counts as recorded\n")
    status = pile("status", "manifests/quickstart.yaml", "--out", str(corpus)).stdout
    assert status.count("nothing to do") == 10
    url = "http://tidewaterallotments.example/notes/leaf-mould.html"
    (story,) = orjson.loads(pile("explain", str(corpus), url, "--json").stdout)
    assert story["meta"]["title"].startswith("Making leaf mould")
    assert story["written"]
    domain = pile("explain", str(corpus), "--domain", "tidewaterallotments.example").stdout
    assert "2 documents and rejects from" in domain
    assert url in domain
    missing = pile("explain", str(corpus), "leaf-mould")
    assert missing.returncode == 1
    assert url in missing.stderr


def test_listings_need_no_build():
    assert "common_crawl" in pile("sources", "list").stdout
    assert "extractor" in pile("sources", "show", "common_crawl").stdout
    assert "min_words" in pile("rules", "list").stdout
    assert "curly_bracket" in pile("rules", "try", "c4_fineweb_v1", "README.md").stdout
    assert pile("sources", "show", "comon_crawl").stderr.count("did you mean 'common_crawl'?") == 1
    assert "gopher_quality_v1" in pile("rules", "try", "gopher", "README.md").stderr
