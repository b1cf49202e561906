"""Drawing rows of a listing evenly, by a hash of their clip ids."""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

from clipmill import content_names

Item = TypeVar("Item")


class Sample(Generic[Item]):
    """Draws at most `number` of the items that come, each as likely; the same ids give the same sample."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._heap: list[tuple[float, int, Item]] = []
        self._seen = 0

    def add(self, clip_id: str, item: Item) -> None:
        """Take an item into account."""
        self._seen += 1
        entry = (-content_names.unit("census", clip_id), self._seen, item)
        if len(self._heap) < self._number:
            heapq.heappush(self._heap, entry)
        elif entry > self._heap[0]:
            heapq.heapreplace(self._heap, entry)

    def items(self) -> list[Item]:
        """Return what was drawn, in the order of the hashes."""
        return [item for *_, item in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)]
