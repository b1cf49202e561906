"""A look at one clip without decoding it: how long it is, and how large its JPEGs come out."""

from __future__ import annotations

import contextlib
import time

import av.error

from clipmill.errors import ClipError
from clipmill.known import find_source
from clipmill.ledger import Reason
from clipmill.options import FrameOptions
from clipmill.pixels import FrameEncoder
from clipmill.rows import ClipPlan, Sample, SourceTask
from clipmill.source import plan_clips
from clipmill.storage import open_storage
from clipmill.timeline import MICROSECONDS
from clipmill.video import Tally, Video, open_video


def sample_clip(task: SourceTask, videos: str, frames: int) -> Sample:
    """Look at the first row of a source.

    Args:
        frames: how many frames to decode and encode, spread over the clip; 0 looks at headers only.

    Returns:
        What was found; for a file that is missing or no video, a `Sample` that says so.
    """
    storage = open_storage(videos)
    try:
        at, stat = find_source(storage, task.paths)
        with storage.fetch(task.paths[at]) as file, open_video(file) as video:
            plans = [plan for plan in plan_clips(video, task, task.named[at]) if plan.row == 0]
            stored = sum(_stored_frames(video, plan, task.frames) for plan in plans)
            sizes, seconds = _encode_some(video, plans, task.frames, frames) if frames else ([], 0.0)
            mean = sum(sizes) / len(sizes) if sizes else 0.0
            return Sample("", stored, stat.size, mean, seconds / len(sizes) if sizes else 0.0)
    except ClipError as error:
        return Sample(Reason(error.reason).value, 0.0, 0, 0.0, 0.0)


def _stored_frames(video: Video, plan: ClipPlan, options: FrameOptions) -> float:
    """How many frames a clip will have, by the headers."""
    if plan.problem:
        return 0.0
    if plan.spans[-1].last is not None:
        seconds = (plan.spans[-1].last - plan.spans[0].first) / float(video.fps)
    else:
        end = min(filter(None, [plan.end, video.duration]), default=0.0)
        seconds = max(0.0, end - (plan.start or 0.0))
    frames = seconds * options.fps if options.fps else seconds * float(video.fps) / options.every
    return min(frames, options.max_frames) if options.max_frames else frames


def _encode_some(video: Video, plans: list[ClipPlan], options: FrameOptions, frames: int) -> tuple[list[int], float]:
    """Sizes of some encoded frames, and the CPU seconds of decoding and encoding them in a row."""
    encoder = FrameEncoder(options)
    first = plans[0].start or 0.0
    end = plans[-1].end
    length = max(0.0, (end if end is not None else video.duration or 0.0) - first)
    sizes: list[int] = []
    began = time.process_time()
    # Two runs of consecutive frames: sizes from both, and a fair cost of decoding between them.
    for part in range(2):
        target = round((first + length * part / 2) * MICROSECONDS)
        with contextlib.suppress(av.error.FFmpegError):  # some formats cannot be sought in
            video.container.seek(target + (video.container.start_time or 0))
        for frame in video.frames(Tally()):
            sizes.append(len(encoder.encode(frame)))
            if len(sizes) >= frames * (part + 1) // 2:
                break
    return sizes, time.process_time() - began
