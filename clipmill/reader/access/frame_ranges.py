"""Reading exactly the frames that are wanted: from the sizes of a record's frames follows where each lies."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from clipmill.errors import DataError, UsageError
from clipmill.layout import frames_path, shard_path
from clipmill.reader.access.local_file import read_passing
from clipmill.reader.access.range_cache import Reading
from clipmill.reader.access.record_head import Head, read_head
from clipmill.reader.clip_index import ClipTable
from clipmill.reader.draws import Ints
from clipmill.records import Schema, get_schema
from clipmill.records.tfrecord import AFTER, BEFORE
from clipmill.storage import LocalStorage

#: The sizes of all frames are held in memory up to so many bytes; of a larger data set each clip's are read.
HELD_SIZES = 64 << 20

#: Reads half-open byte ranges of the shard of one clip.
ReadRanges: TypeAlias = Callable[[Sequence[tuple[int, int]]], Sequence[bytes | memoryview]]


class StoredFrames(NamedTuple):
    """Frames of one clip as they are stored.

    Attributes:
        encoded: JPEGs, or decoded pixels, by number in the clip.
        head: times and numbers of all the clip's frames, where they were asked for.
    """

    encoded: dict[int, memoryview | npt.NDArray[np.uint8]]
    head: Head | None


class RecordRanges(NamedTuple):
    """Where the parts of one record lie in its shard: bytes, half-open.

    Attributes:
        head: of the data before the first frame.
        starts, ends: (frames,) int64.
    """

    head: tuple[int, int]
    starts: Ints
    ends: Ints


class FrameReader:
    """The shards of one data set. Holds no open file, so it may be forked and pickled.

    Args:
        storage: the data set's root.
        schema: name of the records' schema.
        shard_frames: how many frames each shard holds, by its id.
    """

    def __init__(self, storage: Reading, schema: str, shard_frames: dict[str, int]) -> None:
        self.storage = storage
        self.schema: Schema = get_schema(schema)
        self._shard_frames = shard_frames
        self._hold = 4 * sum(shard_frames.values()) <= HELD_SIZES
        self._sizes: dict[str, Ints] = {}
        self._process = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "schema": self.schema.name, "_sizes": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, schema=get_schema(state["schema"]), _process=os.getpid())

    def where(self, table: ClipTable, row: int) -> RecordRanges:
        """Where a clip's head and frames lie.

        Raises:
            DataError: the table and the shard's files do not agree, or a file is gone.
        """
        shard = table.shards[table.shard[row]][0]
        offset, length = int(table.offset[row]), int(table.length[row])
        sizes = self._frame_sizes(shard, int(table.frames_at[row]), int(table.frames[row]))
        taken = np.cumsum(sizes + _prefixes(self.schema, sizes))
        ends = offset + length - AFTER - taken[-1] + taken
        head = offset + BEFORE, int(ends[-1] - taken[-1])
        if head[1] <= head[0]:
            raise DataError(f"{frames_path(shard)}: does not fit the record at byte {offset} of the shard")
        return RecordRanges(head, ends - sizes, ends)

    def ranged(self, table: ClipTable, row: int) -> ReadRanges:
        """A function that reads ranges of the clip's shard; what it gives holds until this thread reads again."""
        path = shard_path(table.shards[table.shard[row]][0])
        return lambda ranges: self.read(path, ranges, passing=True)

    def read_records(self, table: ClipTable, rows: Sequence[int]) -> bytes | memoryview:
        """The bytes of consecutive records of one shard, framing included, in one read."""
        path = shard_path(table.shards[table.shard[rows[0]]][0])
        end = int(table.offset[rows[-1]] + table.length[rows[-1]])
        return self.read(path, [(int(table.offset[rows[0]]), end)])[0]

    def _frame_sizes(self, shard: str, first: int, count: int) -> Ints:
        if not self._hold:
            return self._read_sizes(shard, first, first + count)
        if shard not in self._sizes:
            self._sizes[shard] = self._read_sizes(shard, 0, self._shard_frames[shard])
        return self._sizes[shard][first : first + count]

    def _read_sizes(self, shard: str, first: int, last: int) -> Ints:
        return np.frombuffer(self.read(frames_path(shard), [(4 * first, 4 * last)])[0], "<u4").astype(np.int64)

    def read(
        self, path: str, ranges: Sequence[tuple[int, int]], *, passing: bool = False
    ) -> Sequence[bytes | memoryview]:
        """Half-open byte ranges of an object of the data set.

        Args:
            path: the object.
            ranges: what to read.
            passing: whether it may be gone when this thread reads again.

        Raises:
            Vanished: there is no such object any more.
            DataError: it ends early.
            UsageError: the data set is remote, and this process was forked.
        """
        if not self.storage.local and os.getpid() != self._process:
            # The client's threads are not there after a fork, so it would wait for ever.
            raise UsageError(
                f"{self.storage.root}: a forked process cannot read remote data; start workers by spawn or "
                'forkserver (a DataLoader with multiprocessing_context="spawn")'
            )
        try:
            if passing and isinstance(self.storage, LocalStorage):
                blobs: Sequence[bytes | memoryview] = read_passing(self.storage.path(path), ranges)
            else:
                blobs = self.storage.read_ranges(path, ranges)
        except FileNotFoundError:
            raise Vanished(
                f"{self.storage.root}/{path}: gone since this version was opened; open the data set again"
            ) from None
        for (start, end), blob in zip(ranges, blobs, strict=True):
            if len(blob) != end - start:
                raise DataError(f"{self.storage.root}/{path}: ends before byte {end}")
        return blobs


class Vanished(DataError):
    """A file of the version that is being read is no longer there."""


def merge(where: RecordRanges, wanted: Sequence[int]) -> list[tuple[int, int, list[int]]]:
    """Ranges to read for frames in increasing order: start, end and the frames in it; neighbours share one."""
    out: list[tuple[int, int, list[int]]] = []
    for frame in wanted:
        end = int(where.ends[frame])
        if out and out[-1][2][-1] == frame - 1:
            start, _, inside = out[-1]
            out[-1] = (start, end, [*inside, frame])
        else:
            out.append((int(where.starts[frame]), end, [frame]))
    return out


def read_frames(
    source: FrameReader, where: RecordRanges, read: ReadRanges, wanted: Sequence[int], frames: int, head: Head | bool
) -> StoredFrames:
    """The encoded bytes of the wanted frames, in increasing order, with one call of `read`.

    Args:
        source: of the clip.
        where: its parts.
        read: reads ranges of its shard.
        wanted: frame numbers, increasing.
        frames: how many frames the clip has.
        head: the clip's head, or whether to read it as well.

    Raises:
        DataError: storage and table do not agree.
    """
    runs = merge(where, wanted)
    ranges = [(start, end) for start, end, _ in runs]
    if head is True:
        ranges.append(where.head)
    blobs = read(ranges)
    if head is True:
        head = read_head(source.schema, blobs[-1], frames)
    encoded: dict[int, memoryview | npt.NDArray[np.uint8]] = {}
    for (start, _, inside), blob in zip(runs, blobs, strict=False):
        view = memoryview(blob)
        for frame in inside:
            encoded[frame] = view[where.starts[frame] - start : where.ends[frame] - start]
    return StoredFrames(encoded, head or None)


def _prefixes(schema: Schema, sizes: Ints) -> Ints:
    """Bytes that stand before each frame of these sizes."""
    limits, lengths = _prefix_steps(schema.name)
    return lengths[np.searchsorted(limits, sizes, side="right")]


@lru_cache(maxsize=8)
def _prefix_steps(name: str) -> tuple[Ints, Ints]:
    """The sizes at which a schema's prefix grows, and its length below, between and above them."""
    schema = get_schema(name)

    def length(size: int) -> int:
        return len(schema.prefix(size))

    limits, lengths = [], [length(0)]
    while lengths[-1] < length(1 << 30):
        limits.append(bisect_right(range(1 << 30), lengths[-1], key=length))
        lengths.append(length(limits[-1]))
    return np.array(limits, np.int64), np.array(lengths, np.int64)
