"""Emulated object stores on this machine: S3 with switchable faults, waits and a count of requests; Google's."""

import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from pile_builder.input_files import file_system

BUCKET = "pile-tests"
_BUSY = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_BROKEN = b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"
_REFUSED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


@dataclass
class Faults:
    """What an S3 server does besides its work, switched while it runs.

    Attributes:
        every: one request of that many fails, in turn by 503, a connection cut before and one cut after the work, 500.
        wait: seconds before each answer.
        refuse: whether every request is answered 403.
        before: called with each request, to change it.
        requests: by method and whether a listing is asked for.
        failed: how many were made to fail.
    """

    every: int = 0
    wait: float = 0
    refuse: bool = False
    before: Callable[[dict[str, Any]], object] = bool
    requests: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def app(self, inner: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        """The server's WSGI application with all that."""

        def run(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            kind = "LIST" if "list-type" in environ["QUERY_STRING"] else environ["REQUEST_METHOD"]
            with self.lock:
                self.requests[kind] += 1
                fails = self.every and sum(self.requests.values()) % self.every == 0
                self.failed += bool(fails)
                way = self.failed % 4
            time.sleep(self.wait)
            self.before(environ)
            if self.refuse:
                return _answer(environ, start, "403 Forbidden", _REFUSED)
            if not fails:
                return inner(environ, start)
            if way == 0:
                return _answer(environ, start, "503 Slow Down", _BUSY)
            if way == 1:
                return _answer(environ, start, "500 Internal Server Error", _BROKEN)
            if way == 2:
                list(inner(environ, lambda *_: None))
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return [b""]

        return run


def _answer(environ: dict[str, Any], start: Callable[..., Any], status: str, body: bytes) -> list[bytes]:
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


@contextmanager
def s3_server() -> Iterator[tuple[str, Faults]]:
    """An S3 server with one bucket; its address, and what it can be made to do."""
    faults = Faults()
    server = make_server("127.0.0.1", 0, faults.app(DomainDispatcherApplication(create_backend_app)), threaded=True)
    server.log = lambda *_: None
    server.RequestHandlerClass.protocol_version = "HTTP/1.1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.port}"
    urllib.request.urlopen(urllib.request.Request(f"{address}/{BUCKET}", method="PUT"), timeout=30).close()
    yield address, faults
    server.shutdown()
    thread.join()


def s3_environment(address: str) -> dict[str, str]:
    """What tells botocore to go there."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    return keys | {"AWS_ENDPOINT_URL": address, "AWS_EC2_METADATA_DISABLED": "true"}


def gcs_program() -> str | None:
    """fake-gcs-server, if somebody installed it: `make emulators`, or go install."""
    own = Path(__file__).parents[2] / ".tools" / "fake-gcs-server"
    return str(own) if own.exists() else shutil.which("fake-gcs-server")


@contextmanager
def gcs_server(program: str) -> Iterator[str]:
    """A server for Google's API with one bucket; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    where = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
    names = ["-external-url", address, "-public-host", f"127.0.0.1:{port}", "-log-level", "error"]
    with subprocess.Popen([program, *where, *names]) as process:
        try:
            _make_bucket(address)
            yield address
        finally:
            process.kill()


def _make_bucket(address: str) -> None:
    body = b'{"name": "%s"}' % BUCKET.encode()
    request = urllib.request.Request(f"{address}/storage/v1/b?project=test", body, {"Content-Type": "application/json"})
    for attempt in range(50):
        try:
            urllib.request.urlopen(request, timeout=30).close()
        except OSError:
            if attempt == 49:
                raise
            time.sleep(0.1)
        else:
            return


def gcs_environment(address: str) -> dict[str, str]:
    """What tells gcsfs to go there, with neither credentials nor gRPC, which the emulator has not."""
    told = {"STORAGE_EMULATOR_HOST": address, "GOOGLE_CLOUD_PROJECT": "test"}
    return told | {"FSSPEC_GS_TOKEN": "anon", "FSSPEC_GCS_TOKEN": "anon", "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}


def upload(folder: Path, url: str) -> None:
    """Put a folder of this machine into a store."""
    fs, path = file_system(url)
    fs.put(f"{folder}{os.sep}", f"{path}/", recursive=True)
