"""The interface of a reader, as the modules for each framework need it."""

from __future__ import annotations

from collections.abc import Collection, Generator
from typing import Any, Protocol

import numpy as np

from clipmill.reader.clips import Clips
from clipmill.reader.loading.batch_arrays import Arrays
from clipmill.reader.loading.buffers import Buffers
from clipmill.reader.loading.loader import Loader
from clipmill.reader.options import ReaderOptions
from clipmill.reader.planner import Planner


class EpochReader(Protocol):
    """The part of `clipmill.reader.Batches` that a framework needs; see there for its attributes and methods.

    `Batches.tf`, `Batches.keras` and `Batches.torch` call the modules of this folder, so these cannot import `Batches`.
    """

    clips: Clips
    options: ReaderOptions
    host: tuple[int, int]
    epoch: int
    step: int
    threads: int
    planner: Planner
    buffers: Buffers

    def __len__(self) -> int: ...

    @property
    def views(self) -> int:
        """Views of each clip."""

    def only(self, fields: Collection[str]) -> EpochReader:
        """Return the same reader, from the same step, with fewer fields."""

    def loader(self) -> Loader:
        """Return the loader, which draws, reads and decodes single clips."""

    def shapes(self) -> dict[str, tuple[tuple[int | None, ...], np.dtype[Any]]]:
        """Return shape and dtype of each field; None where batches differ."""

    def run(
        self, epoch: int, step: int, stride: int = 1, prefetch: int | None = None, threads: int | None = None
    ) -> Generator[Arrays, None, None]:
        """Make the batches `step`, `step + stride`, ... of an epoch; the reader itself stays at its step."""

    def at(self, epoch: int, step: int) -> Arrays:
        """Make the batch of any step; the reader itself stays at its step."""

    def alone(self, epoch: int, step: int) -> Arrays:
        """Make the batch of a step in this thread."""

    @property
    def goes_on(self) -> bool:
        """Whether the next pass begins in the middle of an epoch."""

    def begin(self) -> tuple[int, int]:
        """Begin a pass; returns its (epoch, first step)."""

    def advance(self, epoch: int, step: int) -> None:
        """Move the reader to the step after one that was handed out."""

    def set_epoch(self, epoch: int) -> None:
        """Go to the beginning of an epoch, from 0."""

    def state_dict(self) -> dict[str, Any]:
        """Return where the reader stands, and what it reads."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
