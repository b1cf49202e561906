"""What is made next while a listing is read."""

from __future__ import annotations

from clipmill.messages import ClipTask, Span
from clipmill.pipeline.first_epoch.schedule import Decoding, Schedule, Work


def span(number: int, part: int = 0) -> Decoding:
    return Decoding(number, ClipTask("key", "video.mp4", "stamp", None, None, Span(part, 3)))


def given(schedule: Schedule) -> list[tuple[int, int]]:
    """All that is left, as (clip, span)."""
    works: list[Work] = []
    while (work := schedule.next()) is not None:
        works.append(work)
    return [(work.place[0], work.place[2]) for work in works]


def test_what_is_waited_for_comes_before_what_was_begun_and_nothing_twice() -> None:
    begun: list[int] = []
    schedule = Schedule(begun.append, iter(range(6)))
    schedule.then.extend(span(1, part) for part in range(3))
    assert schedule.next() == span(1, 0)
    schedule.now.extend([span(1, 2), span(2)])
    assert given(schedule) == [(1, 2), (2, 0), (1, 1)]
    assert begun == [], "without an order nothing else is made"


def test_clips_are_begun_in_the_order_of_the_epoch_and_then_all_others() -> None:
    schedule = Schedule(lambda number: schedule.then.append(span(number)), iter(range(5)))
    schedule.follow(iter([3, 1]), then_all=False)
    assert given(schedule) == [(3, 0), (1, 0)]
    schedule.follow(iter([4]), then_all=True)
    assert given(schedule) == [(4, 0), (0, 0), (2, 0)]
