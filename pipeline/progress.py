"""The progress bar: one line that is painted over on a terminal, plain lines now and then elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import TextIO

from pipeline.words import clock

_PLAIN_SECONDS = 30.0
#: Before so many seconds of decoding, nobody can tell how long the rest takes.
_WARM_UP = 3.0
_BAR = 12
_ERASE_TO_END = "\x1b[K"


class Progress:
    """Shows clips, frames per second, time left and failures so far.

    Args:
        clips: how many the listing has.
        stream: where to write; a terminal gets a bar, anything else a line now and then.
    """

    def __init__(self, clips: int, stream: TextIO = sys.stderr) -> None:
        self._clips = clips
        self._stream = stream
        self._terminal = stream.isatty()
        self._painted_at = time.monotonic()
        self._next_line = self._painted_at + _PLAIN_SECONDS
        self._decoding: tuple[float, float] | None = None
        self._shown = ""

    def paint(self, counts: Mapping[str, int]) -> None:
        """Show the counters of a run (`transforms.counters.count` names them)."""
        now = time.monotonic()
        done, todo = counts.get("spans", 0), counts.get("tasks", 0) - counts.get("reused", 0)
        if done and self._decoding is None:
            self._decoding = (self._painted_at, now)
        elif self._decoding and (done < todo or not todo):
            self._decoding = (self._decoding[0], now)
        self._painted_at = now
        line = self._line(counts)
        if self._terminal and line != self._shown:
            self._stream.write(f"\r{line[: self._columns() - 1]}{_ERASE_TO_END}")
            self._stream.flush()
            self._shown = line
        elif not self._terminal and now >= self._next_line:
            self._next_line = now + _PLAIN_SECONDS
            print(line, file=self._stream, flush=True)

    def close(self) -> None:
        """End the line, with the last counters in it."""
        if self._shown:
            self._stream.write("\n")
            self._stream.flush()

    def _columns(self) -> int:
        # Of the stream itself: what is printed may go elsewhere.
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except OSError:
            return 80

    def _line(self, counts: Mapping[str, int]) -> str:
        return "  ".join(part for part in (*self._stage(counts), _failed(counts)) if part)

    def _stage(self, counts: Mapping[str, int]) -> list[str]:
        made, tasks = counts.get("spans", 0) + counts.get("reused", 0), counts.get("tasks", 0)
        if counts.get("shards"):
            return [self._bar(1.0), f"writing shards: {counts['shards']:,}"]
        if made:
            return [self._bar(min(1.0, made / max(tasks, made))), *self._speed(counts)]
        if counts.get("sources"):
            return ["looking at the videos", f"{counts['sources']:,} files"]
        return ["reading the listing", f"{counts.get('rows', 0):,} clips"]

    def _bar(self, share: float) -> str:
        full = round(share * _BAR)
        return f"{round(share * self._clips):,}/{self._clips:,}  {'#' * full}{'.' * (_BAR - full)}"

    def _speed(self, counts: Mapping[str, int]) -> list[str]:
        began, until = self._decoding or (0.0, 0.0)
        spans, seconds = counts.get("spans", 0), until - began
        if not spans or seconds <= 0:
            return []
        rate = f"{counts.get('frames', 0) / seconds:,.0f} frames/s"
        left = seconds * (counts.get("tasks", 0) - counts.get("reused", 0) - spans) / spans
        return [rate, f"{clock(left)} left"] if seconds >= _WARM_UP and left >= 1 else [rate]


def _failed(counts: Mapping[str, int]) -> str:
    return f"{counts['failed']:,} failed" if counts.get("failed") else ""
