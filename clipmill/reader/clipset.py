"""A set of clips: a split, a part of one, or a mix of several data sets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from clipmill.errors import UsageError
from clipmill.reader import selection
from clipmill.reader.augment.base import Augmentation
from clipmill.reader.clip_index import ClipTable
from clipmill.reader.order.by_shard import Shards
from clipmill.reader.sampling.base import Lengths, Sampler

if TYPE_CHECKING:
    import pyarrow as pa

    from clipmill.reader.batches import Batches
    from clipmill.reader.dataset import Dataset
    from clipmill.reader.frameworks.torch import ClipsDataset

ClipNumbers = npt.NDArray[np.int32]


class MixMember(NamedTuple):
    """Clips of one data set.

    Attributes:
        dataset: that holds them.
        rows: (clips,) int32, increasing rows of its table.
        split: its split, if the clips are all of it.
        name, share: in a mix.
    """

    dataset: Dataset
    rows: ClipNumbers
    split: str | None = None
    name: str = ""
    share: float = 1.0


class ClipSet:
    """Clips that are read together; see `Dataset` and `mix`.

    Attributes:
        parts: the data sets they are from; one, but in a mix.
        labels: names of the classes.
        table: what is known of each clip of those data sets.
        rows: (clips,) int32, the clips' rows in `table`.
    """

    def __init__(
        self,
        parts: Sequence[MixMember],
        table: ClipTable | None = None,
        rows: ClipNumbers | None = None,
        labels: Sequence[str] = (),
    ) -> None:
        self.parts = tuple(parts)
        self.labels = list(labels or parts[0].dataset.labels)
        self.table = table if table is not None else parts[0].dataset.table
        self.rows = rows if rows is not None else parts[0].rows

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        where = " + ".join(f"{part.dataset.path}[{part.split or 'some clips'}]" for part in self.parts)
        return f"<{len(self)} clips of {where}>"

    @property
    def clips(self) -> pa.Table:
        """The clip table of these clips, as Arrow; see `clipmill.layout.CLIP_COLUMNS`."""
        return self.single("look at its parts' tables").dataset.clips.take(self.rows)

    @property
    def ids(self) -> pa.ChunkedArray:
        """Clip ids, an Arrow array of strings."""
        import pyarrow as pa

        whole = len(self.rows) == len(self.table.frames)
        return self.table.ids if whole else self.table.ids.take(pa.array(self.rows))

    @property
    def lengths(self) -> Lengths:
        """What samplers plan with."""
        return Lengths(_Ids(self), self.table.frames[self.rows].astype(np.int64), self.table.fps[self.rows])

    def select(
        self,
        *,
        ids: Sequence[str] | None = None,
        index: Sequence[int] | slice | npt.NDArray[Any] | None = None,
        where: Any | Callable[[pa.Table], Any] | None = None,
    ) -> ClipSet:
        """Those of the clips for which all that is given holds, in the table's order.

        Args:
            ids: clip ids.
            index: numbers in this set, a slice of them, or one bool for each clip.
            where: an Arrow expression (`pyarrow.compute.field("frames") > 64`), or a function
                from the clip table to one bool for each clip.

        Raises:
            UsageError: an id is not in the set, or a number out of it.
        """
        self.single("select before mixing")
        keep = np.ones(len(self), bool)
        if ids is not None:
            keep &= selection.by_id(self, ids)
        if index is not None:
            keep &= selection.by_index(self, index)
        if where is not None:
            keep &= selection.by_rule(self, where)
        return self.kept(keep)

    def split(self, *, seed: int = 0, by: str = "group", **shares: float) -> tuple[ClipSet, ...]:
        """Cut at random: `train, val = clips.split(val=0.2)`; what is left comes first.

        A group is never cut, and where it goes depends on nothing but its name (the source's
        where it has none) and the seed: no leak, and no clip moves when others come or go.
        So shares are met only on average.

        Args:
            seed: another cut.
            by: "group", or "clip" to cut groups all the same.
            shares: of each further part, by any name.

        Raises:
            UsageError: the shares are not positive, or leave nothing.
        """
        return tuple(self.kept(mask) for mask in selection.cut(self, shares, seed, by))

    def batches(
        self,
        sampler: Sampler | None = None,
        *,
        augment: Sequence[Augmentation | Callable[[Any, np.random.Generator], Any]] = (),
        batch_size: int | None = None,
        max_frames_per_batch: int | None = None,
        by_length: bool = False,
        lengths: str | int = "pad",
        shuffle: bool | str | Shards = False,
        seed: int = 0,
        weights: str | Sequence[float] | npt.NDArray[Any] | None = None,
        clips_per_epoch: int | None = None,
        drop_remainder: bool = False,
        views: int = 1,
        decode: bool = True,
        dct_scale: bool = False,
        on_error: str = "raise",
        path: str = "indexed",
        fields: Collection[str] | None = None,
        hosts: tuple[int, int] | str | None = None,
        prefetch: int = 2,
        threads: int | None = None,
    ) -> Batches:
        """Batches of these clips; see `Batches` for what they hold.

        Args:
            sampler: which frames, from `clipmill.reader.sampling.samplers`; by default the whole clip.
            augment: what is done to them, from `clipmill.reader.augment.geometry`, in this order; a
                function takes (frames, height, width, 3) and a numpy generator, and gives as much back.
            batch_size: clips of a batch, over all hosts together.
            max_frames_per_batch: cut batches so that they hold at most so many frames, padding counted.
            by_length: put clips of like length together.
            lengths: what to do where windows of a batch differ in length: "pad" to the longest,
                "truncate" to the shortest, or a fixed number of frames.
            shuffle: True for a new random order in every epoch, "shards" (or `Shards`) for one
                that reads files from front to back, False for that of the clip table.
            seed: of the order and of all random draws.
            weights: how often each clip comes, relative to the others: one number each, or
                "balanced" for as many clips of every class.
            clips_per_epoch: with weights or in a mix; by default as many as there are.
            drop_remainder: leave out the last batch if it would be smaller.
            views: independent draws of frames and augmentations from each clip, read once.
            decode: False leaves the frames as JPEGs.
            dct_scale: shrink in the JPEG's DCT domain where that is half the size or less;
                faster, with slightly other pixels.
            on_error: "raise", or "skip" to report clips that cannot be read and go on.
            path: "indexed" reads the ranges of the frames wanted, "streaming" whole shards.
            fields: what batches hold; by default everything.
            hosts: (index, count) of this process, or "auto" for what the environment says.
            prefetch: batches that are made ahead.
            threads: that read and decode; by default one for each core.

        Raises:
            UsageError: options that do not go together, or clips that do not suit them.
        """
        from clipmill.reader.batches import Batches
        from clipmill.reader.options import make_options

        options = make_options(
            sampler=sampler,
            augment=augment,
            batch_size=batch_size,
            max_frames_per_batch=max_frames_per_batch,
            by_length=by_length,
            lengths=lengths,
            shuffle=shuffle,
            seed=seed,
            clips_per_epoch=clips_per_epoch,
            drop_remainder=drop_remainder,
            views=views,
            decode=decode,
            dct_scale=dct_scale,
            on_error=on_error,
            path=path,
        )
        return Batches(self, options, weights=weights, hosts=hosts, fields=fields, prefetch=prefetch, threads=threads)

    def clips_dataset(
        self,
        sampler: Sampler | None = None,
        *,
        augment: Sequence[Augmentation | Callable[[Any, np.random.Generator], Any]] = (),
        seed: int = 0,
        layout: str = "THWC",
        **options: Any,
    ) -> ClipsDataset:
        """A map-style dataset for PyTorch's DataLoader: single clips by number.

        Args:
            sampler, augment, seed: as for `batches`.
            layout: axes of `frames`.
            options: `lengths`, `views`, `decode`, `dct_scale` and `fields` of `batches`.

        Raises:
            UsageError: options that do not go together, or clips that do not suit them.
            MissingExtra: PyTorch is not installed.
        """
        from clipmill.reader.frameworks.torch import ClipsDataset

        return ClipsDataset(self.batches(sampler, augment=augment, seed=seed, batch_size=1, **options), layout)

    def kept(self, keep: npt.NDArray[np.bool_]) -> ClipSet:
        """The clips for which `keep`, (clips,), is true."""
        part = self.single("select before mixing")
        return ClipSet([MixMember(part.dataset, self.rows[keep], part.split if keep.all() else None)])

    def single(self, instead: str) -> MixMember:
        """The only part.

        Raises:
            UsageError: there are several; `instead` says what to do.
        """
        if len(self.parts) > 1:
            raise UsageError(f"this is a mix of several data sets: {instead}")
        return self.parts[0]


class _Ids:
    """Clip ids that are looked up only by those who need them."""

    def __init__(self, clips: ClipSet) -> None:
        self._clips = clips

    def __iter__(self) -> Iterator[str]:
        return iter(self._clips.ids.to_pylist())
