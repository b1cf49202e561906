"""The frames of one span of a file, each with its number and the time it is shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import av
import av.error
from av.video.frame import PictureType

from clipmill.messages import Span
from clipmill.video.container import Tally, Video
from clipmill.video.limits import refuse_giants
from clipmill.video.timeline import MICROSECONDS, first_tick, frame_times, microseconds, tick_time

#: Frames by which a codec may put timestamps out of order (H.264 and HEVC: 16).
REORDERED = 16


class Inexact(Exception):
    """Decoding did not give the frames that the proof from the packets expects."""


class Shown(NamedTuple):
    """A decoded frame, its number in the file, and the time it is shown.

    `time` is in microseconds from the file's first frame; None while it is not known.
    """

    frame: av.VideoFrame
    number: int
    time: int | None


class Walk:
    """Iterates over the frames of a span, once.

    Args:
        times: of all the file's frames, in microseconds, where they are known beforehand.

    Raises:
        Inexact: while iterating, where a proof does not hold.

    Attributes:
        span: that is walked.
        tally: packets read and refused.
        before: those that were read before any that the span's first frame can need.
        reached_end: the file was read to its end.
    """

    def __init__(self, video: Video, span: Span, times: list[int] | None = None) -> None:
        self._video = video
        self.span = span
        self._times = times
        self._stamps: list[int | None] = []
        context = video.stream.codec_context
        self._size = context.width, context.height  # as the container has it; decoding may change it
        self.tally = Tally()
        self.before = Tally()
        self.reached_end = False
        self._spoiled = False
        self._two_way = 0  # B-frames since the last other frame

    def __iter__(self) -> Iterator[Shown]:
        span = self.span
        refuse_giants(*self._size)
        if span.seek is not None:
            try:
                self._video.seek(span.seek)
            except av.error.FFmpegError as error:
                raise Inexact from error
        # Frames are counted from where decoding begins; with variable frame rates a frame's number cannot be computed
        # from its timestamp. So each packet must give one frame, in order: `_check` and the checks at the end hold
        # decoding to that.
        number = span.seek_frame
        for frame in self._video.frames(self.tally):
            refuse_giants(frame.width, frame.height)
            if span.seek is not None and not self._stamps and frame.pts is not None and frame.pts < span.seek:
                continue  # the demuxer could only seek to an earlier key frame
            self._check(frame)
            if number < span.first - REORDERED:
                self.before = dataclasses.replace(self.tally)
            time = self._time(frame, number)
            if span.last is not None and number >= span.last:
                self._demand(span.origin is None or time == span.until)
                return
            if number >= span.first:
                yield Shown(frame, number, time)
            number += 1
        self.reached_end = True
        self._demand(span.origin is None or (not self.tally.bad and number == span.last))

    def _check(self, frame: av.VideoFrame) -> None:
        """Check a frame against the proof: the right first frame, times in order, no packet refused.

        If the frame after the last one also has its expected time, every packet gave one frame.
        All frames must have one size, since a later span does not see the size of the clip's
        first frame, to which all are resized.

        Without this check, a decoder that drops a frame after the key frame that it was sent to
        would number all later frames one too low: the clip would begin one frame late, without
        an error.
        """
        before = self._stamps[-1] if self._stamps else None
        self._stamps.append(frame.pts)
        if self.span.origin is not None:
            first = self.span.origin if self.span.seek is None else self.span.seek
            self._demand(frame.pts is not None and (frame.pts == first if before is None else frame.pts > before))
            # Concealed pixels may come from any earlier frame, also from before the seek.
            self._demand(not self.tally.bad and not frame.is_corrupt)
            self._demand((frame.width, frame.height) == self._size)
        else:
            self._count_damage(frame)

    def _count_damage(self, frame: av.VideoFrame) -> None:
        """Count a frame that the decoder flags, and those that are predicted from it, which it does not flag.

        These are all up to the next whole key frame, and the B-frames that are shown before it, since they are
        decoded after it. From a B-frame nothing is predicted, but for few.
        """
        two_way = frame.pict_type == PictureType.B
        if frame.is_corrupt:
            self.tally.spoil("its decoder flags a frame as damaged")
            if not two_way:
                self.tally.predicted += 0 if self._spoiled else self._two_way
                self._spoiled = True
        elif frame.key_frame:
            self._spoiled = False
        elif self._spoiled:
            self.tally.predicted += 1
        self._two_way = self._two_way + 1 if two_way else 0

    @staticmethod
    def _demand(holds: bool) -> None:
        if not holds:
            raise Inexact

    def _time(self, frame: av.VideoFrame, number: int) -> int | None:
        if self._times is not None:
            return self._times[number]
        if self.span.origin is not None and frame.pts is not None:
            return microseconds(frame.pts - self.span.origin, self._video.time_base)
        return None

    def lead(self) -> int:
        """Return the microseconds from the container's start to the file's first frame."""
        known = [stamp for stamp in self._stamps if stamp is not None]
        return self._video.lead(min(known) if len(known) == len(self._stamps) and known else None)

    def times_so_far(self) -> list[int]:
        """Return the times of all frames decoded from the file's start, in microseconds, in output order."""
        return frame_times(self._stamps, self._video.time_base, self._video.fps)


def every(frames: Iterable[Shown], step: int, clip_first: int) -> Iterator[tuple[Shown, int | None]]:
    """Iterate over frames 0, step, 2 step, ... of the clip, each with its own time."""
    for shown in frames:
        if (shown.number - clip_first) % step == 0:
            yield shown, shown.time


def at_rate(
    frames: Iterable[Shown], fps: float, span: Span, end: int | None, source_fps: float
) -> Iterator[tuple[Shown, int]]:
    """Iterate over the ticks of `fps` from the clip's first frame on: the last frame shown at each, and its time.

    Args:
        end: of the clip in microseconds from the file's first frame, if it has one.
        source_fps: how long the file's last frame is shown.
    """
    tick = 0
    held: Shown | None = None
    for shown in frames:
        assert shown.time is not None
        if held is None:
            tick = first_tick(shown.time - span.zero, fps)
        else:
            while (time := tick_time(tick, fps)) < shown.time - span.zero:
                yield held, span.zero + time
                tick += 1
        held = shown
    if held is None or held.time is None:
        return
    until = span.until if span.until is not None else held.time + round(MICROSECONDS / source_fps)
    if end is not None:
        until = min(until, end)
    while (time := tick_time(tick, fps)) < until - span.zero:
        yield held, span.zero + time
        tick += 1
