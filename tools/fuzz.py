"""Damage real videos as broken downloads do, decode them in children, and count how that ends.

    python tools/fuzz.py VIDEOS [--times N] [--seed S] [--largest BYTES]

Each outcome must be a clip, or one of the ledger's reasons other than `crashed`; the others are printed with the file
and the seed that make them again. Exit code 1 if there are any.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from clipmill.errors import ClipError
from clipmill.ledger import Reason
from clipmill.listings.paths import is_video
from clipmill.messages import ClipTask, SourceTask
from clipmill.options import FrameOptions
from clipmill.workers.jobs import DecodeJob, ResolveJob
from clipmill.workers.pool import Pool

#: Seconds for one file, and address space of a child: av and cv2 map 556 MB of it before they work.
TIMEOUT, MEMORY = 60.0, 3 << 29
#: The most frames that are decoded of a file.
FRAMES = 50


def damaged(data: bytes, seed: int) -> bytes:
    """Return the bytes with one to four places overwritten, cut out, doubled or zeroed, half of them in the header."""
    chance = random.Random(seed)
    out = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(max(1, len(out) if chance.random() < 0.5 else min(len(out), 4096)))
        length = chance.choice((1, 2, 4, 16, 512))
        kind = chance.randrange(5)
        if kind == 0:
            out[at : at + length] = chance.randbytes(length)
        elif kind == 1:
            del out[at : at + length]
        elif kind == 2:
            out[at:at] = out[at : at + length]
        elif kind == 3:
            out[at : at + length] = bytes(length)
        else:
            out[at : at + 4] = chance.choice(
                (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x01", b"\x80\0\0\0")
            )
    return bytes(out)


def outcomes(videos: list[Path], times: int, first_seed: int) -> Iterator[tuple[Path, int, str, str]]:
    """Yield (video, seed, reason or "clip", message) of each damaged copy."""
    options = FrameOptions(max_frames=FRAMES)
    with tempfile.TemporaryDirectory(prefix="clipmill-fuzz-") as folder:
        pool = Pool(1, TIMEOUT, MEMORY)
        try:
            for number, video in enumerate(videos):
                data = video.read_bytes()
                for seed in range(first_seed, first_seed + times):
                    copy = Path(folder, "x" + video.suffix)
                    copy.write_bytes(damaged(data, seed * 1_000_003 + number))
                    reason, message = _outcome(pool, copy, options)
                    yield video, seed, reason, message
        finally:
            pool.close()


def _outcome(pool: Pool, copy: Path, options: FrameOptions) -> tuple[str, str]:
    task = SourceTask([copy.name], [[False]], [(None, None)], "auto", None, 0, options)
    try:
        source = pool.submit(ResolveJob(task, str(copy.parent))).result()
        if source.failure:
            return source.failure
        # What one key stands for is decoded once.
        found = ClipTask(source.fingerprint[:32], copy.name, source.stamp, None, None, source.clips[0].spans[0])
        pool.submit(DecodeJob(found, str(copy.parent), str(copy.parent), options)).result()
    except ClipError as error:
        return Reason(error.reason).value, error.message
    return "clip", ""


def main(argv: list[str]) -> int:
    """Run; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("videos", type=Path, help="a folder")
    parser.add_argument("--times", type=int, default=5, help="copies of each video (5)")
    parser.add_argument("--seed", type=int, default=0, help="of the first copy (0)")
    parser.add_argument("--largest", type=int, default=300_000, help="bytes of the largest video taken (300,000)")
    arguments = parser.parse_args(argv)
    files = sorted(path for path in arguments.videos.rglob("*") if is_video(path.name) and path.is_file())
    files = [path for path in files if 0 < path.stat().st_size <= arguments.largest]
    counts: Counter[str] = Counter()
    for video, seed, reason, message in outcomes(files, arguments.times, arguments.seed):
        counts[reason] += 1
        if reason == Reason.CRASHED.value:
            print(f"{video} --seed {seed}: {message}", flush=True)
    print(f"{len(files)} videos, {counts.total():,} copies: {dict(counts.most_common())}")
    return int(counts[Reason.CRASHED.value] > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
