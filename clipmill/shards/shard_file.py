"""Shards: a TFRecord file, and beside it the records' places and the frames' sizes.

The file and its sidecars are named after the shard's plan and never change. The
sidecars are written first, so a .tfrecord that is there is a whole shard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import IO, NamedTuple

import google_crc32c
import numpy as np

from clipmill.errors import DataError
from clipmill.layout import MAX_RECORD, ShardEntry, frames_path, index_path, shard_path
from clipmill.records.base import ClipRecord, Schema
from clipmill.records.tfrecord import AFTER, FRAMING, after, before
from clipmill.storage import Storage, Writer

#: Bytes that are joined, checksummed and written at once: few enough to stay in the processor's cache.
CHUNK = 128 << 10

_INDEX_LINE = re.compile(rb"(\d{1,18}) (\d{1,18})")


class ShardClip(NamedTuple):
    """A clip to write.

    Attributes:
        record: what its record says.
        sizes: bytes of each frame.
        frames: the encoded frames, in order; read one by one.
    """

    record: ClipRecord
    sizes: Sequence[int]
    frames: Iterable[bytes | memoryview]


class RecordPlace(NamedTuple):
    """Where a record is.

    Attributes:
        offset, length: bytes in the shard, framing included.
        frames_at: position of its first frame's size in the .frames file, in u32s.
    """

    offset: int
    length: int
    frames_at: int


def write_shard(
    storage: Storage, shard: str, schema: Schema, clips: Iterable[ShardClip]
) -> tuple[ShardEntry, list[RecordPlace]]:
    """Write a shard and its sidecars; holds little more than one chunk in memory.

    Args:
        storage: the data set's.
        shard: the shard's id.
        schema: of the records.
        clips: in their order.

    Returns:
        What the manifest says of the shard, and where each clip is.

    Raises:
        DataError: a clip's record would pass `MAX_RECORD`, or its frames are not those announced.
        StorageError: storage failed; there is no shard then.
    """
    places: list[RecordPlace] = []
    sizes: list[int] = []
    with storage.writer(shard_path(shard)) as file:
        out = _Summed(file)
        for clip in clips:
            offset = out.size
            write_record(out, schema, clip)
            places.append(RecordPlace(offset, out.size - offset, len(sizes)))
            sizes += clip.sizes
        index = b"".join([b"%d %d\n" % place[:2] for place in places])
        frames = np.asarray(sizes, "<u4").tobytes()
        storage.put(index_path(shard), index)
        storage.put(frames_path(shard), frames)
    entry = ShardEntry(
        records=len(places),
        frames=len(sizes),
        bytes=out.size,
        crc32c=_hex(out.crc),
        index_crc32c=_hex(google_crc32c.value(index)),
        frames_crc32c=_hex(google_crc32c.value(frames)),
    )
    return entry, places


class _Summed:
    """Counts and checksums the bytes written through it."""

    def __init__(self, file: Writer) -> None:
        self.file = file
        self.size = 0
        self.crc = 0

    def write(self, data: bytes | memoryview) -> int:
        self.size += len(data)
        self.crc = google_crc32c.extend(self.crc, bytes(data))
        return self.file.write(data)


def write_record(out: Writer, schema: Schema, clip: ShardClip) -> None:
    """Append a clip's record to a TFRecord file.

    Raises:
        DataError: the record would pass `MAX_RECORD`, or its frames are not those announced.
    """
    name = clip.record.clip_id
    sizes = clip.sizes
    head = schema.head(clip.record, sizes)
    prefixes = [schema.prefix(size, number) for number, size in enumerate(sizes)]
    length = len(head) + sum(sizes) + sum(map(len, prefixes))
    if length + FRAMING > MAX_RECORD:
        raise DataError(
            f"{name}: its record would have {length + FRAMING:,} bytes, at most {MAX_RECORD:,} are possible: "
            "limit it with --max-frames, or cut it into several clips with --segment-seconds"
        )
    out.write(before(length))
    crc = 0
    parts: list[bytes | memoryview] = [head]
    pending = len(head)
    frames = iter(clip.frames)
    for number, size in enumerate(sizes):
        frame = next(frames, None)
        if frame is None or len(frame) != size:
            found = "is missing" if frame is None else f"has {len(frame)} bytes"
            raise DataError(f"{name}: frame {number} of {len(sizes)} {found}, {size} bytes were announced")
        parts += (prefixes[number], frame)
        pending += size
        if pending >= CHUNK:
            chunk = b"".join(parts)
            crc = google_crc32c.extend(crc, chunk)
            out.write(chunk)
            parts, pending = [], 0
    if next(frames, None) is not None:
        raise DataError(f"{name}: more frames than the {len(sizes)} that were announced")
    chunk = b"".join(parts)
    out.write(chunk)
    out.write(after(google_crc32c.extend(crc, chunk)))


def read_places(storage: Storage, shard: str, frames: Sequence[int]) -> list[RecordPlace]:
    """Read where the records of a written shard are, from its index.

    Args:
        storage: the data set's.
        shard: the shard's id.
        frames: the number of frames of each of its clips, in order.

    Raises:
        FileNotFoundError: there is no index.
        DataError: the index is not that of these clips.
    """
    spans = read_index(storage, shard)
    if len(spans) != len(frames):
        raise DataError(f"{index_path(shard)}: {len(spans)} records, {len(frames)} expected")
    starts = [0, *accumulate(frames)]
    return [RecordPlace(*span, at) for span, at in zip(spans, starts, strict=False)]


def read_index(storage: Storage, shard: str) -> list[tuple[int, int]]:
    """Read the offset and length of every record of a shard, in bytes, framing included.

    Raises:
        FileNotFoundError: there is no index.
        DataError: it is no index.
    """
    found = [_INDEX_LINE.fullmatch(line) for line in storage.read(index_path(shard)).splitlines()]
    spans = [(int(line[1]), int(line[2])) for line in found if line]
    if len(spans) < len(found):
        raise DataError(f"{index_path(shard)}: not lines of offset and length")
    return spans


def read_sizes(storage: Storage, shard: str) -> np.ndarray:
    """Read the sizes of all frames of a shard in bytes: (frames,) uint32.

    Raises:
        FileNotFoundError: there is no .frames file.
        DataError: it is cut short.
    """
    data = storage.read(frames_path(shard))
    if len(data) % 4:
        raise DataError(f"{frames_path(shard)}: ends in the middle of a number")
    return np.frombuffer(data, "<u4")


def frame_ranges(schema: Schema, place: RecordPlace, sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Return where each frame of a record is in the shard's file: half-open ranges of bytes.

    Args:
        schema: of the record.
        place: of the record.
        sizes: of its frames, all of them.
    """
    end = place.offset + place.length - AFTER
    ranges = []
    for number, size in reversed(list(enumerate(sizes))):
        ranges.append((end - size, end))
        end -= size + len(schema.prefix(size, number))
    return ranges[::-1]


def shard_entry(storage: Storage, shard: str) -> ShardEntry:
    """Compute a shard's entry in the manifest from its files alone.

    Raises:
        FileNotFoundError: one of the three files is missing.
        DataError: a sidecar is damaged.
    """
    with storage.fetch(shard_path(shard)) as file:
        size, crc = file_crc(file)
    return ShardEntry(
        records=len(read_index(storage, shard)),
        frames=len(read_sizes(storage, shard)),
        bytes=size,
        crc32c=crc,
        index_crc32c=_hex(google_crc32c.value(storage.read(index_path(shard)))),
        frames_crc32c=_hex(google_crc32c.value(storage.read(frames_path(shard)))),
    )


def file_crc(file: IO[bytes]) -> tuple[int, str]:
    """Return the size of an open file and its CRC-32C as the manifest has it, from where it stands to its end."""
    size = crc = 0
    while chunk := file.read(CHUNK):
        size += len(chunk)
        crc = google_crc32c.extend(crc, chunk)
    return size, _hex(crc)


def _hex(crc: int) -> str:
    return f"{crc:08x}"
