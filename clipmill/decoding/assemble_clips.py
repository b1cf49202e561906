"""Assembling clips, with their true length, from decoded spans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from clipmill.decoding.fragments import joined
from clipmill.ledger import Failure, Reason, Stage, failure_of
from clipmill.messages import Clip, ResolvedClip, SpanDone
from clipmill.options import BuildOptions
from clipmill.storage import Storage
from clipmill.video.limits import MAX_FRAME_BYTES, too_large

#: Seconds that rounding may change a duration by: many containers have timestamps in whole milliseconds.
_ROUNDED = 0.002


def group_frames(
    jobs: Iterable[ResolvedClip], spans: Iterable[SpanDone], storage: Storage, options: BuildOptions
) -> Iterator[Clip | Failure | ResolvedClip]:
    """Join the spans of one clip key into clips: several where the same content has several ids.

    Args:
        spans: decoded or reused, in any order, duplicates allowed.
        storage: of the output.

    Yields:
        A clip or a ledger row for every job; or the job itself where it must be
        decoded again as one span. Nothing where there is no span: behind a closed gate.
    """
    by_number = {span.number: span for span in spans}
    jobs = sorted(jobs, key=lambda job: job.row.clip_id)
    if not by_number:
        return
    ordered = [by_number[number] for number in sorted(by_number)]
    # A span that the runner lost must not make the clip shorter.
    if any(span.inexact for span in ordered) or len(ordered) != ordered[0].of:
        yield from jobs
        return
    failure = next((span.failure for span in ordered if span.failure), None) or _too_much_or_little(ordered, options)
    if failure:
        yield from (failure_of(job.row, Stage.DECODE_FRAMES, *failure, of=job.of) for job in jobs)
        return
    first = ordered[0]
    if first.of > 1:
        digest, duration = joined(storage, [span.piece for span in ordered])
    else:
        digest, duration = first.digest, first.duration
    # A pack holds other clips, too.
    shared = len(jobs) > 1 or any(span.piece.length and not span.piece.schema for span in ordered)
    for job in jobs:
        source = options.listing.from_root(job.whole.path)
        yield _clip(job, source, ordered, digest, duration, shared)


def _too_much_or_little(spans: list[SpanDone], options: BuildOptions) -> tuple[str, str] | None:
    frames = sum(span.frames for span in spans)
    if frames < options.min_frames:
        return Reason.TOO_SHORT, f"{frames} frames, fewer than --min-frames {options.min_frames}"
    if sum(span.nbytes for span in spans) > MAX_FRAME_BYTES:
        error = too_large(spans[0].width, spans[0].height)
        return Reason.TOO_LARGE, error.message
    return None


def _mean_rate(frames: int, duration: float, fps: float) -> float:
    """Return a clip's frames per second: the stream's rate where only rounded timestamps make a difference."""
    return fps if not duration or abs(frames / fps - duration) < _ROUNDED else frames / duration


def _clip(job: ResolvedClip, source: str, spans: list[SpanDone], digest: str, duration: float, shared: bool) -> Clip:
    row = job.row
    frames = sum(span.frames for span in spans)
    return Clip(
        clip_id=row.clip_id,
        split=row.split,
        folds=row.folds,
        label_index=job.label_index,
        label_text="" if row.label is None else row.label,
        label_source=row.label_number,
        group=row.group,
        source=source,
        start=row.start,
        end=row.end,
        trimmed=job.trimmed,
        fingerprint=job.fingerprint,
        clip_key=job.whole.clip_key,
        digest=digest,
        frames=frames,
        width=spans[0].width,
        height=spans[0].height,
        fps=_mean_rate(frames, duration, spans[0].fps),
        duration=duration,
        bad_packets=sum(span.bad_packets for span in spans),
        extra=row.extra,
        nbytes=sum(span.nbytes for span in spans),
        pieces=[span.piece for span in spans],
        shared=shared,
        pixel_aspect=job.pixel_aspect,
        hdr=job.hdr,
    )
