"""The clip table of a published version: the columns that reading needs as arrays, all others read on demand."""

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
from clipmill.reader.coming import Coming
from clipmill.reader.draws import Ints

#: Columns that every reader needs; a million clips take some 100 MB.
CORE = (
    "clip_id", "split", "label_index", "label_source", "frames", "width", "height", "fps", "duration",
    "shard", "offset", "length", "frames_at",
)  # fmt: skip


class LabelLists(NamedTuple):
    """The labels of clips that have lists of them.

    Attributes:
        values: int32, those of the first clip, then those of the second, ...
        starts: (clips + 1,) int64, where each clip's begin.
    """

    values: npt.NDArray[np.int32]
    starts: Ints

    def of(self, row: int) -> npt.NDArray[np.int32]:
        """Return the labels of one clip."""
        return self.values[self.starts[row] : self.starts[row + 1]]

    def pairs(self, rows: npt.NDArray[Any]) -> tuple[Ints, Ints]:
        """Return (place in `rows`, label) for every label of these rows; a clip without any has the label -1."""
        counts = np.diff(self.starts)[rows]
        places = np.repeat(np.arange(len(rows)), np.maximum(counts, 1))
        labels = np.full(len(places), -1, np.int64)
        ends = np.cumsum(counts)
        from_values = np.arange(counts.sum()) - np.repeat(ends - counts, counts) + np.repeat(self.starts[rows], counts)
        labels[np.repeat(counts, np.maximum(counts, 1)) > 0] = self.values[from_values]
        return places, labels


def of_pairs(places: Ints, labels: Ints, clips: int) -> LabelLists:
    """Return the lists of pairs of a clip's place and a label, sorted by place."""
    counts = np.bincount(places, minlength=clips)
    return of_counts(labels.astype(np.int32), counts)


def of_counts(values: npt.NDArray[np.int32], counts: npt.NDArray[np.integer[Any]]) -> LabelLists:
    """Return the lists that hold so many of the values each, one after the other."""
    return LabelLists(values, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))


class ClipTable(NamedTuple):
    """The facts of each clip that reading needs, as arrays of one length.

    Attributes:
        ids: clip ids, an Arrow array of strings.
        label: int32, -1 for unlabelled; the first of a list.
        label_source: int64, the number that the listing gives the class, -1 for none; of lists always -1.
        frames, width, height: int32.
        seconds: float64, how long each is shown.
        shard: int32, index into `shards`.
        offset, length, frames_at: int64, as in `clipmill.layout.CLIP_COLUMNS`.
        shards: the id of each shard, and what reads it.
        dataset: uint8, which member of a mix; None where there is no mix.
        label_lists: all labels of each clip; None where clips have one at most.
        coming: what makes the clips, where they are not in shards yet. Then frames are -1 where they are not known
            yet, and 0 where a clip cannot be made; the size is 0, and the seconds are nan.
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
    label_lists: LabelLists | None = None
    coming: Coming | None = None

    def labels(self, row: int) -> list[int]:
        """Return all labels of a row's clip."""
        if self.label_lists is not None:
            return [int(label) for label in self.label_lists.of(row)]
        return [int(self.label[row])] if self.label[row] >= 0 else []

    def pairs(self, rows: npt.NDArray[Any]) -> tuple[Ints, Ints]:
        """Return (place in `rows`, label) for every label of these rows; an unlabelled clip has the label -1."""
        if self.label_lists is not None:
            return self.label_lists.pairs(rows)
        return np.arange(len(rows)), self.label[rows].astype(np.int64)

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
    lists = _label_lists(columns["label_index"].combine_chunks())
    return ClipTable(
        ids=columns["clip_id"],
        label=_array(columns, "label_index") if lists is None else _firsts(lists),
        label_source=_plain(columns["label_source"].combine_chunks().fill_null(-1))
        if lists is None
        else np.full(len(columns), -1, np.int64),
        frames=_array(columns, "frames"),
        width=_array(columns, "width"),
        height=_array(columns, "height"),
        seconds=_seconds(columns),
        shard=_plain(shard.indices),
        offset=_array(columns, "offset"),
        length=_array(columns, "length"),
        frames_at=_array(columns, "frames_at"),
        shards=[(name, reader) for name in shard.dictionary.to_pylist()],
        label_lists=lists,
    )


def _label_lists(column: pa.Array) -> LabelLists | None:
    """Return the lists in a column, None where it holds numbers."""
    if not pa.types.is_list(column.type):
        return None
    counts = _plain(column.value_lengths()).astype(np.int64)
    return of_counts(_plain(column.flatten()), counts)


def _firsts(lists: LabelLists) -> npt.NDArray[np.int32]:
    firsts = np.full(len(lists.starts) - 1, -1, np.int32)
    some = np.diff(lists.starts) > 0
    firsts[some] = lists.values[lists.starts[:-1][some]]
    return firsts


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
