"""Sending many requests at once: an object store takes 30 ms to answer, and a build may have 100,000 requests."""

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
    """Call `function(item)` for every item in threads, ahead of the caller; yield the results in order.

    The first exception ends it.

    Args:
        weigh: what an item costs until its result is taken: 1, or bytes of memory.
        most: cost of all items under way; an item that costs more goes alone.
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
    """Call `function(item)` for every item, in order; in threads only on object stores, since they cost CPU."""
    return map(function, items) if storage.local else ahead(function, items)


def delete_all(storage: Storage, paths: Iterable[str]) -> None:
    """Remove objects, on object stores several at once."""
    for _ in each(storage, storage.delete, paths):
        pass
