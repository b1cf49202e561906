"""What the thread that makes clips waits for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeAlias

from clipmill.pipeline.first_epoch.schedule import Work


class Asked(NamedTuple):
    """What a reader waits for: some spans of a clip; where that is None its length, or with `whole` all spans."""

    number: int
    spans: Sequence[int] | None = None
    whole: bool = False


class Finished(NamedTuple):
    """A job that ended."""

    work: Work
    future: Future[Any]


class Found(NamedTuple):
    """The search for absent videos ended."""

    error: Exception | None


class Order(NamedTuple):
    """Clips to make first, in order, and whether to make all others after them."""

    numbers: Iterator[int]
    then_all: bool


#: What the thread of ours waits for; None is the end.
Event: TypeAlias = Finished | Asked | Found | Order | None
