"""The same build on the local runner and on a Flink session cluster of this machine, in one run.

    python -m benchmarks.flink VIDEOS [--copies N] [--rounds N]

VIDEOS is a folder per class of real clips. Both have two decoders: the local runner two
workers, Flink two slots, once with the command's own process as the worker and once with
the worker pool. What a build of one clip takes is the fixed start.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.build import count_frames, make_set
from benchmarks.measure import measure
from tools.flink.cluster import Cluster

_SLOTS = 2


def main() -> int:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path)
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clipmill-bench-") as folder:
        sets = {
            name: make_set(arguments.videos, Path(folder) / name, copies, share)
            for name, copies, share in (("one", 1, 0.0), ("all", arguments.copies, 1.0))
        }
        frames = count_frames(sets["all"])
        with Cluster(Path(folder) / "flink", slots=_SLOTS) as cluster:
            rounds = [_round(sets, Path(folder) / "out", cluster) for _ in range(arguments.rounds)]
    print(f"{frames:,} frames, two decoders each, wall seconds, medians of {arguments.rounds} rounds")
    print(_report(rounds))
    return 0


def _round(sets: dict[str, Path], out: Path, cluster: Cluster) -> dict[tuple[str, str], float]:
    flink = ["--runner", "flink", "--flink-master", cluster.master, "--flink-jar", str(cluster.jar)]
    pool = ["--", "--environment_type=EXTERNAL", f"--environment_config=localhost:{cluster.pool_port}"]
    engines = {"local": ["--workers", str(_SLOTS)], "flink": flink, "flink, worker pool": [*flink, *pool]}
    walls = {}
    for size, videos in sets.items():
        for engine, words in engines.items():
            shutil.rmtree(out, ignore_errors=True)
            command = [sys.executable, "-m", "pipeline", "build", str(videos), "--out", str(out), *words]
            walls[engine, size] = measure(command).wall
    return walls


def _report(rounds: list[dict[tuple[str, str], float]]) -> str:
    median = {key: statistics.median(walls[key] for walls in rounds) for key in rounds[0]}
    lines = [f"  {'':20}{'one clip':>10}{'all':>8}{'all beyond one clip':>22}"]
    own = median["local", "all"] - median["local", "one"]
    for engine in ("local", "flink", "flink, worker pool"):
        one, whole = median[engine, "one"], median[engine, "all"]
        lines.append(f"  {engine:20}{one:10.1f}{whole:8.1f}{whole - one:14.1f}   {(whole - one) / own:.2f}x")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
