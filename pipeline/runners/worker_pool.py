"""A Beam worker pool, to stand beside each Flink task manager.

    python -m clipmill.pipeline.runners.worker_pool [--port 50000] [--host 127.0.0.1]

Flink wants new workers for each of the graph's many stages. Beam's own pool starts a Python for
each, which takes seconds to import what it needs; here they are forked from one that has.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.process import BaseProcess

import grpc
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc
from apache_beam.runners.worker.sdk_worker import SdkHarness

_LOG = logging.getLogger("clipmill.worker_pool")
_GRACE = 10.0


class WorkerPool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Starts and stops workers when a task manager asks for them."""

    def __init__(self) -> None:
        self._fork = multiprocessing.get_context("forkserver")
        self._fork.set_forkserver_preload(["apache_beam.runners.worker.sdk_worker", "clipmill.pipeline.graph"])
        self._workers: dict[str, BaseProcess] = {}
        self._lock = threading.Lock()

    def StartWorker(self, request: beam_fn_api_pb2.StartWorkerRequest, context: object) -> object:
        """Start a worker that takes its work from the endpoint in the request."""
        arguments = (request.control_endpoint.url, request.worker_id)
        worker = self._fork.Process(target=_work, args=arguments, name=request.worker_id, daemon=True)
        with self._lock:
            worker.start()
            self._workers[request.worker_id] = worker
        _LOG.info("worker %s is process %s", request.worker_id, worker.pid)
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(self, request: beam_fn_api_pb2.StopWorkerRequest, context: object) -> object:
        """Stop a worker, if it has not ended by itself."""
        with self._lock:
            worker = self._workers.pop(request.worker_id, None)
        if worker is not None:
            worker.terminate()
            worker.join(_GRACE)
            if worker.is_alive():
                worker.kill()
                worker.join()
            worker.close()
            _LOG.info("worker %s has ended", request.worker_id)
        return beam_fn_api_pb2.StopWorkerResponse()


def _work(control: str, worker_id: str) -> None:
    # No time limit on its buffers: a flush by time cuts elements in two.
    SdkHarness(control, worker_id=worker_id, state_cache_size=0, data_buffer_time_limit_ms=-1).run()


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until the process is stopped."""
    parser = argparse.ArgumentParser(
        prog="python -m clipmill.pipeline.runners.worker_pool", description="A Beam worker pool for Flink."
    )
    parser.add_argument("--port", type=int, default=50000, help="to listen on (default 50000)")
    parser.add_argument("--host", default="127.0.0.1", help="to listen on (default 127.0.0.1)")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    server = grpc.server(ThreadPoolExecutor(thread_name_prefix="worker-pool"))
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(WorkerPool(), server)
    address = f"{arguments.host}:{arguments.port}"
    server.add_insecure_port(address)
    server.start()
    _LOG.info("a worker pool at %s", address)
    server.wait_for_termination()
    return 0


if __name__ == "__main__":
    sys.exit(main())
