"""Rows that name one clip twice: which stays, and which contradict each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from clipmill.ledger import Failure, Reason, Stage, failure_of
from clipmill.messages import ClipRow

#: What two rows of one clip must agree on.
_FACTS = ("label", "label_number", "split", "folds", "group")


def place(row: ClipRow) -> tuple[Any, ...]:
    """Return what two rows have in common that are one clip of one video."""
    return row.video, row.start, row.end, row.frame_range


def unique_id(rows: Iterable[ClipRow]) -> tuple[list[ClipRow], list[Failure]]:
    """Keep one of the rows with one clip id (none if others contradict it); returns the others' ledger rows too."""
    rows = sorted(rows, key=_order)
    first = rows[0]
    kept, failures = _one_of([row for row in rows if place(row) == place(first)], _same_clip, _FACTS)
    for row in rows:
        if place(row) != place(first):
            message = f"the id {row.clip_id} is taken by {first.video} ({_where(first)}); give it an id of its own"
            failures.append(failure_of(row, Stage.GROUP_BY_SOURCE, Reason.BAD_ROW, message))
    return kept, failures


def unique_ranges(rows: Iterable[ClipRow], *, drawn: bool = False) -> tuple[list[ClipRow], list[Failure]]:
    """Keep one of a source's rows for each time range (none if others contradict it).

    Args:
        rows: of the source.
        drawn: splits were drawn by clip id, so rows of one range may differ in it.

    Returns:
        The rows that stay, and the others' ledger rows.
    """
    alike: dict[tuple[Any, ...], list[ClipRow]] = {}
    for row in sorted(rows, key=_order):
        alike.setdefault(place(row), []).append(row)
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
    """Keep the first of some rows that are one clip, or none if they differ, since any of them may be wrong."""

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
    """Return a sort key of all facts of a row, then its place, so that the order of a listing makes no difference."""
    start, end = (-1 if value is None else value for value in (row.start, row.end))
    number = row.label_number if isinstance(row.label_number, tuple) else (row.label_number,)
    numbers = tuple(-1 if one is None else one for one in number)
    facts = "" if row.label is None else row.label, numbers, row.split, row.folds, row.group or ""
    where = row.clip_id, row.video, start, end, str(row.frame_range)
    return *where, *facts, sorted(row.extra.items()), row.listing, row.row


def _spelled(fact: str | int | tuple[str | int | None, ...] | None) -> str:
    if isinstance(fact, tuple):
        return ", ".join(_spelled(one) for one in fact) or "empty"
    return str(fact) if fact or fact == 0 else "empty"


def _same_clip(row: ClipRow) -> str:
    return f"the same clip as {_where(row)}"


def _same_range(row: ClipRow) -> str:
    return f"the same video and time range as {row.clip_id} ({_where(row)})"


def _where(row: ClipRow) -> str:
    return f"{row.listing}:{row.row}" if row.row else row.video
