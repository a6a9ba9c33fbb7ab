"""A corpus of pages with addresses; each has a word of its own, `mark(url)`, by which it can be searched for."""

import random
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from pile_builder import source
from pile_builder.document import document_id
from pile_builder.manifest import Manifest, check_manifest
from tests.conftest import sentence
from tests.paged_source import Paged

QUIZ = "which of the seven lanterns of the old harbour wall burns longest in a winter storm"
SECOND = "how many copper ladders lean on the market hall when the river is at its highest"
EVIL = ("http://evil.example/first", "https://Shop.Evil.example:8080/second?x=1", "http://evil.example/spam")
FAMOUS = "https://famous.example/page"
MIRROR, TWIN, HIDDEN = "https://mirror.example/copy", "https://twin.example/same", "https://hidden.example/same"
LICENSED = "https://licensed.example/text"


class _Point:
    name, value = "paged", "tests.paged_source:Paged"

    def load(self) -> type[Paged]:
        return Paged


def mark(url: str) -> str:
    """A word that only this page has."""
    return "zq" + sha256(url.encode()).hexdigest()[:12].translate(str.maketrans("0123456789", "ghijklmnop"))


def page(url: str, text: str, licence: str = "") -> dict[str, str]:
    return {"url": url, "text": text, "license": licence}


def corpus() -> dict[str, list[dict[str, str]]]:
    """Two files each of two sources: pages that nobody objects to, and those that are going to be taken down."""
    chance = random.Random(5)
    files = {
        name: [
            page(url, f"{sentence(chance, 60)} {mark(url)} {sentence(chance, 60)}")
            for url in (f"https://{name}.example/{number}" for number in range(40))
        ]
        for name in ("web0", "web1", "forum0", "forum1")
    }
    name = mark(FAMOUS)
    famous = f"{name} {sentence(chance, 90)}. {name} {QUIZ} {sentence(chance, 90)} "
    famous += f"{name} writes from someone@famous.org {sentence(chance, 60)}"
    files["web0"].append(page(FAMOUS, famous))
    files["forum0"].append(page(MIRROR, famous.replace("river", "brook", 1).replace("stone", "rock", 1)))
    files["forum1"].append(page(TWIN, famous))
    # Its licence drops it, so deduplication never sees it.
    files["forum1"].append(page(HIDDEN, famous, "GPL-2.0-only"))
    files["forum0"].append(page(LICENSED, sentence(chance, 90), f"LicenseRef-refused AND LicenseRef-{mark(LICENSED)}"))
    files["web1"] += [
        page(url, f"{mark(url)} {sentence(chance, 100)} {SECOND} {sentence(chance, 100)}") for url in EVIL[:2]
    ]
    files["web1"].append(page(EVIL[2], f"spam {mark(EVIL[2])}"))
    return files


def manifest_of(root: Path, **changes: Any) -> Manifest:
    """A manifest over the pages; keyword arguments replace parts of it."""
    data: dict[str, Any] = {
        "name": "pages",
        "root": str(root),
        "sources": {
            "web": {"plugin": "paged", "inputs": ["web0", "web1"], "epochs": 2.5, "options": {"titles": "titles"}},
            "forum": {"plugin": "paged", "inputs": ["forum0", "forum1"]},
        },
        "select": {
            "language": None,
            "privacy": ["email"],
            "licences": {"deny": ["copyleft", "LicenseRef-refused"], "unknown": "keep"},
        },
        "dedup": {"source_priority": ["web", "forum"]},
        "decontaminate": {"evals": ["evals.yaml"]},
        "mix": {"validation": 0.05, "test": 0.05},
        "output": {"segment_bytes": 15_000, "shard_bytes": 30_000},
    }
    return check_manifest({**data, **changes}, str(root / "m.yaml"), {})


def id_of(source_name: str, url: str) -> str:
    """The id of a page."""
    return document_id(source_name, f"{url} 2024-05-06")


def write_pages(folder: Path) -> Path:
    """Write raw dumps, eval sets and a side table."""
    pages = corpus()
    for name, lines in pages.items():
        (folder / name).write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    titles = [{"url": one["url"], "title": f"title of {mark(one['url'])}"} for lines in pages.values() for one in lines]
    (folder / "titles").write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in titles))
    (folder / "quiz.jsonl").write_bytes(b"\n".join(orjson.dumps({"q": question}) for question in (QUIZ, SECOND)))
    evals = {"evals": [{"name": "quiz", "files": ["quiz.jsonl"], "question": "q"}]}
    (folder / "evals.yaml").write_bytes(orjson.dumps(evals))
    return folder


def register_paged(patch: pytest.MonkeyPatch) -> None:
    """Make the source known, with every file a split of its own."""
    points = source.entry_points

    def with_paged(group: str) -> list[Any]:
        return [_Point()] if group == source.ENTRY_POINT_GROUP else list(points(group=group))

    patch.setattr(source, "entry_points", with_paged)
    patch.setattr(source.pack, "__defaults__", (1,))
