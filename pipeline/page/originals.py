"""Looks at the sources of a data set where they are still at hand: what they are, and how near stored frames come."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from clipmill.errors import ClipmillError
from clipmill.ledger import Failure, Reason
from clipmill.options import BuildOptions, FrameOptions
from clipmill.options.defaults import cores
from clipmill.reader import Dataset, FirstFrames
from clipmill.sources.looks import Look
from clipmill.storage import open_storage
from clipmill.workers.confinement import confinement
from clipmill.workers.jobs import LookJob
from clipmill.workers.pool import Pool

#: Sources that are looked at: on a local disk, and in an object store, where each is a download.
_NEAR, _FAR = 64, 16
#: Seconds for one look, and for all.
_ONE, _ALL = 10.0, 20.0
#: Failures whose first frame is shown: of one reason, and in all.
_OF_A_REASON, _FAILURES = 2, 8
#: Height of such a frame, in pixels, or width where that is smaller.
_SIDE = 96
#: Reasons of videos that may have a first frame.
_MAY_HAVE_FRAMES = frozenset(
    {
        Reason.TRUNCATED,
        Reason.CORRUPT,
        Reason.TIMEOUT,
        Reason.CRASHED,
        Reason.TOO_LARGE,
        Reason.TOO_SHORT,
        Reason.OUT_OF_RANGE,
        Reason.CHANGED,
    }
)


class Originals(NamedTuple):
    """What looks at some of the sources found.

    Attributes:
        chosen: how many were to be looked at.
        looks: of those that were there.
        decibels: PSNR of the luma of a clip's first frame, of those clips whose source still gives the stored bytes;
            infinite where no pixel differs.
    """

    chosen: int
    looks: list[Look]
    decibels: list[float]


def look_at_originals(build: BuildOptions, data: Dataset, table: pa.Table) -> Originals:
    """Look at random sources, and encode the first frame of each as the build did."""
    first_clip = np.unique(np.array(table["source"].to_pylist(), object), return_index=True)[1]
    most = _NEAR if open_storage(build.videos).local else _FAR
    some = np.random.default_rng(0).permutation(first_clip)[:most].tolist()
    jobs = [(clip, LookJob(_places(build, table["source"][clip].as_py()), build.videos, build.frames)) for clip in some]
    found = dict(_looked(jobs))
    stored = _first_frames(data, sorted(found))
    errors = [look.error for clip, look in found.items() if look.first and look.first == stored.get(clip)]
    decibels = [10 * math.log10(255**2 / error) if error else math.inf for error in errors]
    return Originals(len(some), list(found.values()), decibels)


def first_frames_of(build: BuildOptions, failures: Sequence[Failure]) -> list[tuple[Failure, bytes]]:
    """Return failures whose video has a first frame, some of each reason, each with that frame as a small JPEG."""
    chosen: list[Failure] = []
    for failure in failures:
        alike = [other for other in chosen if other.reason == failure.reason]
        if failure.reason in _MAY_HAVE_FRAMES and failure.source and len(alike) < _OF_A_REASON:
            chosen.append(failure)
    small = FrameOptions(short_side=_SIDE)
    jobs = [(n, LookJob(_places(build, f.source), build.videos, small)) for n, f in enumerate(chosen[:_FAILURES])]
    return [(chosen[number], look.first) for number, look in sorted(_looked(jobs)) if look.first]


def _places(build: BuildOptions, source: str) -> list[str]:
    return [f"{start}/{source}".lstrip("/") for start in build.listing.starts]


def _looked(jobs: Sequence[tuple[int, LookJob]]) -> Iterator[tuple[int, Look]]:
    """Do jobs in children, which decode what is strange; leave out what fails or comes too late."""
    if not jobs:
        return
    pool = Pool(min(cores(), len(jobs)), _ONE, confined=confinement(jobs[0][1].videos))
    until = time.monotonic() + _ALL
    try:
        for number, look in pool.window(jobs):
            if isinstance(look, Look):
                yield number, look
            if time.monotonic() > until:
                return
    except ClipmillError:
        return  # the storage does not answer: what is known is shown
    finally:
        pool.close(kill=True)


def _first_frames(data: Dataset, clips: Sequence[int]) -> dict[int, Any]:
    """Return the first stored frame of clips, as JPEGs."""
    if not clips:
        return {}
    chosen = data.all.select(index=clips)
    (batch,) = chosen.batches(FirstFrames(1), batch_size=len(clips), shuffle=False, decode=False)
    return dict(zip(clips, batch["frames"][:, 0], strict=True))
