"""Progress counters, for Beam's metrics and for the command that waits for the run.

In this process the command reads them here. Workers elsewhere write them to the run's
folder, since Flink and Dataflow report a bundle's metrics only when it ends.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec
from apache_beam.metrics import Metrics

from clipmill.errors import StorageError
from clipmill.layout import run_path
from clipmill.options import BuildOptions
from clipmill.storage import Stat, open_storage

NAMESPACE = "clipmill"

_counts: Counter[str] = Counter()
_told_at = 0.0
_lock = threading.Lock()


def count(name: str, number: int = 1) -> None:
    """Add to a counter: rows, sources, clips, frames, failed, shards; kept and bytes of an export."""
    _metric(name).inc(number)
    with _lock:
        _counts[name] += number


@cache
def _metric(name: str) -> Any:
    # Making one costs more than counting with it.
    return Metrics.counter(NAMESPACE, name)


def local_counts() -> dict[str, int]:
    """Return what was counted in this process since `reset`."""
    with _lock:
        return dict(_counts)


def reset() -> None:
    """Start from zero."""
    with _lock:
        _counts.clear()


def tell(options: BuildOptions, *, last: bool = False) -> None:
    """Write what was counted in this process to the run's folder, every `tell_seconds`.

    Args:
        last: write now, since the bundle ends.
    """
    global _told_at
    with _lock:
        if not options.tell_seconds or (not last and time.monotonic() < _told_at + options.tell_seconds):
            return
        _told_at = time.monotonic()
        packed = msgspec.json.encode(_counts)
    path = run_path(options.run, f"counts/{socket.gethostname()}-{os.getpid()}")
    # Only the progress bar uses these.
    with contextlib.suppress(StorageError):
        open_storage(options.out).put(path, packed, durable=False)


class Told:
    """Reads the counts that a run's workers wrote.

    Args:
        out, folder: where they are; a folder of None where workers write nothing.
    """

    def __init__(self, out: str, folder: str | None) -> None:
        self._storage = open_storage(out)
        self._folder = folder
        self._seen: dict[str, tuple[str, dict[str, int]]] = {}

    def counts(self) -> dict[str, int]:
        """Return the sum over all workers; work that was repeated counts again."""
        with contextlib.suppress(StorageError, FileNotFoundError):
            for path, stat in self._files():
                if self._seen.get(path, ("",))[0] != stat.stamp:
                    self._seen[path] = stat.stamp, msgspec.json.decode(self._storage.read(path))
        total: Counter[str] = Counter()
        for _, counts in self._seen.values():
            total.update(counts)
        return dict(total)

    def forget(self) -> None:
        """Delete the counts."""
        with contextlib.suppress(StorageError):
            for path, _ in list(self._files()):
                self._storage.delete(path)

    def _files(self) -> Iterable[tuple[str, Stat]]:
        return self._storage.list(self._folder) if self._folder else ()
