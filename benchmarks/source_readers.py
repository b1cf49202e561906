"""Windows read from the source videos, by decord and torchcodec.

    python -m benchmarks.source_readers NAME VIDEOS CASE WINDOWS

Imports nothing of clipmill, so that it runs in an environment of its own: `benchmarks.read --peers PYTHON` starts it.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.rates import BATCH, CASES, Case, cores, rate

#: Opens a file, and returns how many frames it has and what reads those from one number to another, (t, h, w, 3).
Opener = Callable[[str], tuple[int, Callable[[int, int], Any]]]


def with_decord() -> Opener:
    """Return what opens a file by decord."""
    import decord

    def opened(path: str) -> tuple[int, Callable[[int, int], Any]]:
        reader = decord.VideoReader(path, num_threads=1)
        return len(reader), lambda first, end: reader.get_batch(range(first, end)).asnumpy()

    return opened


def with_torchcodec() -> Opener:
    """Return what opens a file by torchcodec."""
    from torchcodec.decoders import VideoDecoder

    def opened(path: str) -> tuple[int, Callable[[int, int], Any]]:
        decoder = VideoDecoder(path, num_ffmpeg_threads=1, dimension_order="NHWC")
        return len(decoder), lambda first, end: decoder.get_frames_in_range(first, end).data.numpy()

    return opened


OPENERS = {"decord": with_decord, "torchcodec": with_torchcodec}


def windows(opened: Opener, videos: Path, case: Case) -> Iterator[int]:
    """Give batches of random windows without end: how many windows each has."""
    # Every reader of frames that these two stand beside needs it, too.
    import numpy

    paths = sorted(str(path) for path in videos.rglob("*") if path.is_file())

    def window(seed: int) -> Any:
        draw = random.Random(seed)
        while True:
            count, read = opened(draw.choice(paths))
            if count >= case.frames:
                break
        first = draw.randint(0, count - case.frames)
        frames = read(first, first + case.frames)
        top, left = (draw.randint(0, side - case.size) for side in frames.shape[1:3])
        return frames[:, top : top + case.size, left : left + case.size]

    with ThreadPoolExecutor(cores()) as threads:
        seed = 0
        coming: list[Future[Any]] = []
        while True:
            while len(coming) < 2 * BATCH:
                coming.append(threads.submit(window, seed))
                seed += 1
            batch = numpy.stack([future.result() for future in coming[:BATCH]])
            del coming[:BATCH]
            assert batch.shape == (BATCH, case.frames, case.size, case.size, 3)
            yield BATCH


def main(name: str, videos: str, case: str, count: str) -> int:
    """Measure one reader; a line of JSON, with the reason where it cannot be had."""
    try:
        opened = OPENERS[name]()
    except Exception as error:  # torchcodec raises a RuntimeError where FFmpeg's libraries are not found
        lines = str(error).strip().splitlines() or [type(error).__name__]
        print(json.dumps({"absent": lines[0]}))
        return 0
    print(json.dumps(rate(windows(opened, Path(videos), CASES[case]), int(count))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
