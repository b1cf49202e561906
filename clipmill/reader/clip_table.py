"""The clip table of a published version: what reading needs is held as arrays, the rest is read when asked for."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from clipmill.errors import NoSuchDataset
from clipmill.layout import CLIPS, version_path
from clipmill.reader.access.frame_ranges import ClipPlace, FrameReader
from clipmill.reader.access.range_cache import ReadableStorage
from clipmill.reader.draws import Ints

#: Columns that every reader needs; a million clips take some 100 MB.
CORE = (
    "clip_id", "split", "label_index", "label_source", "frames", "width", "height", "fps", "duration",
    "shard", "offset", "length", "frames_at",
)  # fmt: skip


class ClipTable(NamedTuple):
    """What reading needs to know of each clip, as arrays of one length.

    Attributes:
        ids: clip ids, an Arrow array of strings.
        label: int32, -1 for unlabelled.
        label_source: int64, the number that the listing gives the class, -1 for none.
        frames, width, height: int32.
        seconds: float64, how long each is shown.
        shard: int32, index into `shards`.
        offset, length, frames_at: int64, as in `clipmill.layout.CLIP_COLUMNS`.
        shards: the id of each shard, and what reads it.
        dataset: uint8, which member of a mix; None where there is no mix.
    """

    ids: pa.ChunkedArray
    label: npt.NDArray[np.int32]
    label_source: Ints
    frames: npt.NDArray[np.int32]
    width: npt.NDArray[np.int32]
    height: npt.NDArray[np.int32]
    seconds: npt.NDArray[np.float64]
    shard: npt.NDArray[np.int32]
    offset: Ints
    length: Ints
    frames_at: Ints
    shards: list[tuple[str, FrameReader]]
    dataset: npt.NDArray[np.uint8] | None = None

    def place(self, row: int) -> ClipPlace:
        """Return where the record of a row's clip lies."""
        return ClipPlace(
            shard=self.shards[int(self.shard[row])][0],
            offset=int(self.offset[row]),
            length=int(self.length[row]),
            frames_at=int(self.frames_at[row]),
            frames=int(self.frames[row]),
        )

    def frame_reader(self, row: int) -> FrameReader:
        """Return what reads the shard of a row's clip."""
        _, reader = self.shards[int(self.shard[row])]
        return reader


class ClipColumns:
    """Reads columns of a version's clips.parquet.

    Args:
        storage: the data set's root.
        version: the version's name.
    """

    def __init__(self, storage: ReadableStorage, version: str) -> None:
        self._storage = storage
        self._version = version

    @cached_property
    def all(self) -> pa.Table:
        """The whole table; kept once read."""
        return self.read()

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Read some columns, by default all.

        Raises:
            NoSuchDataset: the version is gone.
        """
        path = version_path(self._version, CLIPS)
        stat = self._storage.stat(path)
        if stat is None:
            raise NoSuchDataset(f"{self._storage.root}: version {self._version} is not there any more; open it again")
        with io.BufferedReader(_RangedFile(self._storage, path, stat.size), 1 << 16) as file:
            # One thread: it is fast enough, and several would hold many columns twice at once.
            parquet = pq.ParquetFile(file, read_dictionary=["split", "shard"])
            there = parquet.schema_arrow.names
            wanted = None if columns is None else [name for name in columns if name in there or name != "duration"]
            table = parquet.read(columns=wanted, use_threads=False)
        pa.default_memory_pool().release_unused()
        return table


def to_arrays(columns: pa.Table, reader: FrameReader) -> ClipTable:
    """Convert the columns `CORE` to a ClipTable whose shards `reader` reads."""
    shard = columns["shard"].unify_dictionaries().combine_chunks()
    return ClipTable(
        ids=columns["clip_id"],
        label=_array(columns, "label_index"),
        label_source=_plain(columns["label_source"].combine_chunks().fill_null(-1)),
        frames=_array(columns, "frames"),
        width=_array(columns, "width"),
        height=_array(columns, "height"),
        seconds=_seconds(columns),
        shard=_plain(shard.indices),
        offset=_array(columns, "offset"),
        length=_array(columns, "length"),
        frames_at=_array(columns, "frames_at"),
        shards=[(name, reader) for name in shard.dictionary.to_pylist()],
    )


def _seconds(columns: pa.Table) -> npt.NDArray[np.float64]:
    # Versions of before the column `duration` have the container's frame rate, right or wrong.
    seconds: npt.NDArray[np.float64] = _array(columns, "frames") / _array(columns, "fps")
    if "duration" in columns.column_names:
        known = _array(columns, "duration")
        seconds = np.where(np.isnan(known), seconds, known)
    return seconds


def _array(columns: pa.Table, name: str) -> npt.NDArray[Any]:
    return _plain(columns[name].combine_chunks())


def _plain(array: pa.Array) -> npt.NDArray[Any]:
    plain: npt.NDArray[Any] = array.to_numpy(zero_copy_only=False)
    return plain


class _RangedFile(io.RawIOBase):
    """An object of any storage as a file that Arrow can seek in."""

    def __init__(self, storage: ReadableStorage, path: str, size: int) -> None:
        self._storage = storage
        self._path = path
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        data = self._storage.read(self._path, self._at, min(self._at + len(buffer), self._size))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
