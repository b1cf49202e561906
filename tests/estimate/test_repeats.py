"""Rows that name a clip again, against what the graph finds when it has all rows in hand."""

from __future__ import annotations

import random

import pytest

from clipmill.estimate import repeats
from clipmill.estimate.repeats import RepeatFinder
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions
from clipmill.sources.duplicates import unique_id, unique_ranges


def row(number: int, clip_id: str, video: str, start: float | None = None, label: str = "a") -> ClipRow:
    return ClipRow(
        clip_id=clip_id,
        video=video,
        split="train",
        label=label,
        label_number=None,
        group=None,
        start=start,
        end=None,
        folds=(),
        listing="/l.csv",
        row=number,
        extra={},
    )


def found(rows: list[ClipRow]) -> repeats.Repeats:
    finder = RepeatFinder()
    for one in rows:
        finder.add(one)
    return finder.find(rows, ListingOptions(("/l.csv",)))


def in_hand(rows: list[ClipRow]) -> set[tuple[int, str]]:
    """(row, message) of every row that gives no clip: by id first, then by video."""
    failures = []
    kept = []
    for clip_id in {one.clip_id for one in rows}:
        stay, fail = unique_id([one for one in rows if one.clip_id == clip_id])
        kept += stay
        failures += fail
    for video in {one.video for one in kept}:
        failures += unique_ranges([one for one in kept if one.video == video])[1]
    return {(failure.row, failure.message) for failure in failures}


@pytest.mark.parametrize("seed", range(20))
def test_random_rows(seed):
    draw = random.Random(seed)
    rows = [
        row(n, f"id{draw.randrange(12)}", f"v{draw.randrange(9)}", draw.choice([None, 1.0]), draw.choice("aab"))
        for n in range(draw.randrange(2, 25))
    ]
    again = found(rows)
    assert again.all
    assert {(failure.row, failure.message) for failure in again.failures} == in_hand(rows)
    assert sorted(one.row for one in again.rows) == sorted(failure.row for failure in again.failures)


def test_rows_that_all_differ_are_not_read_again():
    finder = RepeatFinder()
    for number in range(5):
        finder.add(row(number, f"id{number}", f"v{number}"))

    def never():
        raise AssertionError("read again")
        yield

    assert not finder.find(never(), ListingOptions(("/l.csv",))).rows


def test_of_too_many_the_first_are_compared(monkeypatch):
    monkeypatch.setattr(repeats, "MOST_COMPARED", 4)
    again = found([row(number, "one", "v") for number in range(9)])
    assert len(again.rows) == 3 and not again.all
