"""Reading batches, epoch after epoch. Any step can be made directly, and each host reads its share."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from clipmill.errors import ClipmillError, UsageError
from clipmill.reader import markup
from clipmill.reader.batch_pictures import SHOWN, field_table, figures, sheet
from clipmill.reader.clips import Clips
from clipmill.reader.contact_sheet import Drawing
from clipmill.reader.frameworks import keras_when_loaded
from clipmill.reader.frameworks.tf_dataset import to_dataset
from clipmill.reader.going_over import coming_size, published, with_lengths
from clipmill.reader.hosts import cores, resolve
from clipmill.reader.loading.batch_arrays import Arrays
from clipmill.reader.loading.buffers import Buffers, SharedBuffers
from clipmill.reader.loading.coming_loader import ComingLoader
from clipmill.reader.loading.fields import fields_of
from clipmill.reader.loading.loader import Loader
from clipmill.reader.loading.pairs import PairLoader, check_pairs
from clipmill.reader.loading.prefetch import BatchMaker
from clipmill.reader.loading.processes import Processes, processes_for
from clipmill.reader.loading.recipe import ClipRequest, Recipe, View
from clipmill.reader.options import ReaderOptions
from clipmill.reader.order.batching import Step
from clipmill.reader.planner import Planner
from clipmill.reader.state import check_state, describe_reader, to_state, version_of

if TYPE_CHECKING:
    # Only named in signatures: importing these loads TensorFlow and PyTorch.
    import tensorflow as tf

    from clipmill.reader.frameworks.keras import KerasBatches
    from clipmill.reader.frameworks.torch import TorchBatches

#: More threads than this wait for each other's interpreter lock: on 16 cores 8 threads gave 2.4 times as many frames as
#: one, and 16 only 1.9 times as many.
MOST_THREADS = 8


class Batches:
    """Gives batches of clips, epoch after epoch; made by `ClipSet.batches`.

    Each `for` goes through one epoch and the next `for` through the next epoch, also after a `break`.
    After `load_state_dict` the first `for` goes through the rest of the state's epoch. `at(epoch, step)`
    makes any batch and leaves the reader where it is. Each batch is a dict of arrays for this host's
    n rows, V views (an axis only if there are several) and T frames:

        frames       (n, [V,] T, height, width, 3) uint8 RGB, or float32 after Normalise;
                     with decode=False (n, [V,] T) JPEGs as bytes; all of one height and width,
                     or with batch_size=1 those of the clip
        label        (n,) int64, -1 for unlabelled; where clips have lists of labels (n, classes) float32, 1 for
                     each class of the clip and 0 for all others, so all 0 for unlabelled
        mask         (n, [V,] T) bool, False where a frame is empty
        length       (n, [V]) int64, frames that are not empty; 0 marks a row without a clip of its own
        id           (n,) str
        frame_index  (n, [V,] T) int64, as stored in the record, -1 where empty
        timestamp    (n, [V,] T) int64 microseconds, -1 where empty
        dataset      (n,) int64, in a mix: which member
        reset        (n,) bool, with Chunks: whether a clip begins
        label_source (n,) int64, only where `fields` names it: the listing's own number, -1 for none; not
                     where clips have lists of labels
        step         () int64, the step in the epoch

    Of images with masks (`--schema pairs`) it has `label`, `id`, `step`, and:

        image        (n, [V,] height, width, 3) uint8 RGB, or float32 after Normalise
        mask         (n, [V,] height, width) int32, the values of the mask's pixels

    Where the last batch does not divide over the hosts, or a clip could not be read, a row has no clip
    of its own and repeats another row: count the rows with `length > 0`.

    Attributes:
        clips: what is read.
        options: of `ClipSet.batches`.
        host: (index, count).
        epoch, step: of the next batch.
        dropped: clips left out by `short="drop"`.
        skipped: (clip id, message) of clips that could not be read, with on_error="skip".

    >>> batches = clips.batches(FirstFrames(2), batch_size=8)
    >>> sorted(next(iter(batches)))
    ['frame_index', 'frames', 'id', 'label', 'length', 'mask', 'step', 'timestamp']
    """

    def __init__(
        self,
        clips: Clips,
        options: ReaderOptions,
        *,
        weights: Any = None,
        hosts: tuple[int, int] | str | None = None,
        fields: Collection[str] | None = None,
        prefetch: int = 2,
        threads: int | None = None,
        workers: int = 0,
        start: str | None = None,
    ) -> None:
        if clips.pairs:
            check_pairs(clips, options)
        self.options = options
        self.host = resolve(hosts)
        self.weights = weights
        self.prefetch = prefetch
        self.threads = threads or min(cores(), MOST_THREADS)
        self.epoch = self.step = 0
        self._goes_on = False
        self.skipped: list[tuple[str, str]] = []
        self._recipe = Recipe(options.sampler, options.augment, options.seed, options.views)
        self._in_processes = workers, start
        self._take(clips, fields_of(clips, options, fields))

    def _take(self, clips: Clips, fields: tuple[str, ...]) -> None:
        """Read these clips from now on."""
        self.clips = clips
        self.fields = fields
        planned, weights = with_lengths(clips, self.options, self.weights)
        self.planner = Planner(planned, self.options, weights)
        self.dropped = self.planner.dropped
        self._size = self._common_size()
        workers, start = self._in_processes
        self.buffers = Buffers(self.prefetch + 3)
        self._processes: Processes | None = None
        if workers:
            self.buffers = shared = SharedBuffers(self.prefetch + 3)
            self._processes = processes_for(self.loader(), self.options, workers, start, shared)
        self.__dict__.pop("_description", None)

    def __repr__(self) -> str:
        size = self.options.batch_size or f"{self.options.max_frames_per_batch} frames of"
        return f"<{len(self)} batches of {size} clips, at epoch {self.epoch}, step {self.step}: {self.clips!r}>"

    def __str__(self) -> str:
        # Keras ends `fit(batches)` with "Unrecognized data type" and this text.
        hint = "Keras takes batches made after `import keras`, or batches.keras()"
        return f"{self!r}; {hint}; other frameworks batches.tf() or batches.torch()"

    def _repr_html_(self) -> str:
        """Return what a notebook draws: the fields, and the first clips of the coming batch."""
        parts = [field_table(self.shapes())]
        try:
            if self.options.decode:
                clips = self._step(self.epoch, self.step).clips[:SHOWN].tolist()
                field = "image" if self.clips.pairs else "frames"
                rows = self.only((field,)).alone(self.epoch, self.step, SHOWN)[field]
                parts += figures(self.planner.clips, clips, rows)
        except ClipmillError as error:
            parts.append(markup.note(f"no picture: {error}"))
        return markup.block(repr(self)[1:-1], *parts)

    def __len__(self) -> int:
        """Count the batches of the current epoch; epochs differ only with max_frames_per_batch or Chunks."""
        return self.planner.plan(self.epoch).steps

    def __iter__(self) -> Iterator[Arrays]:
        epoch, step = self.begin()
        for batch in self.run(epoch, step):
            self.advance(epoch, int(batch["step"]))
            yield batch

    @property
    def goes_on(self) -> bool:
        """Whether the next pass begins in the middle of an epoch, at the step of a loaded state."""
        return self._goes_on and self.step > 0

    def begin(self) -> tuple[int, int]:
        """Begin a pass; returns its (epoch, first step)."""
        if self.step and not self._goes_on:
            self.set_epoch(self.epoch + 1)
        self._goes_on = False
        if not self.step:
            self._go_over()
        return self.epoch, self.step

    def _go_over(self, version: str | None = None) -> None:
        """Go over from clips that are still made to the version that was published of them, if there is one."""
        found = published(self.clips, self.weights, version)
        if found is not None:
            clips, self.weights = found
            self._take(clips, self.fields)

    def advance(self, epoch: int, step: int) -> None:
        """Move to the step after one that was handed out."""
        last = step + 1 == self.planner.plan(epoch).steps
        self.epoch, self.step = (epoch + 1, 0) if last else (epoch, step + 1)

    def set_epoch(self, epoch: int) -> None:
        """Go to the beginning of an epoch, from 0.

        >>> batches = clips.batches(FirstFrames(2), batch_size=8)
        >>> batches.set_epoch(3)
        >>> (batches.epoch, batches.step)
        (3, 0)
        """
        self.epoch, self.step = epoch, 0
        self._goes_on = False

    def at(self, epoch: int, step: int) -> Arrays:
        """Make the batch of any step; the reader itself stays at its step.

        Raises:
            UsageError: the epoch has no such step.

        >>> clips.batches(FirstFrames(2), batch_size=8).at(epoch=5, step=1)["length"].tolist()
        [2, 2, 2, 2, 2, 2, 2, 2]
        """
        self._step(epoch, step)
        with closing(self.run(epoch, step, prefetch=0)) as coming:
            return next(coming)

    def show(self, step: int = 0, epoch: int | None = None) -> Drawing:
        """Draw the batch of any step, a row for each view of each clip, as training gets it.

        A notebook draws what this returns; the reader itself stays at its step.

        Args:
            step: in the epoch.
            epoch: by default the current one.

        Raises:
            UsageError: the epoch has no such step, or frames are not decoded.

        >>> clips.batches(FirstFrames(2), batch_size=2).show(step=1)
        <a drawing of 220 x 220 pixels>
        """
        if not self.options.decode:
            raise UsageError("this reader has decode=False: its batches hold JPEGs, not pixels to draw")
        epoch = self.epoch if epoch is None else epoch
        requests = [request for request, _ in self.drawn(epoch, step)]
        return sheet(self.planner.clips, requests, self.only(("frames",)).at(epoch, step)["frames"], self.views)

    def alone(self, epoch: int, step: int, most: int | None = None) -> Arrays:
        """Make the batch of any step, or its first rows, in this thread alone."""
        loader, plan = self.loader(), self.planner.plan(epoch)
        coming = plan.step(step)
        rows = len(coming.clips[:most])
        arrays = loader.arrays(rows, coming.frames, int(coming.clips[0]), self.buffers)
        for row in range(rows):
            loader.write(loader.read(loader.request(epoch, coming, row)), arrays, row)
        return arrays

    @property
    def views(self) -> int:
        """Views of each clip."""
        return self._recipe.views

    def drawn(self, epoch: int, step: int) -> list[tuple[ClipRequest, list[View]]]:
        """Return the clips of any step, with the frames and the augmentations drawn for each of their views.

        `clipmill.reader.warp_mask` and `warp_boxes` apply the same steps to masks and boxes of your own.

        Raises:
            UsageError: the epoch has no such step.

        >>> batches = clips.batches(FirstFrames(2), augment=[CentreCrop(32)], batch_size=2)
        >>> [(clip.frames, views[0].steps) for clip, views in batches.drawn(0, 0)]
        [(5, [Crop(left=16, top=8, width=32, height=32)]), (5, [Crop(left=16, top=8, width=32, height=32)])]
        """
        loader, coming = self.loader(), self._step(epoch, step)
        index, count = self.host
        requests = [loader.request(epoch, coming, number) for number in range(index, len(coming.clips), count)]
        return [(request, loader.views(request)) for request in requests]

    def shapes(self) -> dict[str, tuple[tuple[int | None, ...], np.dtype[Any]]]:
        """Return shape and dtype of each field; None where batches differ."""
        rows, frames = self.planner.batch_rows(self.host[1]), self.planner.frames
        arrays = self.loader().arrays(1, 1, 0, self.buffers)
        found: dict[str, tuple[tuple[int | None, ...], np.dtype[Any]]] = {"step": ((), np.dtype(np.int64))}
        first = 2 if self._recipe.views > 1 else 1
        for field, array in arrays.items():
            shape: list[int | None] = [rows, *array.shape[1:]]
            if field in ("frames", "mask", "frame_index", "timestamp") and not self.clips.pairs:
                shape[first] = frames
            if field == "frames" and self._size is None:
                shape[first + 1 : first + 3] = None, None
            if field in ("image", "mask") and self.clips.pairs and self._size is None:
                shape[first : first + 2] = None, None
            found[field] = (tuple(shape), array.dtype)
        return found

    def run(
        self, epoch: int, step: int, stride: int = 1, prefetch: int | None = None, threads: int | None = None
    ) -> Generator[Arrays, None, None]:
        """Make the batches `step`, `step + stride`, ... of an epoch; the reader itself stays at its step.

        Worker processes make whole passes alone: for a single batch they are not worth their start.
        """
        processes = self._processes if stride == 1 and prefetch is None else None
        if processes:
            processes.start()
            threads = processes.count
        coming = self.clips.table.coming
        if coming is not None and prefetch is None:
            coming.follow(self._rows_from(epoch, step), self.host)
        maker = BatchMaker(
            self.loader(), self.planner, self.options, self.host, self.buffers, self.skipped, epoch, processes
        )
        ahead = self.prefetch if prefetch is None else prefetch
        return maker.run(step, stride, ahead, threads or self.threads)

    def _rows_from(self, epoch: int, step: int) -> Iterator[int]:
        """Iterate over the rows of this host's clips, from a step of an epoch on."""
        plan, rows, (index, count) = self.planner.plan(epoch), self.planner.clips.rows, self.host
        for number in range(step, plan.steps):
            yield from rows[plan.step(number).clips[index::count]].tolist()

    def state_dict(self) -> dict[str, Any]:
        """Return where the reader stands, and what it reads: plain values, for JSON or a checkpoint.

        `epoch` and `step` are of the next batch, the same on every host.

        >>> batches = clips.batches(FirstFrames(2), batch_size=8)
        >>> batch = next(iter(batches))
        >>> state = batches.state_dict()
        >>> (state["epoch"], state["step"])
        (0, 1)
        """
        return to_state(self.epoch, self.step, self._description)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state, also from that of another process with another number of hosts.

        Raises:
            UsageError: this reader gives other batches than the one the state is of.

        >>> state = clips.batches(FirstFrames(2), batch_size=8).state_dict()
        >>> batches = clips.batches(FirstFrames(2), batch_size=8, hosts=(0, 2))
        >>> batches.load_state_dict(state)
        """
        if (version := version_of(state)) != self.clips.members[0].dataset.version:
            self._go_over(version)
        check_state(state, self._description)
        self.go_to(int(state["epoch"]), int(state["step"]))

    def go_to(self, epoch: int, step: int) -> None:
        """Go to a step of an epoch, where the next pass begins."""
        self.epoch, self.step, self._goes_on = epoch, step, True

    def tf(self, *fields: str) -> tf.data.Dataset:
        """Return a tf.data.Dataset of dicts, or for `tf("frames", "label")` of tuples; see `frameworks.tf_dataset`."""
        return to_dataset(self, fields)

    def keras(self, *fields: str) -> KerasBatches:
        """Return a `keras.utils.PyDataset` of tuples, by default of frames and labels; see `frameworks.keras`."""
        return cast("KerasBatches", keras_when_loaded.load().KerasBatches(self, fields))

    def torch(self, *fields: str, layout: str = "BTHWC") -> TorchBatches:
        """Return an iterable of dicts or tuples of tensors for PyTorch; see `clipmill.reader.frameworks.torch`."""
        # PyTorch takes seconds to load, and most readers never need it.
        from clipmill.reader.frameworks.torch import TorchBatches

        return TorchBatches(self, fields, layout)

    def only(self, fields: Collection[str]) -> Batches:
        """Return the same reader, at the same step, with fewer fields."""
        if not fields:
            return self
        other = object.__new__(Batches)
        other.__dict__.update(self.__dict__, fields=fields_of(self.clips, self.options, fields))
        return other

    def loader(self) -> Loader:
        """Return the loader, which draws, reads and decodes single clips."""
        options = self.options
        kind = PairLoader if self.clips.pairs else Loader if self.clips.table.coming is None else ComingLoader
        return kind(self.planner.clips, self._recipe, self._size, self.fields, options.decode, options.dct_scale)

    @cached_property
    def _description(self) -> dict[str, Any]:
        return describe_reader(self.clips.members, self.weights, self.options)

    def _common_size(self) -> tuple[int, int] | None:
        """Return the (height, width) of all batches' frames, or None where each batch is one clip of its own size."""
        if not self.options.decode:
            return (0, 0)
        if self.clips.table.coming is not None:
            return coming_size(self.planner.clips, self._recipe, one=self.options.batch_size == 1)
        if self.options.batch_size != 1:
            return self._recipe.size(self.planner.sizes)
        made = {self._recipe.size([size]) for size in self.planner.sizes}
        return made.pop() if len(made) == 1 else None

    def _step(self, epoch: int, step: int) -> Step:
        plan = self.planner.plan(epoch)
        if not 0 <= step < plan.steps:
            raise UsageError(f"step {step}: epoch {epoch} has steps 0 to {plan.steps - 1}")
        return plan.step(step)
