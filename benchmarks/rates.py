"""What the benchmarks of reading ask for, and how they measure it; any environment has all that this needs."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from typing import NamedTuple

BATCH = 8
#: Windows before the measurement begins; TensorFlow tunes itself meanwhile.
WARM_UP = 96


class Case(NamedTuple):
    """What every reader gives: windows of frames, uint8.

    Attributes:
        frames: in a row, from a random place of a random clip.
        size: pixels of each side.
        resized: a part of random area and aspect is resized to it, else a random part of that size is cut out.
    """

    frames: int
    size: int
    resized: bool

    def __str__(self) -> str:
        return f"{self.frames} frames, {'RandomResizedCrop' if self.resized else 'crop'} {self.size}"


CASES = {
    "crop-224": Case(64, 224, False),
    "resized-112": Case(16, 112, True),
    "resized-224": Case(16, 224, True),
}


def rate(coming: Iterator[int], windows: int) -> dict[str, float]:
    """Windows per CPU-second of this process and per second, after a warm-up; `coming` gives how many came."""
    done = 0
    while done < WARM_UP:
        done += next(coming)
    began, cpu, done = time.perf_counter(), _cpu(), 0
    while done < windows:
        done += next(coming)
    return {"cpu": done / (_cpu() - cpu), "wall": done / (time.perf_counter() - began)}


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def _cpu() -> float:
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in usage)
