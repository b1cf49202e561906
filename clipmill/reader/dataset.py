"""A published data set, opened: its splits, its labels and its clip table."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from clipmill.errors import UsageError
from clipmill.layout import LABELS, read_manifest, split_order, version_path
from clipmill.reader.access.frame_ranges import FrameReader
from clipmill.reader.access.range_cache import CachedStorage, Reading
from clipmill.reader.clip_index import CORE, ClipTable, read_columns, to_arrays
from clipmill.reader.clipset import ClipSet, MixMember
from clipmill.storage import Storage, absolute, open_storage

if TYPE_CHECKING:
    import pyarrow as pa


def open(path: str, *, version: str | None = None, cache: str | None = None, cache_gb: float = 100.0) -> Dataset:
    """Open a published data set.

    The version is fixed here: builds that are published later do not change what is read.

    Args:
        path: a folder, s3://bucket/prefix or gs://bucket/prefix.
        version: a version's name; by default the published one.
        cache: a local folder where the bytes of a remote data set are kept once read,
            shared by all processes of the machine; a local data set never uses it.
        cache_gb: what the cache holds at most, in 10**9 bytes.

    Raises:
        NoSuchDataset: nothing is published there, the version is gone, or its layout is
            newer than this clipmill.
    """
    storage = open_storage(absolute(str(path)))
    if cache is None or storage.local:
        return Dataset(storage, version)
    return Dataset(storage, version, CachedStorage(storage, cache, int(cache_gb * 1e9)))


class Dataset:
    """One version of a data set; see `open`.

    Attributes:
        path: as it was opened, made absolute.
        local: whether that is on this machine's file system.
        version: the version's name.
        name: the data set's name.
        labels: names of the classes; a clip's label is an index into them.
    """

    def __init__(self, storage: Storage, version: str | None = None, reading: Reading | None = None) -> None:
        self._storage: Reading = reading or storage
        self.manifest = read_manifest(storage, version)
        if self.manifest.encoding != "jpeg":
            raise UsageError(f"{storage.root}: frames are stored as {self.manifest.encoding}; this reader reads jpeg")
        self.path = storage.root
        self.local = storage.local
        self.version = self.manifest.version
        self.name = self.manifest.dataset
        self.labels = storage.read(version_path(self.version, LABELS)).decode().splitlines()
        shard_frames = {name: entry.frames for name, entry in self.manifest.shards.items()}
        columns = read_columns(self._storage, self.version, CORE)
        self.table: ClipTable = to_arrays(columns, FrameReader(self._storage, self.manifest.schema, shard_frames))
        self._fold: int | None = None
        self._names, self._codes = _encoded(columns["split"])

    def __repr__(self) -> str:
        counts = ", ".join(f"{name} {np.count_nonzero(self._codes == n)}" for n, name in enumerate(self._names))
        return f"<{self.name} {self.version} at {self.path}: {counts}>"

    @property
    def splits(self) -> list[str]:
        """Names of the splits: train, val and test first."""
        return sorted((name for name in self._names if name), key=split_order)

    @property
    def fold_number(self) -> int | None:
        """The official fold the splits are of; None for those that were built."""
        return self._fold

    def __getitem__(self, split: str) -> ClipSet:
        """The clips of one split.

        Raises:
            UsageError: there is no such split; the message lists those there are.
        """
        if split not in self.splits:
            raise UsageError(f"{self.path}: no split {split!r}; there is {', '.join(self.splits)}")
        rows = np.flatnonzero(self._codes == self._names.index(split)).astype(np.int32)
        return ClipSet([MixMember(self, rows, split)])

    @property
    def all(self) -> ClipSet:
        """The clips of all splits together."""
        return ClipSet([MixMember(self, np.arange(len(self.table.frames), dtype=np.int32), None)])

    def fold(self, number: int) -> Dataset:
        """The same version with the splits of another official fold, from 1; clips that are in none are left out.

        Raises:
            UsageError: there is no such fold.
        """
        import pyarrow.compute as pc

        folds = self.column("folds")
        least = pc.min(pc.list_value_length(folds)).as_py() or 0
        if not 1 <= number <= least:
            there = f"there are 1 to {least}" if least else "it has none"
            raise UsageError(f"{self.path}: no fold {number}; {there}")
        other = object.__new__(Dataset)
        other.__dict__.update(self.__dict__, _fold=number)
        other._names, other._codes = _encoded(pc.list_element(folds, number - 1))
        return other

    @cached_property
    def clips(self) -> pa.Table:
        """The whole clip table, with the listing's own columns; read when first asked for."""
        return read_columns(self._storage, self.version)

    def column(self, name: str) -> Any:
        """One column of the clip table, as Arrow."""
        return read_columns(self._storage, self.version, [name])[name]


def _encoded(column: Any) -> tuple[list[str], npt.NDArray[np.int8]]:
    """The different values of a column of few strings, and for each row which of them."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    found = column.unify_dictionaries().combine_chunks()
    return found.dictionary.to_pylist(), found.indices.to_numpy(zero_copy_only=False).astype(np.int8)
