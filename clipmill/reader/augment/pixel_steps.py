"""Steps that change pixels, drawn once for a clip and the same for all its frames.

Images are (height, width, 3) uint8 RGB, or float32 after `Normalised`; masks are
(height, width) and never blended; boxes are (n, 4) float32: left, top, right, bottom
in pixels. OpenCV does the arithmetic; every step works on a view where it can.
"""

# ruff: noqa: D102 (Op says once what the methods do)

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from clipmill.errors import UsageError

Image: TypeAlias = npt.NDArray[Any]
Boxes: TypeAlias = npt.NDArray[np.float32]

LUMA = np.array([0.299, 0.587, 0.114])


class Op(Protocol):
    """One step. `image` writes into `out` where it is given one, and may return a view where not."""

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width that an image of this size gets."""

    def image(self, image: Image, out: Image | None = None) -> Image:
        """Return the image after the step."""

    def mask(self, mask: Image) -> Image:
        """Return a mask after the step."""

    def boxes(self, boxes: Boxes) -> Boxes:
        """Return boxes after the step."""


class Crop(NamedTuple):
    """The part that begins at (left, top)."""

    left: int
    top: int
    width: int
    height: int

    def size(self, height: int, width: int) -> tuple[int, int]:
        return self.height, self.width

    def image(self, image: Image, out: Image | None = None) -> Image:
        return put(image[self.top : self.top + self.height, self.left : self.left + self.width], out)

    def mask(self, mask: Image) -> Image:
        return self.image(mask)

    def boxes(self, boxes: Boxes) -> Boxes:
        moved = boxes - np.array([self.left, self.top, self.left, self.top], np.float32)
        inside: Boxes = np.clip(moved, 0, np.array([self.width, self.height, self.width, self.height], np.float32))
        return inside


class Pad(NamedTuple):
    """The image at (left, top) of a black one of (width, height); a mask in one that is all `mask_fill`."""

    left: int
    top: int
    width: int
    height: int
    mask_fill: int = 0

    def size(self, height: int, width: int) -> tuple[int, int]:
        return self.height, self.width

    def image(self, image: Image, out: Image | None = None) -> Image:
        if out is None:
            out = np.empty((self.height, self.width, *image.shape[2:]), image.dtype)
        return self._within(image, out, 0)

    def mask(self, mask: Image) -> Image:
        return self._within(mask, np.empty((self.height, self.width), mask.dtype), self.mask_fill)

    def _within(self, image: Image, out: Image, fill: int) -> Image:
        out[...] = fill
        out[self.top : self.top + image.shape[0], self.left : self.left + image.shape[1]] = image
        return out

    def boxes(self, boxes: Boxes) -> Boxes:
        moved: Boxes = boxes + np.array([self.left, self.top, self.left, self.top], np.float32)
        return moved


class Resized(NamedTuple):
    """The image resized from (old_height, old_width); `method` is OpenCV's interpolation."""

    old_height: int
    old_width: int
    height: int
    width: int
    method: int = cv2.INTER_LINEAR

    def size(self, height: int, width: int) -> tuple[int, int]:
        return self.height, self.width

    def image(self, image: Image, out: Image | None = None) -> Image:
        if image.shape[:2] == (self.height, self.width):
            return put(image, out)
        return _checked(cv2.resize(image, (self.width, self.height), dst=out, interpolation=self.method), out)

    def mask(self, mask: Image) -> Image:
        return cv2.resize(mask, (self.width, self.height), interpolation=cv2.INTER_NEAREST_EXACT)

    def boxes(self, boxes: Boxes) -> Boxes:
        x, y = self.width / self.old_width, self.height / self.old_height
        scaled: Boxes = boxes * np.array([x, y, x, y], np.float32)
        return scaled


class Flipped(NamedTuple):
    """Left and right exchanged, in an image of this width."""

    width: int

    def size(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def image(self, image: Image, out: Image | None = None) -> Image:
        return _checked(cv2.flip(image, 1, dst=out), out)

    def mask(self, mask: Image) -> Image:
        return cv2.flip(mask, 1)

    def boxes(self, boxes: Boxes) -> Boxes:
        return np.stack([self.width - boxes[:, 2], boxes[:, 1], self.width - boxes[:, 0], boxes[:, 3]], axis=1)


class Rotated(NamedTuple):
    """Turned counter-clockwise by `degrees` about the middle of (width, height); what comes in is black."""

    degrees: float
    width: int
    height: int

    def size(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def matrix(self) -> npt.NDArray[np.float64]:
        """(2, 3), from old to new pixel coordinates."""
        middle = (self.width - 1) / 2, (self.height - 1) / 2
        return np.asarray(cv2.getRotationMatrix2D(middle, self.degrees, 1.0), np.float64)

    def image(self, image: Image, out: Image | None = None) -> Image:
        return self._warp(image, cv2.INTER_LINEAR, out)

    def mask(self, mask: Image) -> Image:
        return self._warp(mask, cv2.INTER_NEAREST, None)

    def boxes(self, boxes: Boxes) -> Boxes:
        # A box covers whole pixels, so its edges lie half a pixel outside the pixels' centres.
        corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2) - 0.5
        turned = corners @ self.matrix()[:, :2].T + self.matrix()[:, 2] + 0.5
        turned = np.clip(turned, 0, [self.width, self.height])
        return np.concatenate([turned.min(axis=1), turned.max(axis=1)], axis=1).astype(np.float32)

    def _warp(self, image: Image, method: int, out: Image | None) -> Image:
        size = (self.width, self.height)
        return _checked(cv2.warpAffine(image, self.matrix(), size, dst=out, flags=method), out)


class _Pixels:
    """A step that moves nothing."""

    def size(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def mask(self, mask: Image) -> Image:
        return mask

    def boxes(self, boxes: Boxes) -> Boxes:
        return boxes


class Coloured(_Pixels):
    """Colours sent through `matrix`, (3, 4) float64: its last column is added; the result is clipped."""

    def __init__(self, matrix: npt.NDArray[np.float64]) -> None:
        self.matrix = matrix

    def image(self, image: Image, out: Image | None = None) -> Image:
        return _checked(cv2.transform(image, self.matrix, dst=out), out)


class Normalised(_Pixels):
    """uint8 sent to float32 by `table`, (256, 1, 3) float32: a column for each channel."""

    def __init__(self, table: npt.NDArray[np.float32]) -> None:
        self.table = table

    def image(self, image: Image, out: Image | None = None) -> Image:
        return _checked(cv2.LUT(image, self.table, dst=out), out)


class Called(_Pixels):
    """A function of the user's own, called once for all frames of a view: (frames, height, width, 3)."""

    def __init__(self, function: Callable[[Image, np.random.Generator], Image], generator: np.random.Generator) -> None:
        self.function = function
        self.generator = generator

    def image(self, image: Image, out: Image | None = None) -> Image:
        return put(self.function(image, self.generator), out)


def run(steps: Sequence[Op], image: Image, out: Image) -> None:
    """Apply the steps to one frame, into `out`."""
    for step in steps[:-1]:
        image = step.image(image)
    if steps:
        steps[-1].image(image, out)
    else:
        out[...] = image


def warp_mask(steps: Sequence[Op], mask: Image) -> Image:
    """Send a mask, (height, width), through the steps of a view; values are never blended.

    >>> _, views = clips.batches(FirstFrames(2), augment=[CentreCrop(32)], batch_size=2).drawn(0, 0)[0]
    >>> warp_mask(views[0].steps, np.zeros((48, 64), np.uint8)).shape
    (32, 32)
    """
    for step in steps:
        mask = step.mask(mask)
    return mask


def warp_boxes(steps: Sequence[Op], boxes: npt.ArrayLike) -> Boxes:
    """Send boxes, (n, 4) left, top, right, bottom in pixels, through the steps of a view.

    They are cut at the frame's edges; one that lies outside becomes empty. A turned box is
    the smallest upright one that holds it.

    >>> _, views = clips.batches(FirstFrames(2), augment=[CentreCrop(32)], batch_size=2).drawn(0, 0)[0]
    >>> warp_boxes(views[0].steps, [[20, 10, 30, 20]]).tolist()
    [[4.0, 2.0, 14.0, 12.0]]
    """
    warped: Boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    for step in steps:
        warped = step.boxes(warped)
    return warped


def put(image: Image, out: Image | None) -> Image:
    """Copy an image to `out`, if there is one.

    Raises:
        UsageError: they are not of the same shape and dtype.
    """
    if out is None:
        return image
    if image.shape != out.shape or image.dtype != out.dtype:
        raise UsageError(
            f"an augmentation gave {image.dtype} of shape {image.shape} where {out.dtype} of {out.shape} was announced"
        )
    out[...] = image
    return out


def _checked(result: Image, out: Image | None) -> Image:
    # OpenCV silently allocates a new array where `dst` does not have the shape and type of its result.
    return result if out is None or result is out else put(result, out)
