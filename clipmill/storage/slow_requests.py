"""Telling that storage makes us wait: a request that gets no answer is sent again for minutes, without a word.

One thread of a process looks at all requests under way, and logs a warning for the oldest
that has waited for 10 seconds, and again each time its wait has doubled.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import threading
import time
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")

_log = logging.getLogger("clipmill.storage")
#: Seconds until the first warning.
PATIENCE = 10.0

_under_way: dict[int, tuple[float, str]] = {}  # by number: when it began, and what it asks for
_numbers = itertools.count()
_watcher: threading.Thread | None = None


@contextlib.contextmanager
def watched(what: str) -> Iterator[None]:
    """Watch a request for the length of a `with` block."""
    _start()
    number = next(_numbers)
    _under_way[number] = time.monotonic(), what
    try:
        yield
    finally:
        _under_way.pop(number, None)


def each_watched(answers: Iterator[T], what: str) -> Iterator[T]:
    """Yield each of the answers of a request, and watch it only while it waits for the next."""
    while True:
        with watched(what):
            answer = next(answers, None)
        if answer is None:
            return
        yield answer


def _start() -> None:
    global _watcher
    if _watcher is None:
        # Two threads may both come here: then there are two watchers, and a line is told twice.
        _watcher = threading.Thread(target=_watch, name="clipmill-slow-requests", daemon=True)
        _watcher.start()


def _watch() -> None:
    tell_at = PATIENCE
    while True:
        time.sleep(PATIENCE / 4)
        began, what = min(list(_under_way.values()), default=(time.monotonic(), ""))
        waited = time.monotonic() - began
        if waited < PATIENCE:
            tell_at = PATIENCE
        elif waited >= tell_at:
            tell_at = 2 * waited
            _log.warning("%s: no answer for %.0f s; still waiting", what, waited)


def _after_fork() -> None:
    """Forget the parent's requests; its thread is not in the child."""
    global _watcher
    _under_way.clear()
    _watcher = None


os.register_at_fork(after_in_child=_after_fork)
