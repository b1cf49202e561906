"""Turning batches and single clips into PyTorch tensors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from clipmill.errors import MissingExtra, UsageError
from clipmill.reader.frameworks.base import EpochReader
from clipmill.reader.hosts import cores
from clipmill.reader.loading.batch_arrays import Arrays

try:
    import torch
    from torch.utils.data import Dataset, IterableDataset, get_worker_info
except ImportError:
    raise MissingExtra("clipmill.reader.frameworks.torch", "torch") from None


class TorchBatches(IterableDataset[Any]):  # type: ignore[misc]
    """An iterable of dicts of tensors, or of tuples if fields are named; texts are lists of str.

    Iterate over it as it is, or give it to a `DataLoader(..., batch_size=None)` of your own, whose
    workers then share each epoch's steps in order. Its state is that of the batches. It cannot count
    what a DataLoader of your own took: keep the field `step` and set the state from it.

    Args:
        batches: what is read.
        fields: in the order of the tuple.
        layout: axes of `frames`: B, T, C, H and W in any order; a V for views, if there are
            several and it is left out, follows the B. Axes are moved without a copy.
    """

    def __init__(
        self,
        batches: EpochReader,
        fields: tuple[str, ...],
        layout: str = "BTHWC",
    ) -> None:
        self.batches = batches
        self.fields = fields
        self._reader = batches.only(fields)
        self._axes = axes(layout, self._reader.views > 1)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        if worker is not None:
            yield from self._share(*self.batches.begin(), worker)
            return
        epoch, step = self.batches.begin()
        for batch in self._reader.run(epoch, step):
            self.batches.advance(epoch, int(batch["step"]))
            yield self._tensors(batch)

    def _share(self, epoch: int, step: int, worker: Any) -> Iterator[Any]:
        """Iterate over the share of an epoch of one worker of a DataLoader: every n-th step."""
        threads = max(1, min(self.batches.threads, cores() // worker.num_workers))
        for batch in self._reader.run(epoch, step + worker.id, worker.num_workers, 1, threads):
            yield self._tensors(batch)

    def _tensors(self, batch: Arrays) -> Any:
        """Return a batch of arrays as tensors on the same memory."""
        made = {field: tensor(array, self._axes if field == "frames" else None) for field, array in batch.items()}
        return tuple(made[field] for field in self.fields) if self.fields else made

    def set_epoch(self, epoch: int) -> None:
        """Go to the beginning of an epoch, from 0."""
        self.batches.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the batches; see `Batches.state_dict`."""
        return self.batches.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state; see `Batches.load_state_dict`."""
        self.batches.load_state_dict(state)


class ClipsDataset(Dataset[dict[str, Any]]):  # type: ignore[misc]
    """Clip i of a set, as a dict of tensors without a batch axis; made by `ClipSet.clips_dataset`.

    The random draws are those of a batch of the same epoch and seed, in whatever order
    clips are read. Call `set_epoch` before each epoch.
    """

    def __init__(self, batches: EpochReader, layout: str) -> None:
        self._batches = batches
        self._axes = axes("B" + layout.replace("B", ""), batches.views > 1)

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"clip {index}: there are {len(self)}")
        batch = self._batches.alone(self._batches.epoch, index % len(self))
        return {
            field: _first(tensor(array, self._axes if field == "frames" else None))
            for field, array in batch.items()
            if field != "step"
        }

    def set_epoch(self, epoch: int) -> None:
        """Use the draws of another epoch; call it before workers start."""
        self._batches.set_epoch(epoch)


def axes(layout: str, several: bool) -> tuple[int, ...]:
    """Return where each axis of `layout` is in the arrays of a batch.

    Raises:
        UsageError: it is not an order of B, T, C, H and W.
    """
    have = "BVTHWC" if several else "BTHWC"
    wanted = layout.replace("B", "BV", 1) if several and "V" not in layout else layout
    if sorted(wanted) != sorted(have) or wanted[0] != "B":
        raise UsageError(f"layout={layout!r}: must be B and then T, C, H and W in any order, such as BCTHW")
    return tuple(have.index(axis) for axis in wanted)


def tensor(array: npt.NDArray[Any], order: tuple[int, ...] | None = None) -> Any:
    """Return a tensor on the same memory, its axes in another order; for JPEGs, nested lists of uint8 tensors."""
    if array.dtype != object:
        made = torch.from_numpy(array)
        return made if order is None else made.permute(order)
    if array.ndim > 1:
        return [tensor(row) for row in array]
    if len(array) and isinstance(array[0], bytes):
        return [torch.from_numpy(np.frombuffer(data, np.uint8).copy()) for data in array]
    return array.tolist()


def _first(values: Any) -> Any:
    return values[0]
