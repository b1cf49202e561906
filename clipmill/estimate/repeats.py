"""Finding the rows of a listing that name a clip again, as a build finds them, without holding all rows."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from clipmill.ledger import Failure
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions
from clipmill.sources.duplicates import place, unique_id, unique_ranges

#: Rows that are compared with each other, some 100 MB; where more repeat, the others are not told.
MOST_COMPARED = 100_000


class Repeats(NamedTuple):
    """The rows that give no clip, since others name it.

    Attributes:
        rows: the rows themselves.
        failures: what the ledger will say of each.
        all: whether all rows that repeat were compared.
    """

    rows: Sequence[ClipRow]
    failures: Sequence[Failure]
    all: bool


class RepeatFinder:
    """Remembers two hashes of every row, of its id and of its video and range: 16 bytes a row."""

    def __init__(self) -> None:
        self._hashes = array("q")

    def add(self, row: ClipRow) -> None:
        """Remember a row."""
        self._hashes.extend(_hashes(row))

    def find(self, rows: Iterable[ClipRow], options: ListingOptions) -> Repeats:
        """Compare the rows of which a hash was seen twice.

        Args:
            rows: all of them again, with their labels; read only where some repeat.
        """
        hashes = np.frombuffer(self._hashes, np.int64) if self._hashes else np.zeros(0, np.int64)
        hashes.sort()
        twice = frozenset(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
        if not twice:
            return Repeats((), (), all=True)
        suspects = (row for row in rows if not twice.isdisjoint(_hashes(row)))
        compared = list(islice(suspects, MOST_COMPARED))
        kept, failures = _unique(compared, drawn=bool(options.splits) and options.split_by == "clip")
        stay = set(map(id, kept))
        dropped = [row for row in compared if id(row) not in stay]
        return Repeats(dropped, failures, all=next(suspects, None) is None)


def _hashes(row: ClipRow) -> tuple[int, int]:
    return hash(row.clip_id), hash(place(row))


def _unique(rows: Sequence[ClipRow], *, drawn: bool) -> tuple[list[ClipRow], list[Failure]]:
    """Keep one row for each id, then one for each range of a video, as GroupBySource does."""
    failures: list[Failure] = []
    by_source: dict[str, list[ClipRow]] = {}
    for same in _grouped(rows):
        kept, fail = unique_id(same)
        failures += fail
        for row in kept:
            by_source.setdefault(row.video, []).append(row)
    stay: list[ClipRow] = []
    for same in by_source.values():
        kept, fail = unique_ranges(same, drawn=drawn)
        failures += fail
        stay += kept
    return stay, failures


def _grouped(rows: Sequence[ClipRow]) -> Iterator[list[ClipRow]]:
    by_id: dict[str, list[ClipRow]] = {}
    for row in rows:
        by_id.setdefault(row.clip_id, []).append(row)
    yield from by_id.values()
