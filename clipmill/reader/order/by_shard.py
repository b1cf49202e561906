"""The order of `shuffle="shards"`, for storage that is read from front to back."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from clipmill.errors import UsageError
from clipmill.reader.draws import Ints, Word
from clipmill.reader.order.permutations import Permutation


class Shards(msgspec.Struct, frozen=True, tag=True):
    """An order that reads shards from front to back.

    The shards, in random order, are laid end to end and cut into `lanes` equal parts,
    which take turns; inside a lane every `window` clips are shuffled. It is less even
    than a full shuffle: `clipmill.reader.evenness` measures how much.

    Attributes:
        lanes: parts read side by side; a host reads only its own where hosts divide lanes.
        window: clips of a lane that are shuffled among themselves.

    >>> len(clips.batches(FirstFrames(2), batch_size=8, shuffle=Shards(lanes=2)))
    4
    """

    lanes: int = 8
    window: int = 32

    def __post_init__(self) -> None:
        if self.lanes < 1 or self.window < 1:
            raise UsageError(f"Shards(lanes={self.lanes}, window={self.window}): both must be positive")


class ByShard:
    """One epoch in the order of `Shards`.

    Args:
        shard: (clips,) the shard of each clip, as a number.
        offset: (clips,) where in the shard it lies.
        shards: lanes and window.
        key: which order.
    """

    def __init__(self, shard: npt.NDArray[np.integer[Any]], offset: Ints, shards: Shards, *key: Word) -> None:
        self.size = len(shard)
        self.lanes = max(1, min(shards.lanes, self.size))
        self._window = shards.window
        self._key = key
        self._numbers = _by_place(shard, offset)
        grouped = shard if self._numbers is None else shard[self._numbers]
        firsts = np.flatnonzero(np.diff(grouped, prepend=-1))
        counts = np.diff(firsts, append=self.size)
        shuffled = Permutation(len(firsts), "shards", *key)(np.arange(len(firsts)))
        self._firsts = firsts[shuffled]
        self._ends = np.cumsum(counts[shuffled])
        self._begins = self._ends - counts[shuffled]

    def at(self, positions: Ints) -> tuple[Ints, Ints]:
        """Return the clip at each position, and 0: none comes twice."""
        clips = np.empty_like(positions)
        lanes = positions % self.lanes
        for lane in np.unique(lanes):
            here = lanes == lane
            places = self.shuffled(int(lane), positions[here] // self.lanes)
            clips[here] = self.clips(int(lane), places)
        return clips, np.zeros_like(positions)

    def window(self, lane: int, turn: int) -> tuple[int, int]:
        """Return the first turn of the window that a lane's turn is in, and the first after it."""
        begin = turn // self._window * self._window
        return begin, min(begin + self._window, self.lane_size(lane))

    def shuffled(self, lane: int, turns: Ints) -> Ints:
        """Return the place in the lane's sequence of files that each turn takes."""
        out = np.empty_like(turns)
        todo = np.ones(len(turns), bool)
        while todo.any():
            begin, end = self.window(lane, int(turns[todo.argmax()]))
            here = (turns >= begin) & (turns < end)
            out[here] = begin + Permutation(end - begin, "window", *self._key, lane, begin)(turns[here] - begin)
            todo &= ~here
        return out

    def clips(self, lane: int, places: Ints) -> Ints:
        """Return the clips at these places of a lane's sequence, which follows the files."""
        each, more = divmod(self.size, self.lanes)
        at = each * lane + min(lane, more) + places
        run = np.searchsorted(self._ends, at, side="right")
        numbers = self._firsts[run] + at - self._begins[run]
        found: Ints = numbers if self._numbers is None else self._numbers[numbers]
        return found

    def lane_size(self, lane: int) -> int:
        """Return how many clips a lane has; two lanes differ by one at most."""
        return self.size // self.lanes + (lane < self.size % self.lanes)


def _by_place(shard: npt.NDArray[np.integer[Any]], offset: Ints) -> Ints | None:
    """Return the clips sorted by shard and offset, or None if they are sorted already."""
    moves = np.diff(shard.astype(np.int64))
    if bool(((moves > 0) | ((moves == 0) & (np.diff(offset) > 0))).all()):
        return None
    return np.lexsort((offset, shard))
