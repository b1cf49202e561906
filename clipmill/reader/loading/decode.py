"""From encoded frames to pixels, straight into the arrays of a batch.

JPEGs are decoded by libjpeg-turbo with the accurate DCT and smooth chroma, and cropped
after that: TensorFlow's decoder gives the same pixels with
`dct_method="INTEGER_ACCURATE"`. The interpreter lock is dropped meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import simplejpeg

from clipmill.errors import DataError
from clipmill.reader.augment import pixel_steps
from clipmill.reader.loading.partial_jpeg import decode_top, rows_wanted
from clipmill.reader.loading.recipe import View

Pixels = npt.NDArray[Any]


class BadFrame(DataError):
    """A frame that is no whole JPEG, or not of its clip's size."""


def fill(
    out: Pixels, views: Sequence[View], encoded: dict[int, memoryview | Pixels], size: tuple[int, int], factor: int = 1
) -> None:
    """Decode frames and send them through their views' steps; each frame is decoded once.

    Args:
        out: (views, frames, height, width, 3); what no frame is for becomes zero.
        views: of the clip, with at most as many frames as `out`.
        encoded: the JPEGs of the frames that the views picked, or their pixels.
        size: (height, width) of a decoded frame.
        factor: JPEGs are shrunk by so much in their DCT domain: `size` is 1 / factor of theirs, rounded up.

    Raises:
        BadFrame: a frame is damaged, or not of its clip's size.
    """
    works = [_Work(room, view, size) for room, view in zip(out, views, strict=True)]
    places: dict[int, list[tuple[list[pixel_steps.Op], Pixels]]] = defaultdict(list)
    for work in works:
        for picked, target in zip(work.picked, work.target, strict=True):
            places[picked].append((work.steps, target))
    shape = (*size, 3)
    frame = np.empty(shape, np.uint8)
    top = frame[: rows_wanted(views, size[0])] if factor == 1 else frame
    least = size if factor > 1 else (0, 0)
    for picked in sorted(places):
        users, data = places[picked], encoded[picked]
        if isinstance(data, np.ndarray):
            for steps, target in users:
                pixel_steps.run(steps, data, target)
            continue
        if len(top) < size[0] and decode_top(data, size, top):
            for steps, target in users:
                pixel_steps.run(steps, top, target)
            continue
        # Where nothing is done to a frame it is decoded in its place.
        into = users[0][1] if len(users) == 1 and not users[0][0] else frame
        try:
            made = simplejpeg.decode_jpeg(data, "RGB", False, False, *least, factor, into)
        except ValueError as error:
            raise BadFrame(f"frame {picked} is no whole JPEG: {error}") from None
        if made.shape != shape:
            raise BadFrame(f"frame {picked} has {made.shape[1]}x{made.shape[0]} pixels, not {size[1]}x{size[0]}")
        if into is frame:
            for steps, target in users:
                pixel_steps.run(steps, frame, target)
    for work in works:
        work.finish()


class _Work:
    """One view under way: steps for single frames, then perhaps a function for all of them, and so on."""

    def __init__(self, out: Pixels, view: View, size: tuple[int, int]) -> None:
        self.picked: list[int] = view.picked[view.picked >= 0].tolist()
        self._out = out[: len(self.picked)]
        if len(self.picked) < len(out):
            out[len(self.picked) :] = 0
        calls = [n for n, step in enumerate(view.steps) if isinstance(step, pixel_steps.Called)]
        self.steps = view.steps[: calls[0]] if calls else view.steps
        self._later = view.steps[calls[0] :] if calls else []
        self.target = self._out if not calls else self._room(size)

    def finish(self) -> None:
        """Send all frames through what comes after the first part."""
        if not self._later:
            return
        frames = self.target
        for step in self._later:
            if isinstance(step, pixel_steps.Called):
                frames = step.image(frames)
            else:
                frames = np.stack([step.image(frame) for frame in frames])
        pixel_steps.put(frames, self._out)

    def _room(self, size: tuple[int, int]) -> Pixels:
        floats = False
        for step in self.steps:
            size = step.size(*size)
            floats |= isinstance(step, pixel_steps.Normalised)
        return np.empty((len(self.picked), *size, 3), np.float32 if floats else np.uint8)
