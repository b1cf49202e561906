"""Waiting for storage many times at once: an object store takes 30 ms to answer, and there may be 100,000 questions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

_AT_ONCE = 32


def ahead(function: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """`function(item)` for every item, in order, computed by threads a few items ahead of what was taken.

    The first exception ends it.
    """
    with ThreadPoolExecutor(_AT_ONCE, "clipmill-ahead") as pool:
        waiting: deque[Future[B]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > _AT_ONCE:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def do_all(function: Callable[[A], object], items: Iterable[A]) -> None:
    """Call `function` with every item, several at once."""
    for _ in ahead(function, items):
        pass
