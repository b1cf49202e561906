"""Measuring how evenly an order spreads labels and records over an epoch, and how much of its batches is padding.

The number for evenness: cut the epoch into blocks of consecutive clips, count how often
each class (or each sixteenth of the clip table) comes in each block, and take Pearson's
chi-squared over its degrees of freedom. In a true random order it is 1 on average, whatever
the counts; more means that clips of a class come together, less that they are spread more
evenly than by chance.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from clipmill.reader.batches import Batches
from clipmill.reader.dataset import open
from clipmill.reader.draws import Ints
from clipmill.reader.sampling.samplers import Chunks

#: Parts that the clip table is cut into, to count records of a part as those of a class.
PARTS = 16
#: Random orders that ours is compared with.
TRIALS = 40


def report(batches: Batches, epoch: int = 0, folder: str | None = None) -> dict[str, Any]:
    """Measure how even a reader's epoch is.

    Args:
        batches: the reader.
        epoch: which epoch.
        folder: where to put two scatter plots, labels.png and records.png.

    Returns:
        clips: in the epoch.
        labels, records: each with `unevenness` (1 is random), and `random` and `random_sd`, the
            mean and standard deviation of the same number over true random orders; of a clip's
            several labels the first counts.
        padded, cut: see `padding`.
        plots: paths of the scatter plots.
    """
    order = batches.planner.plan(epoch).sequence()
    clips = batches.planner.clips
    labels = clips.table.label[clips.rows].astype(np.int64)
    records = np.arange(len(clips))
    found: dict[str, Any] = {
        "clips": len(order),
        "labels": _compared(labels[order]),
        "records": _compared((records * PARTS // len(clips))[order]),
        **padding(batches, epoch),
    }
    if folder is not None:
        found["plots"] = [
            scatter(labels[order], "label", Path(folder, "labels.png")),
            scatter(records[order], "record", Path(folder, "records.png")),
        ]
    return found


def compare(path: str, split: str = "train", batch_size: int = 16, seed: int = 0, folder: str | None = None) -> Any:
    """Measure the orders that a reader can have, for `clipmill inspect --shuffle`.

    Args:
        path: the data set.
        split: of it.
        batch_size, seed: of the reader.
        folder: where to put the scatter plots, in a folder for each order.
    """
    clips = open(path)[split]
    orders: dict[str, dict[str, Any]] = {
        "shuffle=True": {"shuffle": True},
        'shuffle="shards"': {"shuffle": "shards"},
        "by_length=True": {"shuffle": True, "by_length": True},
        "shuffle=False": {},
    }
    found = {}
    for name, order in orders.items():
        batches = clips.batches(batch_size=batch_size, seed=seed, decode=False, **order)
        plots = None if folder is None else str(Path(folder, "_".join(re.findall(r"\w+", name))))
        found[name] = report(batches, folder=plots)
    return found


def unevenness(kinds: Ints) -> float:
    """Compute the number explained above, from the kinds of clips in their order."""
    names, kinds = np.unique(kinds, return_inverse=True)
    count, blocks = len(kinds), _blocks(len(kinds))
    if len(names) < 2 or blocks < 2:
        return 1.0
    block = np.arange(count) * blocks // count
    table = np.bincount(block * len(names) + kinds, minlength=blocks * len(names)).reshape(blocks, len(names))
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / count
    return float(((table - expected) ** 2 / expected).sum() / ((blocks - 1) * (len(names) - 1)) * (count - 1) / count)


def padding(batches: Batches, epoch: int = 0) -> dict[str, float]:
    """Compute how much of an epoch is padded or cut, from lengths alone.

    Returns:
        padded: of the frames in all batches, those that are empty.
        cut: of the frames that the sampler would take, those that batches leave out.
    """
    planner = batches.planner
    plan, sampler = planner.plan(epoch), batches.options.sampler
    filled = sampler.filled(planner.clips.lengths)
    room = real = wanted = 0
    for index in range(plan.steps):
        step = plan.step(index)
        have = filled[step.clips]
        room += step.frames * len(have)
        real += int(np.clip(have - step.chunk * step.frames, 0, step.frames).sum())
        if not isinstance(sampler, Chunks) or step.chunk == 0:
            wanted += int(have.sum())
    return {"padded": 1 - real / max(1, room), "cut": 1 - real / max(1, wanted)}


def scatter(values: npt.NDArray[Any], name: str, path: Path) -> str:
    """Draw values over the order of extraction, as a PNG of 1000 x 600 pixels.

    Returns:
        The path.
    """
    height, width, left, bottom = 600, 1000, 70, 50
    image = np.full((height, width, 3), 255, np.uint8)
    span = max(1, int(values.max() - values.min()))
    x = left + np.arange(len(values)) * (width - left - 20) // max(1, len(values))
    y = height - bottom - ((values - values.min()) * (height - bottom - 20) // span)
    weight = np.zeros((height, width), np.float32)
    np.add.at(weight, (y, x), 1.0)
    # Where many points overlap they are darker.
    few = len(values) < 20_000
    point = np.ones((5, 5) if few else (3, 3), np.float32)
    shade = np.exp(-cv2.filter2D(weight, -1, point) * (0.7 if few else 0.15))
    image = (image * shade[..., None] + np.array([180, 90, 30]) * (1 - shade[..., None])).astype(np.uint8)
    cv2.line(image, (left, height - bottom), (width - 20, height - bottom), (0, 0, 0))
    cv2.line(image, (left, height - bottom), (left, 20), (0, 0, 0))
    for text, place in (
        ("order of extraction", (width // 2 - 80, height - 15)),
        (name, (5, 15)),
        (str(int(values.min())), (5, height - bottom)),
        (str(int(values.max())), (5, 35)),
        (str(len(values)), (width - 70, height - 15)),
    ):
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    return str(path)


def _blocks(count: int) -> int:
    return max(2, min(256, count // 32))


def _compared(kinds: Ints) -> dict[str, float]:
    generator = np.random.Generator(np.random.Philox(0))
    random = [unevenness(generator.permutation(kinds)) for _ in range(TRIALS)]
    return {
        "unevenness": unevenness(kinds),
        "random": float(np.mean(random)),
        "random_sd": float(np.std(random)),
    }
