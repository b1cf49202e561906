"""Sections on how a data set is read: padding by batch size, and how even each shuffle is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from clipmill.pipeline.page import plots
from clipmill.pipeline.page.blocks import Block, Section, Table, Text
from clipmill.pipeline.page.subject import Subject
from clipmill.pipeline.report import words
from clipmill.reader import ClipSet
from clipmill.reader.evenness import padding, unevenness

_BATCHES = (4, 8, 16, 32, 64, 128)
Ints = npt.NDArray[np.int64]

#: Shuffle buffers, as shares of the clips.
_BUFFERS = (0.01, 0.1)


def padded(subject: Subject) -> Section:
    """Return how much of batches of whole clips is padding, shuffled and by length."""
    clips = _largest(subject)
    sizes = [size for size in _BATCHES if size <= len(clips)]
    if subject.manifest.pairs or not sizes:
        return Section("padding", "Padding", [])
    ways: dict[str, dict[str, Any]] = {"shuffled": {}, "shuffled, by_length=True": {"by_length": True}}
    shares = {
        name: [padding(clips.batches(batch_size=size, shuffle=True, decode=False, **way))["padded"] for size in sizes]
        for name, way in ways.items()
    }
    rows = [(name, *(words.percent(share) for share in each)) for name, each in shares.items()]
    said = "; ".join(f"{name}: {', '.join(row)}" for name, *row in rows)
    caption = "empty frames in batches of whole clips, by batch size"
    blocks: list[Block] = [
        plots.lines(
            "padding", caption, f"batches of {', '.join(map(str, sizes))}: {said}", shares, sizes, "padding, %"
        ),
        Table(caption, ("order", *map(str, sizes)), rows),
    ]
    return Section("padding", "Padding", blocks)


def shuffles(subject: Subject) -> Section:
    """Return how even the reader's orders are, beside shuffle buffers over the shards' order."""
    clips = _largest(subject)
    if len(clips) < 2:
        return Section("orders", "Shuffles", [])
    count = len(clips)
    labels = clips.table.label[clips.rows].astype(np.int64)
    orders = {"no shuffle": np.arange(count)}
    for share in _BUFFERS:
        size = max(2, round(share * count))
        orders[f"a buffer of {size:,}"] = through_buffer(count, size)
    orders['shuffle="shards"'] = _order(clips, "shards")
    orders["shuffle=True"] = _order(clips, True)
    part = np.arange(count) * 16 // count
    rows, columns = [], {}
    for name, order in orders.items():
        numbers = unevenness(labels[order]), unevenness(part[order])
        rows.append((name, *(f"{number:.2f}" for number in numbers)))
        columns[name] = {"place in the shards": order}
        if len(np.unique(labels)) > 1:
            columns[name]["label"] = labels[order]
    said = "; ".join(f"{name}: labels {label}, places {place}" for name, label, place in rows)
    blocks: list[Block] = [
        Text(
            "How even an order is: Pearson's chi-squared over its degrees of freedom, of classes (and of sixteenths of "
            "the shards' order) in blocks of the epoch. A random order has 1 on average; more means that like clips "
            "come together. Buffers are simulated as tf.data's shuffle works."
        ),
        plots.scatters("orders", "place and label of each clip over the order in which it is read", said, columns),
        Table("unevenness of orders", ("order", "labels", "places"), rows),
    ]
    return Section("orders", "Shuffles", blocks)


def through_buffer(count: int, size: int) -> Ints:
    """Return the order in which a shuffle buffer gives 0 to `count` - 1: the next takes the place of a random one."""
    random = np.random.default_rng(0)
    size = min(size, count)
    held = list(range(size))
    given = []
    for coming, place in zip(range(size, count), random.integers(size, size=count - size).tolist(), strict=True):
        given.append(held[place])
        held[place] = coming
    random.shuffle(held)
    return np.array(given + held, np.int64)


def _largest(subject: Subject) -> ClipSet:
    splits = [subject.data[name] for name in subject.data.splits]
    return max(splits, key=len, default=subject.data.all)


def _order(clips: ClipSet, shuffle: bool | str) -> Ints:
    order: Ints = clips.batches(batch_size=1, shuffle=shuffle).planner.plan(0).sequence()
    return order
