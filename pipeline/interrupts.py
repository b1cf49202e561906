"""Ctrl-C and SIGTERM, as an event that a runner waits on."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

from clipmill.errors import Interrupted


@contextlib.contextmanager
def stop_event() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set, for the length of a `with` block."""
    stop = threading.Event()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in handlers:
        signal.signal(number, lambda *_: stop.set())
    try:
        yield stop
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def interrupted() -> Interrupted:
    """Return the error of a run that was stopped."""
    return Interrupted("interrupted: nothing was published, and what was decoded is kept for the next run")
