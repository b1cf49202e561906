"""The two ways to a clip's bytes: by ranges of exactly the frames wanted, or out of shards read front to back."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Protocol

import numpy as np

from clipmill.errors import DataError
from clipmill.layout import shard_path
from clipmill.reader.access.frame_ranges import ReadRanges
from clipmill.reader.draws import Ints
from clipmill.reader.loading.fill_row import Loader, Prepared
from clipmill.reader.loading.recipe import ClipRequest
from clipmill.records.tfrecord import BEFORE, read_record

#: Bytes of consecutive records that are read at once.
CHUNK = 8 << 20

#: Gives a clip that is drawn and read; raises what went wrong.
Fetch = Callable[[], Prepared]


class Lanes(Protocol):
    """An order that goes through files from front to back: `clipmill.reader.order.by_shard.ByShard` or `InOrder`."""

    lanes: int

    def window(self, lane: int, turn: int) -> tuple[int, int]:
        """First turn of the window that a lane's turn is in, and the first after it."""

    def shuffled(self, lane: int, turns: Ints) -> Ints:
        """The place in the lane's sequence of files that each turn takes."""

    def clips(self, lane: int, places: Ints) -> Ints:
        """The clips at these places."""

    def lane_size(self, lane: int) -> int:
        """Clips of a lane."""


class Indexed:
    """Each clip is drawn first and then read, by the thread that decodes it."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def begin(self, jobs: Sequence[ClipRequest], positions: Sequence[int]) -> list[Fetch]:
        """One function for each clip of a batch."""
        return [partial(self._loader.prepare, job) for job in jobs]

    def close(self) -> None:
        """Nothing is open."""


class Streaming:
    """One thread reads whole records in the order of the files and keeps the frames that are wanted.

    Args:
        loader: draws and finds frames.
        lanes: the order.
        job_at: what this process does at a position of the epoch; None if that is not its own.
    """

    def __init__(self, loader: Loader, lanes: Lanes, job_at: Callable[[int], ClipRequest | None]) -> None:
        self._loader = loader
        self._lanes = lanes
        self._job_at = job_at
        self._ready: dict[int, Prepared | DataError] = {}
        self._thread = ThreadPoolExecutor(1, "clipmill-stream")

    def begin(self, jobs: Sequence[ClipRequest], positions: Sequence[int]) -> list[Fetch]:
        """One function for each clip of a batch; reading begins now."""
        read = self._thread.submit(self._batch, list(positions))
        return [partial(_taken, read, number) for number in range(len(positions))]

    def close(self) -> None:
        """Stop reading."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _batch(self, positions: list[int]) -> list[Prepared | DataError]:
        for position in positions:
            if position not in self._ready:
                self._read_window(position)
        return [self._ready.pop(position) for position in positions]

    def _read_window(self, position: int) -> None:
        """Read all clips that are shuffled among themselves with the one at a position."""
        turn, lane = divmod(position, self._lanes.lanes)
        turns = np.arange(*self._lanes.window(lane, turn))
        own = []
        for place, later in zip(self._lanes.shuffled(lane, turns).tolist(), turns.tolist(), strict=True):
            where = later * self._lanes.lanes + lane
            job = self._job_at(where)
            if job is not None:
                own.append((place, where, job))
        own.sort(key=lambda item: item[0])
        run: list[tuple[int, ClipRequest]] = []
        for _, where, job in own:
            if run and not self._follows(run, job):
                self._read_run(run)
                run = []
            run.append((where, job))
        if run:
            self._read_run(run)

    def _follows(self, run: list[tuple[int, ClipRequest]], job: ClipRequest) -> bool:
        table, rows = self._loader.clips.table, self._loader.clips.rows
        first, last, row = rows[run[0][1].clip], rows[run[-1][1].clip], rows[job.clip]
        return bool(
            table.shard[row] == table.shard[last]
            and table.offset[row] == table.offset[last] + table.length[last]
            and table.offset[row] + table.length[row] - table.offset[first] <= CHUNK
        )

    def _read_run(self, run: list[tuple[int, ClipRequest]]) -> None:
        """Read consecutive records and keep of each what its job wants."""
        table, rows = self._loader.clips.table, self._loader.clips.rows
        numbers = [int(rows[job.clip]) for _, job in run]
        begin = int(table.offset[numbers[0]])
        blob = memoryview(self._loader.source(run[0][1].clip).read_records(table, numbers))
        name = shard_path(table.shards[table.shard[numbers[0]]][0])
        for (where, job), row in zip(run, numbers, strict=True):
            at, length = int(table.offset[row]) - begin, int(table.length[row])
            try:
                data = read_record(io.BytesIO(blob[at : at + length]), 0, length, name)
                self._ready[where] = self._loader.prepare(job, _from(data, begin + at + BEFORE))
            except DataError as error:
                self._ready[where] = error


def _from(data: bytes, begin: int) -> ReadRanges:
    """Ranges of a record that is in memory, as copies, so that the rest of it can go."""
    return lambda ranges: [data[start - begin : end - begin] for start, end in ranges]


def _taken(read: Future[list[Prepared | DataError]], number: int) -> Prepared:
    found = read.result()[number]
    if isinstance(found, DataError):
        raise found
    return found
