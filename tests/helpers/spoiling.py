"""Good videos whose frames show their numbers, and damage done to them at random: cuts, zeros, other bytes."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numbered
import pyarrow.parquet as pq

import clipmill
from clipmill.pipeline.cli.main import main

#: How a video is made: the end of its name, and its codec.
KINDS = {
    "mp4": "libx264",
    "mkv": "libx264",
    "avi": "mpeg4",
    "mov": "mpeg4",
    "ts": "libx264",
    "flv": "libx264",
    "mpg": "mpeg2video",
    "webm": "libvpx",
}
_SECTOR = 512
#: The share of its frames that a clip may lack.
_MOST = 0.05


class Found(NamedTuple):
    """What became of a video.

    Attributes:
        name: of the file.
        frames: that it had, before it was damaged.
        how: what was done to it; "" for a good one.
        shown: the numbers that its published frames show; None where it is not published.
        reason: why it is not.
        bad_packets: of the published clip.
    """

    name: str
    frames: int
    how: str
    shown: list[int] | None = None
    reason: str = ""
    bad_packets: int = 0

    @property
    def lost(self) -> int:
        """How many of its frames are not among those that are published."""
        return self.frames - len(set(self.shown or ()) & set(range(self.frames)))

    @property
    def wrong(self) -> bool:
        """Whether a good one is not whole, or a damaged one is published that lost more than 5 % of its frames."""
        if not self.how:
            return self.shown != list(range(self.frames))
        return self.shown is not None and self.lost > _MOST * self.frames


def look(folder: Path, numbers: Iterable[int], seed: int) -> list[Found]:
    """Make videos, each once as it is and once damaged; build both, and look at what is published."""
    made = []
    for kind in ("good", "bad"):
        (folder / kind).mkdir(parents=True)
    for number in numbers:
        chance = random.Random(f"{seed} {number}")
        path, frames = make_good(folder / "good", number, list(KINDS)[number % len(KINDS)], chance)
        made += [Found(path.name, frames, ""), spoil(path, folder / "bad", frames, chance)]
    good, bad = (build(folder / kind, folder / f"{kind}-out") for kind in ("good", "bad"))
    return [one._replace(**(bad if one.how else good)[one.name]) for one in made]


def build(videos: Path, out: Path) -> dict[str, dict[str, Any]]:
    """Build a folder; what is found of each video, as fields of `Found`."""
    words = ["build", str(videos), "--out", str(out), "--max-failures", "100%", "--workers", "1"]
    if main(words):
        raise AssertionError("the build failed")
    dataset = clipmill.open(str(out))
    clips = {clip["clip_id"]: clip for clip in dataset.clips.to_pylist()}
    found: dict[str, dict[str, Any]] = {}
    for batch in dataset.all.batches(batch_size=1, shuffle=False):
        clip = clips[batch["id"][0]]
        shown = [numbered.number(frame) for frame in batch["frames"][0]]
        found[Path(clip["source"]).name] = {"shown": shown, "bad_packets": clip["bad_packets"]}
    for ledger in out.glob("runs/*/failures.parquet"):
        for row in pq.read_table(ledger).to_pylist():
            found[Path(row["source"]).name] = {"reason": row["reason"]}
    return found


def make_good(folder: Path, number: int, kind: str, chance: random.Random) -> tuple[Path, int]:
    """Write a good video of this kind; its path and how many frames it has."""
    frames = chance.randint(40, 120)
    path = numbered.write(folder / f"{number:04d}.{kind}", frames, codec=KINDS[kind])
    return path, frames


def spoil(good: Path, folder: Path, frames: int, chance: random.Random) -> Found:
    """Write a copy of a video with one damage: its end is cut off, or a part of it is zeros or noise."""
    data = bytearray(good.read_bytes())
    how = chance.choice(("cut", "zeros", "noise"))
    at = chance.randrange(len(data))
    if how == "cut":
        del data[at:]
    else:
        # From a few bytes to half of the file, small and large ones alike; zeros in whole sectors.
        most = max(1, len(data) // 2)
        length = min(round(2 ** chance.uniform(3, most.bit_length())), most)
        if how == "zeros":
            at, length = at // _SECTOR * _SECTOR, -(-length // _SECTOR) * _SECTOR
        length = min(length, len(data) - at)
        data[at : at + length] = bytes(length) if how == "zeros" else chance.randbytes(length)
        how = f"{how} in {length} bytes"
    (folder / good.name).write_bytes(data)
    return Found(good.name, frames, f"{how} at {at} of {good.stat().st_size}")
