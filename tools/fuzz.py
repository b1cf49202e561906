"""Damage real videos as broken downloads do, decode them in children, and count how that ends.

    python -m tools.fuzz VIDEOS [--count N] [--seed S] [--largest BYTES]

The smallest videos are taken first, one copy of each in turn. Each outcome must be a clip, or one of the ledger's
reasons other than `crashed` and `timeout`, and no child may take 1 GB of memory; what does otherwise is printed with
the file and the seed that make it again. Exit code 1 if there is any.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

import psutil

from clipmill.errors import ClipError
from clipmill.ledger import Reason
from clipmill.listings.paths import is_video
from clipmill.messages import ClipTask, SourceTask
from clipmill.options import FrameOptions
from clipmill.workers.jobs import DecodeJob, ResolveJob
from clipmill.workers.pool import Pool

#: Seconds for one file, many since others may work beside; address space of a child: av and cv2 map 556 MB at once.
TIMEOUT, ADDRESSES = 120.0, 3 << 29
#: The most memory of a child, bytes.
MEMORY = 1 << 30
#: The most frames that are decoded of a file.
FRAMES = 20
_BAD = (Reason.CRASHED.value, Reason.TIMEOUT.value)
_NUMBERS = (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x01", b"\x80\0\0\0")


class Outcome(NamedTuple):
    """How one damaged copy ended.

    Attributes:
        video: the whole file.
        seed: of the damage.
        ended: "clip", or the reason.
        message: of the reason.
        peak: bytes of memory that its child has ever taken.
    """

    video: Path
    seed: int
    ended: str
    message: str
    peak: int


def damaged(data: bytes, seed: int) -> bytes:
    """Return the bytes with damage: of every other seed one flipped bit, else one to four places changed.

    A place is overwritten, cut out, doubled, zeroed, set to a number that sizes and counts seldom have, or it is where
    the file ends; half of the places are in the first 4 kB.
    """
    chance = random.Random(seed)
    out = bytearray(data)
    if seed % 2:
        out[_place(out, chance)] ^= 1 << chance.randrange(8)
        return bytes(out)
    for _ in range(chance.randint(1, 4)):
        at = _place(out, chance) if out else 0
        length = chance.choice((1, 2, 4, 16, 512))
        kind = chance.randrange(11)
        if kind == 10:
            del out[at:]
        elif kind % 5 == 0:
            out[at : at + length] = chance.randbytes(length)
        elif kind % 5 == 1:
            del out[at : at + length]
        elif kind % 5 == 2:
            out[at:at] = out[at : at + length]
        elif kind % 5 == 3:
            out[at : at + length] = bytes(length)
        else:
            out[at : at + 4] = chance.choice(_NUMBERS)
    return bytes(out)


def _place(data: bytearray, chance: random.Random) -> int:
    return chance.randrange(len(data) if chance.random() < 0.5 else min(len(data), 4096))


def outcomes(videos: list[Path], first_seed: int) -> Iterator[Outcome]:
    """Yield how damaged copies end, without an end: one of each video, then the next of each."""
    options = FrameOptions(max_frames=FRAMES)
    with tempfile.TemporaryDirectory(prefix="clipmill-fuzz-") as folder:
        pool = Pool(1, TIMEOUT, ADDRESSES)
        try:
            for seed in count(first_seed):
                for number, video in enumerate(videos):
                    copy = Path(folder, "x" + video.suffix)
                    copy.write_bytes(damaged(video.read_bytes(), seed * 1_000_003 + number))
                    ended, message = _outcome(pool, copy, options)
                    yield Outcome(video, seed, ended, message, _peak())
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


def _peak() -> int:
    """Return the most memory that any child now alive has taken, bytes (VmHWM, as Linux counts it)."""
    peaks = [0]
    for child in psutil.Process().children():
        try:
            lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        peaks += [int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:")]
    return max(peaks)


def main(argv: list[str]) -> int:
    """Run; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("videos", type=Path, help="a folder")
    parser.add_argument("--count", type=int, default=1000, help="damaged copies (1,000)")
    parser.add_argument("--seed", type=int, default=0, help="of the first copy of each video (0)")
    parser.add_argument("--largest", type=int, default=300_000, help="bytes of the largest video taken (300,000)")
    arguments = parser.parse_args(argv)
    files = (path for path in arguments.videos.rglob("*") if is_video(path.name) and path.is_file())
    sized = sorted((path.stat().st_size, path) for path in files)
    videos = [path for size, path in sized if 0 < size <= arguments.largest]
    counts: dict[str, Counter[str]] = {}
    peak = bad = 0
    for outcome in islice(outcomes(videos, arguments.seed), arguments.count):
        counts.setdefault(outcome.video.suffix, Counter())[outcome.ended] += 1
        peak = max(peak, outcome.peak)
        if outcome.ended in _BAD or outcome.peak > MEMORY:
            bad += 1
            print(f"{outcome.video} --seed {outcome.seed}: {outcome.ended}, {outcome.message}", flush=True)
    for suffix, ended in sorted(counts.items()):
        print(
            f"{suffix}: {ended.total():,} ({', '.join(f'{number:,} {name}' for name, number in ended.most_common())})"
        )
    print(f"{arguments.count:,} copies of {len(videos)} videos, {bad} bad; most memory of a child {peak >> 20} MB")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
