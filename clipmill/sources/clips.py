"""Turning rows into clips to make: what is asked of a source, and what its answer means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from clipmill import listings
from clipmill.content_names import clip_key
from clipmill.errors import ClipError
from clipmill.layout import PAIRS, Label, LabelIndex
from clipmill.ledger import Failure, Reason, Stage, failure_of
from clipmill.listings.paths import BadRow
from clipmill.messages import ClipRow, ClipTask, ProbedSource, ResolvedClip, SourceClip, SourceTask
from clipmill.options import BuildOptions


def source_tasks(
    rows: Sequence[ClipRow], options: BuildOptions, found: str = ""
) -> Iterator[tuple[list[ClipRow], SourceTask]]:
    """Group a source's rows by the paths where it may be, each group with what to ask of the source.

    Args:
        found: where it is, if that was found by its name.
    """
    alike: dict[tuple[tuple[str, ...], str], list[ClipRow]] = {}
    for row in rows:
        paths = (found,) if found else tuple(listings.candidates(options.listing, row))
        alike.setdefault((paths, _mask(row, options)[0]), []).append(row)
    for (paths, mask), group in alike.items():
        yield (
            group,
            SourceTask(
                paths=list(paths),
                named=[[listings.name_carries_times(path, row.start, row.end) for row in group] for path in paths],
                ranges=[(row.start, row.end) for row in group],
                trimmed=options.trimmed,
                segment_seconds=options.segment_seconds,
                # A deinterlaced frame depends on its neighbours, so that a clip's spans cannot be made apart.
                span_frames=0 if options.frames.deinterlace else options.span_frames,
                frames=options.frames,
                min_segment=options.min_segment,
                frame_ranges=[row.frame_range for row in group] if any(row.frame_range for row in group) else [],
                mask=mask,
            ),
        )


class Resolved(msgspec.Struct, frozen=True):
    """The clips and ledger rows that a source's rows became.

    Attributes:
        jobs: clips to make, each with the spans to decode.
        failures: ledger rows.
        segments: how many more clips and ledger rows there are than rows, by --segment-seconds, in each split.
    """

    jobs: list[tuple[ResolvedClip, list[ClipTask]]]
    failures: list[Failure]
    segments: dict[str, int] = {}


def settle(
    rows: Sequence[ClipRow], answer: ProbedSource | ClipError, labels: dict[str, int], options: BuildOptions
) -> Resolved:
    """Turn what was found of a source into clips to make and ledger rows.

    Args:
        rows: as given to `source_tasks`.
        labels: class name to index.
    """
    failure = (answer.reason, answer.message) if isinstance(answer, ClipError) else answer.failure
    failure = _mask(rows[0], options)[1] or failure
    if failure:
        return Resolved([], [failure_of(row, Stage.RESOLVE_SOURCES, *failure, of=len(rows)) for row in rows])
    assert isinstance(answer, ProbedSource)
    of = len(answer.clips)
    jobs = []
    failures = []
    for plan in answer.clips:
        row = _planned_row(rows[plan.row], plan)
        if plan.problem is not None:
            failures.append(failure_of(row, Stage.RESOLVE_SOURCES, *plan.problem, of=of))
        else:
            jobs.append(_job(row, plan, answer, labels, options))
    segments = Counter(rows[plan.row].split for plan in answer.clips)
    segments.subtract(row.split for row in rows)
    return Resolved(jobs, failures, {split: more for split, more in segments.items() if more})


def _mask(row: ClipRow, options: BuildOptions) -> tuple[str, tuple[str, str] | None]:
    """Return where the mask of a pair is, relative to the folder of all roots, and (reason, message) if it has none."""
    if options.schema != PAIRS:
        return "", None
    try:
        return listings.mask_of(options.listing, row), None
    except BadRow as error:
        return "", (Reason.BAD_ROW, str(error))


def _planned_row(row: ClipRow, plan: SourceClip) -> ClipRow:
    """Return the row of one plan: a segment with an id of its own, a range of frames or a segment with its times."""
    if plan.segment is None and row.frame_range is None:
        return row
    if plan.segment is None:
        return msgspec.structs.replace(row, start=plan.decode_start, end=plan.decode_end)
    return msgspec.structs.replace(
        row,
        clip_id=f"{row.clip_id}_{plan.segment:04d}",
        group=row.group or row.video,
        start=plan.decode_start,
        end=plan.decode_end if plan.decode_end is not None else row.end,
    )


def _job(
    row: ClipRow, plan: SourceClip, source: ProbedSource, labels: dict[str, int], options: BuildOptions
) -> tuple[ResolvedClip, list[ClipTask]]:
    key = clip_key(source.fingerprint, plan.decode_start, plan.decode_end, options.frames)
    whole = ClipTask(
        clip_key=key,
        path=source.path,
        stamp=source.stamp,
        decode_start=plan.decode_start,
        decode_end=plan.decode_end,
        mask=_mask(row, options)[0],
        size=source.size,
    )
    job = ResolvedClip(
        row=row,
        label_index=_index(row.label, labels),
        fingerprint=source.fingerprint,
        whole=whole,
        trimmed=plan.trimmed,
        of=len(source.clips),
        pixel_aspect=source.pixel_aspect,
        hdr=source.hdr,
    )
    return job, [msgspec.structs.replace(whole, span=span) for span in plan.spans]


def _index(label: Label | None, labels: dict[str, int]) -> LabelIndex:
    if isinstance(label, tuple):
        return tuple(labels[name] for name in label)
    return -1 if label is None else labels[label]
