"""What is made of a clip: which frames, and which steps for their pixels, drawn as pure functions of a key."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from clipmill.errors import UsageError
from clipmill.reader.augment.base import Augmentation
from clipmill.reader.augment.pixel_steps import Op
from clipmill.reader.draws import Draws, Ints
from clipmill.reader.sampling.base import ClipTimes, Sampler


class ClipRequest(NamedTuple):
    """A clip that a batch asks for.

    Attributes:
        epoch: of the sample.
        clip: its number in the clip set.
        clip_id: its id.
        repeat: how often the clip came before in this epoch.
        frames: how many it has.
        height, width: of its frames.
        chunk: how many chunks of it were given before.
        length: frames that a window has in its batch.
    """

    epoch: int
    clip: int
    clip_id: str
    repeat: int
    frames: int
    height: int
    width: int
    chunk: int
    length: int


class View(NamedTuple):
    """One view of a clip.

    Attributes:
        picked: (length,) frame numbers, -1 where empty.
        steps: what is done to each frame.
    """

    picked: Ints
    steps: list[Op]


class Recipe:
    """Sampler and augmentations, with the seed.

    Args:
        sampler: which frames.
        augment: what is done to them, in this order.
        seed: of all random numbers.
        repeats: how many independent draws each clip gets.
    """

    def __init__(self, sampler: Sampler, augment: Sequence[Augmentation], seed: int, repeats: int) -> None:
        self.sampler = sampler
        self.augment = tuple(augment)
        self._seed = seed
        self._crops = prod(step.views for step in augment)
        self.views = repeats * sampler.views * self._crops
        self.dtype: npt.DTypeLike = np.float32 if any(step.floats for step in augment) else np.uint8
        if repeats < 1:
            raise UsageError(f"views={repeats}: must be positive")
        if sum(step.views > 1 for step in augment) > 1:
            raise UsageError("augment: only one step may make several views")
        made_floats = False
        for step in augment:
            if made_floats and type(step).__name__ not in ("Function", "ReverseTime"):
                raise UsageError(f"augment: {type(step).__name__} stands after Normalise, which must be last")
            made_floats |= step.floats

    def size(self, sizes: Sequence[tuple[int, int] | None]) -> tuple[int, int]:
        """Return the (height, width) that frames of these sizes, of which any may be unknown, all become.

        Raises:
            UsageError: they would not all become the same.
        """
        made = set()
        for first in sizes:
            size = first
            for step in self.augment:
                size = step.size(size)
            made.add(size)
        if len(made) != 1 or None in made:
            raise UsageError(
                f"frames would have {len(made)} sizes in one batch, or a random one: "
                "end augment with a step of fixed size, such as RandomCrop, RandomResizedCrop or CropOrPad"
            )
        return made.pop()  # type: ignore[return-value]

    def draw(self, request: ClipRequest, times: Ints | None) -> list[View]:
        """Draw all views of a clip; `times` is what a timed sampler picks by."""
        return [self._view(request, times, view) for view in range(self.views)]

    def _view(self, request: ClipRequest, times: Ints | None, view: int) -> View:
        key = (self._seed, request.epoch, request.clip_id, request.repeat)
        clip = ClipTimes(request.clip_id, request.frames, times, request.chunk)
        picked = self.sampler.pick(clip, Draws("frames", *key, view=view // self._crops))
        steps: list[Op] = []
        height, width = request.height, request.width
        for number, step in enumerate(self.augment):
            draws = Draws("augment", number, *key, view=view)
            picked = step.reorder(picked, draws)
            for drawn in step.draw(draws, height, width):
                steps.append(drawn)
                height, width = drawn.size(height, width)
        return View(picked, steps)


def describe(step: Op) -> dict[str, Any]:
    """Return a step as plain words and numbers, for people to read."""
    fields: dict[str, Any] = step._asdict() if hasattr(step, "_asdict") else {}
    return {"step": type(step).__name__, **fields}
