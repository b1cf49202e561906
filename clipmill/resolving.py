"""From rows to clips to make: which rows clash, what a source is asked, and what its answer means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from clipmill import listings
from clipmill.errors import ClipError
from clipmill.keys import clip_key
from clipmill.ledger import Failure, Reason, failure_of
from clipmill.options import BuildOptions
from clipmill.rows import ClipJob, ClipPlan, ClipRow, ClipTask, Source, SourceTask

_STAGE = "ResolveSources"


def unique_id(rows: Iterable[ClipRow]) -> tuple[ClipRow, list[Failure]]:
    """Of rows with one clip id, the one that stays, and the ledger rows of the others."""
    first, *others = sorted(rows, key=_order)
    failures = []
    for row in others:
        same = (row.source, row.start, row.end) == (first.source, first.start, first.end)
        reason = Reason.DUPLICATE if same else Reason.BAD_ROW
        message = (
            f"the same clip as {_where(first)}"
            if same
            else f"the id {row.clip_id} is taken by {first.source} ({_where(first)}); give it an id of its own"
        )
        failures.append(failure_of(row, "GroupBySource", reason, message))
    return first, failures


def unique_ranges(rows: Iterable[ClipRow]) -> tuple[list[ClipRow], list[Failure]]:
    """Of a source's rows, one for each time range, and the ledger rows of the duplicates."""
    kept: dict[tuple[float | None, float | None], ClipRow] = {}
    failures = []
    for row in sorted(rows, key=_order):
        first = kept.setdefault((row.start, row.end), row)
        if first is not row:
            message = f"the same video and time range as {first.clip_id} ({_where(first)})"
            failures.append(failure_of(row, "GroupBySource", Reason.DUPLICATE, message))
    return list(kept.values()), failures


def _order(row: ClipRow) -> tuple[str, str, float, float, str, int]:
    return row.clip_id, row.source, row.start or 0.0, row.end or 0.0, row.listing, row.row


def _where(row: ClipRow) -> str:
    return f"{row.listing}:{row.row}" if row.row else row.source


def source_tasks(rows: Sequence[ClipRow], options: BuildOptions) -> Iterator[tuple[list[ClipRow], SourceTask]]:
    """What to ask of a source, for rows that agree on where it may be."""
    alike: dict[tuple[str, ...], list[ClipRow]] = {}
    for row in rows:
        alike.setdefault(tuple(listings.candidates(options.listing, row)), []).append(row)
    for paths, group in alike.items():
        yield (
            group,
            SourceTask(
                list(paths),
                [all(listings.name_carries_times(path, row.start, row.end) for row in group) for path in paths],
                [(row.start, row.end) for row in group],
                options.trimmed,
                options.segment_seconds,
                options.span_frames,
                options.frames,
            ),
        )


class Resolved(msgspec.Struct, frozen=True):
    """What became of a source's rows.

    Attributes:
        jobs: clips to make, each with the spans to decode.
        failures: ledger rows.
        segments: how many more clips and ledger rows there are than rows, by --segment-seconds, in each split.
    """

    jobs: list[tuple[ClipJob, list[ClipTask]]]
    failures: list[Failure]
    segments: dict[str, int] = {}


def settle(
    rows: Sequence[ClipRow], answer: Source | ClipError, labels: dict[str, int], options: BuildOptions
) -> Resolved:
    """Turn a source's answer into clips to make and ledger rows.

    Args:
        rows: as given to `source_tasks`.
        labels: class name to index.
    """
    if isinstance(answer, ClipError):
        return Resolved([], [failure_of(row, _STAGE, answer.reason, answer.message) for row in rows])
    if answer.failure:
        return Resolved([], [failure_of(row, _STAGE, *answer.failure) for row in rows])
    jobs = []
    failures = []
    for plan in answer.clips:
        row = _segment_row(rows[plan.row], plan)
        if row.label is not None and row.label not in labels:
            message = f"the class {row.label} is not in the list of classes"
            failures.append(failure_of(row, _STAGE, Reason.BAD_ROW, message))
        elif not plan.spans:
            failures.append(failure_of(row, _STAGE, Reason.TOO_SHORT, plan.problem))
        else:
            jobs.append(_job(row, plan, answer, labels, options))
    segments = Counter(rows[plan.row].split for plan in answer.clips)
    segments.subtract(row.split for row in rows)
    return Resolved(jobs, failures, {split: more for split, more in segments.items() if more})


def _segment_row(row: ClipRow, plan: ClipPlan) -> ClipRow:
    """The row of one segment: an id of its own, and its times as columns."""
    if plan.segment is None:
        return row
    return msgspec.structs.replace(
        row,
        clip_id=f"{row.clip_id}_{plan.segment:04d}",
        group=row.group or row.source,
        start=plan.start,
        end=plan.end if plan.end is not None else row.end,
    )


def _job(
    row: ClipRow, plan: ClipPlan, source: Source, labels: dict[str, int], options: BuildOptions
) -> tuple[ClipJob, list[ClipTask]]:
    key = clip_key(source.fingerprint, plan.start, plan.end, options.frames)
    whole = ClipTask(key, source.path, source.stamp, plan.start, plan.end)
    label = -1 if row.label is None else labels[row.label]
    job = ClipJob(row, label, source.fingerprint, whole)
    return job, [msgspec.structs.replace(whole, span=span) for span in plan.spans]
