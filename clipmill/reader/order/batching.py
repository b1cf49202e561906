"""Cutting an epoch into batches, planned from the clips' lengths alone, before a byte of them is read."""

# ruff: noqa: D102 (BatchPlan says once what the methods do)

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from clipmill.errors import UsageError
from clipmill.reader.draws import Ints, Word, mix64, round_keys
from clipmill.reader.order.permutations import ClipOrder, Permutation
from clipmill.reader.sampling.samplers import Chunks

#: With `by_length`, lengths this close count as equal, so that batches do not always have the same clips.
JITTER = 0.005
#: Positions that are computed at once.
PIECE = 1 << 16
#: Positions that are computed for the steps that come next.
AHEAD = 1 << 10


class Step(NamedTuple):
    """One global batch; each host takes its share of it.

    Attributes:
        clips: (n,) numbers in the clip set.
        repeats: (n,) how often each clip came before in this epoch.
        frames: of every window in the batch.
        chunk: how many chunks of these clips were given before.
    """

    clips: Ints
    repeats: Ints
    frames: int
    chunk: int = 0


class BatchPlan(Protocol):
    """The batches of one epoch."""

    steps: int

    def step(self, index: int) -> Step:
        """Return batch number `index`."""

    def sequence(self) -> Ints:
        """Return all clips in the order in which batches bring them."""


class Windows(NamedTuple):
    """The rule for the number of frames in a batch's windows.

    Attributes:
        counts: (clips,) frames that each clip of the set gives; None where all give `fixed`.
        fixed: frames of every window, or None.
        truncate: whether a batch is cut to its shortest window, not padded to its longest.
    """

    counts: Ints | None
    fixed: int | None
    truncate: bool = False

    def of(self, clips: Ints) -> int:
        """Return how many frames the windows of a batch of these clips have."""
        if self.fixed is not None or self.counts is None:
            return self.fixed or 0
        counts = self.counts[clips]
        return int(counts.min() if self.truncate else counts.max())


class InTurn:
    """Batches of `size` clips as the order gives them, computed when asked for."""

    def __init__(self, order: ClipOrder, size: int, windows: Windows, drop_remainder: bool) -> None:
        self.steps = order.size // size if drop_remainder else -(-order.size // size)
        self._order = order
        self._size = size
        self._windows = windows
        self._ahead: tuple[int, Ints, Ints] = (0, np.empty(0, np.int64), np.empty(0, np.int64))

    def step(self, index: int) -> Step:
        first = index * self._size
        start, clips, repeats = self._ahead
        if not 0 <= first - start < len(clips):
            # Some steps at once: an order costs as much for a few positions as for a hundred.
            ahead = self._size * max(1, AHEAD // self._size)
            start = first - first % ahead
            clips, repeats = self._order.at(np.arange(start, min(start + ahead, self._order.size)))
            self._ahead = start, clips, repeats
        mine = slice(first - start, first - start + self._size)
        return Step(clips[mine], repeats[mine], self._windows.of(clips[mine]))

    def sequence(self) -> Ints:
        return self._order.at(np.arange(min(self.steps * self._size, self._order.size)))[0]


class ByLength:
    """Batches of clips of like length, in random order.

    The epoch's clips are sorted by length, those of (nearly) the same length in the
    epoch's order, and cut: after `size` clips, or before a batch would hold more than
    `max_frames` frames, padding counted. With `size`, the longest clips make the batch
    that takes what is left over; or with `drop_remainder` random ones are left out.

    Args:
        order: of the epoch.
        lengths: (clips,) frames that each clip gives.
        windows: of the batches.
        size: clips of a batch; with `max_frames` the most clips.
        max_frames: frames of a batch.
        drop_remainder: whether the batch with fewer than `size` is left out.
        shuffle: whether batches come in random order, not by length.
        key: which random order.
    """

    def __init__(
        self,
        order: ClipOrder,
        lengths: Ints,
        windows: Windows,
        size: int | None,
        max_frames: int | None,
        drop_remainder: bool,
        shuffle: bool,
        *key: Word,
    ) -> None:
        self._windows = windows
        clips, repeats = _whole(order)
        sorting = lengths[clips].astype(np.float64)
        if shuffle:
            word = round_keys(1, "length", *key)[0]
            unit = (mix64(np.arange(order.size, dtype=np.uint64) + word) >> np.uint64(11)) * 2.0**-53
            sorting *= 1 + JITTER * (2 * unit - 1)
        by_length = np.argsort(sorting, kind="stable")
        self._clips, self._repeats = clips[by_length], repeats[by_length]
        self._cuts = (
            _cut_by_frames(lengths[self._clips], max_frames, size)
            if max_frames is not None
            else _cut_by_size(order.size, size or 1, drop_remainder, shuffle, *key)
        )
        self.steps = len(self._cuts)
        self._batches = Permutation(self.steps, "batches", *key) if shuffle else None

    def step(self, index: int) -> Step:
        batch = int(self._batches([index])[0]) if self._batches else index
        begin, end = self._cuts[batch]
        clips = self._clips[begin:end]
        return Step(clips, self._repeats[begin:end], self._windows.of(clips))

    def sizes(self) -> tuple[Ints, Ints, Ints]:
        """Return the batches in the order they are given: begin and end in `clips`, and `clips` itself."""
        which = self._batches(np.arange(self.steps)) if self._batches else np.arange(self.steps)
        return self._cuts[which, 0], self._cuts[which, 1], self._clips

    def sequence(self) -> Ints:
        begins, ends, clips = self.sizes()
        return np.concatenate([clips[:0], *(clips[begin:end] for begin, end in zip(begins, ends, strict=True))])


class InChunks:
    """The batches of `inner`, each spread over as many steps as its clips need."""

    def __init__(self, inner: ByLength, frames: Ints, chunks: Chunks) -> None:
        self._inner = inner
        self._frames = chunks.frames
        begins, ends, clips = inner.sizes()
        each = [chunks.steps(frames[clips[begin:end]]) for begin, end in zip(begins, ends, strict=True)]
        self._ends = np.cumsum(np.array(each, np.int64))
        self.steps = int(self._ends[-1]) if len(each) else 0

    def step(self, index: int) -> Step:
        batch = int(np.searchsorted(self._ends, index, side="right"))
        chunk = index - (int(self._ends[batch - 1]) if batch else 0)
        return self._inner.step(batch)._replace(frames=self._frames, chunk=chunk)

    def sequence(self) -> Ints:
        return self._inner.sequence()


def _whole(order: ClipOrder) -> tuple[Ints, Ints]:
    clips, repeats = np.empty(order.size, np.int32), np.empty(order.size, np.int32)
    for first in range(0, order.size, PIECE):
        piece = slice(first, min(first + PIECE, order.size))
        clips[piece], repeats[piece] = order.at(np.arange(piece.start, piece.stop))
    return clips, repeats  # type: ignore[return-value]


def _cut_by_size(count: int, size: int, drop_remainder: bool, shuffle: bool, *key: Word) -> Ints:
    left_over = count % size
    begins = np.arange(0, count - left_over, size)
    cuts = np.column_stack([begins, begins + size])
    if not left_over:
        return cuts
    if not drop_remainder:
        # The longest clips are the furthest apart, so the small batch saves most there.
        return np.append(cuts, [[count - left_over, count]], axis=0)
    # The clips left out are of any length, so that no clip is always left out.
    place = int(round_keys(1, "left over", *key)[0] % np.uint64(len(cuts) + 1)) if shuffle else len(cuts)
    cuts[place:] += left_over
    return cuts


def _cut_by_frames(lengths: Ints, max_frames: int, size: int | None) -> Ints:
    """Cut clips sorted by (nearly) increasing length; return begin and end of each batch."""
    # Jitter leaves the sorted lengths a little uneven; the running maximum is what a batch would be padded to.
    longest = np.maximum.accumulate(lengths)
    if len(lengths) and longest[-1] > max_frames:
        raise UsageError(f"max_frames_per_batch={max_frames}: the longest clip alone gives {longest[-1]} frames")
    cuts = []
    begin = 0
    while begin < len(lengths):
        most = min(max_frames // int(longest[begin]), size or len(lengths), len(lengths) - begin)
        fits = np.arange(1, most + 1) * longest[begin : begin + most] <= max_frames
        end = begin + int(fits.sum())
        cuts.append((begin, end))
        begin = end
    return np.array(cuts, np.int64).reshape(-1, 2)
