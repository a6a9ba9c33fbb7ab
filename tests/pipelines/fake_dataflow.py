"""A small stand-in for Dataflow's API v1b3 and the bucket that jobs are staged in, on 127.0.0.1.

It runs a job's staged pipeline with Beam's local runner. What it proves: that our calls and Beam's are made, with which
names, labels and states, and that what is staged is a whole pipeline. What it does not: that Google accepts them.
"""

from __future__ import annotations

import json
import re
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

import google_crc32c
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import fn_runner

ENDED = ("JOB_STATE_DONE", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED")


class FakeDataflow:
    """Jobs by id, objects by name. While `go_on` is clear, jobs are running and do nothing."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, bytes] = {}
        self.go_on = threading.Event()
        self.go_on.set()
        self.vcpu_seconds = 0.0
        self.created = 0

    def create(self, job: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if any(one["name"] == job["name"] and one["currentState"] not in ENDED for one in self.jobs.values()):
            return 409, {"error": {"code": 409, "message": f"{job['name']} is active", "status": "ALREADY_EXISTS"}}
        self.created += 1
        identity = f"2026-11-26_{self.created}"
        self.jobs[identity] = {**job, "id": identity, "currentState": "JOB_STATE_RUNNING"}
        threading.Thread(target=self._work, args=(identity,), daemon=True).start()
        return 200, self.jobs[identity]

    def _work(self, identity: str) -> None:
        job = self.jobs[identity]
        self.go_on.wait()
        if job["currentState"] in ENDED:
            return
        url = job["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]
        pipeline = beam_runner_api_pb2.Pipeline.FromString(self.objects[url])
        for environment in pipeline.components.environments.values():
            environment.urn, environment.payload = python_urns.EMBEDDED_PYTHON, b""
        try:
            fn_runner.FnApiRunner().run_via_runner_api(pipeline, PipelineOptions([])).wait_until_finish()
        except Exception as error:
            job["error"], job["currentState"] = str(error), "JOB_STATE_FAILED"
        else:
            job["currentState"] = "JOB_STATE_DONE"

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        if path.endswith("/jobs") and method == "POST":
            return self.create(json.loads(body))
        if path.endswith("/jobs"):
            is_active = query.get("filter") in (["3"], ["ACTIVE"])
            jobs = self.jobs.values()
            return 200, {"jobs": [job for job in jobs if not is_active or job["currentState"] not in ENDED]}
        job = self.jobs[re.search(r"/jobs/([^/]+)", path)[1]]
        if path.endswith("/metrics"):
            metric = {"name": {"origin": "dataflow/v1b3", "name": "TotalVcpuTime"}, "scalar": self.vcpu_seconds}
            return 200, {"metrics": [metric] if self.vcpu_seconds else []}
        if path.endswith("/messages"):
            text = job.get("error", "")
            return 200, {
                "jobMessages": [{"messageText": text, "messageImportance": "JOB_MESSAGE_ERROR"}] if text else []
            }
        if method == "PUT":
            assert json.loads(body)["requestedState"] in (5, "JOB_STATE_CANCELLED")
            job["currentState"] = "JOB_STATE_CANCELLED"
        return 200, job


class _Handler(BaseHTTPRequestHandler):
    fake: FakeDataflow
    protocol_version = "HTTP/1.1"

    def _do(self) -> None:
        url = urlparse(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = parse_qs(url.query)
        headers = {}
        if url.path.startswith("/upload/"):
            # A resumable upload: where to, then the bytes.
            name = query["name"][0] if "name" in query else json.loads(body)["name"]
            bucket = url.path.split("/")[5]
            status, answer = 200, {"name": name, "bucket": bucket}
            if self.command == "PUT":
                self.fake.objects[f"gs://{bucket}/{name}"] = body
                answer["crc32c"] = b64encode(google_crc32c.value(body).to_bytes(4, "big")).decode()
            else:
                headers["Location"] = f"http://{self.headers['Host']}{url.path}?uploadType=resumable&name={name}"
        elif url.path.startswith("/storage/"):
            is_bucket = "/o/" not in url.path
            status, answer = (200, {"name": unquote(url.path.split("/")[4])}) if is_bucket else (404, {"error": {}})
        else:
            status, answer = self.fake.answer(self.command, url.path, query, body)
        data = json.dumps(answer).encode()
        self.send_response(status)
        for key, value in {**headers, "Content-Type": "application/json", "Content-Length": len(data)}.items():
            self.send_header(key, str(value))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = _do  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def fake_dataflow() -> Iterator[tuple[FakeDataflow, str]]:
    """A running fake and its address."""
    fake = FakeDataflow()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": fake}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield fake, f"http://localhost:{server.server_port}"
    finally:
        fake.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()
