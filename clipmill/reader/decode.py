"""From encoded frames to pixels, straight into the arrays of a batch.

JPEGs are decoded whole by libjpeg-turbo with the accurate DCT and smooth chroma, and
cropped after that: TensorFlow's decoder gives the same pixels with
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
from clipmill.reader import ops
from clipmill.reader.recipe import View

Pixels = npt.NDArray[Any]


class BadFrame(DataError):
    """A frame that is no whole JPEG, or not of its clip's size."""


def decode_jpeg(data: memoryview, out: npt.NDArray[np.uint8], factor: int = 1) -> None:
    """Decode one JPEG.

    Args:
        data: the JPEG.
        out: (height, width, 3) uint8 RGB, contiguous.
        factor: the JPEG is shrunk by so much in its DCT domain: `out` has 1 / factor of its size, rounded up.

    Raises:
        BadFrame: it is damaged, or not of the size of `out`.
    """
    try:
        height, width = out.shape[:2]
        if factor > 1:
            made = simplejpeg.decode_jpeg(data, "RGB", False, False, height, width, factor, out)
        else:
            made = simplejpeg.decode_jpeg(data, "RGB", False, False, buffer=out)
    except ValueError as error:
        raise BadFrame(f"a frame is no whole JPEG: {error}") from None
    if made.shape != out.shape:
        raise BadFrame(f"a frame is {made.shape[1]}x{made.shape[0]}, not {width}x{height}")


def fill(
    out: Pixels, views: Sequence[View], encoded: dict[int, memoryview], size: tuple[int, int], factor: int = 1
) -> None:
    """Decode frames and send them through their views' steps; each frame is decoded once.

    Args:
        out: (views, frames, height, width, 3); what no frame is for becomes zero.
        views: of the clip; picked frames past those of `out` are left out.
        encoded: the JPEGs of the frames that the views picked.
        size: (height, width) of a decoded frame.
        factor: see `decode_jpeg`.

    Raises:
        BadFrame: a frame is damaged.
    """
    frame = np.empty((*size, 3), np.uint8)
    places: dict[int, list[tuple[int, int]]] = defaultdict(list)
    works = []
    for number, view in enumerate(views):
        works.append(_Work(out[number], view, size))
        for slot, picked in enumerate(works[-1].picked):
            places[picked].append((number, slot))
    for picked in sorted(places):
        first, *others = places[picked]
        if not works[first[0]].steps and not others:
            decode_jpeg(encoded[picked], works[first[0]].target[first[1]], factor)
            continue
        decode_jpeg(encoded[picked], frame, factor)
        for number, slot in places[picked]:
            ops.run(works[number].steps, frame, works[number].target[slot])
    for work in works:
        work.finish()


class _Work:
    """One view under way: steps for single frames, then perhaps a function for all of them, and so on."""

    def __init__(self, out: Pixels, view: View, size: tuple[int, int]) -> None:
        picked = view.picked[: len(out)]
        self.picked: list[int] = picked[picked >= 0].tolist()
        self._out = out[: len(self.picked)]
        out[len(self.picked) :] = 0
        calls = [n for n, step in enumerate(view.steps) if isinstance(step, ops.Called)]
        self.steps = view.steps[: calls[0]] if calls else view.steps
        self._later = view.steps[calls[0] :] if calls else []
        self.target = self._out if not calls else self._room(self.steps, size)

    def finish(self) -> None:
        """Send all frames through what comes after the first part."""
        if not self._later:
            return
        frames = self.target
        for step in self._later:
            if isinstance(step, ops.Called):
                frames = step.image(frames)
            else:
                frames = np.stack([step.image(frame) for frame in frames])
        ops.put(frames, self._out)

    def _room(self, steps: Sequence[ops.Op], size: tuple[int, int]) -> Pixels:
        floats = False
        for step in steps:
            size = step.size(*size)
            floats |= isinstance(step, ops.Normalised)
        return np.empty((len(self.picked), *size, 3), np.float32 if floats else np.uint8)
