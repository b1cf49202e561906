"""When each frame of a file is shown, and which frames a clip takes.

Times are integers in microseconds, so that every machine computes the same ones.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise

import msgspec

from clipmill.messages import Span
from clipmill.options import FrameOptions

MICROSECONDS = 1_000_000
#: A thousand years: timestamps further apart are garbage, and would not fit a record's 64 bits for long.
GARBAGE = 1000 * 366 * 86400 * MICROSECONDS


class Timeline(msgspec.Struct, frozen=True):
    """When every frame of a file is shown.

    Attributes:
        times: microseconds from the first frame, strictly increasing, one per frame.
        origin: timestamp of the first frame in the stream's units; None where nothing is proven.
        clean: (frame number, timestamp) of the key frames where decoding may begin.
        lead: microseconds from the container's start, which is time 0 of ranges, to the first frame.
    """

    times: list[int]
    origin: int | None = None
    clean: list[tuple[int, int]] = []
    lead: int = 0

    @property
    def seconds(self) -> float:
        """When the last frame is shown, from the container's start."""
        return (self.lead + self.times[-1]) / MICROSECONDS

    def seconds_of(self, first: int | None, end: int | None) -> tuple[float | None, float | None]:
        """Return the range in seconds in which frames first to end - 1 are shown; its edges lie between two frames."""
        return self._before(first or 0), None if end is None else self._before(end)

    def _before(self, number: int) -> float | None:
        """Return a time between a frame and the one before it: None for the first, past all for one beyond the last."""
        if number == 0:
            return None
        times = self.times
        if number < len(times):
            at = (times[number - 1] + times[number]) // 2 + 1
        else:
            at = times[-1] + 1 + (number - len(times))
        return (at + self.lead) / MICROSECONDS

    def spans(self, start: float | None, end: float | None, options: FrameOptions, longest: int = 0) -> list[Span]:
        """Return the spans of the clip shown in [start, end) seconds; none if no frame is.

        Args:
            options: which frames are wanted, and the most of them.
            longest: cut the clip at clean key frames into spans of about this many frames; 0 to never cut.
        """
        # Ranges are half-open, so a frame is in exactly one of two ranges that touch. With the end included, a frame
        # shown at 10.0 s would be the last of 0-10 and the first of 10-20.
        first = 0 if start is None else bisect_left(self.times, round(start * MICROSECONDS) - self.lead)
        last = len(self.times) if end is None else bisect_left(self.times, round(end * MICROSECONDS) - self.lead)
        if first >= last:
            return []
        if options.max_frames:
            last = min(last, self._stop(first, options.max_frames - 1, options))
        cuts = [first]
        # The first max_frames ticks: how many of them a span would have is only known after decoding, so one span.
        if longest and not (options.max_frames and options.fps):
            for number, _ in self.clean[self._keys_until(first) : self._keys_until(last - 1)]:
                if number - cuts[-1] >= longest and last - number >= longest:
                    cuts.append(number)
        cuts.append(last)
        pieces = list(pairwise(cuts))
        return [self._span(part, len(pieces), *piece, first) for part, piece in enumerate(pieces)]

    def _stop(self, first: int, more: int, options: FrameOptions) -> int:
        """Return the number of the frame after the last one that is needed for `more` frames after the first."""
        if options.fps:
            return bisect_right(self.times, self.times[first] + tick_time(more, options.fps))
        return first + more * options.every + 1

    def _keys_until(self, number: int) -> int:
        """Count the clean key frames up to a frame, that one included."""
        return bisect_right(self.clean, number, key=lambda key: key[0])

    def _span(self, part: int, of: int, first: int, last: int, clip_first: int) -> Span:
        before = self._keys_until(first)
        seek_frame, seek = self.clean[before - 1] if before else (0, None)
        if not seek_frame:
            seek = None
        until = self.times[last] if last < len(self.times) else None
        return Span(part, of, first, last, clip_first, self.times[clip_first], until, seek, seek_frame, self.origin)


def frame_times(stamps: list[int | None], time_base: Fraction, fps: Fraction) -> list[int]:
    """Return microseconds from the first frame, strictly increasing, for frames in output order.

    Timestamps are sorted and given to the frames in output order, which is right even
    where timestamps are not. Where any is missing, frames are taken as evenly spaced.
    """
    # A decoder outputs frames in the order in which they are shown, whatever their timestamps say: three frames
    # that come with 0, 80, 40 are shown at 0, 40, 80. Sorting the frames by timestamp would swap the last two.
    known = [stamp for stamp in stamps if stamp is not None]
    times = _from_first(known, time_base) if len(known) == len(stamps) else None
    if times is None:
        return [round(number * MICROSECONDS / fps) for number in range(len(stamps))]
    return strictly_increasing(times)


def in_order(stamps: list[int], time_base: Fraction) -> list[int] | None:
    """Sort timestamps, in microseconds from the first one; None where two are the same."""
    times = _from_first(stamps, time_base)
    return times if times is not None and all(a < b for a, b in pairwise(times)) else None


def _from_first(stamps: list[int], time_base: Fraction) -> list[int] | None:
    """Sort timestamps, in microseconds from the first one; None where the range is absurd (`GARBAGE`)."""
    order = sorted(stamps)
    times = [microseconds(stamp - order[0], time_base) for stamp in order]
    return None if times and times[-1] > GARBAGE else times


def strictly_increasing(times: Iterable[int]) -> list[int]:
    """Sort, and raise ties by 1."""
    out: list[int] = []
    for time in sorted(times):
        out.append(time if not out or time > out[-1] else out[-1] + 1)
    return out


def microseconds(ticks: int, time_base: Fraction) -> int:
    """Convert ticks of a time base to the nearest microsecond."""
    # In integers: a float has 53 bits and a timestamp 64, so two machines could round the same time differently.
    return (ticks * time_base.numerator * MICROSECONDS * 2 + time_base.denominator) // (2 * time_base.denominator)


def tick_time(tick: int, fps: float) -> int:
    """Return the time of a tick of a frame rate, in microseconds from tick 0."""
    return round(tick * MICROSECONDS / fps)


def first_tick(time: int, fps: float) -> int:
    """Return the first tick at or after a time in microseconds."""
    # tick_time is asked, since a division does not undo its rounding: at 30 a second tick 2 is at 66,667, and
    # 66,667 * 30 / 1,000,000 is 2.00001, which would round up to tick 3.
    tick = max(0, int(time * fps / MICROSECONDS) - 1)
    while tick_time(tick, fps) < time:
        tick += 1
    return tick
