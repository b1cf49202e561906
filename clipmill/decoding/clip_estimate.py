"""Sampling a clip for estimates: how long it is, and how large some of its frames come out as JPEGs.

Only clipmill.estimate uses it; it is here since it runs in the decoder children.
"""

from __future__ import annotations

import contextlib
import math
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import av
import av.error
import msgspec

from clipmill.errors import ClipError
from clipmill.ledger import Reason
from clipmill.messages import ClipSample, SourceClip, SourceTask, Span
from clipmill.options import FrameOptions
from clipmill.sources.find import find_source, reading_source
from clipmill.sources.pictures import is_pictures, open_pictures
from clipmill.sources.probe import clips_of_pictures, clips_of_source
from clipmill.storage import Storage, open_storage
from clipmill.video.container import Tally, Video, open_video
from clipmill.video.geometry import plan_geometry
from clipmill.video.jpeg import FrameEncoder
from clipmill.video.pairs import Pair
from clipmill.video.pictures import Pictures
from clipmill.video.timeline import MICROSECONDS, frame_times

#: The shorter side whose bytes estimates compare with those of the frames' own size.
SMALLER = 256
#: Frames that are decoded from one sampled frame to the next at most; a longer way is sought.
_REACH = 24
#: The share by which a header's frame count and the index may differ and still be believed.
_CLOSE = 0.1
#: Bytes of a file that are read to see how many packets it has.
_ENOUGH = 16 << 20


def sample_clip(task: SourceTask, videos: str, frames: int) -> ClipSample:
    """Sample the clip of a source's first row.

    Args:
        frames: how many frames to encode, spread over the clip; 0 reads only headers.

    Returns:
        What was found; for a file that is missing or no video, a `ClipSample` that says so.
    """
    storage = open_storage(videos)
    try:
        at, stat = find_source(storage, task.paths, task.mask)
        if task.mask:
            with reading_source():
                return _sample_pair(storage, task.paths[at], task.mask, task.frames)
        if is_pictures(task.paths[at], stat.stamp):
            with reading_source():
                return _sample_pictures(open_pictures(storage, task.paths[at]), task, task.named[at], frames)
        with reading_source(), storage.fetch(task.paths[at]) as file, open_video(file) as video:
            plans = [plan for plan in clips_of_source(video, task, task.named[at]) if plan.row == 0]
            context = video.stream.codec_context
            stored = plan_geometry(context.width, context.height, task.frames)
            length = _length(video)
            sample = ClipSample(
                frames=sum(_stored_frames(length, plan, task.frames) for plan in plans),
                pixels=stored.width * stored.height,
            )
            chosen = _spread(video, length, plans, task.frames, frames) if frames else iter(())
            return _encode_some(chosen, length.fps, task.frames, sample)
    except ClipError as error:
        return ClipSample(problem=Reason(error.reason).value)


def _sample_pair(storage: Storage, image: str, mask: str, options: FrameOptions) -> ClipSample:
    began = time.process_time()
    pair = Pair.opened(image, storage.read(image), mask, storage.read(mask))
    nbytes = sum(map(len, pair.encoded(options)))
    return ClipSample(
        frames=2,
        pixels=pair.width * pair.height,
        bytes_per_frame=nbytes / 2,
        seconds_per_frame=(time.process_time() - began) / 2,
    )


def _sample_pictures(pictures: Pictures, task: SourceTask, named: Sequence[bool], frames: int) -> ClipSample:
    plans = [plan for plan in clips_of_pictures(pictures, task, named) if plan.row == 0]
    stored = plan_geometry(pictures.width, pictures.height, task.frames)
    length = _Length(pictures.seconds, float(pictures.fps))
    sample = ClipSample(
        frames=sum(_stored_frames(length, plan, task.frames) for plan in plans), pixels=stored.width * stored.height
    )
    numbers = [number for plan in plans for span in plan.spans for number in range(span.first, span.last or 0)]
    sampled = sorted({numbers[len(numbers) * part // frames] for part in range(frames if numbers else 0)})
    chosen = ((shown.frame, 1) for n in sampled for shown in pictures.frames(Span(first=n, last=n + 1)))
    return _encode_some(chosen, length.fps, task.frames, sample)


class _Length(NamedTuple):
    """The length of a file in seconds, and its frames per second."""

    seconds: float
    fps: float


def _length(video: Video) -> _Length:
    """Return the header's length if the index or the packets of the first megabytes agree with it, else theirs."""
    claimed, fps = video.duration or 0.0, float(video.fps)
    if claimed and abs(video.indexed - claimed * fps) <= _CLOSE * claimed * fps:
        return _Length(claimed, fps)
    tally = Tally()
    nbytes = 0
    stamps = []
    with video.again() as other:
        for packet in other.packets(tally):
            stamps.append(packet.pts if packet.pts is not None else packet.dts)
            nbytes += packet.size
            if max(tally.position, nbytes) > _ENOUGH:
                break
    if not stamps:
        return _Length(0.0, fps)
    times = frame_times(stamps, video.time_base, video.fps)
    seconds = times[-1] / MICROSECONDS * len(times) / (len(times) - 1) if len(times) > 1 else 1 / fps
    fps = len(times) / seconds
    if max(tally.position, nbytes) > _ENOUGH:
        seconds *= video.size / max(tally.position, nbytes)
        # The header is more exact than an extrapolation, unless it is far from it.
        seconds = claimed if abs(claimed - seconds) < 0.5 * seconds else seconds
    return _Length(seconds, fps)


def _stored_frames(length: _Length, plan: SourceClip, options: FrameOptions) -> float:
    """Return how many frames a clip will have, by the headers."""
    if plan.problem:
        return 0.0
    if plan.spans[-1].last is not None:
        seconds = (plan.spans[-1].last - plan.spans[0].first) / length.fps
    else:
        end = length.seconds if plan.decode_end is None else min(plan.decode_end, length.seconds)
        seconds = max(0.0, end - (plan.decode_start or 0.0))
    # A frame at 0, and one after each such time; durations may be slightly wrong.
    frames = math.ceil(seconds / _seconds_per_stored(length.fps, options) - 0.01)
    return min(frames, options.max_frames) if options.max_frames else frames


def _seconds_per_stored(fps: float, options: FrameOptions) -> float:
    return 1 / options.fps if options.fps else options.every / fps


def _encode_some(
    chosen: Iterator[tuple[av.VideoFrame, int]], fps: float, options: FrameOptions, sample: ClipSample
) -> ClipSample:
    """Encode some frames, and add their mean size and the CPU seconds that a frame takes.

    Args:
        chosen: frames, each with how many were decoded for it.
        fps: of the source.
    """
    encoder = FrameEncoder(options)
    smaller = None
    if options.size is None and options.short_side is None:
        smaller = FrameEncoder(msgspec.structs.replace(options, short_side=SMALLER))
    sizes: list[int] = []
    small: list[int] = []
    encoding = aside = 0.0
    decoded = 0
    began = time.process_time()
    for frame, number in chosen:
        decoded += number
        start = time.process_time()
        sizes.append(len(encoder.encode(frame)))
        encoded = time.process_time()
        small.append(len(smaller.encode(frame)) if smaller else 0)
        encoding += encoded - start
        aside += time.process_time() - encoded
    if not sizes:
        return sample
    decoding = (time.process_time() - began - encoding - aside) / decoded
    return msgspec.structs.replace(
        sample,
        bytes_per_frame=statistics.fmean(sizes),
        spread=statistics.stdev(sizes) / len(sizes) ** 0.5 if len(sizes) > 1 else 0.0,
        smaller=statistics.fmean(small),
        seconds_per_frame=decoding * _seconds_per_stored(fps, options) * fps + encoding / len(sizes),
    )


def _spread(
    video: Video, length: _Length, plans: list[SourceClip], options: FrameOptions, frames: int
) -> Iterator[tuple[av.VideoFrame, int]]:
    """Decode frames from the middle of equal parts of a clip, each with how many were decoded for it.

    Frames right after a key frame are not typical: encoders spend more bytes on them.
    """
    first = plans[0].decode_start or 0.0
    end = plans[-1].decode_end if plans[-1].decode_end is not None else length.seconds
    if options.max_frames and len(plans) == 1:
        end = min(end, first + options.max_frames * _seconds_per_stored(length.fps, options))
    step = max(0.0, end - first) / frames
    origin = (video.container.start_time or 0) / av.time_base + (video.lead() / MICROSECONDS if not first else 0.0)
    left = video.frames(Tally())
    for number in range(frames):
        target = origin + first + step * (number + 0.5)
        # The first seek is always needed: a proof may have read the file to its end.
        if step * length.fps > _REACH or number == 0:
            with contextlib.suppress(av.error.FFmpegError):  # some formats cannot be sought in
                video.container.seek(round(target * av.time_base))
                left = video.frames(Tally())
        found = None
        decoded = 0
        for found in left:
            decoded += 1
            if decoded == _REACH or (found.time is not None and found.time >= target):
                break
        if found is None:
            return
        yield found, decoded
