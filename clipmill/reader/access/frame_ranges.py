"""Reading only the frames that are wanted; their places follow from the sizes of a record's frames.

A shard's `.tfrecord` file does not say where frames are. Its `.frames` file holds the size of every frame, as
u32s, record after record; the clip table says where a clip's sizes begin there (`frames_at`) and where its record
lies in the shard. A schema writes the frames last, each after a prefix whose length depends on the frame's size
alone (`clipmill.records.Schema`). So, from the end of the record backwards:

    offset                                                      offset + length
    | length, CRC |  head  | prefix frame | prefix frame | ... | CRC |
      BEFORE bytes                                              AFTER bytes

    end of the last frame    = offset + length - AFTER
    end of frame i           = end of frame i + 1 - size of frame i + 1 - its prefix

Counting from the beginning of the record would not work: the head's length differs with the clip's texts and numbers.
Nor is the prefix a constant: a varint in it grows with the frame, and a reader that took 4 bytes for every prefix
would be one byte off from the first frame of 16 KiB on, and decode garbage.

In shards that others wrote (`clipmill adopt`) anything may stand between and behind the frames. Beside such a shard its
`.places` file has for each frame the bytes from its end to the record's end, and its time, which no head is asked for.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from clipmill.errors import DataError, UsageError
from clipmill.layout import MANIFEST, frames_path, places_path, shard_path, version_path
from clipmill.reader.access.range_cache import ReadableStorage
from clipmill.reader.draws import Ints
from clipmill.records import get_schema
from clipmill.records.base import FrameFacts, Schema
from clipmill.records.foreign import PLACES
from clipmill.records.tfrecord import AFTER, BEFORE

#: The sizes of all frames are held in memory up to this many bytes; for a larger data set each clip's are read.
HELD_SIZES = 64 << 20

#: Frames with this many bytes between them at most are read in one range: a prefix is shorter.
NEAR = 1 << 10

#: Reads half-open byte ranges of one shard.
ReadRanges: TypeAlias = Callable[[Sequence[tuple[int, int]]], Sequence[bytes | memoryview]]


class ClipPlace(NamedTuple):
    """Where a clip's record lies, as the clip table says.

    Attributes:
        shard: the shard's id.
        offset, length: bytes of the record in the shard, framing included.
        frames_at: position of its first frame's size in the .frames file, in u32s.
        frames: how many frames it has.
    """

    shard: str
    offset: int
    length: int
    frames_at: int
    frames: int


class RecordRanges(NamedTuple):
    """Where the parts of one record lie in its shard: bytes, half-open.

    Attributes:
        head: of the data before the first frame.
        starts, ends: (frames,) int64.
        facts: times and numbers of the frames, where they are known without the head.
    """

    head: tuple[int, int]
    starts: Ints
    ends: Ints
    facts: FrameFacts | None = None


class StoredFrames(NamedTuple):
    """Frames of one clip as they are stored.

    Attributes:
        encoded: JPEGs, or decoded pixels, by number in the clip.
        facts: times and numbers of all the clip's frames, where they are needed.
    """

    encoded: dict[int, memoryview | npt.NDArray[np.uint8]]
    facts: FrameFacts | None


class Vanished(DataError):
    """A file of the version that is being read was deleted.

    What to do: open the data set again, which takes the published version; keep versions longer (`gc --older-than`).
    """


class FrameReader:
    """Reads the shards of one data set. Holds no open file, so it may be forked and pickled.

    Args:
        storage: the data set's root.
        schema: name of the records' schema.
        version: name of the version that is read.
        shard_frames: how many frames each shard holds, by its id.
    """

    def __init__(self, storage: ReadableStorage, schema: str, version: str, shard_frames: dict[str, int]) -> None:
        self.storage = storage
        self._version = version
        self.schema: Schema = get_schema(schema)
        self._shard_frames = shard_frames
        self._hold = 4 * sum(shard_frames.values()) <= HELD_SIZES
        self._sizes: dict[str, Ints] = {}
        self._places: dict[str, npt.NDArray[np.void]] = {}
        self._process = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "schema": self.schema.name, "_sizes": {}, "_places": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, schema=get_schema(state["schema"]), _process=os.getpid())

    def locate(self, place: ClipPlace) -> RecordRanges:
        """Find where a clip's head and frames lie.

        Raises:
            DataError: the table and the shard's files do not agree, or a file is gone.
        """
        sizes = self._frame_sizes(place)
        if self.schema.placed:
            return self._locate_placed(place, sizes)
        taken = np.cumsum(sizes + _prefixes(self.schema, sizes))
        ends = place.offset + place.length - AFTER - taken[-1] + taken
        head = place.offset + BEFORE, int(ends[-1] - taken[-1])
        if head[1] <= head[0]:
            raise DataError(f"{frames_path(place.shard)}: does not fit the record at byte {place.offset} of the shard")
        return RecordRanges(head, ends - sizes, ends)

    def _locate_placed(self, place: ClipPlace, sizes: Ints) -> RecordRanges:
        found = self._frame_places(place.shard, place.frames_at, place.frames)
        ends = place.offset + place.length - found["behind"].astype(np.int64)
        starts = ends - sizes
        data = place.offset + BEFORE, place.offset + place.length - AFTER
        if starts.min() < data[0] or ends.max() > data[1]:
            raise DataError(f"{places_path(place.shard)}: does not fit the record at byte {place.offset} of the shard")
        facts = FrameFacts(found["time"].astype(np.int64), found["number"].astype(np.int64))
        return RecordRanges((data[0], int(starts.min())), starts, ends, facts)

    def ranges_of(self, shard: str) -> ReadRanges:
        """Return a function that reads ranges of a shard; its result is valid until this thread reads again."""
        path = shard_path(shard)
        return lambda ranges: self.read(path, ranges, borrow=True)

    def read_records(self, places: Sequence[ClipPlace]) -> bytes | memoryview:
        """Read consecutive records of one shard, framing included, in one read."""
        first, last = places[0], places[-1]
        return self.read(shard_path(first.shard), [(first.offset, last.offset + last.length)])[0]

    def read_frames(
        self, located: RecordRanges, read: ReadRanges, wanted: Sequence[int], facts: FrameFacts | bool
    ) -> StoredFrames:
        """Read the encoded bytes of the wanted frames with one call of `read`; frames next to each other in one range.

        Args:
            located: the clip's record.
            read: reads ranges of its shard.
            wanted: frame numbers, increasing.
            facts: what its head says, or whether to read it as well.

        Raises:
            DataError: storage and table do not agree.
        """
        if facts is True and located.facts is not None:
            facts = located.facts
        runs = _runs(located, wanted)
        ranges = [(start, end) for start, end, _ in runs]
        if facts is True:
            ranges.append(located.head)
        blobs = read(ranges)
        if facts is True:
            facts = self._parse_head(located, blobs[-1])
        encoded: dict[int, memoryview | npt.NDArray[np.uint8]] = {}
        for (start, _, inside), blob in zip(runs, blobs, strict=False):
            view = memoryview(blob)
            for frame in inside:
                encoded[frame] = view[located.starts[frame] - start : located.ends[frame] - start]
        return StoredFrames(encoded, facts or None)

    def read_only_frames(self, shard: str, begins: Ints, ends: Ints, frames_at: Ints) -> Sequence[bytes | memoryview]:
        """Read the frames of clips that have one each; the result is valid until this thread reads again.

        Args:
            shard: the shard's id.
            begins, ends: (clips,) where each record lies in the shard, framing included.
            frames_at: (clips,) position of each frame's size in the .frames file, in u32s.

        Raises:
            DataError: the table and the shard's files do not agree, or a file is gone.
        """
        if self._hold:
            sizes = self._held_sizes(shard)[frames_at]
        else:
            sizes = np.concatenate([self._read_sizes(shard, at, at + 1) for at in frames_at.tolist()])
        stops = ends - AFTER
        if self.schema.placed:
            found = np.concatenate([self._frame_places(shard, at, 1) for at in frames_at.tolist()])
            stops = ends - found["behind"].astype(np.int64)
        odd = np.flatnonzero((stops - sizes < begins + BEFORE) | (stops > ends - AFTER))
        if len(odd):
            raise DataError(f"{frames_path(shard)}: does not fit the record at byte {begins[odd[0]]} of the shard")
        ranges = list(zip((stops - sizes).tolist(), stops.tolist(), strict=True))
        return self.read(shard_path(shard), ranges, borrow=True)

    def read_facts(self, located: RecordRanges, read: ReadRanges) -> FrameFacts:
        """Read the times and numbers of a clip's frames, and no frame.

        Raises:
            DataError: storage and table do not agree.
        """
        return located.facts if located.facts is not None else self._parse_head(located, read([located.head])[0])

    def read(
        self, path: str, ranges: Sequence[tuple[int, int]], *, borrow: bool = False
    ) -> Sequence[bytes | memoryview]:
        """Read half-open byte ranges of an object of the data set.

        Args:
            path: the object.
            ranges: what to read.
            borrow: whether the result may become invalid when this thread reads again, which saves memory traffic.

        Raises:
            Vanished: the object was deleted.
            DataError: it ends early.
            UsageError: the data set is remote, and this process was forked.
        """
        if not self.storage.local and os.getpid() != self._process:
            # A fork does not copy the client's threads, so a request would wait for ever.
            raise UsageError(
                f"{self.storage.root}: a forked process cannot read remote data; start workers by spawn or "
                'forkserver (a DataLoader with multiprocessing_context="spawn")'
            )
        try:
            blobs = (self.storage.borrow_ranges if borrow else self.storage.read_ranges)(path, ranges)
        except FileNotFoundError:
            raise Vanished(f"{self.storage.root}/{path}: {self._why_gone()}") from None
        for (start, end), blob in zip(ranges, blobs, strict=True):
            if len(blob) != end - start:
                raise DataError(f"{self.storage.root}/{path}: ends before byte {end}")
        return blobs

    def _why_gone(self) -> str:
        """Return why a file is gone: gc deletes a version's manifest before its shards."""
        if self.storage.stat(version_path(self._version, MANIFEST)) is None:
            return "gone since this version was opened; open the data set again"
        return (
            f"deleted, though version {self._version} needs it. clipmill verify {self.storage.root} names all that is "
            "missing; the same clipmill build makes it again"
        )

    def _parse_head(self, located: RecordRanges, head: bytes | memoryview) -> FrameFacts:
        facts = self.schema.parse_head(head)
        if len(facts.times) != len(located.starts):
            raise DataError(
                f"the record's head has {len(facts.times)} frames where the table has {len(located.starts)}"
            )
        return facts

    def _frame_sizes(self, place: ClipPlace) -> Ints:
        first, last = place.frames_at, place.frames_at + place.frames
        if not self._hold:
            return self._read_sizes(place.shard, first, last)
        return self._held_sizes(place.shard)[first:last]

    def _held_sizes(self, shard: str) -> Ints:
        if shard not in self._sizes:
            self._sizes[shard] = self._read_sizes(shard, 0, self._shard_frames[shard])
        return self._sizes[shard]

    def _read_sizes(self, shard: str, first: int, last: int) -> Ints:
        return np.frombuffer(self.read(frames_path(shard), [(4 * first, 4 * last)])[0], "<u4").astype(np.int64)

    def _frame_places(self, shard: str, first: int, frames: int) -> npt.NDArray[np.void]:
        if not self._hold:
            return self._read_places(shard, first, first + frames)
        if shard not in self._places:
            self._places[shard] = self._read_places(shard, 0, self._shard_frames[shard])
        return self._places[shard][first : first + frames]

    def _read_places(self, shard: str, first: int, last: int) -> npt.NDArray[np.void]:
        size = PLACES.itemsize
        return np.frombuffer(self.read(places_path(shard), [(size * first, size * last)])[0], PLACES)


def _runs(located: RecordRanges, wanted: Sequence[int]) -> list[tuple[int, int, list[int]]]:
    """Return ranges to read for frames in increasing order: start, end and the frames in it; neighbours share one."""
    runs: list[tuple[int, int, list[int]]] = []
    for frame in wanted:
        end = int(located.ends[frame])
        # Others may have written two frames in another order, or something between them.
        near = runs and runs[-1][2][-1] == frame - 1 and 0 <= located.starts[frame] - runs[-1][1] <= NEAR
        if near:
            start, _, inside = runs[-1]
            runs[-1] = (start, end, [*inside, frame])
        else:
            runs.append((int(located.starts[frame]), end, [frame]))
    return runs


def _prefixes(schema: Schema, sizes: Ints) -> Ints:
    """Return the length of the prefix of a record's frames, all of these sizes."""
    if schema.numbered:
        prefixes = [schema.prefix(size, number) for number, size in enumerate(sizes.tolist())]
        return np.array([len(prefix) for prefix in prefixes], np.int64)
    limits, lengths = _prefix_steps(schema.name)
    return lengths[np.searchsorted(limits, sizes, side="right")]


@lru_cache(maxsize=8)
def _prefix_steps(name: str) -> tuple[Ints, Ints]:
    """Return the sizes at which a schema's prefix grows, and its length below, between and above them.

    A prefix holds lengths as varints, so its own length grows with the frame's size and never shrinks. So each limit
    is found by bisection over all sizes up to 1 GiB, the largest record. For an Example the limits are
    128, 16,384, ...: the powers of 128; for a SequenceExample they come a little earlier for the messages around.
    """
    schema = get_schema(name)

    def length(size: int) -> int:
        return len(schema.prefix(size))

    limits, lengths = [], [length(0)]
    while lengths[-1] < length(1 << 30):
        limits.append(bisect_right(range(1 << 30), lengths[-1], key=length))
        lengths.append(length(limits[-1]))
    return np.array(limits, np.int64), np.array(lengths, np.int64)
