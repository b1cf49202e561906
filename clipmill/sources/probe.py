"""Resolving a source: find its file, fingerprint it, probe it, and plan its clips."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from typing import IO

import msgspec

from clipmill.errors import ClipError
from clipmill.ledger import Reason
from clipmill.messages import WHOLE, CachedProbe, ProbedSource, SourceClip, SourceTask
from clipmill.sources.cache import question, recall
from clipmill.sources.find import find_source, reading_source, stat_source
from clipmill.sources.pictures import fingerprint, is_pictures, open_pictures, pair_fingerprint
from clipmill.sources.trimming import Part, part_of_file
from clipmill.storage import Stat, Storage, open_storage
from clipmill.storage.concurrent import each
from clipmill.video.container import Video, open_video
from clipmill.video.left_alone import is_hdr, pixel_aspect
from clipmill.video.limits import nothing_in_range
from clipmill.video.pairs import PAIR_FPS, Pair
from clipmill.video.pictures import Pictures
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
    at, stat = find_source(storage, task.paths, task.mask)
    path = task.paths[at]
    if not stat.size:
        raise ClipError(Reason.EMPTY, "the file has no bytes")
    before = recall(known, path, stat)
    if before is not None and before.asked == question(task, at):
        return before.source
    known_as = before.source.fingerprint if before is not None else None
    if task.mask:
        source = _probe_pair(storage, path, stat, known_as or pair_fingerprint(storage, path, task.mask), task)
    elif is_pictures(path, stat.stamp):
        source = _probe_pictures(storage, path, stat, known_as or fingerprint(storage, path), task, task.named[at])
    else:
        with storage.fetch(path) as file:
            source = _probe(file, path, stat, known_as or _sha256(file), task, task.named[at])
    after = stat_source(storage, path, task.mask)
    if after is None or after.stamp != stat.stamp:
        raise ClipError(Reason.CHANGED, "the file changed while it was read; run the build again")
    return source


def resolve_sources(
    tasks: Sequence[SourceTask], videos: str, known: Sequence[Sequence[CachedProbe]]
) -> list[ProbedSource | None]:
    """Resolve several sources, each with what earlier runs found of it; None where `resolve_source` gives an error."""

    def resolved(asked: tuple[SourceTask, Sequence[CachedProbe]]) -> ProbedSource | None:
        task, found = asked
        with contextlib.suppress(ClipError), reading_source():
            return resolve_source(task, videos, found)
        return None

    return list(each(open_storage(videos), resolved, zip(tasks, known, strict=True)))


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
                pixel_aspect=pixel_aspect(video),
                hdr=is_hdr(video),
            )
    except ClipError as error:
        return _failed(path, stat, fingerprint, error)


def _probe_pictures(
    storage: Storage, path: str, stat: Stat, fingerprint: str, task: SourceTask, named: Sequence[bool]
) -> ProbedSource:
    try:
        pictures = open_pictures(storage, path)
        return ProbedSource(
            path=path,
            size=stat.size,
            stamp=stat.stamp,
            fingerprint=fingerprint,
            duration=pictures.seconds,
            fps=float(pictures.fps),
            width=pictures.width,
            height=pictures.height,
            clips=clips_of_pictures(pictures, task, named),
        )
    except ClipError as error:
        return _failed(path, stat, fingerprint, error)


def _probe_pair(storage: Storage, path: str, stat: Stat, fingerprint: str, task: SourceTask) -> ProbedSource:
    try:
        pair = Pair.opened(path, storage.read(path), task.mask, storage.read(task.mask))
    except ClipError as error:
        return _failed(path, stat, fingerprint, error)
    return ProbedSource(
        path=path,
        size=stat.size,
        stamp=stat.stamp,
        fingerprint=fingerprint,
        duration=2 / PAIR_FPS,
        fps=PAIR_FPS,
        width=pair.width,
        height=pair.height,
        clips=[SourceClip(row, None, None, None, None, [WHOLE]) for row in range(len(task.ranges))],
    )


def _failed(path: str, stat: Stat, fingerprint: str, error: ClipError) -> ProbedSource:
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


def clips_of_pictures(pictures: Pictures, task: SourceTask, named: Sequence[bool]) -> list[SourceClip]:
    """Plan the clips that the rows of one source of images ask for; each is one span, since they are read one by one.

    Args:
        named: whether the source's name carries the times, for each row.
    """
    whole = msgspec.structs.replace(task, span_frames=0)
    return _plans(pictures.timeline, pictures.timeline, pictures.seconds, float(pictures.fps), whole, named)


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
    return _plans(timeline, times, length, float(video.fps), task, named)


def _plans(
    timeline: Timeline | None,
    times: Timeline | None,
    length: float | None,
    fps: float,
    task: SourceTask,
    named: Sequence[bool],
) -> list[SourceClip]:
    """Plan clips by the times that are proven, and those that frames have about where ranges or segments need them."""
    there = times if task.segment_seconds else None
    plans = []
    for row, ((start, end), carried) in enumerate(zip(task.ranges, named, strict=True)):
        numbers = task.frame_ranges[row] if task.frame_ranges else None
        if times is not None and numbers is not None:
            part = Part(*times.seconds_of(*numbers), False)
        else:
            part = part_of_file(start, end, length, 1 / fps, carried, task.trimmed)
        for segment, first, last in _segments(part.start, part.end, there, task, 1 / fps):
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
