"""The server that a cluster's runner asks for workers: `pile worker-pool`, one on each of its machines.

Beam calls this the EXTERNAL environment. A worker is a process of its own, forked from a server in which Beam, the
kernels and the parsers are imported already, so that a job of a second does not begin with five of imports. The
worker's extraction processes come from the same fork server.
"""

from __future__ import annotations

import logging
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerProcess
from typing import Any

import grpc
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc

from pile_builder.forkserver import PRELOAD

STOP_SECONDS = 10
"""Between asking a worker to end and killing it."""


class WorkerPool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Starts and stops workers for runners."""

    def __init__(self) -> None:
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload([*PRELOAD, "pile_builder.pipelines.build", __name__])
        forkserver.ensure_running()
        self._workers: dict[str, ForkServerProcess] = {}
        self._lock = threading.Lock()

    def StartWorker(self, request: Any, context: Any) -> Any:  # noqa: N802 (Beam's names)
        """Start a worker that takes its work from the control endpoint in the request."""
        worker = self._context.Process(target=_work, args=(request.control_endpoint.url, request.worker_id))
        worker.start()
        with self._lock:
            self._workers[request.worker_id] = worker
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(self, request: Any, context: Any) -> Any:  # noqa: N802 (Beam's names)
        """Stop a worker."""
        with self._lock:
            worker = self._workers.pop(request.worker_id, None)
        if worker:
            _stop(worker)
        return beam_fn_api_pb2.StopWorkerResponse()

    def close(self) -> None:
        """Stop all workers."""
        with self._lock:
            workers = list(self._workers.values())
            self._workers.clear()
        for worker in workers:
            _stop(worker)


def serve(port: int, host: str) -> None:
    """Serve a worker pool until the process is told to end.

    Args:
        port: to listen on.
        host: address to listen on.
    """
    pool = WorkerPool()
    # Flink pings its pool more often than grpc allows by default.
    options = [("grpc.http2.max_pings_without_data", 0), ("grpc.http2.max_ping_strikes", 0)]
    server = grpc.server(ThreadPoolExecutor(8), options=options)
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    server.add_insecure_port(f"{host}:{port}")
    server.start()
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    over.wait()
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
