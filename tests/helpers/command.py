"""The clipmill command as a process of its own."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from places import ROOT

SPLIT = ("--split", "train=0.5,val=0.25,test=0.25", "--workers", "2", "--renumber", "--max-change", "100%")


def start(*words: str | Path, **more: object) -> subprocess.Popen[str]:
    """Start a command."""
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def build(videos: Path, out: Path) -> subprocess.Popen[str]:
    """Start a build into several splits."""
    return start("build", videos, "--out", out, *SPLIT)


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and standard error of a command that ends by itself."""
    _, errors = process.communicate(timeout=100)
    return process.returncode, errors


def run(*words: str | Path) -> tuple[int, str]:
    """A command from beginning to end."""
    return end(start(*words))


def wait_for_work(process: subprocess.Popen[str], out: Path, before: Sequence[str]) -> None:
    """Until a build has begun to work in an output, or has ended."""
    while process.poll() is None:
        if set(os.listdir(out / "runs")) - set(before) if (out / "runs").exists() else False:
            return
        time.sleep(0.01)


def choose(videos: Path, folder: Path, drawn: random.Random) -> Path:
    """A folder with links to most of some videos; every class keeps one."""
    for path in sorted(videos.glob("*/*")):
        if path.stem.endswith("0") or drawn.random() < 0.7:
            link = folder / path.parent.name / path.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
    return folder
