"""Decoding one span of a clip into a fragment: the work of the decoder children."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from clipmill.decoding.fragments import (
    Footer,
    FragmentWriter,
    clip_digest,
    fragment_path,
    new_fragment,
    read_fragment,
    seconds_shown,
)
from clipmill.decoding.packs import new_pack
from clipmill.errors import ClipError, StorageError
from clipmill.ledger import REMEMBERED, Reason
from clipmill.messages import WHOLE, ClipTask, Piece, Span, SpanDone
from clipmill.options import FrameOptions
from clipmill.sources.find import reading_source, stat_source
from clipmill.sources.pictures import is_pictures, open_pictures
from clipmill.storage import Storage, open_storage
from clipmill.storage.concurrent import each
from clipmill.video.container import Video, open_video
from clipmill.video.damage import judge
from clipmill.video.deinterlace import deinterlaced
from clipmill.video.frames import REORDERED, Inexact, Shown, Walk, at_rate, every
from clipmill.video.jpeg import FrameEncoder
from clipmill.video.limits import MAX_FRAME_BYTES, nothing_in_range, too_large
from clipmill.video.pairs import PAIR_FPS, Pair
from clipmill.video.pictures import Pictures
from clipmill.video.timeline import MICROSECONDS, Timeline


def decode_task(task: ClipTask, videos: str, out: str, options: FrameOptions) -> SpanDone:
    """Decode, sample, resize and encode one span into its fragment, unless it is there already.

    Args:
        videos, out: roots of the sources and of the output.

    Raises:
        ClipError: the clip cannot be made.
        StorageError: storage failed.
    """
    store = open_storage(out)
    span = task.span
    path = fragment_path(task.clip_key, span.number, span.of)
    footer = _finished(store, path)
    if footer is None:
        try:
            footer = _make(task, open_storage(videos), store, path, options)
        except Inexact:
            if span.of > 1:
                return SpanDone(task.clip_key, span.number, span.of, Piece(path), inexact=True)
            whole = msgspec.structs.replace(task, span=WHOLE)
            footer = _make(whole, open_storage(videos), store, path, options)
    if footer.failure:
        raise ClipError(*footer.failure)
    return _done(task, Piece(path), footer)


def decode_pack(tasks: Sequence[ClipTask], videos: str, out: str, options: FrameOptions) -> list[SpanDone | None]:
    """Decode the images of several clips into one pack.

    Args:
        tasks: of small images (`clipmill.sources.pictures.is_small_image`).
        videos, out: roots of the sources and of the output.

    Returns:
        One for each clip; None where it cannot be made: `decode_task` then says and remembers why.

    Raises:
        StorageError: storage failed.
    """
    sources = open_storage(videos)

    def decoded(task: ClipTask) -> tuple[bytes, Footer] | None:
        fragment = io.BytesIO()
        try:
            footer = _decode_into(FragmentWriter(fragment), task, sources, options)
            _check_unchanged(task, sources)
        except ClipError:
            return None
        return fragment.getvalue(), footer

    with new_pack(open_storage(out), tasks) as pack:
        made = zip(tasks, each(sources, decoded, tasks), strict=True)
        done = [None if found is None else _done(task, pack.add(found[0]), found[1]) for task, found in made]
        pack.finish([span for span in done if span])
    return done


def _done(task: ClipTask, piece: Piece, footer: Footer) -> SpanDone:
    span = task.span
    return SpanDone(
        clip_key=task.clip_key,
        number=span.number,
        of=span.of,
        piece=piece,
        frames=len(footer.sizes),
        nbytes=sum(footer.sizes),
        width=footer.width,
        height=footer.height,
        fps=footer.fps,
        bad_packets=footer.bad_packets,
        digest=clip_digest([footer.digests]) if span.of == 1 else "",
        duration=seconds_shown(footer.timestamps, footer.fps) if span.of == 1 else 0.0,
    )


def _finished(store: Storage, path: str) -> Footer | None:
    if store.stat(path) is None:
        return None
    try:
        return read_fragment(store, Piece(path))[0]
    except (StorageError, FileNotFoundError):
        return None


def _make(task: ClipTask, videos: Storage, store: Storage, path: str, options: FrameOptions) -> Footer:
    try:
        with new_fragment(store, path) as fragment:
            footer = _decode_into(fragment, task, videos, options)
            _check_unchanged(task, videos)
            return footer
    except ClipError as error:
        if error.reason in REMEMBERED:
            _check_unchanged(task, videos)
            _remember(store, path, error)
        raise


def _check_unchanged(task: ClipTask, videos: Storage) -> None:
    with reading_source():
        stat = stat_source(videos, task.path, task.mask)
    if stat is None or stat.stamp != task.stamp:
        raise ClipError(Reason.CHANGED, "the file changed while it was read; run the build again")


def _remember(store: Storage, path: str, error: ClipError) -> None:
    with new_fragment(store, path) as fragment:
        fragment.finish([], [], (0, 0), 0.0, 0, (Reason(error.reason).value, error.message))


def _decode_into(fragment: FragmentWriter, task: ClipTask, videos: Storage, options: FrameOptions) -> Footer:
    # `reading_source` leaves an OSError alone: that is the fragment's own writing, not the source.
    if task.mask:
        with reading_source():
            pair = Pair.opened(task.path, videos.read(task.path), task.mask, videos.read(task.mask))
        for encoded in pair.encoded(options):
            fragment.add(encoded)
        return fragment.finish([0, round(MICROSECONDS / PAIR_FPS)], [0, 1], (pair.width, pair.height), PAIR_FPS, 0)
    if is_pictures(task.path, task.stamp):
        with reading_source():
            return _encode_pictures(fragment, task, open_pictures(videos, task.path), options)
    with reading_source(), videos.fetch(task.path) as file:
        span, timeline = task.span, None
        if span == WHOLE and (options.fps or task.decode_start is not None or task.decode_end is not None):
            # Choosing frames needs their times, and there is no proof of them: decode once to learn them.
            with open_video(file) as video:
                timeline, span = _learn(video, task, options)
        with open_video(file) as video:
            return _encode_span(fragment, task, video, span, timeline, options)


def _learn(video: Video, task: ClipTask, options: FrameOptions) -> tuple[Timeline, Span]:
    """Decode a file once to learn the time of every frame, and find the clip among them."""
    walk = Walk(video, WHOLE)
    deque(walk, maxlen=0)
    timeline = Timeline(walk.times_so_far(), lead=walk.lead())
    spans = timeline.spans(task.decode_start, task.decode_end, options)
    if not spans:
        judge(walk, video, timeline.times)
        raise nothing_in_range(task.decode_start, task.decode_end, timeline.seconds)
    return timeline, spans[0]


def _encode_span(
    fragment: FragmentWriter,
    task: ClipTask,
    video: Video,
    span: Span,
    timeline: Timeline | None,
    options: FrameOptions,
) -> Footer:
    walk = Walk(video, span, timeline.times if timeline else None)
    frames = iter(walk)
    encoder = FrameEncoder(options)
    numbers, shown_at = _encode(fragment, encoder, _chosen(frames, task, video, span, timeline, options))
    if span.origin is not None:
        # Go on to the frame after the span, where the walk checks that as many frames came as the packets promised.
        # Without this, a span in which one packet gave no frame would end with the next span's first frame.
        deque(frames, maxlen=0)
    lost = judge(walk, video, walk.times_so_far()) if span.origin is None else 0  # a proof allows no loss
    if None in shown_at:
        # Times are the sorted timestamps, so the last ones are right only when all smaller ones were seen: a codec
        # may attach a timestamp to a frame that it outputs up to REORDERED frames later.
        deque(islice(frames, REORDERED), maxlen=0)
        known = walk.times_so_far()
        shown_at = [known[number] for number in numbers]
    timestamps = [time - span.zero for time in shown_at if time is not None]
    index = [number - span.clip_first for number in numbers]
    fps = options.fps or float(video.fps / options.every)
    # A span can lie between two ticks, or two K-th frames, and have no frame.
    size = encoder.size if numbers else (0, 0)
    return fragment.finish(timestamps, index, size, fps, lost)


def _encode_pictures(fragment: FragmentWriter, task: ClipTask, pictures: Pictures, options: FrameOptions) -> Footer:
    """Encode a clip of images, always as one span."""
    spans = pictures.timeline.spans(task.decode_start, task.decode_end, options)
    if not spans:
        raise nothing_in_range(task.decode_start, task.decode_end, pictures.timeline.seconds)
    (span,) = spans
    frames = pictures.frames(span)
    chosen: Iterator[tuple[Shown, int | None]] = every(frames, options.every, span.clip_first)
    if options.fps:
        end = None if task.decode_end is None else round(task.decode_end * MICROSECONDS)
        chosen = at_rate(frames, options.fps, span, end, float(pictures.fps))
    encoder = FrameEncoder(options)
    numbers, shown_at = _encode(fragment, encoder, islice(chosen, options.max_frames))
    timestamps = [time - span.zero for time in shown_at if time is not None]
    index = [number - span.clip_first for number in numbers]
    return fragment.finish(timestamps, index, encoder.size, options.fps or float(pictures.fps / options.every), 0)


def _chosen(
    frames: Iterable[Shown],
    task: ClipTask,
    video: Video,
    span: Span,
    timeline: Timeline | None,
    options: FrameOptions,
) -> Iterator[tuple[Shown, int | None]]:
    """Choose the frames that the clip takes, each with the time it stands for: every K-th, or one for each tick."""
    if options.deinterlace:
        # The last frame that is taken has no frame behind it, whether its span is known beforehand or not.
        most = None if options.fps or not options.max_frames else (options.max_frames - 1) * options.every + 1
        frames = deinterlaced(islice(frames, most))
    if not options.fps:
        return islice(every(frames, options.every, span.clip_first), options.max_frames)
    lead = timeline.lead if timeline else video.lead(span.origin)
    end = None if task.decode_end is None else round(task.decode_end * MICROSECONDS) - lead
    return islice(at_rate(frames, options.fps, span, end, float(video.fps)), options.max_frames)


def _encode(
    fragment: FragmentWriter, encoder: FrameEncoder, chosen: Iterable[tuple[Shown, int | None]]
) -> tuple[list[int], list[int | None]]:
    """Encode frames into a fragment; returns their numbers in the file and their times."""
    numbers: list[int] = []
    shown_at: list[int | None] = []
    encoded, encoded_number = b"", -1
    for (frame, number, _), time in chosen:
        # A frame that is shown at several ticks is encoded once and stored for each.
        if number != encoded_number:
            encoded, encoded_number = encoder.encode(frame), number
        fragment.add(encoded)
        numbers.append(number)
        shown_at.append(time)
        if fragment.nbytes > MAX_FRAME_BYTES:
            raise too_large(*encoder.size)
    return numbers, shown_at
