"""Files beside a shard that others wrote, by which its frames are found; the shard itself stays as it is.

    .index   offset and length of every record that was taken
    .frames  u32 size of every frame
    .places  for every frame an entry of `clipmill.records.foreign.PLACES`: its place in the record and its time

In clipmill's own records the frames stand last, so that their places follow from their sizes. Others may write anything
between and behind them, in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import google_crc32c
import numpy as np
import numpy.typing as npt

from clipmill.errors import DataError
from clipmill.layout import ShardEntry, frames_path, index_path, places_path
from clipmill.records.foreign import PLACES
from clipmill.shards.shard_file import RecordPlace
from clipmill.storage import Storage


class AdoptedRecord(NamedTuple):
    """Where a record of others and its frames are.

    Attributes:
        offset, length: bytes in the shard, framing included.
        sizes: (frames,) int64 bytes of each frame.
        places: (frames,) of `PLACES`.
    """

    offset: int
    length: int
    sizes: npt.NDArray[np.int64]
    places: npt.NDArray[np.void]


def write_sidecars(
    storage: Storage, shard: str, records: Sequence[AdoptedRecord], size: int, crc32c: str
) -> tuple[ShardEntry, list[RecordPlace]]:
    """Write the files beside an adopted shard.

    Args:
        storage: the data set's.
        shard: the shard's id.
        records: those that are taken, at least one, in the order of their offsets.
        size, crc32c: of the shard's file.

    Returns:
        What the manifest says of the shard, and where each record is.
    """
    counts = [len(record.sizes) for record in records]
    starts = np.cumsum([0, *counts])[:-1].tolist()
    index = b"".join([b"%d %d\n" % (record.offset, record.length) for record in records])
    frames = np.concatenate([record.sizes for record in records]).astype("<u4").tobytes()
    places = np.concatenate([record.places for record in records]).astype(PLACES).tobytes()
    for path, data in ((index_path, index), (frames_path, frames), (places_path, places)):
        storage.put(path(shard), data)
    entry = ShardEntry(
        records=len(records),
        frames=sum(counts),
        bytes=size,
        crc32c=crc32c,
        index_crc32c=f"{google_crc32c.value(index):08x}",
        frames_crc32c=f"{google_crc32c.value(frames):08x}",
        places_crc32c=f"{google_crc32c.value(places):08x}",
    )
    return entry, [RecordPlace(r.offset, r.length, at) for r, at in zip(records, starts, strict=True)]


def read_places(storage: Storage, shard: str) -> npt.NDArray[np.void]:
    """Read where the frames of an adopted shard are: (frames,) of `PLACES`.

    Raises:
        FileNotFoundError: there is no .places file.
        DataError: it is cut short.
    """
    data = storage.read(places_path(shard))
    if len(data) % PLACES.itemsize:
        raise DataError(f"{places_path(shard)}: ends in the middle of an entry")
    return np.frombuffer(data, PLACES)
