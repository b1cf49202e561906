"""Samplers: which frames of a clip.

A sampler is a small frozen value. What is done with clips that are too short is its
`short`: loop, hold, pad, drop or error (see `clipmill.reader.sampling.short_clips`).
"""

# ruff: noqa: D102 (Sampler says once what the methods do)

from __future__ import annotations

from typing import ClassVar

import numpy as np

from clipmill.errors import UsageError
from clipmill.reader.draws import Draws, Ints
from clipmill.reader.sampling import short_clips as policies
from clipmill.reader.sampling.base import Bools, ClipTimes, Lengths, Sampler, positive


class WholeClip(Sampler, frozen=True):
    """Every frame of the clip.

    >>> clips.batches(WholeClip(), batch_size=1).at(0, 0)["frame_index"].tolist()
    [[0, 1, 2, 3, 4]]
    """

    def pick(self, clip: ClipTimes, draws: Draws) -> Ints:
        return np.arange(clip.frames)


class EveryKth(Sampler, frozen=True):
    """Frames 0, k, 2k, ... of the clip.

    >>> clips.batches(EveryKth(2), batch_size=1).at(0, 0)["frame_index"].tolist()
    [[0, 2, 4]]
    """

    k: int

    def __post_init__(self) -> None:
        positive(k=self.k)

    def counts(self, clips: Lengths) -> Ints:
        return -(-clips.frames // self.k)

    def pick(self, clip: ClipTimes, draws: Draws) -> Ints:
        return np.arange(0, clip.frames, self.k)


class _Window(Sampler, frozen=True):
    frames: int
    stride: int = 1
    short: str = "loop"

    def __post_init__(self) -> None:
        positive(frames=self.frames, stride=self.stride)
        policies.check(self.short)

    @property
    def length(self) -> int:
        return self.frames

    def filled(self, clips: Lengths) -> Ints:
        if self.short != "pad":
            return self.counts(clips)
        return np.minimum(self.frames, -(-clips.frames // self.stride))

    def too_short(self, clips: Lengths) -> Bools:
        return clips.frames < self._span()

    def pick(self, clip: ClipTimes, draws: Draws) -> Ints:
        start = self._start(max(0, clip.frames - self._span()), draws)
        return policies.fit(start + np.arange(self.frames) * self.stride, clip.frames, self.short)

    def _span(self) -> int:
        return (self.frames - 1) * self.stride + 1

    def _start(self, room: int, draws: Draws) -> int:
        raise NotImplementedError


class FirstFrames(_Window, frozen=True):
    """The first `frames` frames, `stride` apart.

    >>> clips.batches(FirstFrames(3), batch_size=1).at(0, 0)["frame_index"].tolist()
    [[0, 1, 2]]
    """

    def _start(self, room: int, draws: Draws) -> int:
        return 0


class RandomWindow(_Window, frozen=True):
    """`frames` frames, `stride` apart, from a random start: every place that fits is equally likely.

    >>> clips.batches(RandomWindow(4), batch_size=2).at(0, 0)["frames"].shape
    (2, 4, 48, 64, 3)
    """

    def _start(self, room: int, draws: Draws) -> int:
        return draws.below(room + 1)


class CentreWindow(_Window, frozen=True):
    """`frames` frames, `stride` apart, in the middle of the clip.

    >>> clips.batches(CentreWindow(3), batch_size=1).at(0, 0)["frame_index"].tolist()
    [[1, 2, 3]]
    """

    def _start(self, room: int, draws: Draws) -> int:
        return room // 2


class UniformWindows(_Window, frozen=True):
    """`windows` test windows: the first at the clip's start, the last at its end, the others between.

    Each is a view. With `ThreeCrops` there are three views of each window.

    >>> clips.batches(UniformWindows(3, windows=2), batch_size=1).at(0, 0)["frame_index"].tolist()
    [[[0, 1, 2], [2, 3, 4]]]
    """

    windows: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(windows=self.windows)

    @property
    def views(self) -> int:
        return self.windows

    def _start(self, room: int, draws: Draws) -> int:
        if self.windows == 1:
            return room // 2
        return round(room * (draws.view % self.windows) / (self.windows - 1))


class Segments(Sampler, frozen=True):
    """One frame from each of `segments` equal parts of the clip, as in TSN (Wang et al., 2016).

    A random one of the part, or with `random=False` the one in its middle. A clip with
    fewer frames than parts gives some of them twice.

    >>> clips.batches(Segments(3, random=False), batch_size=1).at(0, 0)["frame_index"].tolist()
    [[0, 2, 4]]
    """

    segments: int
    random: bool = True

    def __post_init__(self) -> None:
        positive(segments=self.segments)

    @property
    def length(self) -> int:
        return self.segments

    def pick(self, clip: ClipTimes, draws: Draws) -> Ints:
        inside = [draws.random() if self.random else 0.5 for _ in range(self.segments)]
        places = (np.arange(self.segments) + inside) * (clip.frames / self.segments)
        return np.minimum(places.astype(np.int64), clip.frames - 1)


class AtFps(Sampler, frozen=True):
    """Frames at `fps` frames per second, by timestamp: for each tick the last frame shown by then.

    The clip's last frame is taken to be shown as long as the one before it was.

    Attributes:
        fps: ticks per second.
        frames: ticks of a window; None for the whole clip.
        start: where the window begins: random, centre or first.
        short: what to do with a clip that has fewer ticks than `frames`.

    >>> clips.batches(AtFps(12.5, 4), batch_size=2).at(0, 0)["frames"].shape
    (2, 4, 48, 64, 3)
    """

    timed: ClassVar[bool] = True

    fps: float
    frames: int | None = None
    start: str = "random"
    short: str = "loop"

    def __post_init__(self) -> None:
        positive(fps=self.fps, frames=1 if self.frames is None else self.frames)
        policies.check(self.short)
        if self.start not in ("random", "centre", "first"):
            raise UsageError(f"start={self.start!r}: not one of random, centre, first")

    @property
    def length(self) -> int | None:
        return self.frames

    def counts(self, clips: Lengths) -> Ints:
        return self._ticks(clips) if self.frames is None else super().counts(clips)

    def too_short(self, clips: Lengths) -> Bools:
        return self._ticks(clips) < (self.frames or 1)

    def pick(self, clip: ClipTimes, draws: Draws) -> Ints:
        if clip.times is None:
            raise ValueError("AtFps picks by the clip's times, and was given none")
        times = clip.times - clip.times[0]
        end = 2 * times[-1] - times[-2] if clip.frames > 1 else 1
        ticks = max(1, int(np.ceil(end * self.fps / 1e6 - 1e-3)))
        # Times are whole microseconds, rounded either way: a tick may come one too early.
        shown = np.searchsorted(times, np.arange(ticks) * 1e6 / self.fps + 1, side="right") - 1
        if self.frames is None:
            return shown
        room = max(0, ticks - self.frames)
        first = {"random": draws.below(room + 1), "centre": room // 2, "first": 0}[self.start]
        wanted = policies.fit(first + np.arange(self.frames), ticks, self.short)
        return np.where(wanted == policies.NOTHING, policies.NOTHING, shown[wanted])

    def _ticks(self, clips: Lengths) -> Ints:
        seconds = np.where(clips.frames > 1, clips.seconds, 0.0)  # unknown for a single frame
        ticks: Ints = np.maximum(1, np.ceil(seconds * self.fps - 1e-3)).astype(np.int64)
        return ticks


class Ranges(Sampler, frozen=True):
    """Explicit half-open ranges of frame numbers, the same for all clips or by clip id.

    Attributes:
        ranges: [(start, stop), ...], or {clip id: [(start, stop), ...]}; those of a clip
            follow each other in the batch.
        step: from one frame to the next within a range.
        short: what to do where a range ends past the clip; `loop` starts again at the clip's first frame.

    >>> clips.batches(Ranges([(0, 2), (3, 5)]), batch_size=1).at(0, 0)["frame_index"].tolist()
    [[0, 1, 3, 4]]
    """

    ranges: list[tuple[int, int]] | dict[str, list[tuple[int, int]]]
    step: int = 1
    short: str = "error"

    def __post_init__(self) -> None:
        positive(step=self.step)
        policies.check(self.short)
        for ranges in self._all():
            if not ranges or any(not 0 <= start < stop for start, stop in ranges):
                raise UsageError(f"ranges {ranges}: each is (start, stop) with 0 <= start < stop")

    @property
    def length(self) -> int | None:
        lengths = {len(self._frames(ranges)) for ranges in self._all()}
        return lengths.pop() if len(lengths) == 1 else None

    def counts(self, clips: Lengths) -> Ints:
        if self.length is not None:
            return super().counts(clips)
        return np.array([len(self._frames(self._of(str(name)))) for name in clips.ids], np.int64)

    def too_short(self, clips: Lengths) -> Bools:
        if isinstance(self.ranges, list):
            return clips.frames < max(stop for _, stop in self.ranges)
        ends = [max(stop for _, stop in self._of(str(name))) for name in clips.ids]
        return clips.frames < np.array(ends, np.int64)

    def pick(self, clip: ClipTimes, draws: Draws) -> Ints:
        wanted = self._frames(self._of(clip.clip_id))
        if wanted.max() < clip.frames:
            return wanted
        found = policies.SHORT[self.short](wanted, clip.frames)
        return np.concatenate([found[found >= 0], found[found < 0]])

    def _frames(self, ranges: list[tuple[int, int]]) -> Ints:
        return np.concatenate([np.arange(start, stop, self.step) for start, stop in ranges])

    def _all(self) -> list[list[tuple[int, int]]]:
        return list(self.ranges.values()) if isinstance(self.ranges, dict) else [self.ranges]

    def _of(self, clip_id: str) -> list[tuple[int, int]]:
        if isinstance(self.ranges, list):
            return self.ranges
        if clip_id not in self.ranges:
            raise UsageError(f"{clip_id}: Ranges has none for this clip; leave it out with select(ids=...)")
        return self.ranges[clip_id]


class Chunks(Sampler, frozen=True):
    """For recurrent training: a batch's clips go on over several steps, `frames` frames each.

    All clips of a batch begin together, with `reset` set, and end together; batches are
    formed of clips of like length, so that little is lost or empty.

    Attributes:
        frames: of each step.
        stride: from one frame to the next.
        tail: what to do with clips that end before or after the others: `pad` the short
            ones, or `cut` the long ones.

    >>> [bool(batch["reset"].all()) for batch in clips.batches(Chunks(16), batch_size=40)]
    [True, False]
    """

    frames: int
    stride: int = 1
    tail: str = "pad"

    def __post_init__(self) -> None:
        positive(frames=self.frames, stride=self.stride)
        if self.tail not in ("pad", "cut"):
            raise UsageError(f"tail={self.tail!r}: not one of pad, cut")

    @property
    def length(self) -> int:
        return self.frames

    def filled(self, clips: Lengths) -> Ints:
        return -(-clips.frames // self.stride)

    def steps(self, frames: Ints) -> int:
        """Count the steps that a batch of clips with these lengths takes."""
        kept = -(-frames // self.stride)
        return int(-(-kept.max() // self.frames) if self.tail == "pad" else max(1, kept.min() // self.frames))

    def pick(self, clip: ClipTimes, draws: Draws) -> Ints:
        first = clip.chunk * self.frames
        return policies.pad((first + np.arange(self.frames)) * self.stride, clip.frames)
