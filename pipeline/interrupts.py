"""Ctrl-C and SIGTERM, as an event that a runner waits on."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from clipmill.errors import Interrupted

_pressed = threading.Event()


def remember_interrupts() -> None:
    """Let Ctrl-C count though what it interrupts swallows it, as a callback or a library that is loading may."""
    main_thread = threading.current_thread() is threading.main_thread()
    if main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _remember)


def _remember(number: int, frame: FrameType | None) -> None:
    _pressed.set()
    signal.default_int_handler(number, frame)


@contextlib.contextmanager
def stop_event() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set, for the length of a `with` block; set where Ctrl-C came before."""
    stop = threading.Event()
    if _pressed.is_set():
        stop.set()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in handlers:
        signal.signal(number, lambda *_: stop.set())
    try:
        yield stop
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def interrupted(kept: str) -> Interrupted:
    """Return the error of a run that was stopped, which says what it leaves."""
    return Interrupted(f"interrupted: {kept}")
