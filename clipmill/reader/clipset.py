"""A set of clips: a split, some of its clips, or a mix of several data sets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from clipmill.errors import UsageError
from clipmill.reader import selection
from clipmill.reader.augment.base import Augmentation
from clipmill.reader.batches import Batches
from clipmill.reader.clip import Clip
from clipmill.reader.clips import Clips
from clipmill.reader.contact_sheet import Drawing
from clipmill.reader.frameworks.keras_when_loaded import taken_by_fit
from clipmill.reader.options import make_options
from clipmill.reader.order.by_shard import Shards
from clipmill.reader.overview import overview
from clipmill.reader.sampling.base import Sampler
from clipmill.reader.sequence_grid import read_strips, sequence_grid

if TYPE_CHECKING:
    # Only named in a signature: importing it loads PyTorch.
    from clipmill.reader.frameworks.torch import ClipsDataset


class ClipSet(Clips):
    """Clips that are read together, made by `Dataset` and `mix`.

    Attributes:
        members: the data sets they are from; several only in a mix.
        labels: names of the classes.
        table: what is known of each clip of those data sets.
        rows: (clips,) int32, the clips' rows in `table`.

    >>> clips.clips.column_names[:3]
    ['clip_id', 'split', 'folds']
    >>> clips[0], len(clips[:5]), [clip.length for clip in clips[:3]]
    (<clip_0000: boxing, 5 frames of 64x48, 0.2 s>, 5, [5, 5, 5])
    """

    @overload
    def __getitem__(self, number: int) -> Clip: ...

    @overload
    def __getitem__(self, number: slice) -> ClipSet: ...

    def __getitem__(self, number: int | slice) -> Clip | ClipSet:
        """Return a clip by its number in the table's order, from 0, or from the end below 0; of a slice, those clips.

        Raises:
            IndexError: there is no such clip.
            UsageError: that is no number.
        """
        if isinstance(number, slice):
            if number.step is not None and number.step < 0:
                raise UsageError(f"clips[::{number.step}]: a set keeps the order of the table; leave out the step")
            return self.select(index=number)
        if isinstance(number, bool) or not isinstance(number, Integral):
            raise UsageError(f"clips[{number!r}]: a number is meant, as clips[0]; select(ids=[...]) finds clips by id")
        if not -len(self) <= number < len(self):
            raise IndexError(f"clip {number}: there are {len(self)}")
        return Clip(self, int(number) % len(self))

    def __iter__(self) -> Iterator[Clip]:
        return (Clip(self, number) for number in range(len(self)))

    def _repr_html_(self) -> str:
        """Return what a notebook draws."""
        split = self.members[0].split if len(self.members) == 1 else None
        return overview(repr(self)[1:-1], {split or "clips": self})

    def select(
        self,
        *,
        ids: Sequence[str] | None = None,
        index: Sequence[int] | slice | npt.NDArray[Any] | None = None,
        where: Any | Callable[[pa.Table], Any] | None = None,
        not_near: Clips | None = None,
    ) -> ClipSet:
        """Select the clips that meet all given conditions, in the table's order.

        Args:
            ids: clip ids.
            index: numbers in this set, a slice of them, or one bool for each clip.
            where: an Arrow expression (`pyarrow.compute.field("frames") > 64`), or a function
                from the clip table to one bool for each clip.
            not_near: leave out the clips that show the same as a clip of this set, of the same or of another data
                set, as `clipmill leaks` finds them by the signatures that it keeps; `left_out` says how many.

        Raises:
            UsageError: an id or a number is not in the set; no signatures are kept with a data set.

        >>> import pyarrow.compute as pc
        >>> len(clips.select(where=pc.field("frames") > 9))
        13
        >>> clips.select(index=slice(0, 2)).ids.to_pylist()
        ['clip_0000', 'clip_0004']
        """
        self.single("select before mixing")
        keep = np.ones(len(self), bool)
        if ids is not None:
            keep &= selection.by_id(self, ids)
        if index is not None:
            keep &= selection.by_index(self, index)
        if where is not None:
            keep &= selection.by_rule(self, where)
        near = 0
        if not_near is not None:
            alike = selection.near(self, not_near)
            near = int((keep & alike).sum())
            keep &= ~alike
        return self._kept(keep, near)

    def split(self, *, seed: int = 0, by: str = "group", **shares: float) -> tuple[ClipSet, ...]:
        """Split at random: `train, val = clips.split(val=0.2)`; the rest comes first.

        A group is never divided (a source, where there are no groups), so nothing leaks. Every
        class is divided by the shares as nearly as whole groups allow. A clip that is added or
        removed moves at most one group of its class at each cut.

        Args:
            seed: another one gives another split.
            by: "group", or "clip" to let clips of a group go to different sets.
            shares: of each further set, by any name.

        Raises:
            UsageError: the shares are not positive, or leave nothing.

        >>> train, val = clips.split(val=0.3)
        >>> len(train) + len(val) == len(clips)
        True
        """
        return tuple(self._kept(mask) for mask in selection.cut(self, shares, seed, by))

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
        workers: int = 0,
        start: str | None = None,
    ) -> Batches:
        """Read batches of these clips; see `Batches` for what they hold.

        Args:
            sampler: which frames, from `clipmill.reader.sampling.samplers`; by default the whole clip.
            augment: what is done to them, from `clipmill.reader.augment.geometry`, in this order; a
                function takes (frames, height, width, 3) and a numpy generator, and gives as much back.
            batch_size: clips of a batch, over all hosts together.
            max_frames_per_batch: the most frames of a batch, padding included.
            by_length: put clips of like length together.
            lengths: what to do where windows of a batch differ in length: "pad" to the longest,
                "truncate" to the shortest, or a fixed number of frames.
            shuffle: True for a new random order in every epoch, "shards" (or `Shards`) for one
                that reads files from front to back, False for that of the clip table.
            seed: of the order and of all random draws.
            weights: how often each clip comes, relative to the others: one number each, or
                "balanced" for as many clips of every class; of several, a clip goes by its rarest.
            clips_per_epoch: with weights or in a mix; by default as many as there are.
            drop_remainder: leave out the last batch if it would be smaller.
            views: independent draws of frames and augmentations from each clip, read once.
            decode: False leaves the frames as JPEGs.
            dct_scale: shrink in the JPEG's DCT domain where that is half the size or less;
                faster, with slightly other pixels.
            on_error: "raise", or "skip" to report clips that cannot be read and go on.
            path: "indexed" reads the ranges of the frames wanted, "streaming" whole shards.
            fields: what batches hold; by default all but `label_source`.
            hosts: (index, count) of this process, or "auto" to read the launcher's environment variables.
            prefetch: batches that are made ahead.
            threads: threads that read and decode; by default one for each core, up to 8.
            workers: processes that read and decode in place of threads, for machines with more than about four
                cores; they live over all epochs.
            start: how they are started: "fork", "spawn" or "forkserver"; by default as Python does for local data,
                and "spawn" for remote data.

        Raises:
            UsageError: options that do not go together, or clips that do not suit them.

        >>> batches = clips.batches(RandomWindow(4), augment=[RandomCrop(32)], batch_size=8, shuffle=True)
        >>> for batch in batches:
        ...     frames, labels = batch["frames"], batch["label"]
        >>> frames.shape[1:], frames.dtype
        ((4, 32, 32, 3), dtype('uint8'))
        """
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
        return taken_by_fit(Batches)(
            self,
            options,
            weights=weights,
            hosts=hosts,
            fields=fields,
            prefetch=prefetch,
            threads=threads,
            workers=workers,
            start=start,
        )

    def show(self, rows: int = 4, frames: int = 5, steps: int = 5) -> Drawing:
        """Draw a few clips, as many classes as possible among them: consecutive frames across, step below step.

        A notebook draws what this returns; `select(ids=[...]).show()` draws one clip.

        Args:
            rows: the most clips.
            frames: of a step.
            steps: the most steps, below each other.

        Raises:
            UsageError: there are no clips, or this is a mix.

        >>> clips.show(rows=2, frames=3, steps=1)
        <a drawing of 512 x 332 pixels>
        """
        return Drawing(sequence_grid(read_strips(self, rows, frames * steps), frames, steps))

    def clips_dataset(
        self,
        sampler: Sampler | None = None,
        *,
        augment: Sequence[Augmentation | Callable[[Any, np.random.Generator], Any]] = (),
        seed: int = 0,
        layout: str = "THWC",
        **options: Any,
    ) -> ClipsDataset:
        """Return a map-style dataset for PyTorch's DataLoader: single clips by number.

        Args:
            sampler, augment, seed: as for `batches`.
            layout: axes of `frames`.
            options: `lengths`, `views`, `decode`, `dct_scale` and `fields` of `batches`.

        Raises:
            UsageError: options that do not go together, or clips that do not suit them.
            MissingExtra: PyTorch is not installed.
        """
        # PyTorch takes seconds to load, and most readers never need it.
        from clipmill.reader.frameworks.torch import ClipsDataset

        return ClipsDataset(self.batches(sampler, augment=augment, seed=seed, batch_size=1, **options), layout)

    def _kept(self, keep: npt.NDArray[np.bool_], near: int = 0) -> ClipSet:
        member = self.single("select before mixing")
        rows = self.rows[keep]
        split = member.split if keep.all() else None
        kept = member._replace(rows=rows, split=split, left_out=member.left_out + near)
        return ClipSet([kept], self.table, rows, self.labels)
