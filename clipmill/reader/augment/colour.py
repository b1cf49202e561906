"""Augmentations of colour and time, and functions of the user's own."""

# ruff: noqa: D102 (Augmentation says once what the methods do)

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import cos, pi, sin
from typing import Any, ClassVar

import numpy as np

from clipmill.reader.augment import pixel_steps
from clipmill.reader.augment.base import Augmentation
from clipmill.reader.draws import Draws, Ints


class ColourJitter(Augmentation, frozen=True):
    """Brightness, contrast, saturation and hue changed by one random amount each.

    A factor of 1 - x to 1 + x for the first three, x at most 1, where contrast is about mid-grey and
    saturation about the pixel's luma; -x to x of a full turn of hue in YIQ. All four
    together are one linear map of RGB, so every frame gets exactly the same.

    >>> clips.batches(FirstFrames(2), augment=[ColourJitter(0.4, 0.4, 0.4, 0.1)], batch_size=2).at(0, 0)["frames"].shape
    (2, 2, 48, 64, 3)
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0

    def draw(self, draws: Draws, height: int, width: int) -> Sequence[pixel_steps.Op]:
        brightness, contrast, saturation = (
            draws.uniform(max(0.0, 1 - x), 1 + x) for x in (self.brightness, self.contrast, self.saturation)
        )
        turn = 2 * pi * draws.uniform(-self.hue, self.hue)
        grey = np.tile(pixel_steps.LUMA, (3, 1))
        colour = saturation * np.eye(3) + (1 - saturation) * grey
        chroma = np.array([[1, 0, 0], [0, cos(turn), -sin(turn)], [0, sin(turn), cos(turn)]])
        linear = np.linalg.inv(_YIQ) @ chroma @ _YIQ @ colour * (brightness * contrast)
        return [pixel_steps.Coloured(np.column_stack([linear, np.full(3, 128 * (1 - contrast))]))]


#: RGB to YIQ (FCC, NTSC 1953, rounded to three digits).
_YIQ = np.array([pixel_steps.LUMA, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


class Normalise(Augmentation, frozen=True):
    """uint8 to float32: (value / 255 - mean) / std for each channel; by default ImageNet's.

    >>> clips.batches(FirstFrames(2), augment=[Normalise()], batch_size=2).at(0, 0)["frames"].dtype
    dtype('float32')
    """

    floats: ClassVar[bool] = True

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def draw(self, draws: Draws, height: int, width: int) -> Sequence[pixel_steps.Op]:
        table = (np.arange(256)[:, None] / 255 - np.array(self.mean)) / np.array(self.std)
        return [pixel_steps.Normalised(table.astype(np.float32).reshape(256, 1, 3))]


class ReverseTime(Augmentation, frozen=True):
    """Frames from last to first, with this probability.

    >>> clips.batches(WholeClip(), augment=[ReverseTime(1.0)], batch_size=1).at(0, 0)["frame_index"].tolist()
    [[4, 3, 2, 1, 0]]
    """

    probability: float = 0.5

    def reorder(self, picked: Ints, draws: Draws) -> Ints:
        if not draws.chance(self.probability):
            return picked
        real = picked[picked >= 0]
        return np.concatenate([real[::-1], picked[len(real) :]])


class Function(Augmentation, frozen=True):
    """A function of your own: (frames, generator) to frames of the same shape and dtype.

    It is called once for each view with all frames that are not empty, (frames, height,
    width, 3), and a `numpy.random.Generator` of that view's key.

    >>> invert = Function(lambda frames, random: 255 - frames)
    >>> clips.batches(FirstFrames(2), augment=[invert], batch_size=2).at(0, 0)["frames"].shape
    (2, 2, 48, 64, 3)
    """

    function: Callable[[Any, np.random.Generator], Any]

    def draw(self, draws: Draws, height: int, width: int) -> Sequence[pixel_steps.Op]:
        return [pixel_steps.Called(self.function, draws.generator())]
