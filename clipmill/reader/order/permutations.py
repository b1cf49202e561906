"""Orders of an epoch: pure functions of the seed, the epoch and the clips.

So any host can start anywhere, and all of them agree. Saved states hold only an epoch and a
step, so the numbers that these functions give must never change (`clipmill.reader.state.STATE`
is raised where they do): a training that continues from a state would see some clips twice and
others never.
"""

# ruff: noqa: D102 (ClipOrder and Lanes say once what the methods do)

from __future__ import annotations

from math import isqrt
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from clipmill.reader.draws import Ints, Word, mix64, round_keys
from clipmill.reader.order.id_hashes import IdHashes

#: Rounds of the Feistel network: with 12, orders of five things are still uneven enough to be seen; with 16 not.
ROUNDS = 16
#: Clips that the streaming path reads at once where nothing is shuffled.
IN_ORDER_WINDOW = 16


class Permutation:
    """Computes a pseudo-random permutation of 0 .. size - 1 without storing it.

    A Feistel network over pairs (left, right) of a rectangle just larger than
    `size`, with addition modulo its sides (Black and Rogaway, "Ciphers with
    arbitrary finite domains", 2002); numbers that fall outside are sent through it again.

    Why it is a permutation: each round adds to one half a function of the other half, which
    can be subtracted again, so the network is one to one on the rectangle. A number that falls
    outside is sent on along a cycle of that permutation until it is inside; two numbers never
    reach the same one, so none is given twice. Taking the result modulo `size` instead
    would give some clips twice and leave others out.

    Args:
        size: how many numbers.
        key: which permutation.
    """

    def __init__(self, size: int, *key: Word) -> None:
        self.size = size
        self._rows = isqrt(max(size - 1, 0)) + 1
        self._columns = -(-size // self._rows)
        self._keys = round_keys(ROUNDS, "permutation", size, *key)

    def __call__(self, positions: npt.ArrayLike) -> Ints:
        """Return where the permutation sends each of `positions`, which are in 0 .. size - 1."""
        out = self._once(np.asarray(positions, np.int64))
        outside = out >= self.size
        while outside.any():
            out[outside] = self._once(out[outside])
            outside = out >= self.size
        return out

    def _once(self, numbers: Ints) -> Ints:
        """Send numbers of the rectangle through the network once."""
        left, right = np.divmod(numbers.astype(np.uint64), np.uint64(self._columns))
        rows, columns = np.uint64(self._rows), np.uint64(self._columns)
        for pair in range(0, ROUNDS, 2):
            left = (left + mix64(right + self._keys[pair]) % rows) % rows
            right = (right + mix64(left + self._keys[pair + 1]) % columns) % columns
        sent: Ints = (left * columns + right).astype(np.int64)
        return sent


class ClipOrder(Protocol):
    """The order of one epoch. Clips are numbered as in the clip set."""

    size: int

    def at(self, positions: Ints) -> tuple[Ints, Ints]:
        """Return the clip at each position, and which repetition of that clip in this epoch it is."""


class Lanes(Protocol):
    """An order that goes through files from front to back, in lanes that take turns.

    Position p of the epoch is turn p // lanes of lane p % lanes. A lane has a sequence of places, the clips as they
    follow each other in its files; inside each window of turns the places are shuffled.
    """

    lanes: int

    def window(self, lane: int, turn: int) -> tuple[int, int]:
        """Return the first turn of the window that a turn is in, and the first after it."""

    def shuffled(self, lane: int, turns: Ints) -> Ints:
        """Return the place in the lane's sequence that each turn takes."""

    def clips(self, lane: int, places: Ints) -> Ints:
        """Return the clips at these places."""

    def lane_size(self, lane: int) -> int:
        """Return how many clips a lane has."""


class InOrder:
    """Clips in the order of the clip table: by split, length and clip id.

    For the streaming path it is one lane whose windows are not shuffled.
    """

    lanes = 1

    def __init__(self, size: int) -> None:
        self.size = size

    def at(self, positions: Ints) -> tuple[Ints, Ints]:
        return positions, np.zeros_like(positions)

    def window(self, lane: int, turn: int) -> tuple[int, int]:
        begin = turn // IN_ORDER_WINDOW * IN_ORDER_WINDOW
        return begin, min(begin + IN_ORDER_WINDOW, self.size)

    def shuffled(self, lane: int, turns: Ints) -> Ints:
        return turns

    def clips(self, lane: int, places: Ints) -> Ints:
        return places

    def lane_size(self, lane: int) -> int:
        return self.size


class Shuffled:
    """Every clip once, every order equally likely, by nothing but the key and the clips' ids.

    It is sorted when it is made, and takes 4 bytes a clip. Lengths and other clips have no part in it: the order of
    some clips is that of all with the others left out.
    """

    def __init__(self, hashes: IdHashes, *key: Word) -> None:
        self._clips = hashes.sorted_by(*key)
        self.size = len(self._clips)

    def at(self, positions: Ints) -> tuple[Ints, Ints]:
        return self._clips[positions].astype(np.int64), np.zeros_like(positions)


class RunningWeights(NamedTuple):
    """The weights of clips in an order that their lengths do not decide.

    Attributes:
        clips: (clips,) int32, the clips' numbers in that order.
        cumulative: (clips,) float64, the running sum of their weights, ends in 1.
    """

    clips: npt.NDArray[np.int32]
    cumulative: npt.NDArray[np.float64]


class Weighted:
    """Clips in random order, each as often as its weight says.

    The epoch has `size` slots, each of which draws from its own 1/size of the
    weights' running sum; so a clip whose share is 2.3 slots comes one to four
    times, 2.3 times on average.

    Args:
        size: clips in an epoch, repetitions counted.
        weights: of the clips.
        key: which order.
    """

    def __init__(self, size: int, weights: RunningWeights, *key: Word) -> None:
        self.size = size
        self._clips, self._cumulative = weights
        self._permutation = Permutation(size, *key)
        self._jitter = round_keys(1, "jitter", *key)[0]

    def at(self, positions: Ints) -> tuple[Ints, Ints]:
        slots = self._permutation(positions)
        inside = mix64(slots.astype(np.uint64) + self._jitter) >> np.uint64(11)
        drawn = (slots + inside * 2.0**-53) / self.size
        places = np.searchsorted(self._cumulative, drawn, side="right")
        # Rounding may leave the running sum slightly below 1, where a draw of 0.999... would find no clip.
        places = np.minimum(places, len(self._cumulative) - 1)
        # A clip's slots follow each other, so its first slot tells how often it came before this one. Two slots of one
        # clip thus get different repetitions, and with them different windows and crops.
        begins = np.where(places > 0, self._cumulative[places - 1], 0.0)
        return self._clips[places].astype(np.int64), slots - np.floor(begins * self.size).astype(np.int64)
