"""Real clips of unlike length and size, built and exported by clipmill, for the readers that others run.

The readers are in an environment of their own (`make test-interop`), without Beam and libav; the builds run in that of
`make setup`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from places import ROOT

import clipmill
from clipmill.reader import Dataset, WholeClip

#: Three sizes, and 8 to 18 frames each with --every 4.
VIDEOS = {
    "ucf101/Punch/v_Punch_g01_c03.avi": ("Punch", "train"),
    "ucf101/Punch/v_Punch_g02_c04.avi": ("Punch", "train"),
    "ucf101/JavelinThrow/v_JavelinThrow_g22_c01.avi": ("JavelinThrow", "train"),
    "hmdb51/wave/TrumanShow_wave_f_nm_np1_fr_med_26.avi": ("wave", "train"),
    "hmdb51/wave/RATRACE_wave_f_nm_np1_fr_goo_37.avi": ("wave", "train"),
    "kinetics/mmaction2_part_0.mp4": ("arm wrestling", "train"),
    "ucf101/JavelinThrow/v_JavelinThrow_g21_c03.avi": ("JavelinThrow", "val"),
    "hmdb51/wave/SchoolRulesHowTheyHelpUs_wave_f_nm_np1_ba_med_0.avi": ("wave", "val"),
}


class Clip(NamedTuple):
    """A clip as our own reader gives it."""

    label: int
    jpegs: list[bytes]
    frames: np.ndarray


class Published(NamedTuple):
    """A version in one schema, and what our own reader makes of it."""

    path: Path
    data: Dataset
    splits: dict[str, dict[str, Clip]]

    @property
    def clips(self) -> dict[str, Clip]:
        return {name: clip for split in self.splits.values() for name, clip in split.items()}

    def shards(self, split: str) -> list[str]:
        return sorted(map(str, (self.path / "latest").glob(f"*-{split}.tfrecord-*")))


def run(*words: Any) -> None:
    """Run clipmill in the environment that has libav and Beam."""
    command = [ROOT / ".venv" / "bin" / "python", "-m", "pipeline", *words]
    done = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def read(path: Path) -> Published:
    """Open a data set with our own reader."""
    data = clipmill.open(str(path))
    splits = {}
    for split in data.splits:
        splits[split] = {}
        stored = data[split].batches(WholeClip(), batch_size=1, decode=False)
        for jpegs, pixels in zip(stored, data[split].batches(WholeClip(), batch_size=1), strict=True):
            clip = Clip(int(jpegs["label"][0]), list(jpegs["frames"][0]), pixels["frames"][0])
            splits[split][str(jpegs["id"][0])] = clip
    return Published(path, data, splits)


@pytest.fixture(scope="session")
def built(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The clips, in the default schema."""
    folder = tmp_path_factory.mktemp("interop")
    listing = folder / "clips.csv"
    rows = [f"{video},{label},{split}" for video, (label, split) in VIDEOS.items()]
    listing.write_text("\n".join(["path,label,split", *rows]) + "\n")
    words = ("--every", 4, "--shard-mb", 1, "--workers", 2, "--name", "real")
    run("build", listing, "--videos", shared_data / "videos", "--out", folder / "out", *words)
    made = read(folder / "out")
    assert len(made.clips) == len(VIDEOS)
    assert len({clip.frames.shape for clip in made.clips.values()}) > 5, "clips of unlike length and size"
    return made


@pytest.fixture(scope="session")
def exported(built: Published) -> Callable[..., Path]:
    """Export the clips in a format, once each."""
    done: dict[tuple[Any, ...], Path] = {}

    def export(to: str, *words: Any) -> Path:
        key = (to, *words)
        if key not in done:
            dest = built.path.parent / f"export-{len(done)}"
            run("export", built.path, "--to", to, "--dest", dest, "--shard-mb", 1, *words)
            done[key] = dest
        return done[key]

    return export
