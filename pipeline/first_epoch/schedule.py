"""What is made next: what a reader waits for, then what was begun, then the epoch in its order, then all others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from clipmill.messages import ClipRow, ClipTask, ResolvedClip, SourceTask, SpanDone


class Resolving(NamedTuple):
    """A question to a video, about some rows that name it.

    Attributes:
        numbers, rows: the rows.
        task: the question.
        found: where the video was found by its name; "" where it is where the rows say.
        at: seconds since the epoch, when it was asked.
    """

    numbers: list[int]
    rows: list[ClipRow]
    task: SourceTask
    found: str
    at: float

    @property
    def place(self) -> tuple[int, int, int]:
        """Return what tells it from all other work."""
        return self.numbers[0], -1, bool(self.found)


class Decoding(NamedTuple):
    """A span of a row's clip to decode."""

    number: int
    task: ClipTask

    @property
    def place(self) -> tuple[int, int, int]:
        """Return what tells it from all other work."""
        return self.number, self.task.span.of, self.task.span.number


Work: TypeAlias = Resolving | Decoding


class Job(NamedTuple):
    """A clip that is resolved: its spans to decode, and those that are done, by number."""

    clip: ResolvedClip
    tasks: list[ClipTask]
    done: dict[int, SpanDone]


class Schedule:
    """Orders work; a piece of it may be put in several times, and is given out once.

    Args:
        begin: puts in the work of a clip, by its number, with which all others begin.
        rest: the clips that no reader goes through, of this host's share.

    Attributes:
        now: what a reader waits for.
        then: the other work of clips that were begun.
        to_the_end: whether all others are to be made as well.
    """

    def __init__(self, begin: Callable[[int], None], rest: Iterator[int]) -> None:
        self.now: deque[Work] = deque()
        self.then: deque[Work] = deque()
        self.to_the_end = False
        self._begin = begin
        self._rest = rest
        self._order: Iterator[int] = iter(())
        self._given: set[tuple[int, int, int]] = set()

    def follow(self, order: Iterator[int], then_all: bool) -> None:
        """Begin these clips next, in this order, and with `then_all` all others after them."""
        self._order = order
        self.to_the_end |= then_all

    def next(self) -> Work | None:
        """Return the next piece of work, None where all was given out."""
        while True:
            queue = self.now or self.then
            if queue:
                work = queue.popleft()
                if work.place not in self._given:
                    self._given.add(work.place)
                    return work
                continue
            number = next(self._order, None)
            if number is None and self.to_the_end:
                number = next(self._rest, None)
            if number is None:
                return None
            self._begin(number)

    def hurry(self, number: int) -> None:
        """Put the question to a clip's video first, if it waits."""
        self.now.extend(work for work in self.then if isinstance(work, Resolving) and number in work.numbers)
