"""The server that a cluster's runner asks for workers: `pile worker-pool`, one on each of its machines.

Beam calls this the EXTERNAL environment. A worker is a process of its own, forked from a server in which Beam, the
kernels and the parsers are imported already, so that a job of a second does not begin with five of imports.
"""

from __future__ import annotations

import logging
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerProcess
from typing import Any

import grpc
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc

from pile_builder.errors import PileError
from pile_builder.forkserver import PRELOAD
from pile_builder.pipelines.runners.attended import is_listening, split_endpoint

STOP_SECONDS = 10
"""Between asking a worker to end and killing it."""
LOOK_SECONDS = 2
"""Between two looks at whether the workers are still wanted."""


@dataclass
class _Worker:
    process: ForkServerProcess
    control: str
    was_gone: bool = False


class WorkerPool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Starts workers for runners, and stops those that nobody controls any more."""

    def __init__(self) -> None:
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload([*PRELOAD, "pile_builder.pipelines.build", __name__])
        forkserver.ensure_running()
        self._workers: list[_Worker] = []
        self._lock = threading.Lock()

    def StartWorker(self, request: Any, context: Any) -> Any:  # noqa: N802 (Beam's names)
        """Start a worker that takes its work from the control endpoint in the request."""
        control = request.control_endpoint.url
        process = self._context.Process(target=_work, args=(control, request.worker_id))
        process.start()
        with self._lock:
            self._workers.append(_Worker(process, control))
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(self, request: Any, context: Any) -> Any:  # noqa: N802 (Beam's names)
        """Do nothing: the request names a worker by an id that two TaskManagers give alike; `look` knows better."""
        return beam_fn_api_pb2.StopWorkerResponse()

    def look(self) -> None:
        """Stop the workers whose control endpoint is gone; one that waits for its last task would go on with it."""
        with self._lock:
            workers = list(self._workers)
        for worker in workers:
            is_gone = not is_listening(*split_endpoint(worker.control))
            if worker.process.is_alive() and not (is_gone and worker.was_gone):
                worker.was_gone = is_gone
                continue
            _stop(worker.process)
            with self._lock:
                self._workers.remove(worker)

    def close(self) -> None:
        """Stop all workers."""
        with self._lock:
            workers, self._workers = self._workers, []
        for worker in workers:
            _stop(worker.process)


def serve(port: int, host: str) -> None:
    """Serve a worker pool until the process is told to end.

    Args:
        port: to listen on.
        host: address to listen on.

    Raises:
        PileError: the port is taken.
    """
    pool = WorkerPool()
    # Flink pings its pool more often than grpc allows by default.
    options = [("grpc.http2.max_pings_without_data", 0), ("grpc.http2.max_ping_strikes", 0)]
    # Two pools at one port would share the requests between them.
    options.append(("grpc.so_reuseport", 0))
    server = grpc.server(ThreadPoolExecutor(8), options=options)
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    try:
        server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        msg = f"cannot listen on {host}:{port}: {error}; is there a worker pool already? Choose another --port"
        raise PileError(msg) from error
    server.start()
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    while not over.wait(LOOK_SECONDS):
        pool.look()
    server.stop(grace=None)
    pool.close()


def _work(control: str, worker: str) -> None:
    from apache_beam.runners.worker import sdk_worker

    logging.basicConfig(level=logging.ERROR)
    # The runner's process is the one to be stopped from a terminal.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sdk_worker.SdkHarness(control, worker_id=worker).run()


def _stop(worker: ForkServerProcess) -> None:
    worker.terminate()
    worker.join(STOP_SECONDS)
    if worker.is_alive():
        worker.kill()
        worker.join()
