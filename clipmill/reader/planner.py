"""Planning the batches of any epoch from clips and options, before a byte of a clip is read."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from clipmill.errors import UsageError
from clipmill.reader.clips import Clips
from clipmill.reader.options import ReaderOptions
from clipmill.reader.order.batching import BatchPlan, ByLength, InChunks, InTurn, Windows
from clipmill.reader.order.by_shard import ByShard, Shards
from clipmill.reader.order.id_hashes import IdHashes
from clipmill.reader.order.permutations import ClipOrder, InOrder, Lanes, RunningWeights, Shuffled, Weighted
from clipmill.reader.sampling.samplers import Chunks

log = logging.getLogger("clipmill.reader")


class Planner:
    """Plans epochs for a set of clips.

    Args:
        clips: the set.
        options: of `ClipSet.batches`.
        weights: None, "balanced", or (clips,) numbers.

    Attributes:
        clips: the set without the clips that `short="drop"` leaves out.
        dropped: the number of those.
        sizes: the different (height, width) of their frames.
        size: clips in an epoch, repetitions counted.
    """

    def __init__(self, clips: Clips, options: ReaderOptions, weights: Any = None) -> None:
        if not len(clips):
            raise UsageError(f"{clips!r}: there are no clips to read")
        self._options = options
        keep = ~self._too_short(clips)
        self.dropped = len(clips) - int(np.count_nonzero(keep))
        self.clips = clips if not self.dropped else _kept(clips, keep)
        self.sizes = _sizes(self.clips)
        self._weighted = self._weights(weights, len(clips), keep)
        if options.clips_per_epoch is not None and self._weighted is None:
            raise UsageError("clips_per_epoch: needs weights or a mix; without them, an epoch is every clip once")
        self.size = options.clips_per_epoch or len(self.clips)
        self._counts, self._windows = self._lengths()
        self._plans: dict[int, BatchPlan] = {}

    def __getstate__(self) -> dict[str, Any]:
        left_out = ("_plans", "_hashes")  # computed again where they are wanted
        return {**{name: value for name, value in self.__dict__.items() if name not in left_out}, "_plans": {}}

    def order(self, epoch: int) -> ClipOrder:
        """Return the order in which an epoch goes through the clips."""
        key = (self._options.seed, epoch)
        shuffle = self._options.shuffle
        if self._weighted is not None:
            return Weighted(self.size, self._weighted, *key)
        if isinstance(shuffle, Shards):
            table, rows = self.clips.table, self.clips.rows
            return ByShard(table.shard[rows], table.offset[rows], shuffle, *key)
        return Shuffled(self._hashes, *key) if shuffle else InOrder(self.size)

    def lanes(self, epoch: int) -> Lanes:
        """Return the order of an epoch that goes through files from front to back."""
        order = self.order(epoch)
        assert isinstance(order, ByShard | InOrder)
        return order

    def plan(self, epoch: int) -> BatchPlan:
        """Return the batches of an epoch."""
        plans = self._plans  # other threads may ask for other epochs
        if epoch in plans:
            return plans[epoch]
        made = self._plan(epoch)
        # Two plans are kept, since the next epoch may be needed while this one is being read.
        self._plans = {**dict(list(plans.items())[-1:]), epoch: made}
        return made

    @property
    def constant(self) -> bool:
        """Whether all epochs have as many batches."""
        return self._options.max_frames_per_batch is None and not isinstance(self._options.sampler, Chunks)

    @property
    def frames(self) -> int | None:
        """Frames of every window of every batch, or None where batches differ."""
        return self._windows.fixed

    def batch_rows(self, hosts: int) -> int | None:
        """Return the rows of every batch on one of `hosts` hosts, or None where batches differ."""
        size = self._options.batch_size
        if size is None or self._options.max_frames_per_batch is not None:
            return None
        whole = self._options.drop_remainder or self.size % size == 0
        return -(-size // hosts) if whole else None

    @cached_property
    def _hashes(self) -> IdHashes:
        dataset = self.clips.table.dataset
        names = [member.name for member in self.clips.members]
        return IdHashes(self.clips.ids, names, None if dataset is None else dataset[self.clips.rows])

    def _plan(self, epoch: int) -> BatchPlan:
        options, order = self._options, self.order(epoch)
        if not options.sorts:
            return InTurn(order, options.batch_size or 1, self._windows, options.drop_remainder)
        plan = ByLength(
            order,
            self._counts,
            self._windows,
            options.batch_size,
            options.max_frames_per_batch,
            options.drop_remainder,
            bool(options.shuffle),
            options.seed,
            epoch,
        )
        return InChunks(plan, self._counts, options.sampler) if isinstance(options.sampler, Chunks) else plan

    def _too_short(self, clips: Clips) -> npt.NDArray[np.bool_]:
        sampler = self._options.sampler
        if sampler.policy not in ("drop", "error"):
            return np.zeros(len(clips), bool)
        lengths = clips.lengths
        short = sampler.too_short(lengths)
        count = int(np.count_nonzero(short))
        if count:
            first = int(short.argmax())
            name, frames = clips.ids[first].as_py(), lengths.frames[first]
            said = f"{count} of {len(clips)} clips are too short for {sampler!r}, such as {name} with {frames} frames"
            if sampler.policy == "error" or count == len(clips):
                raise UsageError(f"{said}; use short='loop', 'hold', 'pad' or 'drop'")
            log.warning("%s; they are left out", said)
        return short

    def _weights(self, weights: Any, count: int, keep: npt.NDArray[np.bool_]) -> RunningWeights | None:
        """Return the kept clips' weights, or None where all are equal."""
        mixed = len(self.clips.members) > 1
        if weights is None and not mixed:
            return None
        if self._options.shuffle is not True:
            raise UsageError("weights and mixes need shuffle=True")
        if isinstance(weights, str) and weights != "balanced":
            raise UsageError(f"weights={weights!r}: give 'balanced' or one number for each clip")
        table, rows = self.clips.table, self.clips.rows
        member = np.zeros(len(rows), np.int64) if table.dataset is None else table.dataset[rows].astype(np.int64)
        if weights is None:
            each = np.ones(len(rows))
        elif isinstance(weights, str):
            places, label = table.pairs(rows)
            label = label + 1 + member[places] * (len(self.clips.labels) + 1)
            each = np.zeros(len(rows))
            # A clip of several classes comes as often as its rarest one asks for.
            np.maximum.at(each, places, 1 / np.bincount(label)[label])
        else:
            each = np.asarray(weights, np.float64)
            if each.shape != (count,) or not (each >= 0).all() or not np.isfinite(each).all():
                raise UsageError(f"weights: must be {count} numbers, none negative, one for each clip of the set")
            each = each[keep]
        # Summed in this order, not in that of the table, which is by length.
        clips = self._hashes.sorted_by("weights")
        each, member = each[clips], member[clips]
        sums = np.bincount(member, each, minlength=len(self.clips.members))
        if not (sums > 0).all():
            raise UsageError("weights: no clip has a weight above 0")
        shares = np.array([m.share for m in self.clips.members])
        shares /= sum(shares)
        running = np.cumsum(each * (shares / sums)[member])
        return RunningWeights(clips, running / running[-1])

    def _lengths(self) -> tuple[npt.NDArray[np.int64], Windows]:
        """Return the frames that each clip gives, for planning batches, and the rule for the windows of a batch."""
        options, sampler = self._options, self._options.sampler
        fixed = sampler.length if options.lengths in ("pad", "truncate") else int(options.lengths)
        if fixed is not None and not options.sorts:
            return np.empty(0, np.int64), Windows(None, fixed)
        lengths = self.clips.lengths
        # Chunks are planned by whole clips, of which each step takes a part.
        counts = lengths.frames if isinstance(sampler, Chunks) else sampler.counts(lengths)
        return counts, Windows(counts, fixed, options.lengths == "truncate")


def _kept(clips: Clips, keep: npt.NDArray[np.bool_]) -> Clips:
    return Clips(clips.members, clips.table, clips.rows[keep], clips.labels)


def _sizes(clips: Clips) -> list[tuple[int, int]]:
    height, width = clips.table.height[clips.rows], clips.table.width[clips.rows]
    if height.min() == height.max() and width.min() == width.max():
        return [(int(height[0]), int(width[0]))]
    both = np.unique(height.astype(np.int64) << 32 | width)
    return [(int(pair >> 32), int(pair & 0xFFFFFFFF)) for pair in both]
