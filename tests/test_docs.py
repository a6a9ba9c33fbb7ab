"""Commands that the documents show: every one exists with its options, and what can run on the quickstart does."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import typer.testing

from pile_builder.cli import app
from pile_builder.commands.group import RunByDefault

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?pile (?P<rest>.*)$")
INLINE = re.compile(r"`(?:\.venv/bin/)?pile (?P<rest>[^`]+)`")

NOT_RUN = {
    "review corpus": "serves a page until Ctrl-C; tests/review",
    "plan mine.yaml": "twice is enough",
    "dedup FILES": "tests/dedup",
    "decontaminate probe EVALS": "tests/decontamination",
    "extractor silver": "needs archives; tests/main_content",
    "extractor train": "needs labelled pages; tests/main_content",
    "extractor evaluate": "the same",
    "classifier train CONFIG": "needs texts with labels; tests/classifier",
    "tokenize FOLDER": "the same with real names is run",
    "tokenizer train FOLDER": "the same with real names is run",
    "sources new": "tests/test_new_source.py",
    "sources test almanac": "tests/test_new_source.py",
    "sources try almanac": "tests/test_new_source.py",
    "manifest check almanac.yaml": "tests/test_new_source.py",
    "tokenize DIR --subset": "the quickstart has no subsets; tests/pipelines",
    'build "$MANIFEST"': "a batch script; slices and runners have tests of their own",
    "build M": "the same",
    "parquet DIR --subset": "the quickstart has no subsets; tests/pipelines",
}
"""Beginnings of shown commands that are only checked, and why."""
NEEDS = ("gs://", "s3://", "hf://", "https://", "--runner flink", "mine.yaml --runner", "--runner mine.yaml")
"""What is elsewhere: commands with it are only checked."""
URL = "http://tidewaterallotments.example/notes/leaf-mould.html"
STANDS_FOR = {
    "build/quickstart": "{corpus}",
    "build/tokenizer.json": "{folder}/tokenizer.json",
    "corpus": "{corpus}",
    "DIR": "{corpus}",
    "mine.yaml": "manifests/quickstart.yaml",
    "ID_OR_URL": URL,
    "RULE=VALUE": "language.min_score=0.9",
    "FILE": "{folder}/gone.txt",
    "PAGE": "samples/common_crawl/CC-MAIN-20210304050000-00000.warc.gz#3",
    "gone.txt": "{folder}/gone.txt",
    "what.json": "{folder}/what.json",
}
"""Words of shown commands, and what they are here."""


def shown(text: str) -> Iterator[str]:
    """Commands in a document's blocks, without `pile`, in order."""
    for line in text.splitlines():
        found = COMMAND.match(line.strip())
        if found and line.startswith(("    ", "pile ", "$ pile ", ".venv/bin/pile ")):
            yield found["rest"]


def words(command: str) -> list[str]:
    """Its arguments, without a comment; a # inside a word, as in FILE#3, begins none."""
    return shlex.split(re.sub(r"(^|\s)#.*", "", command))


def unknown(command: str) -> str:
    """What of a command does not exist, empty if all does."""
    known = typer.main.get_command(app)
    context = typer.Context(known)
    arguments = [one for one in re.split(r"[\s|]+", command.partition("#")[0].strip()) if one]
    while hasattr(known, "list_commands"):
        if not arguments or arguments[0].startswith("-"):
            return ""
        name = arguments[0].rstrip(".,;:")
        found = known.get_command(context, name)
        if found is None and not isinstance(known, RunByDefault):
            return f"no command {name!r}"
        known = found or known.get_command(context, "run")
        arguments = arguments[1:] if found else arguments
    options = {name for parameter in known.params for name in (*parameter.opts, *parameter.secondary_opts)}
    # What follows -- is Beam's.
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    given = [one.partition("=")[0] for one in own if one.startswith("-") and one != "-"]
    missing = [one for one in given if one not in options | {"--help"}]
    return f"no option {missing[0]}" if missing else ""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_shown_command_and_option_exists(document: Path):
    text = document.read_text()
    commands = [*shown(text), *(found["rest"] for found in INLINE.finditer(text.replace("\n", " ")))]
    wrong = {command: why for command in commands if (why := unknown(command))}
    assert not wrong


def test_a_command_that_is_gone_is_noticed():
    assert unknown("biuld manifest.yaml") == "no command 'biuld'"
    assert unknown("build m.yaml --output x") == "no option --output"
    assert unknown("sources show NAME") == ""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    (folder / "gone.txt").write_text(f"{URL}\n")
    run(["quickstart", "--out", str(folder / "corpus")])
    return folder / "corpus"


def run(arguments: list[str]) -> str:
    result = typer.testing.CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, f"pile {shlex.join(arguments)}: {result.exception!r}\n{result.output}"
    return result.output


def test_shown_commands_run_on_the_quickstart(corpus: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "200")
    places = {"corpus": str(corpus), "folder": str(corpus.parent)}
    done: set[str] = set()
    for document in DOCUMENTS:
        for command in shown(document.read_text()):
            if command.startswith(tuple(NOT_RUN)) or any(one in command for one in NEEDS):
                continue
            arguments = [STANDS_FOR.get(word, word).format(**places) for word in words(command)]
            if arguments[0] == "takedown" and "--yes" not in arguments:
                arguments.append("--yes")
            # The same command in another document says the same.
            if (line := shlex.join(arguments)) not in done:
                done.add(line)
                run(arguments)
    assert len(done) >= 12
    unused = [start for start in NOT_RUN if not any(start in path.read_text() for path in DOCUMENTS)]
    assert not unused, "NOT_RUN names commands that no document shows"
