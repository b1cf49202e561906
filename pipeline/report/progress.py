"""The progress bar: one changing line on a terminal and in a notebook, plain lines every half minute elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import TextIO

from clipmill.pipeline.report.words import clock, plural

_PLAIN_SECONDS = 30.0
#: Seconds of decoding after which the time left can be estimated.
_WARM_UP = 3.0
_BAR = 12
_ERASE_TO_END = "\x1b[K"


class Line:
    """Shows a line of text that changes.

    Args:
        stream: by default standard error; a terminal and a notebook get one changing line, anything else a line every
            half minute.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._notebook = type(self._stream).__module__.startswith("ipykernel.")
        self._changes = self._notebook or self._stream.isatty()
        self._next = time.monotonic() + _PLAIN_SECONDS
        self._shown = ""

    def show(self, text: str) -> None:
        """Show a text in place of the one before."""
        shown = text[: self._columns() - 1]
        if self._changes and shown != self._shown:
            # A notebook goes back to the line's beginning, and does not know how to erase.
            erase = " " * (len(self._shown) - len(shown)) if self._notebook else _ERASE_TO_END
            self._stream.write(f"\r{shown}{erase}")
            self._stream.flush()
            self._shown = shown
        elif not self._changes and time.monotonic() >= self._next:
            self._next = time.monotonic() + _PLAIN_SECONDS
            print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """End the line; the last text stays."""
        if self._shown:
            self._stream.write("\n")
            self._stream.flush()

    def _columns(self) -> int:
        # The width of this stream, since standard output may be another one.
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except OSError:
            return 80


def bar(done: int, of: int) -> str:
    """Return how much is done, as 250/500  ######......"""
    full = _BAR * done // max(1, of)
    return f"{done:,}/{of:,}  {'#' * full}{'.' * (_BAR - full)}"


class Progress:
    """Shows clips, frames per second, time left and failures so far.

    Args:
        clips: how many the listing has.
        line: where.
    """

    def __init__(self, clips: int, line: Line) -> None:
        self._clips = clips
        self._line = line
        self._painted_at = time.monotonic()
        self._decoding: tuple[float, float] | None = None
        self._decoded = False

    def paint(self, counts: Mapping[str, int]) -> None:
        """Show the counters of a run (`clipmill.transforms.counters.count` names them)."""
        now = time.monotonic()
        done, todo = counts.get("spans", 0), counts.get("tasks", 0) - counts.get("reused", 0)
        if done and self._decoding is None:
            self._decoding = (self._painted_at, now)
        elif self._decoding and not self._decoded:
            self._decoding = (self._decoding[0], now)
        self._decoded = 0 < todo <= done
        self._painted_at = now
        failed = f"{counts['failed']:,} failed" if counts.get("failed") else ""
        self._line.show("  ".join(part for part in (*self._stage(counts), failed) if part))

    def _stage(self, counts: Mapping[str, int]) -> list[str]:
        made = counts.get("spans", 0) + counts.get("reused", 0)
        if counts.get("shards"):
            return [bar(self._clips, self._clips), *self._speed(counts), plural(counts["shards"], "shard")]
        if made:
            # Counted in tasks: a long video has several, and a clip that is known to fail has none.
            share = made / max(made, counts.get("tasks", 0))
            return [bar(int(share * self._clips), self._clips), *self._speed(counts)]
        if counts.get("sources"):
            return [f"looking at the videos: {counts['sources']:,}"]
        return [f"reading the listing: {counts.get('rows', 0):,} clips"]

    def _speed(self, counts: Mapping[str, int]) -> list[str]:
        began, until = self._decoding or (0.0, 0.0)
        spans, seconds = counts.get("spans", 0), until - began
        if not spans or seconds <= 0:
            return []
        rate = f"{counts.get('frames', 0) / seconds:,.0f} frames/s"
        left = seconds * (counts.get("tasks", 0) - counts.get("reused", 0) - spans) / spans
        return [rate, f"{clock(left)} left"] if seconds >= _WARM_UP and left >= 1 else [rate]
