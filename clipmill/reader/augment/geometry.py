"""Augmentations of place and size.

Each is a small frozen value. `draw` turns random numbers that belong to (seed, epoch,
clip id, view) into steps of `clipmill.reader.augment.pixel_steps`. Sizes are a number of pixels for a
square, or (height, width).
"""

# ruff: noqa: D102 (Augmentation says once what the methods do)

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, sqrt
from typing import ClassVar, TypeAlias

import cv2

from clipmill.errors import UsageError
from clipmill.reader.augment import pixel_steps
from clipmill.reader.augment.base import Augmentation
from clipmill.reader.draws import Draws

Size: TypeAlias = int | tuple[int, int]

METHODS = {
    "linear": cv2.INTER_LINEAR,
    "area": cv2.INTER_AREA,
    "cubic": cv2.INTER_CUBIC,
    "nearest": cv2.INTER_NEAREST_EXACT,
}


class Resize(Augmentation, frozen=True):
    """Resizing to an exact size, or so that the shorter side has `short_side` pixels.

    `method` is linear, area, cubic or nearest, as OpenCV has them; linear does not blur before it shrinks.

    >>> clips.batches(FirstFrames(2), augment=[Resize((24, 32))], batch_size=2).at(0, 0)["frames"].shape
    (2, 2, 24, 32, 3)
    """

    to: Size | None = None
    short_side: int | None = None
    method: str = "linear"

    def __post_init__(self) -> None:
        if (self.to is None) == (self.short_side is None):
            raise UsageError("Resize: give either a size or short_side")
        _check_method(self.method)
        _positive(self.to, self.short_side)

    def size(self, size: tuple[int, int] | None) -> tuple[int, int] | None:
        if self.to is not None:
            return _pair(self.to)
        return size and _short_side(*size, self.short_side or 0)

    def draw(self, draws: Draws, height: int, width: int) -> Sequence[pixel_steps.Op]:
        size = _pair(self.to) if self.to is not None else _short_side(height, width, self.short_side or 0)
        return [pixel_steps.Resized(height, width, *size, METHODS[self.method])]


class RandomShortSide(Augmentation, frozen=True):
    """Resizing so that the shorter side has a random length of `low` to `high` pixels, both included.

    >>> steps = [RandomShortSide(32, 40), CentreCrop(32)]
    >>> clips.batches(FirstFrames(2), augment=steps, batch_size=2).at(0, 0)["frames"].shape
    (2, 2, 32, 32, 3)
    """

    low: int
    high: int
    method: str = "linear"

    def __post_init__(self) -> None:
        _check_method(self.method)
        _positive(self.low)
        if self.low > self.high:
            raise UsageError(f"RandomShortSide: low {self.low} is above high {self.high}")

    def size(self, size: tuple[int, int] | None) -> tuple[int, int] | None:
        return None

    def draw(self, draws: Draws, height: int, width: int) -> Sequence[pixel_steps.Op]:
        side = self.low + draws.below(self.high - self.low + 1)
        return [pixel_steps.Resized(height, width, *_short_side(height, width, side), METHODS[self.method])]


class _Crop(Augmentation, frozen=True):
    to: Size

    def __post_init__(self) -> None:
        _positive(self.to)

    def size(self, size: tuple[int, int] | None) -> tuple[int, int] | None:
        if size is not None:
            self._check(*size)
        return _pair(self.to)

    def draw(self, draws: Draws, height: int, width: int) -> Sequence[pixel_steps.Op]:
        self._check(height, width)
        tall, wide = _pair(self.to)
        top, left = self._corner(draws, height - tall, width - wide)
        return [pixel_steps.Crop(left, top, wide, tall)]

    def _corner(self, draws: Draws, down: int, right: int) -> tuple[int, int]:
        """Return top and left, at most `down` and `right`."""
        raise NotImplementedError

    def _check(self, height: int, width: int) -> None:
        tall, wide = _pair(self.to)
        if tall > height or wide > width:
            raise UsageError(
                f"{type(self).__name__}: {wide}x{tall} does not fit into frames of {width}x{height}; "
                "resize them before, or use CropOrPad"
            )


class RandomCrop(_Crop, frozen=True):
    """A crop of this size at a random place.

    >>> clips.batches(FirstFrames(2), augment=[RandomCrop(32)], batch_size=2).at(0, 0)["frames"].shape
    (2, 2, 32, 32, 3)
    """

    def _corner(self, draws: Draws, down: int, right: int) -> tuple[int, int]:
        return draws.below(down + 1), draws.below(right + 1)


class CentreCrop(_Crop, frozen=True):
    """A crop of this size in the middle.

    >>> clips.batches(FirstFrames(2), augment=[CentreCrop((32, 48))], batch_size=2).at(0, 0)["frames"].shape
    (2, 2, 32, 48, 3)
    """

    def _corner(self, draws: Draws, down: int, right: int) -> tuple[int, int]:
        return down // 2, right // 2


class ThreeCrops(_Crop, frozen=True):
    """Three views: the beginning, middle and end of the longer side, for testing.

    >>> clips.batches(FirstFrames(2), augment=[ThreeCrops(32)], batch_size=2).at(0, 0)["frames"].shape
    (2, 3, 2, 32, 32, 3)
    """

    views: ClassVar[int] = 3

    def _corner(self, draws: Draws, down: int, right: int) -> tuple[int, int]:
        third = draws.view % 3
        if down > right:
            return down * third // 2, right // 2
        return down // 2, right * third // 2


class CropOrPad(Augmentation, frozen=True):
    """To this size about the middle: what is too much is cut, what is missing is black, and `mask_fill` in masks.

    The same as `tf.image.resize_with_crop_or_pad`.

    >>> clips.batches(FirstFrames(2), augment=[CropOrPad(56)], batch_size=2).at(0, 0)["frames"].shape
    (2, 2, 56, 56, 3)
    """

    to: Size
    mask_fill: int = 0

    def __post_init__(self) -> None:
        _positive(self.to)

    def size(self, size: tuple[int, int] | None) -> tuple[int, int] | None:
        return _pair(self.to)

    def draw(self, draws: Draws, height: int, width: int) -> Sequence[pixel_steps.Op]:
        tall, wide = _pair(self.to)
        kept_tall, kept_wide = min(tall, height), min(wide, width)
        steps: list[pixel_steps.Op] = []
        if (kept_tall, kept_wide) != (height, width):
            steps.append(pixel_steps.Crop((width - kept_wide) // 2, (height - kept_tall) // 2, kept_wide, kept_tall))
        if (kept_tall, kept_wide) != (tall, wide):
            steps.append(pixel_steps.Pad((wide - kept_wide) // 2, (tall - kept_tall) // 2, wide, tall, self.mask_fill))
        return steps


class RandomResizedCrop(Augmentation, frozen=True):
    """A part of random area and aspect, resized (Szegedy et al., "Going deeper with convolutions", 2015).

    Attributes:
        to: the size it is resized to.
        scale: bounds of the part's area, as a share of the frame's.
        ratio: bounds of its width over its height.
        method: see `Resize`.

    >>> clips.batches(FirstFrames(2), augment=[RandomResizedCrop(24)], batch_size=2).at(0, 0)["frames"].shape
    (2, 2, 24, 24, 3)
    """

    to: Size
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    method: str = "linear"

    def __post_init__(self) -> None:
        _check_method(self.method)
        _positive(self.to)
        if not 0 < self.scale[0] <= self.scale[1] <= 1 or not 0 < self.ratio[0] <= self.ratio[1]:
            raise UsageError(f"RandomResizedCrop: scale {self.scale} or ratio {self.ratio} is no range")

    def size(self, size: tuple[int, int] | None) -> tuple[int, int] | None:
        return _pair(self.to)

    def draw(self, draws: Draws, height: int, width: int) -> Sequence[pixel_steps.Op]:
        crop = self._crop(draws, height, width)
        return [crop, pixel_steps.Resized(crop.height, crop.width, *_pair(self.to), METHODS[self.method])]

    def _crop(self, draws: Draws, height: int, width: int) -> pixel_steps.Crop:
        for _ in range(10):
            area = height * width * draws.uniform(*self.scale)
            aspect = exp(draws.uniform(log(self.ratio[0]), log(self.ratio[1])))
            wide, tall = round(sqrt(area * aspect)), round(sqrt(area / aspect))
            if 0 < wide <= width and 0 < tall <= height:
                return pixel_steps.Crop(draws.below(width - wide + 1), draws.below(height - tall + 1), wide, tall)
        aspect = min(max(width / height, self.ratio[0]), self.ratio[1])
        wide, tall = min(width, round(height * aspect)), min(height, round(width / aspect))
        return pixel_steps.Crop((width - wide) // 2, (height - tall) // 2, max(1, wide), max(1, tall))


class MultiScaleCrop(Augmentation, frozen=True):
    """A corner, edge or middle part of one of a few scales, resized (TSN, Wang et al., 2016).

    Attributes:
        to: the size it is resized to.
        scales: of the frame's shorter side; height and width are at most one entry apart.
        method: see `Resize`.

    >>> clips.batches(FirstFrames(2), augment=[MultiScaleCrop(24)], batch_size=2).at(0, 0)["frames"].shape
    (2, 2, 24, 24, 3)
    """

    to: Size
    scales: tuple[float, ...] = (1.0, 0.875, 0.75, 0.66)
    method: str = "linear"

    def __post_init__(self) -> None:
        _check_method(self.method)
        _positive(self.to)
        if not self.scales or not all(0 < scale <= 1 for scale in self.scales):
            raise UsageError(f"MultiScaleCrop: scales {self.scales} are not all in (0, 1]")

    def size(self, size: tuple[int, int] | None) -> tuple[int, int] | None:
        return _pair(self.to)

    def draw(self, draws: Draws, height: int, width: int) -> Sequence[pixel_steps.Op]:
        sides = [max(1, int(min(height, width) * scale)) for scale in self.scales]
        pairs = [(tall, wide) for i, tall in enumerate(sides) for wide in sides[max(0, i - 1) : i + 2]]
        tall, wide = pairs[draws.below(len(pairs))]
        # Thirteen places: the 3 x 3 grid of corners, edges and middle, and the middles of its four cells.
        places = [(y, x) for y in (0, 2, 4) for x in (0, 2, 4)] + [(y, x) for y in (1, 3) for x in (1, 3)]
        down, right = places[draws.below(len(places))]
        crop = pixel_steps.Crop((width - wide) * right // 4, (height - tall) * down // 4, wide, tall)
        return [crop, pixel_steps.Resized(tall, wide, *_pair(self.to), METHODS[self.method])]


class HorizontalFlip(Augmentation, frozen=True):
    """Left and right exchanged, with this probability.

    >>> clips.batches(FirstFrames(2), augment=[HorizontalFlip()], batch_size=2).at(0, 0)["frames"].shape
    (2, 2, 48, 64, 3)
    """

    probability: float = 0.5

    def draw(self, draws: Draws, height: int, width: int) -> Sequence[pixel_steps.Op]:
        return [pixel_steps.Flipped(width)] if draws.chance(self.probability) else ()


class RandomRotation(Augmentation, frozen=True):
    """Turned about the middle by one angle of -`degrees` to `degrees`; what comes in is black.

    >>> clips.batches(FirstFrames(2), augment=[RandomRotation(15.0)], batch_size=2).at(0, 0)["frames"].shape
    (2, 2, 48, 64, 3)
    """

    degrees: float = 360.0

    def draw(self, draws: Draws, height: int, width: int) -> Sequence[pixel_steps.Op]:
        return [pixel_steps.Rotated(draws.uniform(-self.degrees, self.degrees), width, height)]


def _pair(size: Size) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _short_side(height: int, width: int, side: int) -> tuple[int, int]:
    if height <= width:
        return side, max(1, round(width * side / height))
    return max(1, round(height * side / width)), side


def _positive(*sizes: Size | None) -> None:
    for size in sizes:
        if size is not None and min(_pair(size)) < 1:
            raise UsageError(f"size {size}: must be positive")


def _check_method(method: str) -> None:
    if method not in METHODS:
        raise UsageError(f"method={method!r}: not one of {', '.join(METHODS)}")
