"""clipmill build beside the plain one-thread OpenCV loop, in one run.

    python -m benchmarks.build VIDEOS [--copies N] [--rounds N]

VIDEOS is a folder per class of real clips. The large set is N copies of them, each
with a few bytes appended so that no two files are the same; the small set is a few of
them, never all. Rates are marginal: a large set less a small one, in frames per
CPU-second of the whole process tree, with hashing, checking and all copying included.

Frames are not worth the same everywhere: bytes a frame and the PSNR of luma stand beside
the rates, and the loop runs once more at the quality whose mean PSNR is clipmill's.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from benchmarks.fidelity import equal, look
from benchmarks.measure import Cost, measure
from benchmarks.opencv_loop import QUALITY, convert


def main() -> int:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clipmill-bench-") as folder:
        sets = {
            name: make_set(arguments.videos, Path(folder) / name, copies, share)
            for name, copies, share in (("one", 1, 0.0), ("small", 1, 0.1), ("large", arguments.copies, 1.0))
        }
        frames = count_frames(sets["large"]) - count_frames(sets["small"])
        if not frames:
            parser.error(f"{arguments.videos}: one clip is not enough")
        ours, theirs = look(sets["large"])
        quality = equal(ours, theirs)
        rounds = [_round(sets, Path(folder) / "out", quality) for _ in range(arguments.rounds)]
    print(f"{frames:,} frames (the large set less the small one), medians of {arguments.rounds} rounds")
    print(_report(rounds, frames, quality))
    print(f"  clipmill               {ours}")
    for each in dict.fromkeys((QUALITY, quality)):
        print(f"  the loop at {each:<3}        {theirs[each]}")
    return 0


def make_set(videos: Path, target: Path, copies: int, share: float = 1.0) -> Path:
    """A folder per class: a share of the clips, at least one, so many times."""
    files = sorted(path for path in videos.rglob("*") if path.is_file())
    chosen = files[: max(1, round(share * len(files)))]
    for copy in range(copies):
        for path in chosen:
            out = target / path.parent.name / f"{path.stem}_{copy}{path.suffix}"
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_bytes(path.read_bytes() + b"\0" * copy)
    return target


def count_frames(videos: Path) -> int:
    """Frames of a set, by decoding it once."""
    with tempfile.TemporaryDirectory(prefix="clipmill-bench-") as out:
        return convert(videos, Path(out))


def _round(sets: dict[str, Path], out: Path, quality: int) -> dict[str, Cost]:
    costs = {}

    def run(name: str, command: list[str], memory: bool = False) -> None:
        print(f"  {name} ...", end="\r", file=sys.stderr, flush=True)
        costs[name] = measure(command, memory=memory)

    for name in ("small", "large"):
        run(f"loop {name}", _loop(sets[name], out, QUALITY))
        run(f"equal {name}", _loop(sets[name], out, quality))
        for workers in (1, 2):
            run(f"build {name} {workers}", _build(sets[name], out, workers))
    run("one clip", _build(sets["one"], out, 2))
    run("memory large 2", _build(sets["large"], out, 2), memory=True)
    return costs


def _loop(videos: Path, out: Path, quality: int) -> list[str]:
    shutil.rmtree(out, ignore_errors=True)
    return [sys.executable, "-m", "benchmarks.opencv_loop", str(videos), str(out), str(quality)]


def _build(videos: Path, out: Path, workers: int) -> list[str]:
    shutil.rmtree(out, ignore_errors=True)
    return [sys.executable, "-m", "pipeline", "build", str(videos), "--out", str(out), "--workers", str(workers)]


def _report(rounds: list[dict[str, Cost]], frames: int, quality: int) -> str:
    def rate(one: dict[str, Cost], what: str, suffix: str = "") -> float:
        return frames / (one[f"{what} large{suffix}"].cpu - one[f"{what} small{suffix}"].cpu)

    def median(values: Iterable[float]) -> float:
        return statistics.median(values)

    loop = median(rate(one, "loop") for one in rounds)
    same = median(rate(one, "equal") for one in rounds)
    lines = [
        f"  the OpenCV loop at {QUALITY}   {loop:8,.0f} frames per CPU-second",
        f"  the same at {quality:<3}         {same:8,.0f}   whose luma is as good as clipmill's",
    ]
    for workers in (1, 2):
        own = median(rate(one, "build", f" {workers}") for one in rounds)
        ratio = median(rate(one, "build", f" {workers}") / rate(one, "loop") for one in rounds)
        equally = median(rate(one, "build", f" {workers}") / rate(one, "equal") for one in rounds)
        name = f"clipmill, {workers} worker{'s' if workers > 1 else ''}"
        lines.append(f"  {name:<22}  {own:8,.0f}   {ratio:.2f}x the loop's, {equally:.2f}x at equal mean luma")
    speedup = median(
        (one["build large 1"].wall - one["one clip"].wall) / (one["build large 2"].wall - one["one clip"].wall)
        for one in rounds
    )
    whole = median(one["build large 1"].wall / one["build large 2"].wall for one in rounds)
    lines.append(f"  2 workers over 1, wall  {whole:8.2f}x   ({speedup:.2f}x beyond the start-up)")
    lines.append(f"  a one-clip build        {median(one['one clip'].cpu for one in rounds):8.1f} CPU-seconds")
    lines.append(f"  peak memory, 2 workers  {median(one['memory large 2'].pss for one in rounds) / 1e6:8,.0f} MB")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
