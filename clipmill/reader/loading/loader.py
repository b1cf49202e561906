"""Loading one clip into one row of a batch: draw, read, decode, write."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from clipmill.reader.access.frame_ranges import FrameReader, ReadRanges, StoredFrames
from clipmill.reader.clips import Clips
from clipmill.reader.draws import Ints
from clipmill.reader.loading.batch_arrays import FIELDS, OF_VIEWS, Arrays, describe_view, make_arrays
from clipmill.reader.loading.buffers import Buffers
from clipmill.reader.loading.decode import fill
from clipmill.reader.loading.jpeg_shortcuts import shrink
from clipmill.reader.loading.recipe import ClipRequest, Recipe, View
from clipmill.reader.order.batching import Step
from clipmill.records.base import FrameFacts


class ReadClip(NamedTuple):
    """A clip that is drawn and read, but not yet decoded."""

    request: ClipRequest
    views: list[View]
    stored: StoredFrames


def load_row(clip: ClipRequest | ReadClip, loader: Loader, arrays: Arrays, row: int) -> None:
    """Load a clip into a row of a batch; read it first, unless that was done.

    Raises:
        DataError: the record or a frame is damaged, or a file is gone.
    """
    loader.write(loader.read(clip) if isinstance(clip, ClipRequest) else clip, arrays, row)


def load_stored(
    request: ClipRequest, jpegs: dict[int, bytes], facts: FrameFacts | None, loader: Loader, arrays: Arrays, row: int
) -> None:
    """Load a clip that another process has read into a row of a batch.

    Its views are drawn again, since functions of the user's in them may not be sent; the draws are the same.

    Raises:
        DataError: a frame is damaged.
    """
    views = loader.draw(request, facts.times if facts and loader.recipe.sampler.timed else None)
    stored = StoredFrames({number: memoryview(jpeg) for number, jpeg in jpegs.items()}, facts)
    loader.write(ReadClip(request, views, stored), arrays, row)


class Loader:
    """Loads clips of one set by one recipe; may be used by several threads.

    Args:
        clips: the set.
        recipe: what is made of each clip.
        size: (height, width) that the recipe makes of all frames; None where every batch is of one clip.
        fields: what is wanted of `FIELDS`.
        decode: whether to decode; else `frames` holds the JPEGs.
        dct_scale: see `clipmill.reader.loading.jpeg_shortcuts`.
    """

    known_fields: ClassVar[tuple[str, ...]] = FIELDS

    def __init__(
        self,
        clips: Clips,
        recipe: Recipe,
        size: tuple[int, int] | None,
        fields: Collection[str],
        decode: bool,
        dct_scale: bool,
    ) -> None:
        self.clips = clips
        self.recipe = recipe
        self.size = size
        self.fields = tuple(field for field in self.known_fields if field in fields)
        self.decode = decode
        self.dct_scale = dct_scale

    def only(self, fields: Collection[str]) -> Loader:
        """Return the same loader with other fields."""
        return type(self)(self.clips, self.recipe, self.size, fields, self.decode, self.dct_scale)

    def request(self, epoch: int, step: Step, number: int) -> ClipRequest:
        """Return what to load for clip `number` of a step."""
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

    def arrays(self, rows: int, frames: int, clip: int, buffers: Buffers) -> Arrays:
        """Make empty arrays for a batch of `rows` clips, of which `clip` is one."""
        pixels = (self.size or self._size_of(clip), self.recipe.dtype) if self.decode else None
        return make_arrays(self.fields, rows, self.recipe.views, frames, pixels, buffers, self.clips.classes)

    def frame_reader(self, clip: int) -> FrameReader:
        """Return what reads the data set of a clip of the set."""
        return self.clips.table.frame_reader(int(self.clips.rows[clip]))

    def draw(self, request: ClipRequest, times: Ints | None) -> list[View]:
        """Draw the views of a clip, cut to the length that its batch has."""
        return [View(view.picked[: request.length], view.steps) for view in self.recipe.draw(request, times)]

    def views(self, request: ClipRequest) -> list[View]:
        """Draw the views of a clip, and read no more of its bytes than drawing needs."""
        if not self.recipe.sampler.timed:
            return self.draw(request, None)
        row, table = int(self.clips.rows[request.clip]), self.clips.table
        reader, place = table.frame_reader(row), table.place(row)
        return self.draw(request, reader.read_facts(reader.locate(place), reader.ranges_of(place.shard)).times)

    def read(self, request: ClipRequest, read: ReadRanges | None = None) -> ReadClip:
        """Draw and read a clip, by `read` if given, else from storage.

        Raises:
            DataError: the record is damaged, or a file is gone.
        """
        row, table = int(self.clips.rows[request.clip]), self.clips.table
        reader, place = table.frame_reader(row), table.place(row)
        read = read or reader.ranges_of(place.shard)
        located = reader.locate(place)
        # A sampler that picks by time must know the times first, at the price of a second request.
        facts = reader.read_facts(located, read) if self.recipe.sampler.timed else None
        views = self.draw(request, facts.times if facts else None)
        wanted = self._wanted(views)
        needs_facts = "frame_index" in self.fields or "timestamp" in self.fields
        return ReadClip(request, views, reader.read_frames(located, read, wanted, facts or needs_facts))

    def _wanted(self, views: Sequence[View]) -> list[int]:
        """Return the numbers of the frames to read, in order."""
        if "frames" not in self.fields:
            return []
        wanted = np.unique(np.concatenate([view.picked for view in views]))
        picked: list[int] = wanted[wanted >= 0].tolist()
        return picked

    def write(self, clip: ReadClip, arrays: Arrays, row: int) -> None:
        """Decode a clip into a row of a batch, and write its other fields.

        Raises:
            DataError: a frame is damaged.
        """
        self._write_facts(clip.request, arrays, row)
        single = self.recipe.views == 1
        for field, array in arrays.items():
            out = array[row : row + 1] if single else array[row]
            if field == "frames":
                self._write_frames(out, clip)
            elif field in OF_VIEWS:
                for number, view in enumerate(clip.views):
                    describe_view(field, out, number, view, clip.stored)

    def _write_facts(self, request: ClipRequest, arrays: Arrays, row: int) -> None:
        """Write what the clip table and the request say of a clip."""
        table, table_row = self.clips.table, self.clips.rows[request.clip]
        for field, array in arrays.items():
            if field == "label":
                if table.label_lists is None:
                    array[row] = table.label[table_row]
                else:
                    array[row] = 0
                    array[row, table.label_lists.of(table_row)] = 1
            elif field == "label_source":
                array[row] = table.label_source[table_row]
            elif field == "id":
                array[row] = request.clip_id
            elif field == "reset":
                array[row] = request.chunk == 0
            elif field == "dataset":
                array[row] = 0 if table.dataset is None else table.dataset[table_row]

    def _size_of(self, clip: int) -> tuple[int, int]:
        table, row = self.clips.table, self.clips.rows[clip]
        return self.recipe.size([(int(table.height[row]), int(table.width[row]))])

    def _write_frames(self, out: npt.NDArray[Any], clip: ReadClip) -> None:
        request, views, stored = clip
        if not self.decode:
            for number, view in enumerate(views):
                out[number, : len(view.picked)] = [bytes(stored.encoded.get(f, b"")) for f in view.picked.tolist()]
                out[number, len(view.picked) :] = b""
            return
        size = (request.height, request.width)
        factor = 1
        if self.dct_scale:
            factor, size, views = shrink(views, size)
        fill(out, views, stored.encoded, size, factor)
