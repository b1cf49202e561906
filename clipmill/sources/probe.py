"""Resolving a source: find its file, fingerprint it, probe it, and plan its clips."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import IO

from clipmill.errors import ClipError
from clipmill.ledger import Reason
from clipmill.messages import WHOLE, CachedProbe, ProbedSource, SourceClip, SourceTask
from clipmill.sources.cache import question, recall
from clipmill.sources.find import find_source
from clipmill.sources.trimming import Part, part_of_file
from clipmill.storage import Stat, open_storage
from clipmill.video.container import Video, open_video
from clipmill.video.limits import nothing_in_range
from clipmill.video.seek_points import packet_times, prove
from clipmill.video.timeline import MICROSECONDS, Timeline

_CHUNK = 1 << 20


def resolve_source(task: SourceTask, videos: str, known: Sequence[CachedProbe] = ()) -> ProbedSource:
    """Find, fingerprint and probe one source, and plan its clips.

    Args:
        videos: root of the sources.
        known: what earlier runs found of it.

    Raises:
        ClipError: missing, empty, or changed while it was read.
    """
    storage = open_storage(videos)
    at, stat = find_source(storage, task.paths)
    path = task.paths[at]
    if not stat.size:
        raise ClipError(Reason.EMPTY, "the file has no bytes")
    before = recall(known, path, stat)
    if before is not None and before.asked == question(task, at):
        return before.source
    with storage.fetch(path) as file:
        fingerprint = before.source.fingerprint if before is not None else _sha256(file)
        source = _probe(file, path, stat, fingerprint, task, task.named[at])
    after = storage.stat(path)
    if after is None or after.stamp != stat.stamp:
        raise ClipError(Reason.CHANGED, "the file changed while it was read; run the build again")
    return source


def _sha256(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _probe(
    file: IO[bytes], path: str, stat: Stat, fingerprint: str, task: SourceTask, named: Sequence[bool]
) -> ProbedSource:
    try:
        with open_video(file) as video:
            context = video.stream.codec_context
            return ProbedSource(
                path=path,
                size=stat.size,
                stamp=stat.stamp,
                fingerprint=fingerprint,
                duration=video.duration,
                fps=float(video.fps),
                width=context.width,
                height=context.height,
                clips=clips_of_source(video, task, named),
            )
    except ClipError as error:
        return ProbedSource(
            path=path,
            size=stat.size,
            stamp=stat.stamp,
            fingerprint=fingerprint,
            duration=None,
            fps=0,
            width=0,
            height=0,
            clips=[],
            failure=(Reason(error.reason).value, error.message),
        )


def clips_of_source(video: Video, task: SourceTask, named: Sequence[bool]) -> list[SourceClip]:
    """Plan the clips that the rows of one source ask for.

    Args:
        named: whether the file's name carries the times, for each row.
    """
    timeline = prove(video) if _pays(video, task, named) else None
    length = None if video.duration is None else video.lead() / MICROSECONDS + video.duration
    if timeline is not None:
        length = timeline.seconds + 1 / float(video.fps)
    times = (timeline or packet_times(video)) if task.segment_seconds or task.frame_ranges else None
    there = times if task.segment_seconds else None
    plans = []
    for row, ((start, end), carried) in enumerate(zip(task.ranges, named, strict=True)):
        numbers = task.frame_ranges[row] if task.frame_ranges else None
        if times is not None and numbers is not None:
            part = Part(*times.seconds_of(*numbers), False)
        else:
            part = part_of_file(start, end, length, 1 / float(video.fps), carried, task.trimmed)
        for segment, first, last in _segments(part.start, part.end, there, task, 1 / float(video.fps)):
            plans.append(_plan(row, segment, first, last, part.trimmed, timeline, task))
    return plans


def _pays(video: Video, task: SourceTask, named: Sequence[bool]) -> bool:
    """Return whether to read the packets for a proof: for ranges, segments, and videos of several spans."""
    if (
        task.segment_seconds
        or task.frame_ranges
        or (task.span_frames and (video.duration or 0) * float(video.fps) >= 2 * task.span_frames)
    ):
        return True
    # By the header alone, since most files are wanted whole and need no proof.
    parts = (
        part_of_file(start, end, video.duration, 1 / float(video.fps), carried, task.trimmed)
        for (start, end), carried in zip(task.ranges, named, strict=True)
    )
    return any(part.trimmed is False or part.start is not None for part in parts)


def _segments(
    start: float | None, end: float | None, there: Timeline | None, task: SourceTask, frame_seconds: float
) -> list[tuple[int | None, float | None, float | None]]:
    """Return number, start and end of the segments that have a frame; a container's duration may be wrong."""
    seconds = task.segment_seconds
    if there is None or not seconds:
        return [(None, start, end)]
    first = start or 0.0

    def edge(number: int) -> int:
        return round((first + seconds * number) * MICROSECONDS)

    found: dict[int, int] = {}  # the latest frame of each
    for time in (time + there.lead for time in there.times):
        if time >= edge(0) and (end is None or time < round(end * MICROSECONDS)):
            number = int((time / MICROSECONDS - first) / seconds)
            number += (edge(number + 1) <= time) - (edge(number) > time)
            found[number] = max(time, found.get(number, time))
    if not found:
        return [(0, start, end)]
    *whole, last = numbers = sorted(found)
    length = (found[last] - edge(last)) / MICROSECONDS + frame_seconds
    # Half a frame, since containers round times.
    if whole and length + frame_seconds / 2 < task.min_segment * seconds:
        return [(n, first + seconds * n, first + seconds * (n + 1)) for n in whole]
    stops = [first + seconds * (number + 1) for number in numbers[:-1]] + [end]  # decoding may find more frames
    return [(n, first + seconds * n, stop) for n, stop in zip(numbers, stops, strict=True)]


def _plan(
    row: int,
    segment: int | None,
    start: float | None,
    end: float | None,
    trimmed: bool | None,
    timeline: Timeline | None,
    task: SourceTask,
) -> SourceClip:
    spans = [WHOLE] if timeline is None else timeline.spans(start, end, task.frames, task.span_frames)
    problem = None
    if timeline is not None and not spans:
        error = nothing_in_range(start, end, timeline.seconds)
        problem = Reason(error.reason).value, error.message
    return SourceClip(
        row=row,
        segment=segment,
        decode_start=start,
        decode_end=end,
        trimmed=trimmed,
        spans=spans,
        problem=problem,
    )
