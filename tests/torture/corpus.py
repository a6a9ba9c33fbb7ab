"""The corpus that is built: lines of text, among them some that end, hang or fill the process that looks at them."""

import json
import os
import random
from pathlib import Path

import yaml

from tests.conftest import sentence, toy_data

SERVERS = {
    "flink": "flink-job-server/flink-job-server.jar",
    "spark": "spark-job-server/spark-job-server.jar",
    "prism": "prism",
}
"""Programs of other runners, as `make flink-jar spark-jar prism` leaves them in the folder PILE_JOB_SERVERS."""
HOSTILE = ("", "reject", "raise", "")
"""Each file has these; the first also `exit`, which ends the process, and `memory`, which asks for too much."""


def make_corpus(root: Path) -> Path:
    """Write four input files, a manifest over them that asks for every phase, and other.yaml; returns its path."""
    randomness = random.Random(11)
    folder = root / "inputs"
    folder.mkdir(parents=True)
    originals = [sentence(randomness, 60) for _ in range(40)]
    for number in range(4):
        lines = [sentence(randomness, randomness.randrange(20, 120)) for _ in range(30)]
        lines += originals[number * 5 : number * 5 + 20]
        lines += [original.replace("river", "brook", 1) for original in originals[number * 5 : number * 5 + 6]]
        lines += HOSTILE if number else (*HOSTILE, "exit", "memory")
        randomness.shuffle(lines)
        (folder / f"{number}.txt").write_text("\n".join(lines) + "\n")
    (folder / "items.jsonl").write_text(json.dumps({"text": " ".join(originals[0].split()[:40])}) + "\n")
    (folder / "evals.yaml").write_text("evals: [{name: quiz, files: [items.jsonl], question: text, action: drop}]\n")
    data = toy_data("inputs")
    data["select"] = {"language": None, "recipes": ["gopher_quality_v1"]}
    data["dedup"] = {"paragraphs": {}}
    data["subsets"] = ["1/2"]
    data["decontaminate"] = {"evals": ["inputs/evals.yaml"]}
    data["runners"] = {name: {"runner": name, "job_server": str(path)} for name, path in servers().items()}
    manifest = root / "torture.yaml"
    manifest.write_text(yaml.safe_dump(data))
    # Of another selection, without paragraphs or subsets, and with one file less.
    data["select"] = {"language": None}
    data["dedup"] = {}
    del data["subsets"], data["runners"]
    data["sources"]["right"]["inputs"] = data["sources"]["right"]["inputs"][:1]
    (root / "other.yaml").write_text(yaml.safe_dump(data))
    return manifest


def servers() -> dict[str, Path]:
    """The runners' programs that are there, by runner."""
    folder = Path(os.environ.get("PILE_JOB_SERVERS", "")).absolute()
    return {name: folder / path for name, path in SERVERS.items() if (folder / path).is_file()}
