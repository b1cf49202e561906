"""Decoding the frames of a clip into one row of a batch, through the steps of its views.

JPEGs are decoded by libjpeg-turbo with the accurate DCT and smooth chroma, and cropped
after that: TensorFlow's decoder gives the same pixels with `dct_method="INTEGER_ACCURATE"`.
simplejpeg releases the interpreter lock while it decodes.

To be fast, a frame is decoded once for all views that want it, and no pixel is copied without need. A frame is
decoded in one of three ways:

- One view wants it, without any step: it is decoded into its place in the batch.
- All views crop it: only what the crops cover is decoded, where the JPEG has restart intervals (`jpeg_cut`), or
  else its upper rows (`jpeg_shortcuts`).
- Else it is decoded whole into a scratch frame, to which each view's steps are applied.

Invariant: a frame goes through the steps of all its views before the next frame is decoded, since the next one
reuses the scratch frame. Without that, a step that returns a view of its input (a crop, a flip) would show the
next frame's pixels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import simplejpeg

from clipmill.errors import DataError
from clipmill.reader.augment import pixel_steps
from clipmill.reader.loading.jpeg_cut import Box, Cutter, crop_of
from clipmill.reader.loading.jpeg_shortcuts import decode_top, rows_wanted
from clipmill.reader.loading.recipe import View

Pixels = npt.NDArray[Any]


class BadFrame(DataError):
    """A frame that is not a whole JPEG, or not of its clip's size.

    What to do: `clipmill verify OUT --deep` names all such frames; delete the shard's file and build again.
    """


def fill(
    out: Pixels, views: Sequence[View], encoded: dict[int, memoryview | Pixels], size: tuple[int, int], factor: int = 1
) -> None:
    """Decode frames and apply their views' steps; each frame is decoded once.

    Args:
        out: (views, frames, height, width, 3); places without a frame become zero.
        views: of the clip, with at most as many frames as `out`.
        encoded: the JPEGs of the frames that the views picked, or their pixels.
        size: (height, width) of a decoded frame.
        factor: by which JPEGs are shrunk in their DCT domain: `size` is 1 / factor of theirs, rounded up.

    Raises:
        BadFrame: a frame is damaged, or not of its clip's size.
    """
    filling = [_ViewRow(row, view, size) for row, view in zip(out, views, strict=True)]
    decoder = _Decoder(views, size, factor)
    for number, targets in sorted(_targets(filling).items()):
        direct = targets[0].out if len(targets) == 1 and not targets[0].steps else None
        pixels = decoder.decode(number, encoded[number], direct)
        if pixels is not direct:
            for target in targets:
                pixel_steps.run(target.steps, pixels, target.out)
    for row in filling:
        row.finish()


class _Target(NamedTuple):
    """A place for a decoded frame, after `steps`, in `out`."""

    steps: list[pixel_steps.Op]
    out: Pixels


def _targets(filling: Sequence[_ViewRow]) -> dict[int, list[_Target]]:
    """Return the places of each frame, by its number."""
    wanted: dict[int, list[_Target]] = defaultdict(list)
    for row in filling:
        for number, out in zip(row.picked, row.decoded, strict=True):
            wanted[number].append(_Target(row.steps, out))
    return wanted


class _Decoder:
    """Decodes the frames of one clip, one after the other, into a scratch frame.

    Args:
        views: of the clip, which may need only a part of each frame.
        size: (height, width) of a decoded frame.
        factor: see `fill`.
    """

    def __init__(self, views: Sequence[View], size: tuple[int, int], factor: int) -> None:
        self._size = size
        self._factor = factor
        # simplejpeg shrinks while the result is at least this large; (0, 0) is no shrinking.
        self._least = size if factor > 1 else (0, 0)
        self._scratch = np.empty((*size, 3), np.uint8)
        self._top = self._scratch[: rows_wanted(views, size[0]) if factor == 1 else size[0]]
        crop = crop_of(views) if factor == 1 else None
        self._cutter = Cutter(crop, size) if crop else None
        self._parts: dict[Box, tuple[Pixels, Pixels]] = {}

    def decode(self, number: int, data: memoryview | Pixels, direct: Pixels | None) -> Pixels:
        """Return the pixels of frame `number`: in `direct` where that is possible, else valid until the next call.

        Raises:
            BadFrame: the frame is damaged, or of another size.
        """
        if isinstance(data, np.ndarray):
            return data
        part = self._cutter.cut(data) if self._cutter else None
        if part is not None and (seen := self._decode_part(*part)) is not None:
            return seen
        if len(self._top) < self._size[0] and decode_top(data, self._size, self._top):
            return self._top
        into = self._scratch if direct is None else direct
        try:
            made = simplejpeg.decode_jpeg(data, "RGB", False, False, *self._least, self._factor, into)
        except ValueError as error:
            raise BadFrame(f"frame {number} is not a whole JPEG: {error}") from None
        height, width = self._size
        if made.shape != (height, width, 3):
            raise BadFrame(f"frame {number} has {made.shape[1]}x{made.shape[0]} pixels, not {width}x{height}")
        return into

    def _decode_part(self, jpeg: bytes, box: Box) -> Pixels | None:
        """Decode a part of a frame; return it in the shape of the whole frame, without meaning outside of `box`.

        None where the part is damaged; decoding the whole frame then gives the error.
        """
        room, seen = self._parts.get(box) or self._parts.setdefault(box, self._part(box))
        try:
            simplejpeg.decode_jpeg(jpeg, "RGB", False, False, buffer=room)
        except ValueError:
            return None
        return seen

    def _part(self, box: Box) -> tuple[Pixels, Pixels]:
        """Return where a part is decoded, and the frame seen from there; all frames of a clip have one part."""
        width = box.right - box.left
        height = box.bottom - box.top
        flat = self._scratch.reshape(-1)
        # Placed so that pixel (y, x) of the frame is at y * width + x: crops need not be moved.
        start = 3 * (box.top * width + box.left)
        room = flat[start : start + 3 * width * height].reshape(height, width, 3)
        return room, np.lib.stride_tricks.as_strided(flat, self._scratch.shape, (3 * width, 3, 1), writeable=False)


class _ViewRow:
    """One view being filled: steps for single frames, then perhaps a function for all of them, and so on.

    Attributes:
        picked: the frames of the view, without empty ones.
        steps: those of single frames, up to the first function of the user's.
        decoded: (frames, height, width, 3), the frames after `steps`.
    """

    def __init__(self, out: Pixels, view: View, size: tuple[int, int]) -> None:
        self.picked: list[int] = view.picked[view.picked >= 0].tolist()
        self._out = out[: len(self.picked)]
        if len(self.picked) < len(out):
            out[len(self.picked) :] = 0
        # A function takes all frames of the view at once, so it runs after the last of them is decoded.
        calls = [n for n, step in enumerate(view.steps) if isinstance(step, pixel_steps.Called)]
        self.steps = view.steps[: calls[0]] if calls else view.steps
        self._later = view.steps[calls[0] :] if calls else []
        self.decoded = self._out if not calls else self._room(size)

    def finish(self) -> None:
        """Apply what comes after `steps` to all frames."""
        if not self._later:
            return
        frames = self.decoded
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
