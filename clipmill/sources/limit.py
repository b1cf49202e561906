"""The clips that --limit takes: as many of each class and split as can be, those with a file there first.

Within a class a hash of the clip id decides, so that another limit takes more or fewer of the same clips.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence

from clipmill import content_names
from clipmill.messages import ClipRow

#: Whether a row's file is there, and the row.
Candidate = tuple[bool, ClipRow]
#: The place of a row within its class.
Ranked = tuple[int, Candidate]
#: Rows that are held whatever the limit.
_HELD = 1000


def class_of(candidate: Candidate) -> str:
    """Return what rows are spread over: split and label."""
    return f"{candidate[1].split}\x1f{candidate[1].label}"


def chance(candidate: Candidate) -> tuple[bool, float]:
    """Return the order of rows within a class."""
    there, row = candidate
    return not there, content_names.unit("limit", row.clip_id)


def turn(ranked: Ranked) -> tuple[bool, int, float]:
    """Return the order of rows of all classes: the first of each class, then the second of each, and so on."""
    rank, candidate = ranked
    absent, drawn = chance(candidate)
    return absent, rank, drawn


def rows_there(candidates: Iterable[Candidate]) -> list[ClipRow]:
    """Return the rows with a file; if no row has one, all rows, so that they are reported as missing."""
    found = list(candidates)
    any_there = any(there for there, _ in found)
    return [row for there, row in found if there or not any_there]


def take(candidates: Iterable[Candidate], limit: int) -> list[ClipRow]:
    """Return the rows that --limit takes, in no order; a few times as many are held in memory."""
    classes: defaultdict[str, list[Candidate]] = defaultdict(list)
    held, most = 0, 4 * limit + _HELD
    for candidate in candidates:
        classes[class_of(candidate)].append(candidate)
        held += 1
        if held > most:
            held = _drop_hopeless(list(classes.values()), limit)
            most = 2 * held + _HELD
    ranked = (each for rows in classes.values() for each in enumerate(sorted(rows, key=chance)))
    return rows_there(candidate for _, candidate in heapq.nsmallest(limit, ranked, key=turn))


def _drop_hopeless(classes: Sequence[list[Candidate]], limit: int) -> int:
    """Drop rows that cannot be taken, whatever follows; returns how many are left.

    Those are rows without a file once any has one; and since classes only grow, the rows behind a rank that
    fills the limit already.
    """
    any_there = any(there for rows in classes for there, _ in rows)
    for rows in classes:
        rows[:] = sorted((each for each in rows if each[0] or not any_there), key=chance)
    rank = bisect_left(range(limit), limit, key=lambda rank: sum(min(len(rows), rank) for rows in classes))
    for rows in classes:
        del rows[rank:]
    return sum(map(len, classes))
