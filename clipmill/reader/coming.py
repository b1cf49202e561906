"""Clips of a listing that are not in shards yet: what makes them says what is known of each, and gives its frames.

The reader does not know how clips are made (`clipmill.pipeline.first_epoch` does, while it builds the data set). It
asks for the clip of a row of the table, and waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from clipmill.errors import UsageError
from clipmill.reader.access.frame_ranges import StoredFrames
from clipmill.records.base import FrameFacts


class LengthChanged(Exception):
    """A clip has another number of frames than its packets promised: draw again."""


class ComingClip(Protocol):
    """A clip whose length is known, and whose frames are there or will be.

    Attributes:
        frames: how many it has.
        size: (height, width) of its frames; None before the first of them is decoded.
    """

    frames: int
    size: tuple[int, int] | None

    def facts(self) -> FrameFacts:
        """Return times and numbers of all its frames."""

    def read(self, wanted: Sequence[int], facts: bool) -> StoredFrames:
        """Read frames by their numbers, increasing, once they are decoded; after that `size` is known.

        Args:
            facts: whether to read their times and numbers as well.

        Raises:
            DataError: the clip could not be made.
            LengthChanged: take the clip again.
        """


class Coming(Protocol):
    """Makes the clips of a table, each once, in the order in which they are needed."""

    def follow(self, rows: Iterable[int], host: tuple[int, int]) -> None:
        """Make the clips of these rows first, in this order; of all others those of the host's share."""

    def learn(self, rows: Sequence[int]) -> None:
        """Wait until the table holds length and size of these rows' clips, a length of 0 where one cannot be made."""

    def clip(self, row: int, *, whole: bool) -> ComingClip:
        """Wait until the length of a row's clip is known.

        Args:
            whole: wait for all of its frames.

        Raises:
            DataError: the clip could not be made; the text says why.
        """


class MadeElsewhere:
    """Stands for what makes the clips in a process of `workers=`, which gets JPEGs from the one that makes them."""

    def follow(self, rows: Iterable[int], host: tuple[int, int]) -> None:
        """Raise UsageError."""
        raise _one_process()

    def learn(self, rows: Sequence[int]) -> None:
        """Raise UsageError."""
        raise _one_process()

    def clip(self, row: int, *, whole: bool) -> ComingClip:
        """Raise UsageError."""
        raise _one_process()


def _one_process() -> UsageError:
    return UsageError(
        "clips of a listing that is being built are made by one process: read with workers= of batches(), not with "
        "the workers of a DataLoader"
    )
