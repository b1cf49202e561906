"""Training on a listing that is built meanwhile: how soon a batch comes, and what build and epoch take together.

    python -m benchmarks.first_epoch VIDEOS [--rows N] [--clips N] [--rounds N] [--busy SHARE] [--step SECONDS]

VIDEOS is a folder of real clips. First batch: of 8 windows of 16 frames, from a listing of N rows, each a hard link to
one of the clips, or a copy on another disk; seconds from the start of the process, and its CPU with that of its
children. Epoch: `clipmill build`, then an epoch of the published set, against `open(build=)`, an epoch and publish();
one after the other in each round, since other work on the machine slows both. The model of an epoch is NumPy on
SHARE of all cores' time, and else asleep.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Cost, measure

_CLASSES = 101

_OPEN = """
import os, sys, time
import numpy as np
import clipmill
from clipmill.reader import RandomResizedCrop, RandomWindow

def read(data, on_error="skip"):
    crop = [RandomResizedCrop(112)]
    return data["train"].batches(
        RandomWindow(16), batch_size=8, shuffle=True, augment=crop, on_error=on_error
    )
"""
_FIRST = """
data = clipmill.open(sys.argv[1], build=sys.argv[2])
next(iter(read(data)))
print("first", flush=True)
data.close()
"""
_EPOCH = """
step, busy = float(sys.argv[3]), float(sys.argv[4]) * len(os.sched_getaffinity(0))
array = np.ones((256, 256))
data = clipmill.open(sys.argv[1], build=sys.argv[2]) if sys.argv[5] == "build" else clipmill.open(sys.argv[2])
for batch in read(data):
    begin, cpu = time.perf_counter(), time.thread_time()
    while time.thread_time() - cpu < step * busy:
        np.sqrt(array, out=array)
    time.sleep(max(0.0, step - (time.perf_counter() - begin)))
if sys.argv[5] == "build":
    data.publish()
"""


def main() -> int:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--clips", type=int, default=400, help="of the epoch; 0 leaves it out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--busy", type=float, default=0.3)
    parser.add_argument("--step", type=float, default=1.0)
    arguments = parser.parse_args()
    files = sorted(path for path in arguments.videos.resolve().rglob("*") if path.is_file())
    with tempfile.TemporaryDirectory(prefix="clipmill-bench-") as name:
        folder = Path(name)
        if arguments.rows:
            _first_batch(_listing(files, folder / "many", arguments.rows), folder / "out", arguments.rounds)
        if arguments.clips:
            listing = _listing(files, folder / "some", arguments.clips)
            _epochs(listing, folder, arguments)
    return 0


def _listing(files: Sequence[Path], folder: Path, rows: int) -> Path:
    """A listing of so many videos, all for training."""
    originals = []
    folder.mkdir()
    for number, file in enumerate(files):
        # A link cannot cross disks: one copy of each, and links to that.
        originals.append(folder / f"original_{number}{file.suffix}")
        shutil.copyfile(file, originals[-1])
    with (folder / "listing.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("path", "label", "split"))
        for number in range(rows):
            original = originals[number % len(originals)]
            path = folder / f"{number // 1000:03d}" / f"clip_{number:06d}{original.suffix}"
            path.parent.mkdir(exist_ok=True)
            os.link(original, path)
            table.writerow((path.relative_to(folder), f"class_{number % _CLASSES}", "train"))
    return folder / "listing.csv"


def _first_batch(listing: Path, out: Path, rounds: int) -> None:
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-c", _OPEN + _FIRST, str(listing), str(out)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            if process.stdout.readline() != "first\n":
                raise SystemExit("the reader failed")
            wall = time.perf_counter() - begin
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"first batch after {wall:.1f} s; {cpu:.1f} CPU-seconds of all processes until it was closed", flush=True)
        shutil.rmtree(out)


def _epochs(listing: Path, folder: Path, arguments: argparse.Namespace) -> None:
    ratios = []
    for _ in range(arguments.rounds):
        apart, at_once = folder / "apart", folder / "at_once"

        def train(out: Path, how: str) -> Cost:
            words = [str(listing), str(out), str(arguments.step), str(arguments.busy), how]
            return measure([sys.executable, "-c", _OPEN + _EPOCH, *words])

        build = measure([sys.executable, "-m", "clipmill", "build", str(listing), "--out", str(apart)])
        epoch = train(apart, "published")
        both = train(at_once, "build")
        if (apart / "CURRENT").read_text() != (at_once / "CURRENT").read_text():
            raise SystemExit("the two published different versions")
        ratios.append(both.wall / (build.wall + epoch.wall))
        print(
            f"build {build.wall:.1f} s, then an epoch {epoch.wall:.1f} s; at once {both.wall:.1f} s, "
            f"{ratios[-1]:.2f} of it; CPU {build.cpu + epoch.cpu:.1f} and {both.cpu:.1f} s",
            flush=True,
        )
        shutil.rmtree(apart)
        shutil.rmtree(at_once)
    print(f"median: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    sys.exit(main())
