"""The base of augmentations. Their steps are drawn once for each view of a clip, so that all its frames agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from clipmill.reader.augment import pixel_steps
from clipmill.reader.draws import Draws, Ints


class Augmentation(msgspec.Struct, frozen=True, tag=True):
    """Base of all augmentations; derive your own from it, with a `draw`.

    Attributes:
        views: views that it makes of each view.
        floats: whether it turns uint8 into float32.
    """

    views: ClassVar[int] = 1
    floats: ClassVar[bool] = False

    def size(self, size: tuple[int, int] | None) -> tuple[int, int] | None:
        """Return the (height, width) that images of this size become; None where that is drawn.

        Raises:
            UsageError: it cannot work on images of this size.
        """
        return size

    def draw(self, draws: Draws, height: int, width: int) -> Sequence[pixel_steps.Op]:
        """Draw the steps for one view of a clip of this size."""
        return ()

    def reorder(self, picked: Ints, draws: Draws) -> Ints:
        """Put the picked frames into another order; empty ones (-1) stay at the end."""
        return picked
