"""Reading shards from front to back, with `path="streaming"`."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np

from clipmill.errors import DataError
from clipmill.layout import shard_path
from clipmill.reader.access.frame_ranges import ReadRanges
from clipmill.reader.loading.loader import Loader, ReadClip
from clipmill.reader.loading.recipe import ClipRequest
from clipmill.reader.order.permutations import Lanes
from clipmill.records.tfrecord import BEFORE, read_record

#: Bytes of consecutive records that are read at once.
RUN_BYTES = 8 << 20

#: Gives a clip that is drawn and read; raises what went wrong.
Fetch = Callable[[], ReadClip]


class _Due(NamedTuple):
    """A clip that this process will give.

    Attributes:
        place: in its lane's sequence of files.
        position: in the epoch.
        request: what to load.
    """

    place: int
    position: int
    request: ClipRequest


class Streaming:
    """Reads whole records in the order of the files, in one thread, and keeps the frames that are wanted.

    Clips come shuffled, but only inside windows of a lane (`clipmill.reader.order.by_shard`). So when the first clip
    of a window is asked for, the whole window is read in the files' order and kept until its clips' turns come.

    Args:
        loader: draws and finds frames.
        lanes: the order.
        request_at: what this process loads at a position of the epoch; None if another process does.
    """

    def __init__(self, loader: Loader, lanes: Lanes, request_at: Callable[[int], ClipRequest | None]) -> None:
        self._loader = loader
        self._lanes = lanes
        self._request_at = request_at
        self._ready: dict[int, ReadClip | DataError] = {}
        self._thread = ThreadPoolExecutor(1, "clipmill-stream")

    def begin(self, positions: Sequence[int]) -> list[Fetch]:
        """Return one function for each clip of a batch, by its position in the epoch; reading begins now."""
        read = self._thread.submit(self._batch, list(positions))
        return [partial(_taken, read, number) for number in range(len(positions))]

    def close(self) -> None:
        """Stop reading."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _batch(self, positions: list[int]) -> list[ReadClip | DataError]:
        for position in positions:
            if position not in self._ready:
                self._read_window(position)
        return [self._ready.pop(position) for position in positions]

    def _read_window(self, position: int) -> None:
        """Read all clips that are shuffled among themselves with the one at a position."""
        run: list[_Due] = []
        for due in self._due(position):
            if run and not self._follows(run, due.request):
                self._read_run(run)
                run = []
            run.append(due)
        if run:
            self._read_run(run)

    def _due(self, position: int) -> list[_Due]:
        """Return this process's clips of the window around a position, in the files' order."""
        turn, lane = divmod(position, self._lanes.lanes)
        turns = np.arange(*self._lanes.window(lane, turn))
        due = []
        for place, later in zip(self._lanes.shuffled(lane, turns).tolist(), turns.tolist(), strict=True):
            at = later * self._lanes.lanes + lane
            request = self._request_at(at)
            if request is not None:
                due.append(_Due(place, at, request))
        return sorted(due, key=lambda each: each.place)

    def _follows(self, run: list[_Due], request: ClipRequest) -> bool:
        """Return whether a clip's record comes right after a run's last, and the run is not too long with it."""
        table, rows = self._loader.clips.table, self._loader.clips.rows
        first, last, row = rows[run[0].request.clip], rows[run[-1].request.clip], rows[request.clip]
        return bool(
            table.shard[row] == table.shard[last]
            and table.offset[row] == table.offset[last] + table.length[last]
            and table.offset[row] + table.length[row] - table.offset[first] <= RUN_BYTES
        )

    def _read_run(self, run: list[_Due]) -> None:
        """Read consecutive records at once, and keep of each what its request wants."""
        table, rows = self._loader.clips.table, self._loader.clips.rows
        places = [table.place(int(rows[due.request.clip])) for due in run]
        begin, name = places[0].offset, shard_path(places[0].shard)
        blob = memoryview(self._loader.frame_reader(run[0].request.clip).read_records(places))
        for due, place in zip(run, places, strict=True):
            at = place.offset - begin
            try:
                data = read_record(io.BytesIO(blob[at : at + place.length]), 0, place.length, name)
                self._ready[due.position] = self._loader.read(due.request, _from(data, begin + at + BEFORE))
            except DataError as error:
                self._ready[due.position] = error


def _from(data: bytes, begin: int) -> ReadRanges:
    """Return a reader of ranges of a record in memory; it copies, so that the rest of the record can go."""
    return lambda ranges: [data[start - begin : end - begin] for start, end in ranges]


def _taken(read: Future[list[ReadClip | DataError]], number: int) -> ReadClip:
    found = read.result()[number]
    if isinstance(found, DataError):
        raise found
    return found
