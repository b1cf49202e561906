"""A few of the demo's clips, built, for the examples; and how an example is run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from places import ROOT

import clipmill
from clipmill.pipeline.demo.synthetic import make_dataset


def build_motions(folder: Path) -> str:
    """Build 48 short clips at 64 pixels: 8 of each class, in 4 groups. Returns the data set's path."""
    make_dataset(folder / "videos", 48, frames=(16, 20), sizes=((64, 64),), broken=0)
    clipmill.build(str(folder / "videos"), out=str(folder / "data"))
    return str(folder / "data")


def run_example(name: str, *words: str | Path) -> str:
    """Run an example as a person does; returns what it prints."""
    command = [sys.executable, str(ROOT / "examples" / f"{name}.py"), *map(str, words)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def reports(printed: str) -> list[tuple[int, float, float, str]]:
    """Held-out clips, chance, accuracy and picture of each report in what an example printed."""
    found = re.findall(r"held out: (\d+) clips, chance ([\d.]+), accuracy ([\d.]+) -> (\S+)", printed)
    return [(int(clips), float(chance), float(accuracy), picture) for clips, chance, accuracy, picture in found]
