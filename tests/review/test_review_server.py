"""Only who knows the token, asks this machine and comes from the page gets anything; labels come to stay."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from pile_builder.cli import app
from pile_builder.review.labels import FILE
from pile_builder.review.rates import REPORT
from tests.pages import id_of
from tests.review.builds import HOSTILE, HOSTILE_URL, ask, below, serving


def test_every_request_needs_the_token_this_host_and_the_pages_origin(finished: Path):
    with serving(finished) as server:
        for path in ("/", "/state", "/wrong/", f"/{server.token}x/", "", "//", "/%00/"):
            assert ask(server, path)[0] == 403, path
        state = below(server, "state")
        assert ask(server, state)[0] == 200
        assert ask(server, state, Origin="")[0] == 200
        assert ask(server, state, Host=f"localhost:{server.server_port}", Origin="")[0] == 200
        for host in ("evil.example", f"evil.example:{server.server_port}", "127.0.0.1", "", "127.0.0.1:1"):
            status, answer = ask(server, state, Host=host)
            assert (status, "Host" in answer["error"]) == (403, True), host
        for origin in ("http://evil.example", "null", f"https://127.0.0.1:{server.server_port}"):
            assert ask(server, state, Origin=origin)[0] == 403, origin
        sent = {"id": server.drawn[0].identity, "label": "keep", "comment": ""}
        for origin in ("http://evil.example", "null", ""):
            assert ask(server, below(server, "labels"), sent, Origin=origin)[0] == 403, origin
        assert ask(server, below(server, "labels"), sent, Content_Type="text/plain")[0] == 415
        assert not server.decisions.history


def test_it_listens_on_this_machine_only_and_lets_the_page_load_nothing(finished: Path):
    with serving(finished) as server:
        assert server.server_address[0] == "127.0.0.1"
        assert "default-src 'none'" in server.policy
        assert "unsafe" not in server.policy
        status, page = ask(server, below(server, ""))
        assert (status, page) == (200, server.page)
        for word in (b"innerHTML", b"http://", b"https://", b"insertAdjacent", b"document.write", b"eval("):
            assert word not in page


def test_a_label_makes_the_round_and_a_restart_goes_on(out: Path):
    with serving(out) as server:
        first, second = (one.identity for one in server.drawn[:2])
        for identity, label, comment in ((first, "bad", ""), (second, None, "later"), (first, "keep", "fine")):
            status, saved = ask(server, below(server, "labels"), {"id": identity, "label": label, "comment": comment})
            assert (status, saved["label"], saved["by"]) == (200, label, "ana")
        lines = [orjson.loads(line) for line in (out / FILE).read_bytes().splitlines()]
        assert [line["label"] for line in lines] == ["bad", None, "keep"]
        assert set(lines[0]) == {"id", "source", "label", "comment", "by", "when", "seed"}
    with serving(out) as server:
        state = ask(server, below(server, "state"))[1]
        assert state["documents"][0] == {
            "id": first,
            "source": server.drawn[0].source,
            "label": "keep",
            "comment": "fine",
        }
        assert state["documents"][1]["comment"] == "later"
        assert "label" not in state["documents"][2]
    with serving(out, "ben") as server:
        assert "label" not in ask(server, below(server, "state"))[1]["documents"][0]


@pytest.mark.parametrize(
    "sent",
    [
        [],
        {"id": "web:0", "label": "keep", "comment": ""},
        {"id": None, "label": "nonsense", "comment": ""},
        {"id": None, "label": ["keep"], "comment": ""},
        {"id": None, "label": "keep", "comment": 1},
        {"id": None, "label": "keep", "comment": "x" * 2001},
        {"id": None, "label": "keep", "comment": "", "by": "ben"},
    ],
)
def test_what_is_no_decision_is_refused(finished: Path, sent: object):
    with serving(finished) as server:
        if isinstance(sent, dict) and sent["id"] is None:
            sent = {**sent, "id": server.drawn[0].identity}
        status, answer = ask(server, below(server, "labels"), sent)
        assert status == 400
        assert "expected" in answer["error"]
        assert ask(server, below(server, "labels"), {"x": "y" * 70_000})[0] == 413
        assert not server.decisions.history


def test_hostile_text_is_data_in_json(finished: Path):
    with serving(finished) as server:
        ids = [one.identity for one in server.drawn]
        status, found = ask(server, below(server, f"documents/{ids.index(id_of('web', HOSTILE_URL))}"))
        assert status == 200
        assert HOSTILE in found["pieces"][0]
        assert found["key"].startswith(HOSTILE_URL)
        for path in ("documents/999999", "documents/-1", "documents/../state", "documents/0/", "etc", "labels"):
            assert ask(server, below(server, path))[0] == 404, path


def test_the_command_serves_until_ctrl_c_and_reports(out: Path):
    command = [sys.executable, "-u", "-m", "pile_builder.cli", "review", str(out), "--sample", "2", "--by", "ana"]
    # A shell may have started this in the background, where Ctrl-C is ignored.
    start = "import signal, sys, runpy; signal.signal(signal.SIGINT, signal.default_int_handler); "
    start += "sys.argv = sys.argv[1:]; runpy.run_module('pile_builder.cli', run_name='__main__')"
    command = [sys.executable, "-u", "-c", start, "pile", *command[4:]]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout
    head = [process.stdout.readline() for _ in range(3)]
    assert head[0] == "4 documents of 2 sources, labelled by ana\n"
    assert head[1].startswith("http://127.0.0.1:")
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0, rest
    assert "nothing labelled yet" in rest
    assert orjson.loads((out / REPORT).read_bytes())["sources"] == {}


def test_the_report_alone(out: Path):
    with serving(out) as server:
        for one in server.drawn[:4]:
            ask(server, below(server, "labels"), {"id": one.identity, "label": "keep", "comment": ""})
    with serving(out, "ben") as server:
        for one, label in zip(server.drawn[:4], ("keep", "bad", "keep", "keep"), strict=True):
            ask(server, below(server, "labels"), {"id": one.identity, "label": label, "comment": ""})
    result = CliRunner().invoke(app, ["review", str(out), "--report"])
    assert result.exit_code == 0, result.output
    assert "100.0%" in result.output
    assert "ana and ben: 3 of 4 alike, Cohen's kappa 0.00" in result.output
    assert (out / REPORT).exists()


def test_no_finished_build_is_an_error(tmp_path: Path):
    result = CliRunner().invoke(app, ["review", str(tmp_path)])
    assert "no finished build here" in str(result.exception)
