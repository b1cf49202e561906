"""Loading clips in other processes: threads of one process wait for each other's interpreter lock on many cores.

Every process loads one piece of work at a time, straight into the batch's frames, which lie in shared memory. What
is small (labels, ids, times) comes back through the pipe that the work went out by.
"""

from __future__ import annotations

import mmap
import multiprocessing
import pickle
import signal
import traceback
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from clipmill.errors import TryAgain
from clipmill.reader.loading.batch_arrays import Arrays
from clipmill.reader.loading.buffers import Place, SharedBuffers
from clipmill.reader.loading.loader import Loader
from clipmill.reader.loading.sending import check_sendable
from clipmill.reader.options import ReaderOptions

#: Loads clips into consecutive rows of arrays, from a row on.
Work = Callable[[Loader, Arrays, int], None]


class WorkerDied(TryAgain):
    """A process that loads clips ended: most often the system ended it for want of memory.

    What to do: see whether memory ran out, and take fewer worker processes; the reader goes on from its state.
    """


class _Rows(NamedTuple):
    """Some rows of one array of a batch.

    Attributes:
        shape, dtype: of these rows.
        place: where they lie in shared memory; None where they come back through the pipe.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    place: Place | None


class _Task(NamedTuple):
    """What goes to a process: the work, the rows of each field that it fills, and the blocks of memory still in use."""

    work: Work
    rows: dict[str, _Rows]
    blocks: frozenset[int]


class _Answer(NamedTuple):
    """What comes back: the rows that are not in shared memory, or the error with its traceback."""

    small: Arrays
    error: Exception | None = None
    trace: str = ""


class _Worker(NamedTuple):
    process: Any
    pipe: Connection


def processes_for(
    loader: Loader, options: ReaderOptions, count: int, start: str | None, buffers: SharedBuffers
) -> Processes:
    """Return processes, not yet started, that suit what a loader reads.

    Raises:
        UsageError: they would not find a function of the user's.
    """
    clips = loader.clips
    if start is None and not (clips.table.coming is None and all(member.dataset.local for member in clips.members)):
        start = "spawn"  # What reads remote data, or makes clips, has threads, which a fork would leave behind.
    check_sendable((options.sampler, *options.augment), count, start)
    return Processes(loader, count, start, buffers)


class Processes:
    """Processes that load clips, for any fields; they live until this object is deleted.

    Args:
        loader: loads the clips, in each of them.
        count: of processes.
        start: fork, spawn or forkserver; None for Python's default.
        buffers: that give the arrays of frames.
    """

    def __init__(self, loader: Loader, count: int, start: str | None, buffers: SharedBuffers) -> None:
        self._given = loader, count, start, buffers
        self._buffers = buffers
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._started = False
        self.count = count

    def __reduce__(self) -> tuple[type[Processes], tuple[Any, ...]]:
        return Processes, self._given

    def start(self) -> None:
        """Start the processes, unless they run; not while threads use this object."""
        if self._started:
            return
        self._started = True
        loader, count, start, _ = self._given
        # OpenCV's threads do not survive a fork, and a forked process would wait for them for ever: so they end before.
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            workers = [_started(multiprocessing.get_context(start), loader) for _ in range(count)]
        finally:
            cv2.setNumThreads(threads)
        for worker in workers:
            self._idle.put(worker)
        weakref.finalize(self, _stop, workers)

    def run(self, work: Work, arrays: Arrays, first: int, rows: int) -> None:
        """Do a piece of work in the first process that is free, and wait for it.

        Args:
            work: what to load.
            arrays: of the batch.
            first, rows: which of its rows the work fills.

        Raises:
            WorkerDied: the process ended.
            Exception: what the work raised.
        """
        filled = {field: self._rows(array[first : first + rows]) for field, array in arrays.items()}
        task = _Task(work, filled, self._buffers.serials())
        worker = self._idle.get()
        try:
            worker.pipe.send(task)
            answer = worker.pipe.recv()
        except (EOFError, ConnectionError):
            raise _died(worker.process) from None
        finally:
            self._idle.put(worker)
        for field, values in answer.small.items():
            arrays[field][first : first + rows] = values
        if answer.error is not None:
            raise answer.error from RuntimeError(f"in a process of workers=:\n{answer.trace}")

    def _rows(self, array: npt.NDArray[Any]) -> _Rows:
        return _Rows(array.shape, array.dtype, self._buffers.place(array) if array.size else None)


def _died(process: Any) -> WorkerDied:
    process.join(1)
    if (process.exitcode or -1) < 0:
        why = "most often there was not enough memory; read with fewer workers or smaller batches"
    else:
        why = (
            "its own words stand above; a script whose processes are not forked must do what it does "
            'under `if __name__ == "__main__":`, since each of them imports the script'
        )
    return WorkerDied(f"a process of workers= ended (exit code {process.exitcode}): {why}")


def _started(context: Any, loader: Loader) -> _Worker:
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, ours, loader), name="clipmill-reader", daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _stop(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        # Processes that were forked later hold copies of the pipe, so closing it alone does not end this one.
        with suppress(OSError):
            worker.pipe.send(None)
        worker.pipe.close()


def _serve(pipe: Connection, other_end: Connection, loader: Loader) -> None:
    """Do what comes through a pipe, until its other end is closed."""
    other_end.close()
    # Ctrl-C reaches every process of a terminal; the one that reads ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    opened: dict[int, mmap.mmap] = {}
    loaders: dict[tuple[str, ...], Loader] = {}
    with suppress(EOFError, ConnectionError):
        while (task := pipe.recv()) is not None:
            fields = tuple(task.rows)
            if fields not in loaders:
                loaders[fields] = loader.only(fields)
            answer = _do(task, loaders[fields], opened)
            for serial in opened.keys() - task.blocks:
                del opened[serial]
            pipe.send(answer)


def _do(task: _Task, loader: Loader, opened: dict[int, mmap.mmap]) -> _Answer:
    arrays = {field: _array(rows, opened) for field, rows in task.rows.items()}
    small = {field: array for field, array in arrays.items() if task.rows[field].place is None}
    try:
        task.work(loader, arrays, 0)
    except Exception as error:
        return _Answer(small, _sendable(error), traceback.format_exc())
    return _Answer(small)


def _array(rows: _Rows, opened: dict[int, mmap.mmap]) -> npt.NDArray[Any]:
    if rows.place is None:
        return np.zeros(rows.shape, rows.dtype)
    path, serial, offset = rows.place
    if serial not in opened:
        with open(path, "r+b") as file:
            opened[serial] = mmap.mmap(file.fileno(), 0)
    array: npt.NDArray[Any] = np.ndarray(rows.shape, rows.dtype, opened[serial], offset)
    return array


def _sendable(error: Exception) -> Exception:
    """Return an error that can be sent, in place of one that cannot."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
