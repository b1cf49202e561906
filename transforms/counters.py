"""Progress: the same counts go to Beam's metrics and to the command that runs in this process."""

from __future__ import annotations

import threading
from collections import Counter
from functools import cache
from typing import Any

from apache_beam.metrics import Metrics

NAMESPACE = "clipmill"

_counts: Counter[str] = Counter()
_lock = threading.Lock()


def count(name: str, number: int = 1) -> None:
    """Add to a counter: rows, sources, clips, frames, failed, shards."""
    _metric(name).inc(number)
    with _lock:
        _counts[name] += number


@cache
def _metric(name: str) -> Any:
    # Making one costs more than counting with it.
    return Metrics.counter(NAMESPACE, name)


def local_counts() -> dict[str, int]:
    """What was counted in this process since `reset`."""
    with _lock:
        return dict(_counts)


def reset() -> None:
    """Start from zero."""
    with _lock:
        _counts.clear()
