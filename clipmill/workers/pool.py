"""A pool of child processes, each with a time limit and a memory limit.

A decoder that crashes, hangs or eats memory costs one job, not the run. A child
runs `python -m clipmill.workers.child` and lives until it fails or the pool is
closed; one thread of ours waits on each.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any, TypeVar

from clipmill.errors import ClipError, ClipmillError, Interrupted, StorageError
from clipmill.ledger import Reason
from clipmill.workers import jobs
from clipmill.workers.confinement import Confinement

#: Address space of a child, bytes. PyAV and OpenCV map 556 MB before they work.
MEMORY = 6 << 30
_GRACE = 5.0
_CHILD_ENVIRONMENT = {
    # Numpy's OpenBLAS maps some 90 MB for each core, and starts a thread on it.
    "OPENBLAS_NUM_THREADS": "1",
    # The current folder may hold anything, modules included (Python 3.11 and later heed this).
    "PYTHONSAFEPATH": "1",
}

Tag = TypeVar("Tag")


class ChildFailed(ClipmillError):
    """A job in a child process raised an error that is not about the data: a bug.

    What to do: report it with the lines that it prints.
    """


class Pool:
    """Runs jobs in children.

    Args:
        workers: children at work at one time.
        timeout: seconds a job may take.
        memory: address space of a child in bytes.
        confined: what a child may do; None for all.
        nice: by how much the system prefers this process where cores are few, 0 to 19.
    """

    def __init__(
        self,
        workers: int,
        timeout: float,
        memory: int = MEMORY,
        confined: Confinement | None = None,
        nice: int = 0,
    ) -> None:
        self.workers = workers
        self._timeout = timeout
        self._memory = memory
        self._confined = confined
        self._nice = nice
        self._local = threading.local()
        self._children: set[_Child] = set()
        self._closed = False
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="clipmill-child")

    def submit(self, job: jobs.Job) -> Future[Any]:
        """Start a job; the future holds its result, or the ClipError or ClipmillError it ended in.

        Raises:
            Interrupted: the pool was closed.
        """
        with self._lock:
            if self._closed:
                raise Interrupted("stopped")
            return self._threads.submit(self._run, job)

    @property
    def most_in_flight(self) -> int:
        """Jobs to keep in flight: for each child one at work and one waiting, so that none is idle."""
        return 2 * self.workers

    def window(self, work: Iterable[tuple[Tag, jobs.Job]]) -> Iterator[tuple[Tag, Any]]:
        """Run jobs with a bounded number in flight; yield (tag, result or ClipError) as they finish."""
        flying: dict[Future[Any], Tag] = {}
        for tag, job in work:
            flying[self.submit(job)] = tag
            if len(flying) > self.most_in_flight:
                yield from landed(flying)
        while flying:
            yield from landed(flying)

    def close(self, *, kill: bool = False) -> None:
        """End all children, after their current jobs, or with `kill` at once. Waiting jobs raise Interrupted."""
        with self._lock:
            self._closed = True
            if kill:
                for child in self._children:
                    child.kill()
        # Waiting jobs are not cancelled, since `wait` is not notified of it: they run, and find the pool closed.
        self._threads.shutdown(wait=True)
        for child in self._children:
            child.end()
        self._children.clear()

    def _run(self, job: jobs.Job) -> Any:
        child = self._child()
        try:
            return child.run(job, self._timeout)
        except _Gone as gone:
            self._discard(child)
            if self._closed:
                raise Interrupted("stopped") from None
            raise ClipError(gone.reason, gone.message) from None

    def _child(self) -> _Child:
        """Return this thread's child; a new one if the last one ended, even while idle."""
        child: _Child | None = getattr(self._local, "child", None)
        if child is not None and not child.is_alive():
            self._discard(child)
            child = None
        with self._lock:
            if self._closed:
                raise Interrupted("stopped")
            if child is None:
                child = self._local.child = _Child(self._memory, self._confined, self._nice)
                self._children.add(child)
        return child

    def _discard(self, child: _Child) -> None:
        self._local.child = None
        with self._lock:
            self._children.discard(child)
        child.end()


def landed(flying: dict[Future[Any], Tag]) -> Iterator[tuple[Tag, Any]]:
    """Wait until jobs finish, take them out of `flying`, and yield (tag, result or ClipError) of each."""
    done, _ = wait(flying, return_when=FIRST_COMPLETED)
    for future in done:
        yield flying.pop(future), result_of(future)


def result_of(future: Future[Any]) -> Any:
    """Return a job's result, or the ClipError it ended in; other errors are raised."""
    try:
        return future.result()
    except ClipError as error:
        return error


class _Gone(Exception):
    """A child ended before it answered."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class _Child:
    """One child process and the two ends we hold of its pipes."""

    def __init__(self, memory: int, confined: Confinement | None, nice: int) -> None:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        self._stderr: IO[bytes] = tempfile.TemporaryFile(prefix="clipmill-")  # noqa: SIM115
        package_root = str(Path(__file__).resolve().parent.parent)
        path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
        words = [str(theirs_in), str(theirs_out), str(memory), *(confined.words() if confined else ())]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "clipmill.workers.child", *words],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._stderr,
            env={**os.environ, "PYTHONPATH": path, **_CHILD_ENVIRONMENT},
            # Ctrl-C in a terminal reaches the whole process group; the parent ends the children itself.
            start_new_session=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        if nice:
            os.setpriority(os.PRIO_PROCESS, self._process.pid, os.getpriority(os.PRIO_PROCESS, 0) + nice)
        self._to = Connection(ours_out, readable=False)
        self._from = Connection(ours_in, writable=False)

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def run(self, job: jobs.Job, timeout: float) -> Any:
        try:
            self._to.send_bytes(jobs.encode_job(job))
            if not self._from.poll(timeout):
                self.kill()
                raise _Gone(Reason.TIMEOUT, f"took longer than {timeout:g} s (--timeout)")
            reply = jobs.decode_reply(self._from.recv_bytes())
        except (EOFError, OSError):
            raise self._gone() from None
        if reply.error is None:
            return jobs.decode_result(job, reply.result)
        kind, message = reply.error
        if kind == "store":
            raise StorageError(message)
        if kind == "bug":
            raise ChildFailed(message)
        raise ClipError(kind, message)

    def _gone(self) -> _Gone:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE)
        self.kill()
        code = self._process.returncode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return _Gone(Reason.CRASHED, ": ".join([f"the decoder {how}", *lines[-1:]]))

    def end(self) -> None:
        """Ask an idle child to end, by closing its pipe; kill one that does not."""
        self._to.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE)
        self.kill()
        self._from.close()
        self._stderr.close()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
