"""Decoding JPEGs at a half, a quarter or an eighth of their size, where they are shrunk that much anyway.

libjpeg-turbo then computes fewer coefficients of each block, which is faster and
blurs before it shrinks; pixels differ from those of a whole decoding (by a few
levels on photographs, more at edges), and crops move by up to half a shrunk pixel. So
it is off unless asked for with `dct_scale=True`; both paths then agree all the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from clipmill.reader.augment import pixel_steps
from clipmill.reader.loading.recipe import View

FACTORS = (8, 4, 2)


def shrink(views: Sequence[View], size: tuple[int, int]) -> tuple[int, tuple[int, int], list[View]]:
    """How much smaller the frames of a clip can be decoded.

    Args:
        views: of the clip.
        size: (height, width) of its frames.

    Returns:
        The factor (1, 2, 4 or 8), the size of the frames then, and the views for frames of that size.
    """
    for factor in FACTORS:
        small = -(-size[0] // factor), -(-size[1] // factor)
        steps = [_shrunk(view.steps, factor, small) for view in views]
        if all(found is not None for found in steps):
            pairs = zip(views, steps, strict=True)
            return factor, small, [View(view.picked, found) for view, found in pairs if found is not None]
    return 1, size, list(views)


def _shrunk(steps: list[pixel_steps.Op], factor: int, small: tuple[int, int]) -> list[pixel_steps.Op] | None:
    """The steps for frames that are smaller, or None where that would lose pixels that are wanted."""
    if len(steps) > 1 and isinstance(steps[0], pixel_steps.Crop) and isinstance(steps[1], pixel_steps.Resized):
        crop, resized, rest = steps[0], steps[1], steps[2:]
        left, top = round(crop.left / factor), round(crop.top / factor)
        wide = min(max(1, round(crop.width / factor)), small[1] - left)
        tall = min(max(1, round(crop.height / factor)), small[0] - top)
        first: list[pixel_steps.Op] = [pixel_steps.Crop(left, top, wide, tall)]
    elif steps and isinstance(steps[0], pixel_steps.Resized):
        resized, rest = steps[0], steps[1:]
        tall, wide = small
        first = []
    else:
        return None
    if resized.height > tall or resized.width > wide:
        return None
    return [*first, resized._replace(old_height=tall, old_width=wide), *rest]
