"""Making batches ahead: a few at a time, each filled row by row by threads, or by processes that they wait for."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from clipmill.errors import DataError
from clipmill.reader.access.frame_ranges import Vanished
from clipmill.reader.loading.batch_arrays import Arrays, fill_missing
from clipmill.reader.loading.buffers import Buffers
from clipmill.reader.loading.coming_loader import ComingLoader
from clipmill.reader.loading.loader import Loader, ReadClip, load_row, load_stored
from clipmill.reader.loading.processes import Processes, Work
from clipmill.reader.loading.recipe import ClipRequest
from clipmill.reader.loading.stills import TOGETHER, Stills, load_stills
from clipmill.reader.loading.streaming import Fetch, Streaming
from clipmill.reader.options import ReaderOptions
from clipmill.reader.order.batching import Step
from clipmill.reader.planner import Planner

log = logging.getLogger("clipmill.reader")


class BadClip(DataError):
    """A clip of a batch could not be read; its text names the clip.

    What to do: `clipmill verify OUT` says what is damaged; `on_error="skip"` goes on without such clips.
    """


class _UnderWay(NamedTuple):
    """A batch that threads are filling.

    Attributes:
        number, step: of the epoch.
        share: which of the step's clips it holds, on this host.
        rows: of its arrays; the last ones may have no clip.
        arrays: to be filled.
        futures: what became of some rows each: those that failed, and why.
    """

    number: int
    step: Step
    share: range
    rows: int
    arrays: Arrays
    futures: list[Future[dict[int, DataError]]]


class BatchMaker:
    """Makes batches of one epoch for one host.

    Args:
        loader: draws, reads and decodes single clips.
        planner: knows the epoch's plan.
        options: of `ClipSet.batches`.
        host: (index, count).
        buffers: for the frames.
        skipped: takes (clip id, message) of clips that could not be read.
        epoch: which epoch.
        processes: that load the clips; None for the threads themselves.
    """

    def __init__(
        self,
        loader: Loader,
        planner: Planner,
        options: ReaderOptions,
        host: tuple[int, int],
        buffers: Buffers,
        skipped: list[tuple[str, str]],
        epoch: int,
        processes: Processes | None = None,
    ) -> None:
        self._loader = loader
        self._planner = planner
        self._options = options
        self._host = host
        self._buffers = buffers
        self._skipped = skipped
        self._epoch = epoch
        self._plan = planner.plan(epoch)
        self._size = options.batch_size or 1
        self._stills = Stills(loader, epoch)
        self._processes = processes

    def run(self, first: int, stride: int, ahead: int, threads: int) -> Generator[Arrays, None, None]:
        """Make the batches of steps `first`, `first + stride`, ...

        Args:
            first, stride: which steps.
            ahead: batches that are made before they are needed.
            threads: that make them.

        Raises:
            BadClip: a clip could not be read, with on_error="raise".
            Vanished: a file is gone.
        """
        under_way: deque[_UnderWay] = deque()
        coming = iter(range(first, self._plan.steps, stride))
        with ThreadPoolExecutor(threads, "clipmill-reader") as pool:
            streaming = self._streaming(first, stride) if self._options.path == "streaming" else None
            try:
                while True:
                    for step in coming:
                        under_way.append(self._start(pool, streaming, step))
                        if len(under_way) > ahead:
                            break
                    if not under_way:
                        return
                    yield self._finished(under_way.popleft())
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                if streaming:
                    streaming.close()

    def _streaming(self, first: int, stride: int) -> Streaming:
        step_at = lru_cache(maxsize=1024)(self._plan.step)
        index, count = self._host

        def request_at(position: int) -> ClipRequest | None:
            step, number = divmod(position, self._size)
            if not first <= step < self._plan.steps or (step - first) % stride or number % count != index:
                return None
            return self._loader.request(self._epoch, step_at(step), number)

        return Streaming(self._loader, self._planner.lanes(self._epoch), request_at)

    def _start(self, pool: ThreadPoolExecutor, streaming: Streaming | None, step: int) -> _UnderWay:
        coming = self._plan.step(step)
        index, count = self._host
        share = range(index, len(coming.clips), count)
        rows = -(-len(coming.clips) // count)
        arrays = self._loader.arrays(rows, coming.frames, int(coming.clips[0]), self._buffers)
        if streaming is None and self._stills.suits(coming):
            firsts = range(0, len(share), TOGETHER)
            futures = [pool.submit(self._load_stills, coming, share, arrays, first) for first in firsts]
        else:
            clips: Sequence[ClipRequest | Fetch] = (
                streaming.begin([step * self._size + number for number in share])
                if streaming
                else [self._loader.request(self._epoch, coming, number) for number in share]
            )
            if isinstance(self._loader, ComingLoader):
                # What makes the clips is in this process.
                clips = [partial(self._loader.read, clip) for clip in clips if isinstance(clip, ClipRequest)]
            futures = [pool.submit(self._load, clip, arrays, row) for row, clip in enumerate(clips)]
        return _UnderWay(step, coming, share, rows, arrays, futures)

    def _load(self, clip: ClipRequest | Fetch, arrays: Arrays, row: int) -> dict[int, DataError]:
        try:
            self._do(self._work(clip if isinstance(clip, ClipRequest) else clip()), arrays, row, 1)
        except Vanished:
            raise
        except DataError as error:
            return {row: error}
        return {}

    def _load_stills(self, step: Step, share: range, arrays: Arrays, first: int) -> dict[int, DataError]:
        numbers = share[first : first + TOGETHER]
        try:
            self._do(partial(load_stills, self._epoch, step, numbers), arrays, first, len(numbers))
        except Vanished:
            raise
        except DataError:
            # One by one, which tells which of them it is.
            failed: dict[int, DataError] = {}
            for row, number in enumerate(numbers, first):
                failed |= self._load(self._loader.request(self._epoch, step, number), arrays, row)
            return failed
        return {}

    def _work(self, clip: ClipRequest | ReadClip) -> Work:
        if self._processes and isinstance(clip, ReadClip):
            jpegs = {number: bytes(data) for number, data in clip.stored.encoded.items()}
            return partial(load_stored, clip.request, jpegs, clip.stored.facts)
        return partial(load_row, clip)

    def _do(self, work: Work, arrays: Arrays, first: int, rows: int) -> None:
        if self._processes:
            self._processes.run(work, arrays, first, rows)
        else:
            work(self._loader, arrays, first)

    def _finished(self, batch: _UnderWay) -> Arrays:
        failed: dict[int, DataError] = {}
        for future in batch.futures:
            failed |= future.result()
        for row, error in sorted(failed.items()):
            clip_id = self._loader.request(self._epoch, batch.step, batch.share[row]).clip_id
            message = f"{clip_id}: {error}"
            if self._options.on_error == "raise":
                raise BadClip(message) from error
            log.warning("left out %s", message)
            self._skipped.append((clip_id, str(error)))
        if missing := [*range(len(batch.share), batch.rows), *sorted(failed)]:
            fill_missing(batch.arrays, missing, batch.rows)
        return {**batch.arrays, "step": np.asarray(batch.number, np.int64)}
