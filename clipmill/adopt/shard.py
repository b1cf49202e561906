"""Reading a shard that others wrote: which of its records are clips, and what is wrong with the others."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, NamedTuple

import google_crc32c
import numpy as np
import simplejpeg

from clipmill.decoding.fragments import clip_digest, seconds_shown
from clipmill.errors import DataError
from clipmill.layout import MAX_RECORD
from clipmill.ledger import Failure, Reason, Stage
from clipmill.records.foreign import PLACES, ForeignClip, read_foreign
from clipmill.records.tfrecord import AFTER, FRAMING, BadRecord, read_record
from clipmill.shards.adopted import AdoptedRecord
from clipmill.storage import Storage

_CHUNK = 1 << 20
#: A label above this is no number of a class, but a hash or a time.
_MAX_LABEL = 1_000_000


class FoundClip(NamedTuple):
    """A clip in a shard of others.

    Attributes:
        row: the number of its record, from 1.
        clip_id, source: as the record says, else made up of the shard's name and the row.
        labels, texts: see `clipmill.records.foreign.ForeignClip`.
        width, height: pixels of each frame.
        fps, seconds: frames per second; how long it is shown.
        frames, nbytes: how many it has, and bytes of all of them.
        fingerprint: SHA-256 of the record's bytes, hex.
        digest: SHA-256 over the SHA-256 of each frame, hex.
        record: where it is in the shard; None once that is written.
    """

    row: int
    clip_id: str
    source: str
    labels: tuple[int, ...]
    texts: tuple[str, ...]
    width: int
    height: int
    fps: float
    seconds: float
    frames: int
    nbytes: int
    fingerprint: str
    digest: str
    record: AdoptedRecord | None


class FoundShard(NamedTuple):
    """What is in a shard of others.

    Attributes:
        size, crc32c, sha256: of the file; both sums in hex.
        clips: its records that can be adopted, in order.
        failures: the others.
    """

    size: int
    crc32c: str
    sha256: str
    clips: list[FoundClip]
    failures: list[Failure]


def read_shard(storage: Storage, name: str, split: str, keys: Mapping[str, str]) -> FoundShard:
    """Read a TFRecord file: every checksum is verified, and every frame's header.

    Args:
        storage: that holds it.
        name: its path there.
        split: of its clips.
        keys: features by role, where they have names of their own.

    Raises:
        FileNotFoundError: there is no such file.
        StorageError: it cannot be read.
    """
    clips, failures = [], []
    with storage.fetch(name) as file:
        size, crc32c, sha256 = _sums(file)
        path = f"{storage.root.rstrip('/')}/{name}"

        def fail(row: int, reason: Reason, message: str) -> None:
            failures.append(
                Failure(path, row, "", f"{name}#{row}", split, Stage.READ_LISTING.value, reason.value, message)
            )

        for row, offset, data in _records(file, size, name):
            if isinstance(data, BadRecord):
                lost = "" if data.end is not None else ", and the rest of the file is lost with it"
                if lost and not offset:
                    lost = _compressed(file) or lost
                fail(row, Reason.CORRUPT, f"record at byte {offset}: {data.what}{lost}")
                continue
            try:
                clips.append(_clip(data, offset, row, name, keys))
            except DataError as error:
                fail(row, Reason.NOT_A_VIDEO, str(error))
    return FoundShard(size, crc32c, sha256, clips, failures)


def _sums(file: IO[bytes]) -> tuple[int, str, str]:
    size = crc = 0
    sha256 = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        size += len(chunk)
        crc = google_crc32c.extend(crc, chunk)
        sha256.update(chunk)
    return size, f"{crc:08x}", sha256.hexdigest()


def _records(file: IO[bytes], size: int, name: str) -> Iterator[tuple[int, int, bytes | BadRecord]]:
    """Iterate over row, offset and data of every record; one that is damaged comes as what is wrong with it."""
    offset = row = 0
    while offset < size:
        row += 1
        try:
            data = read_record(file, offset, size, name)
        except BadRecord as bad:
            yield row, offset, bad
            offset = size if bad.end is None else bad.end
        else:
            yield row, offset, data
            offset += len(data) + FRAMING


def _compressed(file: IO[bytes]) -> str:
    """Return what to do with a file that is compressed; "" for one that is not."""
    file.seek(0)
    head = file.read(1 << 12)
    if head[:2] == b"\x1f\x8b":
        return ": the file is compressed by gzip; unpack it first, since a reader of frames must seek in it"
    try:
        zlib.decompressobj().decompress(head)
    except zlib.error:
        return ""
    return ": the file is compressed by zlib; write it again without compression"


def _clip(data: bytes, offset: int, row: int, name: str, keys: Mapping[str, str]) -> FoundClip:
    """Return the clip in a record.

    Raises:
        DataError: it holds none that can be read.
    """
    if len(data) + FRAMING > MAX_RECORD:
        raise DataError(f"it has {len(data):,} bytes; readers fail above {MAX_RECORD:,}")
    clip = read_foreign(data, keys)
    if any(label > _MAX_LABEL for label in clip.labels):
        raise DataError(f"its label is {max(clip.labels)}, which is no number of a class")
    width, height = _frame_size(clip)
    sizes = np.array([len(frame) for frame in clip.frames], np.int64)
    places = np.zeros(len(sizes), PLACES)
    places["time"] = clip.times
    places["behind"] = len(data) + AFTER - clip.begins - sizes
    places["number"] = np.arange(len(sizes))
    made_up = f"{os.path.basename(name)}/{row:05d}"
    return FoundClip(
        row=row,
        clip_id=clip.clip_id or made_up,
        source=clip.source or made_up,
        labels=clip.labels,
        texts=clip.texts,
        width=width,
        height=height,
        fps=clip.fps,
        seconds=seconds_shown(clip.times.tolist(), clip.fps),
        frames=len(sizes),
        nbytes=int(sizes.sum()),
        fingerprint=hashlib.sha256(data).hexdigest(),
        digest=clip_digest([hashlib.sha256(frame).digest() for frame in clip.frames]),
        record=AdoptedRecord(offset, len(data) + FRAMING, sizes, places),
    )


def _frame_size(clip: ForeignClip) -> tuple[int, int]:
    """Return (width, height) of all frames.

    Raises:
        DataError: a frame is no whole JPEG, or they differ in size.
    """
    sizes = set()
    for number, frame in enumerate(clip.frames):
        if bytes(frame[-2:]) != b"\xff\xd9":
            raise DataError(f"frame {number} is no whole JPEG: its last bytes are missing")
        try:
            height, width = simplejpeg.decode_jpeg_header(frame)[:2]
        except ValueError as error:
            raise DataError(f"frame {number} is no good JPEG: {error}") from None
        sizes.add((width, height))
    if len(sizes) > 1:
        (one, other) = sorted(sizes)[:2]
        raise DataError(f"its frames differ in size: {one[0]}x{one[1]} and {other[0]}x{other[1]}")
    return sizes.pop()
