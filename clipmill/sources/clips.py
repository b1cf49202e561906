"""From rows to clips to make: which rows clash, what a source is asked, and what its answer means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from clipmill import listings
from clipmill.errors import ClipError
from clipmill.keys import clip_key
from clipmill.ledger import Failure, Reason, Stage, failure_of
from clipmill.messages import ClipRow, ClipTask, ProbedSource, ResolvedClip, SourceClip, SourceTask
from clipmill.options import BuildOptions

#: What two rows of one clip must agree on.
_FACTS = ("label", "label_number", "split", "folds", "group")


def unique_id(rows: Iterable[ClipRow]) -> tuple[list[ClipRow], list[Failure]]:
    """Of rows with one clip id, the one that stays (none, if others contradict it), and the others' ledger rows."""
    rows = sorted(rows, key=_order)
    first = rows[0]
    kept, failures = _one_of([row for row in rows if _place(row) == _place(first)], _same_clip, _FACTS)
    for row in rows:
        if _place(row) != _place(first):
            message = f"the id {row.clip_id} is taken by {first.video} ({_where(first)}); give it an id of its own"
            failures.append(failure_of(row, Stage.GROUP_BY_SOURCE, Reason.BAD_ROW, message))
    return kept, failures


def unique_ranges(rows: Iterable[ClipRow], *, drawn: bool = False) -> tuple[list[ClipRow], list[Failure]]:
    """Of a source's rows, one for each time range (none where they contradict each other), and the others' ledger rows.

    Args:
        rows: of the source.
        drawn: splits were drawn by clip id, so that they say nothing about the rows.
    """
    alike: dict[tuple[float | None, float | None], list[ClipRow]] = {}
    for row in sorted(rows, key=_order):
        alike.setdefault((row.start, row.end), []).append(row)
    facts = [fact for fact in _FACTS if not (drawn and fact == "split")]
    kept = []
    failures = []
    for same in alike.values():
        stays, fail = _one_of(same, _same_range, facts)
        kept += stays
        failures += fail
    return kept, failures


def _one_of(
    rows: Sequence[ClipRow], name: Callable[[ClipRow], str], facts: Sequence[str]
) -> tuple[list[ClipRow], list[Failure]]:
    """The first of some rows that are one clip. If they do not say the same of it, nobody knows which row is right."""

    def differs(row: ClipRow, other: ClipRow) -> str:
        return next((fact for fact in facts if getattr(row, fact) != getattr(other, fact)), "")

    first, *others = rows
    odd = next((row for row in others if differs(row, first)), None)
    if odd is None:
        return [first], [failure_of(row, Stage.GROUP_BY_SOURCE, Reason.DUPLICATE, name(first)) for row in others]
    failures = []
    for row in rows:
        other = first if differs(row, first) else odd
        fact = differs(row, other)
        mine, theirs = (_spelled(getattr(each, fact)) for each in (row, other))
        message = f"{name(other)}, but its {fact.replace('_', ' ')} is {mine}, not {theirs}: remove the wrong one"
        failures.append(failure_of(row, Stage.GROUP_BY_SOURCE, Reason.BAD_ROW, message))
    return [], failures


def _order(row: ClipRow) -> tuple[Any, ...]:
    """By all that a clip is made of before where the row stands, so that the order of a listing makes no difference."""
    start, end, number = (-1 if value is None else value for value in (row.start, row.end, row.label_number))
    facts = row.label or "", number, row.split, row.folds, row.group or ""
    return row.clip_id, row.video, start, end, *facts, sorted(row.extra.items()), row.listing, row.row


def _place(row: ClipRow) -> tuple[str, float | None, float | None]:
    return row.video, row.start, row.end


def _spelled(fact: str | int | tuple[str, ...] | None) -> str:
    return str(fact) if fact or fact == 0 else "empty"


def _same_clip(row: ClipRow) -> str:
    return f"the same clip as {_where(row)}"


def _same_range(row: ClipRow) -> str:
    return f"the same video and time range as {row.clip_id} ({_where(row)})"


def _where(row: ClipRow) -> str:
    return f"{row.listing}:{row.row}" if row.row else row.video


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

    jobs: list[tuple[ResolvedClip, list[ClipTask]]]
    failures: list[Failure]
    segments: dict[str, int] = {}


def settle(
    rows: Sequence[ClipRow], answer: ProbedSource | ClipError, labels: dict[str, int], options: BuildOptions
) -> Resolved:
    """Turn a source's answer into clips to make and ledger rows.

    Args:
        rows: as given to `source_tasks`.
        labels: class name to index.
    """
    if isinstance(answer, ClipError):
        return Resolved([], [failure_of(row, Stage.RESOLVE_SOURCES, answer.reason, answer.message) for row in rows])
    if answer.failure:
        return Resolved([], [failure_of(row, Stage.RESOLVE_SOURCES, *answer.failure) for row in rows])
    jobs = []
    failures = []
    for plan in answer.clips:
        row = _segment_row(rows[plan.row], plan)
        if row.label is not None and row.label not in labels:
            message = f"the class {row.label} is not in the list of classes"
            failures.append(failure_of(row, Stage.RESOLVE_SOURCES, Reason.BAD_ROW, message))
        elif not plan.spans:
            failures.append(failure_of(row, Stage.RESOLVE_SOURCES, Reason.TOO_SHORT, plan.problem))
        else:
            jobs.append(_job(row, plan, answer, labels, options))
    segments = Counter(rows[plan.row].split for plan in answer.clips)
    segments.subtract(row.split for row in rows)
    return Resolved(jobs, failures, {split: more for split, more in segments.items() if more})


def _segment_row(row: ClipRow, plan: SourceClip) -> ClipRow:
    """The row of one segment: an id of its own, and its times as columns."""
    if plan.segment is None:
        return row
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
    whole = ClipTask(key, source.path, source.stamp, plan.decode_start, plan.decode_end)
    label = -1 if row.label is None else labels[row.label]
    job = ResolvedClip(row, label, source.fingerprint, whole)
    return job, [msgspec.structs.replace(whole, span=span) for span in plan.spans]
