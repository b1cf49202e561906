"""Waiting for storage many times at once: an object store takes 30 ms to answer, and there may be 100,000 questions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from clipmill.storage.base import Storage

A = TypeVar("A")
B = TypeVar("B")

_AT_ONCE = 32


def ahead(
    function: Callable[[A], B],
    items: Iterable[A],
    *,
    weigh: Callable[[A], int] = lambda item: 1,
    most: int = _AT_ONCE,
) -> Iterator[B]:
    """Call `function(item)` for every item, in order, by threads ahead of what was taken.

    The first exception ends it.

    Args:
        weigh: what an item costs until its result is taken: 1, or bytes of memory.
        most: all items under way together; an item that costs more goes alone.
    """
    with ThreadPoolExecutor(_AT_ONCE, "clipmill-ahead") as pool:
        waiting: deque[tuple[int, Future[B]]] = deque()
        under_way = 0
        try:
            for item in items:
                weight = weigh(item)
                while waiting and under_way + weight > most:
                    under_way -= waiting[0][0]
                    yield waiting.popleft()[1].result()
                waiting.append((weight, pool.submit(function, item)))
                under_way += weight
            while waiting:
                yield waiting.popleft()[1].result()
        finally:
            for _, future in waiting:
                future.cancel()


def each(storage: Storage, function: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """Call `function(item)` for every item, in order; without threads on local disks, where they cost too much."""
    return map(function, items) if storage.local else ahead(function, items)


def delete_all(storage: Storage, paths: Iterable[str]) -> None:
    """Remove objects, several at once where that takes a while."""
    for _ in each(storage, storage.delete, paths):
        pass
