"""What the examples share: words on the command line, clips to learn from, and the report at the end."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import clipmill
from clipmill.pipeline.demo.synthetic import make_dataset
from clipmill.reader import ClipSet
from clipmill.reader.charts import confusion_chart
from clipmill.reader.contact_sheet import png


def make_motions(folder: Path) -> str:
    """Make the demo's motions, 240 clips at 64 pixels; returns the data set's path."""
    make_dataset(folder / "videos", 240, frames=(40, 60), sizes=((160, 120), (128, 128)), broken=0)
    clipmill.build(str(folder / "videos"), out=str(folder / "motions"), short_side=64)
    return str(folder / "motions")


def parse(about: str, epochs: int, make: Callable[[Path], str] = make_motions) -> argparse.Namespace:
    """Read the words of a training example; without --data, `make` makes a data set in --out."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--data", help="a data set that clipmill built (default: a small one, made in --out)")
    parser.add_argument(
        "--out", type=Path, default=Path("build/examples"), help="a folder for checkpoints and pictures"
    )
    parser.add_argument("--epochs", type=int, default=epochs, help=f"(default {epochs})")
    parser.add_argument("--full", action="store_true", help="the real size, for a graphics card")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.data is None:
        arguments.data = make(arguments.out)
    return arguments


def by_group(data: clipmill.reader.Dataset) -> tuple[ClipSet, ClipSet]:
    """Hold a quarter of each class's groups out: clips of one source video stay together, so nothing leaks."""
    train, held_out = data.all.split(val=0.25)
    return train, held_out


def report(true: Sequence[int], taken: Sequence[int], labels: list[str], picture: Path) -> float:
    """Print chance and accuracy, and draw which class was taken for which; returns the accuracy."""
    accuracy = float(np.mean(np.equal(true, taken)))
    # What a guesser gets who always says the commonest class.
    chance = np.bincount(true).max() / len(true)
    picture.write_bytes(png(confusion_chart(true, taken, labels)))
    print(f"held out: {len(true)} clips, chance {chance:.2f}, accuracy {accuracy:.2f} -> {picture}")
    return accuracy
