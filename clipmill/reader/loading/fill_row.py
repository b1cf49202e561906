"""Filling one row of a batch with one clip: draw, read, decode, write."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from clipmill.reader.access.frame_ranges import FrameReader, ReadRanges, RecordRanges, StoredFrames, read_frames
from clipmill.reader.access.record_head import Head, read_head
from clipmill.reader.clipset import ClipSet
from clipmill.reader.draws import Ints
from clipmill.reader.loading.buffers import Buffers
from clipmill.reader.loading.decode import fill
from clipmill.reader.loading.recipe import ClipRequest, Recipe, View
from clipmill.reader.loading.reduced_jpeg import shrink
from clipmill.reader.order.batching import Step

Arrays = dict[str, npt.NDArray[Any]]

#: What a batch can hold; `dataset` only in a mix, `reset` only with Chunks.
FIELDS = ("frames", "label", "mask", "length", "id", "frame_index", "timestamp", "dataset", "reset")


class Prepared(NamedTuple):
    """A clip that is drawn and read, but not yet decoded."""

    job: ClipRequest
    views: list[View]
    frames: StoredFrames


class Loader:
    """Loads clips of one set by one recipe; may be used by several threads.

    Args:
        clips: the set.
        recipe: what is made of each clip.
        size: (height, width) that the recipe makes of all frames.
        fields: what is wanted of `FIELDS`.
        decode: whether to decode; else `frames` holds the JPEGs.
        dct_scale: see `clipmill.reader.loading.reduced_jpeg`.
    """

    def __init__(
        self,
        clips: ClipSet,
        recipe: Recipe,
        size: tuple[int, int],
        fields: Collection[str],
        decode: bool,
        dct_scale: bool,
    ) -> None:
        self.clips = clips
        self.recipe = recipe
        self.size = size
        self.fields = tuple(field for field in FIELDS if field in fields)
        self.decode = decode
        self._dct_scale = dct_scale
        self._needs_head = "frame_index" in fields or "timestamp" in fields

    def job(self, epoch: int, step: Step, number: int) -> ClipRequest:
        """What to do for clip `number` of a step."""
        clip = int(step.clips[number])
        row, table = self.clips.rows[clip], self.clips.table
        return ClipRequest(
            epoch=epoch,
            clip=clip,
            clip_id=table.ids[int(row)].as_py(),
            repeat=int(step.repeats[number]),
            frames=int(table.frames[row]),
            height=int(table.height[row]),
            width=int(table.width[row]),
            chunk=step.chunk,
            length=step.frames,
        )

    def arrays(self, rows: int, frames: int, buffers: Buffers) -> Arrays:
        """Arrays for a batch of so many clips and frames, not filled."""
        views = (self.recipe.views,) if self.recipe.views > 1 else ()
        shapes: dict[str, tuple[tuple[int, ...], npt.DTypeLike]] = {
            "frames": ((rows, *views, frames), object),
            "label": ((rows,), np.int64),
            "mask": ((rows, *views, frames), np.bool_),
            "length": ((rows, *views), np.int64),
            "id": ((rows,), object),
            "frame_index": ((rows, *views, frames), np.int64),
            "timestamp": ((rows, *views, frames), np.int64),
            "dataset": ((rows,), np.int64),
            "reset": ((rows,), np.bool_),
        }
        made = {field: np.zeros(*shapes[field]) for field in self.fields if field != "frames" or not self.decode}
        if self.decode and "frames" in self.fields:
            made["frames"] = buffers.take((rows, *views, frames, *self.size, 3), self.recipe.dtype)
        return {field: made[field] for field in self.fields}

    def source(self, clip: int) -> FrameReader:
        """The source of a clip of the set."""
        table = self.clips.table
        _, source = table.shards[int(table.shard[self.clips.rows[clip]])]
        return source

    def draw(self, job: ClipRequest, times: Ints | None) -> list[View]:
        """The views of a clip, cut to the length that its batch has."""
        return [View(view.picked[: job.length], view.steps) for view in self.recipe.draw(job, times)]

    def views(self, job: ClipRequest) -> list[View]:
        """The views of a clip; of its bytes, no more is read than drawing needs."""
        if not self.recipe.sampler.timed:
            return self.draw(job, None)
        row, table, source = int(self.clips.rows[job.clip]), self.clips.table, self.source(job.clip)
        return self.draw(job, self._head(job, source, source.where(table, row), source.ranged(table, row)).times)

    def prepare(self, job: ClipRequest, read: ReadRanges | None = None) -> Prepared:
        """Draw and read a clip, by `read` if given, else from storage.

        Raises:
            DataError: the record is damaged, or a file is gone.
        """
        row, table = int(self.clips.rows[job.clip]), self.clips.table
        source = self.source(job.clip)
        read = read or source.ranged(table, row)
        where = source.where(table, row)
        # Who picks by time must know the times first, at the price of a second request.
        head = self._head(job, source, where, read) if self.recipe.sampler.timed else None
        views = self.draw(job, head.times if head else None)
        wanted = np.unique(np.concatenate([view.picked for view in views]))
        wanted = wanted[wanted >= 0].tolist() if "frames" in self.fields else []
        frames = read_frames(source, where, read, wanted, job.frames, head or self._needs_head)
        return Prepared(job, views, frames)

    def finish(self, prepared: Prepared, arrays: Arrays, slot: int) -> None:
        """Decode a clip into row `slot`.

        Raises:
            DataError: a frame is damaged.
        """
        job, views, frames = prepared
        table, row = self.clips.table, self.clips.rows[job.clip]
        single = self.recipe.views == 1
        for field, array in arrays.items():
            out = array[slot : slot + 1] if single else array[slot]
            if field == "frames":
                self._frames(out, prepared)
            elif field == "label":
                array[slot] = table.label[row]
            elif field == "id":
                array[slot] = job.clip_id
            elif field == "reset":
                array[slot] = job.chunk == 0
            elif field == "dataset":
                array[slot] = 0 if table.dataset is None else table.dataset[row]
            else:
                for number, view in enumerate(views):
                    _describe(field, out, number, view, frames)

    def _head(self, job: ClipRequest, source: FrameReader, where: RecordRanges, read: ReadRanges) -> Head:
        return read_head(source.schema, read([where.head])[0], job.frames)

    def _frames(self, out: npt.NDArray[Any], prepared: Prepared) -> None:
        job, views, frames = prepared
        if not self.decode:
            for number, view in enumerate(views):
                out[number, : len(view.picked)] = [bytes(frames.encoded.get(f, b"")) for f in view.picked.tolist()]
                out[number, len(view.picked) :] = b""
            return
        size = (job.height, job.width)
        factor = 1
        if self._dct_scale:
            factor, size, views = shrink(views, size)
        fill(out, views, frames.encoded, size, factor)


def _describe(field: str, out: npt.NDArray[Any], number: int, view: View, frames: StoredFrames) -> None:
    """Write one of mask, length, frame_index and timestamp for one view."""
    picked = view.picked
    real = picked >= 0
    if field == "length":
        out[number] = np.count_nonzero(real)
    elif field == "mask":
        out[number, : len(picked)] = real
        out[number, len(picked) :] = False
    elif frames.head is not None:
        values = frames.head.numbers if field == "frame_index" else frames.head.times
        out[number, : len(picked)] = np.where(real, values[picked], -1)
        out[number, len(picked) :] = -1


def mend(arrays: Arrays, bad: list[int], rows: int) -> None:
    """Fill rows that have no clip of their own with a copy of one that has, marked as empty.

    Their `length` is 0, their `mask` False and their `id` "". If no row has a clip, they
    are all zero, with label -1.
    """
    good = next((row for row in range(rows) if row not in bad), None)
    for field, array in arrays.items():
        for row in bad:
            if field in ("length", "mask"):
                array[row] = 0
            elif field == "id":
                array[row] = ""
            elif good is not None:
                array[row] = array[good]
            elif array.dtype == object:
                array[row] = b""
            else:
                array[row] = -1 if field == "label" else 0
