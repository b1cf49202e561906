"""The reader beside other ways to read the same clips, in one run.

    python -m benchmarks.read VIDEOS [--windows N] [--rounds N] [--cases NAME ...] [--only NAME ...] [--peers PYTHON]

VIDEOS is a folder per class of real clips; those of at least 65 frames are built, each four times
so that an epoch is more than a few batches, in the two forms of record that the others want.
Everyone gives random windows as uint8 in batches of 8: 64 frames and a crop of 224; 16 frames and
RandomResizedCrop to 112 or 224. Each runs in a process of its own, with all cores, and is measured
after a first pass: CPU of the whole process and wall time.

    clipmill    clipmill.open(...)["train"].batches(...)
    tf.data     tuned by hand: sample first, decode_and_crop only those frames, AUTOTUNE, not deterministic

and for the crop alone

    bare        decodes the JPEGs of such windows, held in memory, one after the other, and nothing else
    dmvr        the pattern of DMVR: parse everything, decode the sampled frames whole, resize, crop, flip; then
                to floats in [0, 1], as it does
    dmvr-uint8  the same without the last step
    tfds        tfds.builder_from_directory(...).as_dataset(), which decodes every frame
    decord      and torchcodec: the same windows out of the source videos, if the interpreter that --peers names has
                them (pip install decord; pip install torchcodec, which wants FFmpeg's own libraries)
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.build import make_set
from benchmarks.rates import BATCH, CASES, rate
from benchmarks.record_readers import ANY_CASE, CUTTING
from benchmarks.source_readers import OPENERS

CONTENDERS = [*ANY_CASE, *CUTTING, *OPENERS]


def bytes_read(data: Path) -> dict[str, float]:
    """Bytes of shards that are read, over those of the frames wanted."""
    import clipmill
    from clipmill.reader import RandomWindow, Segments

    clips = clipmill.open(str(data / "tfds"))["train"]
    source = clips.table.shards[0][1]
    whole = source.read
    read: list[int] = []

    def counted(path: str, ranges: Any, **options: Any) -> Any:
        if path.endswith(".tfrecord"):
            read.extend(end - start for start, end in ranges)
        return whole(path, ranges, **options)

    source.read = counted  # type: ignore[method-assign]
    found = {}
    for name, sampler in (
        ("64 in a row", RandomWindow(64)),
        ("16 in a row", RandomWindow(16)),
        ("16, stride 4", RandomWindow(16, stride=4)),
        ("8 segments", Segments(8)),
    ):
        read.clear()
        batches = clips.batches(sampler, batch_size=BATCH, shuffle=True, decode=False)
        wanted = sum(len(jpeg) for batch in batches for window in batch["frames"] for jpeg in set(window.tolist()))
        found[name] = sum(read) / wanted
    return found


def main() -> int:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path)
    parser.add_argument("--windows", type=int, default=480)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--only", nargs="*", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--peers", default=sys.executable, help="an interpreter with decord or torchcodec")
    parser.add_argument("--run", nargs=2, metavar=("NAME", "CASE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        name, case = arguments.run
        coming = (ANY_CASE | CUTTING)[name](arguments.videos, CASES[case])
        print(json.dumps(rate(coming, arguments.windows)))
        return 0
    with tempfile.TemporaryDirectory(prefix="clipmill-bench-") as folder:
        data = Path(folder)
        videos = make_set(arguments.videos, data / "videos", 4)
        for schema in ("tfds", "mediaseq"):
            build = [sys.executable, "-m", "pipeline", "build", str(videos), "--out", str(data / schema)]
            subprocess.run([*build, "--schema", schema, "--min-frames", "65"], check=True, stdout=subprocess.DEVNULL)
        for case in arguments.cases:
            names = [name for name in arguments.only if name in ANY_CASE or not CASES[case].resized]
            rounds = [
                {name: _measured(name, case, data, arguments.windows, arguments.peers) for name in names}
                for _ in range(arguments.rounds)
            ]
            print(f"{CASES[case]}\n{_table(rounds)}", flush=True)
        print("bytes read over the window's own: " + ", ".join(f"{n} {x:.3f}" for n, x in bytes_read(data).items()))
    return 0


def _measured(name: str, case: str, data: Path, windows: int, peers: str) -> dict[str, Any]:
    """What one contender did, or {"absent": why}."""
    if name in OPENERS:
        command = [peers, "-m", "benchmarks.source_readers", name, str(data / "videos"), case, str(windows)]
    else:
        command = [sys.executable, "-m", "benchmarks.read", str(data), "--run", name, case, "--windows", str(windows)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _table(rounds: list[dict[str, dict[str, Any]]]) -> str:
    lines = [f"{'':10} {'windows per CPU-second':>24} {'windows per second':>20} {'clipmill is':>14}"]
    for name in rounds[0]:
        if "absent" in rounds[0][name]:
            lines.append(f"{name:10} absent: {rounds[0][name]['absent']}")
            continue
        cpu, wall = ([each[name][kind] for each in rounds] for kind in ("cpu", "wall"))
        ratios = [each["clipmill"]["cpu"] / each[name]["cpu"] for each in rounds if "clipmill" in each]
        spread = f"({min(cpu):.1f}-{max(cpu):.1f})"
        text = f"{name:10} {statistics.median(cpu):10.1f} {spread:>13} {statistics.median(wall):>20.1f}"
        lines.append(f"{text} {f'{statistics.median(ratios):.2f}x' if ratios else '':>18}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
