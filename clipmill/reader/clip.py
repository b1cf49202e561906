"""One clip: what is known of it, and its frames on demand."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from clipmill.reader import markup
from clipmill.reader.batches import Batches
from clipmill.reader.clips import Clips
from clipmill.reader.contact_sheet import Drawing
from clipmill.reader.loading.batch_arrays import Arrays
from clipmill.reader.options import make_options
from clipmill.reader.sampling.base import Sampler
from clipmill.reader.sampling.samplers import Segments, WholeClip
from clipmill.reader.sequence_grid import read_strips, sequence_grid

#: Frames of a clip in a strip.
SHOWN = 8


class Clip:
    """One clip of a set: `data["train"][0]`. Its frames are read when they are first asked for, and kept with it.

    Attributes:
        id: the clip's id.
        label: its class, an index into the set's `labels`, -1 for none; where clips have lists of labels, all of them.
        label_name: the class's name, "" for none; several are parted by commas.
        length: how many frames it has; an image with its mask has one.
        width, height: of its frames, in pixels.
        seconds: how long it is shown.

    >>> clip = clips[0]
    >>> clip
    <clip_0000: boxing, 5 frames of 64x48, 0.2 s>
    >>> clip.frames.shape, clip.timestamp[:2].tolist(), clip.row["source"]
    ((5, 48, 64, 3), [0, 40000], 'videos/clip_0000.avi')
    """

    def __init__(self, clips: Clips, number: int) -> None:
        self._clips = clips.alone(number)
        self._member, self._row = clips.origin(number)
        table, row = clips.table, int(clips.rows[number])
        if table.coming is not None:
            table.coming.learn([row])
        labels = table.labels(row)
        self.id: str = table.ids[row].as_py()
        self.label: int | list[int] = labels if table.label_lists is not None else (labels or [-1])[0]
        self.label_name = clips.label_names(number)
        self.length = 1 if clips.pairs else int(table.frames[row])
        self.width, self.height = int(table.width[row]), int(table.height[row])
        self.seconds = float(table.seconds[row])

    def __len__(self) -> int:
        return self.length

    def __repr__(self) -> str:
        return f"<{self._caption}>"

    def _repr_html_(self) -> str:
        """Return what a notebook draws."""
        shown = markup.figure(self.strip(), f"{self.id}: {self.label_name or markup.NO_LABEL}")
        facts = [(name, value) for name, value in self.row.items() if value not in (None, "", [])]
        return markup.block(self._caption, shown, markup.folded("row", markup.table([("column", "value"), *facts])))

    @property
    def frames(self) -> npt.NDArray[np.uint8]:
        """All frames, (time, height, width, 3) uint8 RGB; of an image with its mask the image, with a time of 1.

        Raises:
            DataError: the clip cannot be read.
        """
        image = self._arrays.get("image")
        frames: npt.NDArray[np.uint8] = self._arrays["frames"] if image is None else image[None]
        return frames

    @property
    def mask(self) -> npt.NDArray[np.int32] | None:
        """Of an image with its mask the mask's values, (height, width) int32; else None."""
        return self._arrays["mask"] if self._clips.pairs else None

    @property
    def timestamp(self) -> npt.NDArray[np.int64]:
        """When each frame is shown, (time,) int64 microseconds from the clip's first frame."""
        return np.zeros(1, np.int64) if self._clips.pairs else self._arrays["timestamp"]

    @property
    def frame_index(self) -> npt.NDArray[np.int64]:
        """Each frame's number, (time,) int64, as stored in the record."""
        return np.zeros(1, np.int64) if self._clips.pairs else self._arrays["frame_index"]

    @property
    def row(self) -> dict[str, Any]:
        """Its row of the clip table, the listing's own columns among them; see `clipmill.layout.CLIP_COLUMNS`."""
        row: dict[str, Any] = self._member.dataset.columns.all.slice(self._row, 1).to_pylist()[0]
        return row

    def preview(self, most: int = SHOWN) -> npt.NDArray[np.uint8]:
        """Read a few frames, one from the middle of each of `most` equal parts: (time, height, width, 3) uint8 RGB.

        >>> clips[0].preview(2).shape
        (2, 48, 64, 3)
        """
        if self._clips.pairs:
            return self.frames
        read: npt.NDArray[np.uint8] = self._read(Segments(min(most, self.length), random=False))["frames"]
        return read

    def strip(self, most: int = SHOWN, height: int = markup.HEIGHT) -> npt.NDArray[np.uint8]:
        """Draw a few frames beside each other, or an image beside its mask, each value of which has a colour.

        Args:
            most: frames.
            height: of the drawing, in pixels.

        Returns:
            (height, width, 3) uint8 RGB.

        >>> clips[0].strip(2, height=24).shape
        (24, 67, 3)
        """
        masks = [] if self.mask is None else [markup.coloured(self.mask)]
        return markup.strip([*self.preview(most), *masks], height)

    def show(self, frames: int = 5, steps: int = 5) -> Drawing:
        """Draw its first frames: consecutive ones across, step below step. A notebook draws what this returns.

        Args:
            frames: of a step.
            steps: the most steps, below each other.

        >>> clips[0].show(frames=3, steps=2)
        <a drawing of 512 x 352 pixels>
        """
        return Drawing(sequence_grid(read_strips(self._clips, 1, frames * steps), frames, steps))

    @property
    def _caption(self) -> str:
        frames = "an image" if self._clips.pairs else f"{self.length} frame{'s' * (self.length != 1)}"
        shown = "" if self._clips.pairs else f", {self.seconds:.3g} s"
        return f"{self.id}: {self.label_name or markup.NO_LABEL}, {frames} of {self.width}x{self.height}{shown}"

    @cached_property
    def _arrays(self) -> Arrays:
        return self._read(WholeClip())

    def _read(self, sampler: Sampler) -> Arrays:
        """Read a batch of this clip alone, without the axis of clips."""
        options = make_options(sampler=sampler, augment=(), shuffle=False, batch_size=1)
        batch = Batches(self._clips, options, threads=1).at(0, 0)
        return {field: array[0] for field, array in batch.items() if field != "step"}
