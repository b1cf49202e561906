"""Reading the frames of clips that are made: from fragments, or from records of shards."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Protocol

import numpy as np
import numpy.typing as npt

from clipmill.decoding.fragments import read_footer
from clipmill.errors import DataError, StorageError
from clipmill.messages import Piece, Span, SpanDone
from clipmill.options import FrameOptions
from clipmill.reader.access.frame_ranges import StoredFrames
from clipmill.reader.coming import LengthChanged
from clipmill.records import get_schema
from clipmill.records.base import FrameFacts
from clipmill.records.tfrecord import read_record
from clipmill.storage import Storage


class MadeFrames:
    """Reads frames of pieces.

    Args:
        storage: of the output.

    Attributes:
        published: whether a version has all clips, so that their fragments may be gone.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.published = False

    def read(self, piece: Piece, wanted: Sequence[int]) -> tuple[list[bytes | memoryview], FrameFacts]:
        """Read some frames of a piece by their numbers in it, and the facts of all.

        Raises:
            LengthChanged: it is in a published version meanwhile.
            StorageError: it is gone, or damaged.
        """
        try:
            return self._of_record(piece, wanted) if piece.schema else self._of_fragment(piece, wanted)
        except FileNotFoundError:
            if self.published:
                raise LengthChanged from None
            raise StorageError(f"{self._storage.root}/{piece.path}: gone; open the listing again") from None

    def _of_fragment(self, piece: Piece, wanted: Sequence[int]) -> tuple[list[bytes | memoryview], FrameFacts]:
        footer = read_footer(self._storage, piece.path)
        if footer is None:
            raise FileNotFoundError(piece.path)
        ends = list(accumulate(footer.sizes))
        ranges = [(ends[number] - footer.sizes[number], ends[number]) for number in wanted]
        frames = self._storage.read_ranges(piece.path, ranges) if ranges else []
        return list(frames), FrameFacts(np.array(footer.timestamps, np.int64), np.array(footer.frame_index, np.int64))

    def _of_record(self, piece: Piece, wanted: Sequence[int]) -> tuple[list[bytes | memoryview], FrameFacts]:
        framed = self._storage.read(piece.path, piece.offset, piece.offset + piece.length)
        try:
            payload = read_record(io.BytesIO(framed), 0, len(framed), piece.path)
        except DataError as error:
            raise StorageError(f"{self._storage.root}/{error}") from None
        record, frames = get_schema(piece.schema).parse(payload)
        facts = FrameFacts(np.array(record.timestamps, np.int64), np.array(record.frame_index, np.int64))
        return [frames[number] for number in wanted], facts


class MadeClip:
    """A clip all of whose frames are there.

    Args:
        frames: reads them.
        pieces: that hold them, in order.
        counts: how many frames each piece has.
        size: (height, width) of a frame.

    Attributes:
        frames: how many it has.
        size: (height, width) of a frame.
        pieces: that hold them.
    """

    def __init__(
        self, frames: MadeFrames, pieces: Sequence[Piece], counts: Sequence[int], size: tuple[int, int]
    ) -> None:
        self.frames = sum(counts)
        self.size: tuple[int, int] | None = size
        self.pieces = pieces
        self._reads = frames
        self._firsts = [0, *accumulate(counts)]

    def facts(self) -> FrameFacts:
        """Return times and numbers of all its frames."""
        found = [self._reads.read(piece, ())[1] for piece in self.pieces]
        return FrameFacts(*(np.concatenate(values) for values in zip(*found, strict=True)))

    def read(self, wanted: Sequence[int], facts: bool) -> StoredFrames:
        """Read frames by their numbers, increasing; see `clipmill.reader.coming.ComingClip`."""
        return read_pieces(self._reads, dict(enumerate(self.pieces)), self._firsts, wanted, facts)


class Makes(Protocol):
    """The part of a `ClipMaker` that a clip of spans needs."""

    def spans(self, row: int, numbers: Sequence[int]) -> list[SpanDone] | None:
        """Wait until some spans of a row's clip are decoded; None where it was, or will be, decoded as one."""


class SpannedClip:
    """A clip whose packets proved its length, and whose spans are decoded as its frames are asked for.

    Args:
        maker: of the spans.
        frames: reads them.
        number: of its row.
        counts: see below.

    Attributes:
        frames: how many it has.
        counts: how many frames each span will have.
        size: (height, width) of a frame, once one was read.
    """

    def __init__(self, maker: Makes, frames: MadeFrames, number: int, counts: Sequence[int]) -> None:
        self.frames = sum(counts)
        self.counts = counts
        self.size: tuple[int, int] | None = None
        self._maker = maker
        self._reads = frames
        self._number = number
        self._firsts = [0, *accumulate(counts)]

    def facts(self) -> FrameFacts:
        """Raise LengthChanged: who needs the times of all frames takes the whole clip."""
        raise LengthChanged

    def read(self, wanted: Sequence[int], facts: bool) -> StoredFrames:
        """Read frames by their numbers, increasing, once their spans are decoded."""
        numbers = sorted({bisect_right(self._firsts, number) - 1 for number in wanted})
        done = self._maker.spans(self._number, numbers)
        if done is None:
            raise LengthChanged
        if done:
            self.size = done[0].height, done[0].width
        pieces = {number: span.piece for number, span in zip(numbers, done, strict=True)}
        return read_pieces(self._reads, pieces, self._firsts, wanted, facts)


def read_pieces(
    reads: MadeFrames, pieces: dict[int, Piece], firsts: Sequence[int], wanted: Sequence[int], facts: bool
) -> StoredFrames:
    """Read frames of a clip from those of its pieces that are there.

    Args:
        reads: reads them.
        pieces: by their number in the clip.
        firsts: the number of each piece's first frame, and of the frame after the last.
        wanted: frames of these pieces, increasing.
        facts: whether their times and numbers are wanted; those of other pieces' frames are 0.
    """
    encoded: dict[int, memoryview | npt.NDArray[np.uint8]] = {}
    times, numbers = np.zeros(firsts[-1], np.int64), np.zeros(firsts[-1], np.int64)
    for number, piece in pieces.items():
        first, end = firsts[number], firsts[number + 1]
        inside = [frame - first for frame in wanted if first <= frame < end]
        if not inside and not facts:
            continue
        read, known = reads.read(piece, inside)
        encoded.update({first + frame: memoryview(data) for frame, data in zip(inside, read, strict=True)})
        times[first:end], numbers[first:end] = known
    return StoredFrames(encoded, FrameFacts(times, numbers) if facts else None)


def stored_counts(spans: Sequence[Span], options: FrameOptions) -> list[int] | None:
    """Return how many frames each span will store, as the packets promise; None where they do not tell."""
    if options.fps or any(span.last is None for span in spans):
        return None
    every = options.every
    return [
        _ticks(span.last or 0, span.clip_first, every) - _ticks(span.first, span.clip_first, every) for span in spans
    ]


def _ticks(end: int, first: int, every: int) -> int:
    """Count the frames before `end` that are taken, every K-th from the clip's first on."""
    return max(0, -(-(end - first) // every))
