"""Clips for Grain: a random-access source, by Grain's protocol of `__len__` and `__getitem__`; Grain is not loaded."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, SupportsIndex

import numpy as np

from clipmill.errors import UsageError
from clipmill.reader import Batches, ClipSet, Sampler
from clipmill.reader.augment.base import Augmentation


class ClipSource:
    """Single clips by number, as dicts of arrays without a batch axis; made by `source`.

    It holds no open file and can be pickled, so Grain may send it to its worker processes.
    """

    def __init__(self, batches: Batches, epochs: int) -> None:
        self._batches = batches
        self._epochs = epochs

    def __len__(self) -> int:
        return len(self._batches) * self._epochs

    def __getitem__(self, index: SupportsIndex) -> dict[str, Any]:
        number = operator.index(index)
        if not 0 <= number < len(self):
            raise IndexError(f"clip {number}: there are {len(self)}")
        epoch, clip = divmod(number, len(self._batches))
        batch = self._batches.alone(epoch, clip)
        return {field: array[0] for field, array in batch.items() if field != "step"}

    def __repr__(self) -> str:
        # Grain holds it against that of a checkpoint.
        return f"clipmill.grain.source({self._batches.clips!r}, {self._batches.options!r}, epochs={self._epochs})"


def source(
    clips: ClipSet,
    sampler: Sampler | None = None,
    *,
    augment: Sequence[Augmentation | Callable[[Any, np.random.Generator], Any]] = (),
    seed: int = 0,
    epochs: int = 1,
    **options: Any,
) -> ClipSource:
    """Return clips as a source for `grain.MapDataset.source` and `grain.DataLoader`.

    Grain's `repeat` asks for the same numbers again, so random windows and augmentations would be the same in
    every repetition. With `epochs` the source is as long as that many epochs, and clip `i` of epoch `e`, at the
    number `e * len(clips) + i`, is drawn as in epoch `e` of `ClipSet.batches` with this seed.

    Args:
        clips: a split, or some of its clips.
        sampler, augment, seed: as for `ClipSet.batches`.
        epochs: how many, at least 1.
        options: `lengths`, `views`, `decode`, `dct_scale` and `fields` of `ClipSet.batches`.

    Raises:
        UsageError: options that do not go together, or clips that do not suit them.
    """
    if epochs < 1:
        raise UsageError(f"epochs={epochs}: at least 1")
    return ClipSource(clips.batches(sampler, augment=augment, seed=seed, batch_size=1, **options), epochs)
