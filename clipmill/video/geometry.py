"""Bringing a source frame to the stored size: scale, then crop or pad."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from clipmill.options import FrameOptions


class Geometry(NamedTuple):
    """How a frame is laid out, in pixels.

    The source is resized to (`scaled_width`, `scaled_height`); of that the rectangle
    at (`left`, `top`) of (`width`, `height`) is stored, black where it reaches beyond.
    `left` and `top` are even, so that they fall between the chroma samples of 4:2:0 planes.
    """

    scaled_width: int
    scaled_height: int
    left: int
    top: int
    width: int
    height: int

    @property
    def has_bars(self) -> bool:
        """Whether part of the stored frame is black."""
        return self.scaled_width < self.width or self.scaled_height < self.height


def plan_geometry(width: int, height: int, options: FrameOptions) -> Geometry:
    """Return the stored geometry of a `width` x `height` source (after rotation)."""
    if options.size is not None:
        return _exact(width, height, options.size, options.fit)
    short = min(width, height)
    if options.short_side is None or short <= options.short_side:
        return Geometry(width, height, 0, 0, width, height)
    long = max(options.short_side, _even(max(width, height) * options.short_side / short))
    wide = width >= height
    scaled = (long, options.short_side) if wide else (options.short_side, long)
    return Geometry(*scaled, 0, 0, *scaled)


def _exact(width: int, height: int, size: tuple[int, int], fit: str) -> Geometry:
    if fit == "stretch":
        return Geometry(*size, 0, 0, *size)
    ratios = size[0] / width, size[1] / height
    scale = max(ratios) if fit == "crop" else min(ratios)
    # The side that decides the scale is taken as asked: width * scale may round to another number.
    scaled_width = size[0] if ratios[0] == scale else _even(width * scale)
    scaled_height = size[1] if ratios[1] == scale else _even(height * scale)
    if fit == "crop":
        scaled_width, scaled_height = max(scaled_width, size[0]), max(scaled_height, size[1])
    else:
        scaled_width, scaled_height = min(scaled_width, size[0]), min(scaled_height, size[1])
    left = _toward_zero_even((scaled_width - size[0]) / 2)
    top = _toward_zero_even((scaled_height - size[1]) / 2)
    return Geometry(scaled_width, scaled_height, left, top, *size)


def _even(length: float) -> int:
    return max(2, 2 * round(length / 2))


def _toward_zero_even(offset: float) -> int:
    return 2 * int(offset / 2)


def lay_out(pixels: npt.NDArray[np.uint8], geometry: Geometry) -> npt.NDArray[np.uint8]:
    """Resize, crop and pad one RGB frame.

    Args:
        pixels: (height, width, 3) uint8.

    Returns:
        (geometry.height, geometry.width, 3) uint8, contiguous; black where the frame does not reach.
    """
    if (pixels.shape[1], pixels.shape[0]) != (geometry.scaled_width, geometry.scaled_height):
        pixels = resize(pixels, geometry.scaled_width, geometry.scaled_height)
    left, top = max(geometry.left, 0), max(geometry.top, 0)
    pixels = pixels[top : top + geometry.height, left : left + geometry.width]
    if geometry.has_bars:
        barred = np.zeros((geometry.height, geometry.width, 3), np.uint8)
        barred[-min(geometry.top, 0) :, -min(geometry.left, 0) :][: pixels.shape[0], : pixels.shape[1]] = pixels
        pixels = barred
    return np.ascontiguousarray(pixels)


def resize(pixels: npt.NDArray[np.uint8], width: int, height: int) -> npt.NDArray[np.uint8]:
    """Resize a plane or a frame: area average to shrink, bilinear to enlarge."""
    shrinks = width * height < pixels.shape[0] * pixels.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(pixels, (width, height), interpolation=how)  # type: ignore[return-value]
