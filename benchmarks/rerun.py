"""What a scheduled rerun costs: CPU against the full build, and how many shards are written anew.

    python -m benchmarks.rerun [--videos VIDEOS] [--clips N] [--rounds N]

Two sets: N synthetic clips in 40 shards or more, and VIDEOS (a folder per class of real
clips) where it is given. CPU is of the whole process tree, measured from outside; the
start-up, a build of one clip from nothing, is taken off both sides and shown by itself.
Shards are counted by the planner on the clip table of the synthetic set, 20 draws each.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.measure import measure
from clipmill.dataset.clip_table import read_clips
from clipmill.layout import current_version, read_manifest
from clipmill.listings import resolve
from clipmill.messages import Clip
from clipmill.options import BuildOptions, ListingOptions
from clipmill.pipeline.demo.synthetic import make_dataset
from clipmill.shards.plan import landmark, order_of, outline, plan_band
from clipmill.storage import open_storage

_DISTINCT = 60
_SHARD_MB = 24
_SEEDS = 20
_MOVED = (1, 5, 20, 100)


class Rerun(NamedTuple):
    """A build of a listing, measured.

    Attributes:
        cpu: seconds.
        decoded: spans of clips that were decoded.
        rewritten, shards: written anew, and all that there are.
    """

    cpu: float
    decoded: int
    rewritten: int
    shards: int


def main() -> int:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=Path)
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clipmill-bench-") as name:
        folder = Path(name)
        made = _copies(folder / "synthetic", arguments.clips)
        sets = {"synthetic": made} | ({"real": _linked(arguments.videos, folder / "real")} if arguments.videos else {})
        for name, videos in sets.items():
            rounds = [_round(videos, folder / "work") for _ in range(arguments.rounds)]
            print(_report(name, len(_files(videos)), rounds))
            if name == "synthetic":
                print(_simulate(folder / "work" / "out"))
    return 0


def _copies(folder: Path, clips: int) -> Path:
    """A folder of clips, each a copy of one of a few with some bytes appended, so that no two files are the same."""
    made = make_dataset(folder / "distinct", _DISTINCT, broken=0)
    for number in range(clips):
        clip = made[number % _DISTINCT]
        target = folder / "videos" / clip.label / f"{clip.path.stem}_{number:05d}{clip.path.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(clip.path.read_bytes() + b"\0" * (1 + number // _DISTINCT))
    return folder / "videos"


def _linked(videos: Path, folder: Path) -> Path:
    """A copy that may be changed."""
    shutil.copytree(videos, folder)
    return folder


def _files(videos: Path) -> list[Path]:
    return sorted(path for path in videos.rglob("*") if path.is_file())


def _round(videos: Path, work: Path) -> dict[str, Rerun]:
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    files = _files(videos)
    labels = {path: path.parent.name for path in files}
    some = files[:: max(1, len(files) // max(1, len(files) // 100))][: max(1, len(files) // 100)]

    def build(out: str, chosen: Sequence[Path]) -> Rerun:
        listing = work / "listing.csv"
        with listing.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "path", "label"])
            rows.writerows(
                [f"{path.parent.name}/{path.stem}", path.relative_to(videos), labels[path]] for path in chosen
            )
        return _build(listing, videos, work / out)

    rounds = {"one clip": build("one", files[:1]), "full": build("out", files), "nothing": build("out", files)}
    for path in some:
        with path.open("ab") as file:
            file.write(b"changed")
    rounds["1 % changed"] = build("out", files)
    for path in some:
        labels[path] = labels[files[-1]] if labels[path] != labels[files[-1]] else labels[files[0]]
    rounds["1 % relabelled"] = build("out", files)
    return rounds


def _build(listing: Path, videos: Path, out: Path) -> Rerun:
    summary = out.parent / "summary.json"
    before = set(read_manifest(open_storage(str(out))).shards) if current_version(open_storage(str(out))) else set()
    command = ["clipmill", "build", listing, "--videos", videos, "--out", out, "--workers", 2]
    words = [*map(str, command), "--shard-mb", str(_SHARD_MB), "--max-failures", "100%", "--summary-json", str(summary)]
    cost = measure([sys.executable, "-m", "pipeline", *words[1:]])
    shards = set(read_manifest(open_storage(str(out))).shards)
    counts = json.loads(summary.read_bytes())["counts"]
    return Rerun(cost.cpu, counts.get("spans", 0), len(shards - before), len(shards))


def _report(name: str, clips: int, rounds: list[dict[str, Rerun]]) -> str:
    def cpu(which: str) -> float:
        return statistics.median(one[which].cpu for one in rounds)

    start = cpu("one clip")
    full = cpu("full") - start
    last = rounds[-1]
    lines = [
        f"{name}: {clips:,} clips in {last['full'].shards} shards; medians of {len(rounds)}; CPU seconds",
        f"  start-up (one clip, from nothing)  {start:8.2f}",
        f"  full build, beyond start-up        {full:8.2f}",
    ]
    for which in ("nothing", "1 % changed", "1 % relabelled"):
        beyond = cpu(which) - start
        one = last[which]
        lines.append(
            f"  {which:34} {beyond:8.2f}  {100 * beyond / full:6.1f} % of the full build; "
            f"{one.decoded} decoded, {one.rewritten} of {one.shards} shards rewritten"
        )
    return "\n".join(lines)


def _simulate(out: Path) -> str:
    clips = _clips(out)
    listing = resolve(ListingOptions((str(out.parent / "listing.csv"),)))
    options = BuildOptions(listing, str(out), "run", shard_bytes=_SHARD_MB << 20)
    shards = _plan(clips, options)
    lines = [f"shards rewritten of {len(shards)}, median of {_SEEDS} draws (allowed: 1.4 x S(1 - (1 - 1/S)^n) + 1)"]
    for kind, change in _KINDS.items():
        for moved in _MOVED:
            counts = []
            for seed in range(_SEEDS):
                before, after = change(clips, random.Random(seed), moved)
                old, new = _plan(before, options), _plan(after, options)
                counts.append(len(new - old))
            allowed = 1.4 * len(shards) * (1 - (1 - 1 / len(shards)) ** moved) + 1
            lines.append(f"  {moved:4} {kind:11} {statistics.median(counts):6.1f}  allowed {allowed:6.1f}")
    return "\n".join(lines)


def _plan(clips: Sequence[Clip], options: BuildOptions) -> set[str]:
    places = [place for clip in clips if (place := landmark(clip, options.sort))]
    found = outline(sum(clip.nbytes for clip in clips), places, options)
    assert not found.edges, "so few clips are one band"
    ordered = sorted(clips, key=lambda clip: order_of(clip, options.sort))
    packed = [msgspec.msgpack.encode(clip) for clip in ordered]
    return {plan.shard for plan in plan_band("train", 0, found.target, packed, options)}


def _clips(out: Path) -> list[Clip]:
    storage = open_storage(str(out))
    version = current_version(storage)
    assert version is not None
    fields = [name for name in Clip.__struct_fields__ if name not in ("extra", "nbytes", "pieces", "shared", "hdr")]
    rows = read_clips(storage, version, [*fields, "bytes"]).to_pylist()
    return [
        Clip(**{name: row[name] for name in fields}, extra={}, nbytes=row["bytes"], pieces=[], shared=False)
        for row in rows
    ]


Changed = tuple[Sequence[Clip], Sequence[Clip]]


def _removed(clips: Sequence[Clip], drawn: random.Random, number: int) -> Changed:
    gone = set(drawn.sample(range(len(clips)), number))
    return clips, [clip for at, clip in enumerate(clips) if at not in gone]


def _added(clips: Sequence[Clip], drawn: random.Random, number: int) -> Changed:
    after, before = _removed(clips, drawn, number)
    return before, after


def _relabelled(clips: Sequence[Clip], drawn: random.Random, number: int) -> Changed:
    after = list(clips)
    for at in drawn.sample(range(len(clips)), number):
        after[at] = msgspec.structs.replace(clips[at], label_text=f"not {clips[at].label_text}")
    return clips, after


_KINDS: dict[str, Callable[[Sequence[Clip], random.Random, int], Changed]] = {
    "added": _added,
    "removed": _removed,
    "relabelled": _relabelled,
}

if __name__ == "__main__":
    sys.exit(main())
