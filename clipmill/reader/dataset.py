"""Opening a published data set."""

from __future__ import annotations

import importlib
import os
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from clipmill.errors import UsageError
from clipmill.layout import LABELS, read_manifest, split_order, version_path
from clipmill.reader.access.frame_ranges import FrameReader
from clipmill.reader.access.range_cache import CachedStorage, ReadableStorage
from clipmill.reader.clip_table import CORE, ClipColumns, ClipTable, to_arrays
from clipmill.reader.clips import ClipRows, Columns, Member, OpenedVersion, Publication
from clipmill.reader.clipset import ClipSet
from clipmill.reader.overview import overview
from clipmill.storage import Storage, absolute, open_storage

Path: TypeAlias = str | os.PathLike[str]


def open(
    *path: Path,
    build: Path | None = None,
    version: str | None = None,
    cache: str | None = None,
    cache_gb: float = 100.0,
    **options: Any,
) -> Dataset:
    """Open a published data set, or with `build` a listing, whose data set is built while it is read.

    The version of a published data set is fixed here: builds that are published later do not change what is read.

    Args:
        path: a folder, s3://bucket/prefix or gs://bucket/prefix; with `build` the listing: folders of videos, or files
            that list them.
        build: where the data set goes that the listing becomes.
        version: a version's name; by default the published one.
        cache: a local folder where the bytes of a remote data set are kept once read,
            shared by all processes of the machine; a local data set never uses it.
        cache_gb: the most that the cache holds, in 10**9 bytes.
        options: with `build`, those of `clipmill build`, as short_side=256.

    Raises:
        NoSuchDataset: nothing is published there, the version is gone, or its layout is
            newer than this clipmill.
        UsageError: the listing or an option is wrong.
        MissingExtra: with `build`, the packages of [build] are not installed.

    >>> data = clipmill.open(path)
    >>> data.splits
    ['train', 'val']
    """
    texts = [os.fspath(one) for one in path]
    if build is not None:
        # Named in a text, since the pipeline stands on the reader.
        first_epoch = importlib.import_module("clipmill.pipeline.first_epoch.dataset")
        listed: Dataset = first_epoch.open_listing(texts, os.fspath(build), options)
        return listed
    if options:
        raise UsageError(f"open({next(iter(options))}=): an option of a build; build= says where the data set goes")
    if len(texts) != 1:
        raise UsageError(f"open(): the path of one data set is meant, not {len(texts)}; build= takes several listings")
    storage = open_storage(absolute(texts[0]))
    if cache is None or storage.local:
        return Dataset(storage, version)
    return Dataset(storage, version, CachedStorage(storage, cache, int(cache_gb * 1e9)))


class Dataset:
    """One version of a data set; see `open`.

    Attributes:
        path: absolute path or URL.
        local: whether it is on this machine's file system.
        version: the version's name.
        name: the data set's name.
        labels: names of the classes; a clip's label is an index into them.

    >>> data = clipmill.open(path)
    >>> len(data["train"]), len(data.all), data.labels[:2]
    (27, 40, ['boxing', 'diving'])
    """

    def __init__(self, storage: Storage, version: str | None = None, cached: ReadableStorage | None = None) -> None:
        self.manifest = read_manifest(storage, version)
        if self.manifest.encoding != "jpeg" and not self.manifest.pairs:
            raise UsageError(f"{storage.root}: frames are stored as {self.manifest.encoding}; this reader reads jpeg")
        self.path = storage.root
        self.local = storage.local
        self.version = self.manifest.version
        self.name = self.manifest.dataset
        self.labels = storage.read(version_path(self.version, LABELS)).decode().splitlines()
        shard_frames = {name: entry.frames for name, entry in self.manifest.shards.items()}
        self._columns: Columns = ClipColumns(cached or storage, self.version)
        columns = self._columns.read(CORE)
        reader = FrameReader(cached or storage, self.manifest.schema, self.version, shard_frames)
        self.table: ClipTable = to_arrays(columns, reader)
        self._fold: int | None = None
        self._publication: Publication | None = None
        self._names, self._codes = encoded(columns["split"])

    def __repr__(self) -> str:
        counts = ", ".join(f"{name} {np.count_nonzero(self._codes == n)}" for n, name in enumerate(self._names))
        return f"<{self.name} {self.version} at {self.path}: {counts}>"

    def _repr_html_(self) -> str:
        """Return what a notebook draws."""
        return overview(f"{self.name} {self.version[:8]} at {self.path}", {name: self[name] for name in self.splits})

    @property
    def splits(self) -> list[str]:
        """Names of the splits, train, val and test first."""
        return sorted((name for name in self._names if name), key=split_order)

    @property
    def fold_number(self) -> int | None:
        """The official fold of the splits; None for the splits that were built."""
        return self._fold

    def __getitem__(self, split: str) -> ClipSet:
        """Return the clips of one split; `data["train"][0]` is the first of them.

        Raises:
            UsageError: there is no such split; the message lists the splits.
        """
        if not isinstance(split, str):
            raise UsageError(f"data[{split!r}]: a split's name is meant, of {', '.join(self.splits)}; data.all has all")
        if split not in self.splits:
            raise UsageError(f"{self.path}: no split {split!r}; there is {', '.join(self.splits)}")
        rows = np.flatnonzero(self._codes == self._names.index(split)).astype(np.int32)
        return self.clip_set(rows, split)

    @property
    def all(self) -> ClipSet:
        """The clips of all splits together."""
        return self.clip_set(np.arange(len(self.table.frames), dtype=np.int32))

    def clip_set(self, rows: ClipRows, split: str | None = None) -> ClipSet:
        """Return the clips of some rows of the clip table.

        Args:
            rows: (clips,) int32, increasing.
            split: its name, if they are all clips of a split.
        """
        opened = OpenedVersion(
            path=self.path,
            local=self.local,
            version=self.version,
            fold=self._fold,
            clips=len(self.table.frames),
            columns=self._columns,
            publication=self._publication,
        )
        return ClipSet([Member(opened, rows, split)], self.table, rows, self.labels)

    def fold(self, number: int) -> Dataset:
        """Return the same version with the splits of another official fold, from 1; clips not in it are left out.

        Raises:
            UsageError: there is no such fold.

        >>> clipmill.open(path).fold(2).splits
        ['train', 'test']
        """
        folds = self.column("folds")
        count = pc.min(pc.list_value_length(folds)).as_py() or 0
        if not 1 <= number <= count:
            there = f"there are 1 to {count}" if count else "it has none"
            raise UsageError(f"{self.path}: no fold {number}; {there}")
        other = object.__new__(Dataset)
        other.__dict__.update(self.__dict__, _fold=number)
        other._names, other._codes = encoded(pc.list_element(folds, number - 1))
        return other

    @property
    def clips(self) -> pa.Table:
        """The whole clip table, with the listing's own columns; read on first use."""
        return self._columns.all

    def column(self, name: str) -> pa.ChunkedArray:
        """Read one column of the clip table, as Arrow."""
        return self._columns.read([name])[name]


def encoded(column: Any) -> tuple[list[str], npt.NDArray[np.int8]]:
    """Return the distinct values of a column of few strings, and for each row the number of its value."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    found = column.unify_dictionaries().combine_chunks()
    return found.dictionary.to_pylist(), found.indices.to_numpy(zero_copy_only=False).astype(np.int8)
