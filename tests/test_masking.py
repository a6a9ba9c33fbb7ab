"""Secrets planted in URLs, options, headers and the environment, and what a build writes and says of them."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pile_builder.input_files import relative_name
from pile_builder.masking import mask, masked, public_url

SECRETS = ("hunter2secret", "SIGNATUREabc123", "TOKENvalue987", "hf_" + "a1B2" * 9, "ENVvalue424242")
SIGNED = (
    "https://store.example/a/b.warc.gz?X-Amz-Algorithm=AWS4&X-Amz-Credential=SIGNATUREabc123&X-Amz-Date=20240101"
    "&X-Amz-Signature=SIGNATUREabc123&part=2"
)


@pytest.mark.parametrize(
    "text",
    [
        "https://user:hunter2secret@host.example/x",
        "cannot open ftp://hunter2secret@host/x?y=1: refused",
        SIGNED,
        "az://c/x?sv=2022&se=2024&sig=SIGNATUREabc123",
        "http://h/x?token=TOKENvalue987&page=1",
        "http://h/x?page=1&access_token=TOKENvalue987)",
        "Authorization: Bearer TOKENvalue987",
        "token hf_" + "a1B2" * 9,
        "from the environment: ENVvalue424242.",
    ],
)
def test_secrets_are_masked(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MY_SECRET", "ENVvalue424242")
    found = mask(text)
    assert not [secret for secret in SECRETS if secret in found], found
    assert mask(found) == found


def test_what_is_no_secret_stays():
    for text in (
        "https://host.example/a?page=2&q=token",
        "see user@example.org, token: none",
        "a=b&c=d",
        "s3://b/k.gz",
    ):
        assert mask(text) == text


def test_options_are_masked_by_name():
    data = {"token": "x", "api_key": "y", "url": "https://u:hunter2secret@h/", "n": 3, "list": [{"password": "z"}]}
    expected = {"token": "***", "api_key": "***", "url": "https://***@h/", "n": 3, "list": [{"password": "***"}]}
    assert masked(data) == expected
    assert masked({"token": "${HF_TOKEN}"}) == {"token": "${HF_TOKEN}"}


def test_an_input_keeps_its_name_when_it_is_signed_anew():
    again = SIGNED.replace("SIGNATUREabc123", "other").replace("20240101", "20250101")
    assert public_url(SIGNED) == public_url(again) == "https://store.example/a/b.warc.gz?part=2"
    assert relative_name(SIGNED, "", SIGNED) == relative_name(again, "", again)
    assert public_url("https://u:p@h/x?sig=1&se=2") == "https://h/x"
    assert public_url("https://h/x?page=1&se=2") == "https://h/x?page=1&se=2"


def test_no_secret_is_in_anything_that_a_build_writes_or_says(tmp_path: Path):
    """A build whose inputs cannot be had fails; one whose manifest names secrets is built: neither tells them."""
    (tmp_path / "a.txt").write_text("The ferry left the island at six in the morning. " * 60)
    manifest = {
        "name": "secret",
        "description": "from https://user:hunter2secret@host.example/data?sig=SIGNATUREabc123",
        "sources": {
            "books": {"inputs": ["a.txt"]},
            "arxiv": {"inputs": ["${GONE}"], "root": "https://user:hunter2secret@127.0.0.1:1/"},
        },
        "select": {"language": None},
        "mix": {"validation": 0, "test": 0},
        "dedup": None,
    }
    environment = {"PATH": "/usr/bin:/bin", "GONE": "gone.tar?token=TOKENvalue987", "HF_TOKEN": "ENVvalue424242"}
    path = tmp_path / "m.yaml"

    def run(command: str) -> subprocess.CompletedProcess[str]:
        path.write_text(yaml.safe_dump(manifest))
        code = "import sys; from pile_builder.cli import main; main()"
        words = [sys.executable, "-c", code, command, str(path), "--out", str(tmp_path / "out")]
        return subprocess.run(words, capture_output=True, text=True, check=False, env=environment)

    failed = run("build")
    assert failed.returncode != 0
    del manifest["sources"]["arxiv"]  # type: ignore[attr-defined]
    built, status = run("build"), run("status")
    assert built.returncode == 0, built.stderr
    told = "".join(done.stdout + done.stderr for done in (failed, built, status))
    written = {file: file.read_bytes() for file in (tmp_path / "out").rglob("*") if file.is_file()}
    for secret in SECRETS:
        assert secret not in told, told
        assert not [str(file) for file, content in written.items() if secret.encode() in content]


def test_libraries_say_nothing_in_the_pool():
    from pile_builder import pool

    code = "import logging; from pile_builder import pool; pool._start({}, 1 << 40); logging.error('told')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "told" not in done.stderr
    assert pool._worker is None
    assert logging.getLogger().isEnabledFor(logging.ERROR)
