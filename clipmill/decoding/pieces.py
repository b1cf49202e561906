"""Reading the pieces of clips: encoded frames in fragments, or in records of shards."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from clipmill.decoding.fragments import read_fragment
from clipmill.errors import DataError, StorageError
from clipmill.messages import Clip, Piece
from clipmill.records import get_schema
from clipmill.records.tfrecord import read_record
from clipmill.storage import Storage
from clipmill.storage.concurrent import ahead

A = TypeVar("A")

#: Frames that are fetched from an object store before they are used, in bytes.
_FETCH_AHEAD = 128 << 20


class EncodedFrames(NamedTuple):
    """The frames of a clip, in order.

    Attributes:
        timestamps: microseconds from the clip's start, one per frame.
        frame_index: number of each frame in decoding order within the clip.
        frames: as they are stored.
    """

    timestamps: list[int]
    frame_index: list[int]
    frames: list[memoryview]


def read_pieces(storage: Storage, clip: Clip) -> EncodedFrames:
    """Read the encoded frames of a clip, and verify their checksums.

    Raises:
        StorageError: they are not those that their decoder wrote.
    """
    found = EncodedFrames([], [], [])
    for piece in clip.pieces:
        timestamps, frame_index, frames = _read_piece(storage, piece)
        found.timestamps.extend(timestamps)
        found.frame_index.extend(frame_index)
        found.frames.extend(frames)
    if len(found.frames) != clip.frames:
        raise StorageError(f"{clip.clip_id}: {len(found.frames)} frames where {clip.frames} were encoded; build again")
    return found


def for_each_clip(storage: Storage, function: Callable[[Clip], A], clips: Sequence[Clip]) -> Iterator[A]:
    """Call a function that reads a clip's pieces for each clip, in order; on object stores for some of them at once."""
    if storage.local:
        return map(function, clips)
    return ahead(function, clips, weigh=lambda clip: clip.nbytes, most=_FETCH_AHEAD)


def _read_piece(storage: Storage, piece: Piece) -> tuple[list[int], list[int], list[memoryview]]:
    if not piece.schema:
        footer, views = read_fragment(storage, piece)
        return footer.timestamps, footer.frame_index, views
    framed = storage.read(piece.path, piece.offset, piece.offset + piece.length)
    name = f"{storage.root}/{piece.path}"
    try:
        payload = read_record(io.BytesIO(framed), 0, len(framed), name)
    except DataError as error:
        raise StorageError(f"{error}: delete {name} and build again, so that its clips are decoded again") from None
    record, frames = get_schema(piece.schema).parse(payload)
    return record.timestamps, record.frame_index, frames
