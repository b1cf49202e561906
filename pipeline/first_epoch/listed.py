"""The clips of a listing before a video of it is opened: their rows, packed, and what reading needs of them."""

from __future__ import annotations

import hashlib
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from clipmill.errors import UsageError
from clipmill.estimate.census import Census, rows_of
from clipmill.layout import split_order
from clipmill.messages import ClipRow
from clipmill.options import BuildOptions
from clipmill.reader.clip_table import ClipTable, LabelLists, of_counts
from clipmill.reader.coming import Coming

_decode_row = msgspec.msgpack.Decoder(ClipRow).decode


class ListedClips:
    """The rows of a listing that name a clip, sorted by split and clip id; some 300 bytes each.

    Args:
        options: of the build.
        census: of the listing.
        read: the rows that were read for it, packed; by default the listing is read again.

    Attributes:
        labels: names of the classes.
    """

    def __init__(self, options: BuildOptions, census: Census, read: Sequence[bytes] | None = None) -> None:
        self.labels = census.labels.names
        self._multi_label = options.listing.label_lists
        by_split: dict[str, list[tuple[str, bytes, str]]] = defaultdict(list)
        for row in rows_of(options, census, read):
            by_split[row.split].append((row.clip_id, msgspec.msgpack.encode(row), row.video))
        self._packed: list[bytes] = []
        ids: list[str] = []
        videos: list[str] = []
        self._splits: list[str] = []
        for split in sorted(by_split, key=split_order):
            clips = sorted(by_split.pop(split))
            ids += [clip_id for clip_id, _, _ in clips]
            self._packed += [packed for _, packed, _ in clips]
            videos += [video for _, _, video in clips]
            self._splits += [split] * len(clips)
        self.ids = pa.chunked_array([pa.array(ids, pa.string())])
        numbered = pa.array(videos, pa.string()).dictionary_encode()
        self._video: npt.NDArray[np.int32] = numbered.indices.to_numpy()
        self._by_video = np.argsort(self._video, kind="stable").astype(np.int32)
        self._begins = np.searchsorted(self._video[self._by_video], np.arange(len(numbered.dictionary) + 1))

    def __len__(self) -> int:
        return len(self._packed)

    def row(self, number: int) -> ClipRow:
        """Return a row of the listing."""
        row: ClipRow = _decode_row(self._packed[number])
        return row

    def rows(self) -> Iterator[ClipRow]:
        """Iterate over all rows of the listing."""
        return map(_decode_row, self._packed)

    def video_of(self, number: int) -> int:
        """Return the number of a row's video."""
        return int(self._video[number])

    def rows_of_video(self, video: int) -> list[int]:
        """Return the numbers of all rows of a video."""
        rows: list[int] = self._by_video[self._begins[video] : self._begins[video + 1]].tolist()
        return rows

    def share(self, host: Callable[[], tuple[int, int]]) -> Iterator[int]:
        """Iterate over the numbers of a host's share of the clips.

        Args:
            host: gives (index, count), which is not known before the first of them is needed.
        """
        for number, clip_id in enumerate(self.ids.to_pylist()):
            index, count = host()
            if zlib.crc32(clip_id.encode()) % count == index:
                yield number

    def table(self, coming: Coming, size: tuple[int, int] | None) -> ClipTable:
        """Return what reading needs, with the lengths still unknown.

        Args:
            coming: what makes the clips.
            size: (height, width) of all frames, where the options say it.
        """
        count = len(self)
        index = {name: number for number, name in enumerate(self.labels)}
        rows = list(self.rows())
        height, width = size or (0, 0)
        nothing = np.zeros(count, np.int64)
        lists = self._label_lists(rows, index) if self._multi_label else None
        first = [
            -1 if not row.label else index[row.label if isinstance(row.label, str) else row.label[0]] for row in rows
        ]
        source = [row.label_number if isinstance(row.label_number, int) else -1 for row in rows]
        return ClipTable(
            ids=self.ids,
            label=np.array(first, np.int32),
            label_source=np.array(source, np.int64),
            frames=np.full(count, -1, np.int32),
            width=np.full(count, width, np.int32),
            height=np.full(count, height, np.int32),
            seconds=np.full(count, np.nan),
            shard=np.zeros(count, np.int32),
            offset=nothing,
            length=nothing,
            frames_at=nothing,
            shards=[],
            label_lists=lists,
            coming=coming,
        )

    def _label_lists(self, rows: Sequence[ClipRow], index: dict[str, int]) -> LabelLists:
        lists = [[index[name] for name in row.label or ()] for row in rows]
        values = np.array([label for labels in lists for label in labels], np.int32)
        return of_counts(values, np.array([len(labels) for labels in lists]))

    @cached_property
    def identity(self) -> str:
        """A hash of the clips with their splits and labels, 16 hex digits: the same for the same listing."""
        digest = hashlib.sha256()
        for text in [*self.labels, *self._splits]:
            digest.update(f"{text}\n".encode("utf-8", "surrogatepass"))
        for row in self.rows():
            plain = row.clip_id, row.video, row.label, row.start, row.end, row.frame_range
            digest.update(msgspec.msgpack.encode(plain))
        return digest.hexdigest()[:16]

    @cached_property
    def all(self) -> pa.Table:
        """The columns of the clip table that the listing gives, its own further ones among them."""
        rows = list(self.rows())
        several = self._multi_label
        index = {name: number for number, name in enumerate(self.labels)} | {"": -1}
        text = pa.list_(pa.string()) if several else pa.string()
        numbers = [list(row.label_number) if isinstance(row.label_number, tuple) else row.label_number for row in rows]
        labels = [list(row.label) if isinstance(row.label, tuple) else row.label or "" for row in rows]
        columns = {
            "clip_id": self.ids,
            "split": pa.array(self._splits, pa.string()),
            "folds": pa.array([list(row.folds) for row in rows], pa.list_(pa.string())),
            "label_index": pa.array([index[n] if isinstance(n, str) else [index[one] for one in n] for n in labels]),
            "label_text": pa.array(labels, text),
            "label_source": pa.array(numbers, pa.list_(pa.int64()) if several else pa.int64()),
            "group": pa.array([row.group for row in rows], pa.string()),
            "source": pa.array([row.video for row in rows], pa.string()),
            "start": pa.array([row.start for row in rows], pa.float64()),
            "end": pa.array([row.end for row in rows], pa.float64()),
        }
        further = sorted({name for row in rows for name in row.extra} - set(columns))
        columns |= {name: pa.array([row.extra.get(name) for row in rows], pa.string()) for name in further}
        return pa.table(columns)

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Read some columns, by default all.

        Raises:
            UsageError: a column is not known before the data set is published.
        """
        if columns is None:
            return self.all
        if list(columns) == ["split"]:
            return pa.table({"split": pa.array(self._splits, pa.string())})
        unknown = set(columns) - set(self.all.column_names)
        if unknown:
            raise UsageError(f"{', '.join(sorted(unknown))}: known only once the data set is published")
        return self.all.select(list(columns))
