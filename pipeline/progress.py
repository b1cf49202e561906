"""The progress bar: one line that is repainted on a terminal, plain lines elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

_PLAIN_SECONDS = 30.0
_BAR = 12


class Progress:
    """Shows clips, frames per second, time left and failures so far.

    Args:
        clips: how many there are to be.
        frames: about how many frames they have; 0 if nobody knows.
        stream: where to write; a terminal gets a bar, anything else a line now and then.
    """

    def __init__(self, clips: int, frames: float, stream: TextIO = sys.stderr) -> None:
        self._clips = clips
        self._frames = frames
        self._stream = stream
        self._terminal = stream.isatty()
        self._began = time.monotonic()
        self._decoding_began: float | None = None
        self._next_line = self._began + _PLAIN_SECONDS
        self._width = 0
        self._counts: dict[str, int] = {}

    def paint(self, counts: dict[str, int]) -> None:
        """Show the counters of a run."""
        now = time.monotonic()
        self._counts = counts
        if counts.get("frames") and self._decoding_began is None:
            self._decoding_began = now
        if self._terminal:
            line = self._line(counts, now)[: shutil.get_terminal_size().columns - 1]
            self._stream.write("\r" + line.ljust(self._width))
            self._stream.flush()
            self._width = len(line)
        elif now >= self._next_line:
            self._next_line = now + _PLAIN_SECONDS
            print(self._line(counts, now), file=self._stream, flush=True)

    def close(self) -> None:
        """End the line, with the last counters in it."""
        if self._terminal:
            self._stream.write("\n")
            self._stream.flush()

    def _line(self, counts: dict[str, int], now: float) -> str:
        failed = f"  {counts['failed']:,} failed" if counts.get("failed") else ""
        if counts.get("shards"):
            return f"{self._bar(1.0)}  writing shards: {counts['shards']}{failed}"
        done = counts.get("spans", 0) + counts.get("reused", 0)
        if done:
            return f"{self._share(done)}  {self._speed(counts, now)}{failed}"
        if counts.get("sources"):
            return f"{self._share(counts['sources'])}  looking at the videos{failed}"
        return f"reading the listing: {counts.get('rows', 0):,} clips"

    def _share(self, done: int) -> str:
        done = min(done, self._clips)
        return f"{done:,}/{self._clips:,}  {self._bar(done / max(1, self._clips))}"

    def _bar(self, share: float) -> str:
        full = round(share * _BAR)
        return "#" * full + "." * (_BAR - full)

    def _speed(self, counts: dict[str, int], now: float) -> str:
        frames = counts.get("frames", 0)
        seconds = now - self._decoding_began if self._decoding_began else 0.0
        if not frames or seconds < 0.5:
            return ""
        rate = frames / seconds
        left = max(0.0, self._frames - frames) / rate
        return f"{rate:,.0f} frames/s  {clock(left)} left" if left >= 1 else f"{rate:,.0f} frames/s"


def clock(seconds: float) -> str:
    """Seconds as 42s, 3m05s or 2h07m."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
