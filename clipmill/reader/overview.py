"""The overview of sets of clips that a notebook draws: counts by split and class, sizes, and a frame of a few clips."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from clipmill.errors import ClipmillError
from clipmill.reader import markup
from clipmill.reader.clip import Clip
from clipmill.reader.clips import Clips
from clipmill.reader.sequence_grid import choose

#: Clips whose middle frame is shown, and classes that stand in the table.
_PICTURES, _CLASSES = 8, 30


def overview(title: str, splits: Mapping[str, Clips]) -> str:
    """Return HTML on sets of clips beside each other.

    Args:
        title: above it.
        splits: by name; clips of one data set, or of one mix.
    """
    counts = {name: clips_of_classes(clips) for name, clips in splits.items()}
    return markup.block(title, markup.table(_sizes(splits)), _classes(counts), _pictures(splits))


def clips_of_classes(clips: Clips) -> dict[str, int]:
    """Count the clips of each class, in the order of the labels; those without a label last, as `markup.NO_LABEL`."""
    _, labels = clips.table.pairs(clips.rows)
    counted = np.bincount(labels + 1, minlength=len(clips.labels) + 1).tolist()
    found = dict(zip(clips.labels, counted[1:], strict=True))
    return found | ({markup.NO_LABEL: counted[0]} if counted[0] else {})


def _sizes(splits: Mapping[str, Clips]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("split", "clips", "frames", "MB", "shortest", "median", "longest", "frame sizes")]
    for name, clips in splits.items():
        table = clips.table
        frames = table.frames[clips.rows]
        megabytes = table.length[clips.rows].sum() / 1e6
        lengths = [f"{round(q):,}" for q in np.quantile(frames, (0, 0.5, 1))] if len(frames) else ["", "", ""]
        sizes = np.unique(np.stack([table.width[clips.rows], table.height[clips.rows]]), axis=1).T.tolist()
        shown = f"{sizes[0][0]}x{sizes[0][1]}" if len(sizes) == 1 else f"{len(sizes):,}"
        rows.append((name, f"{len(clips):,}", f"{frames.sum():,}", f"{megabytes:,.1f}", *lengths, shown))
    return rows


def _classes(counts: Mapping[str, Mapping[str, int]]) -> str:
    names = list(dict.fromkeys(name for of_split in counts.values() for name in of_split))
    total = {name: sum(of_split.get(name, 0) for of_split in counts.values()) for name in names}
    shown = sorted(names, key=total.__getitem__)[:_CLASSES] if len(names) > _CLASSES else names
    rows = [("class", *counts)]
    rows += [(name, *(f"{of_split.get(name, 0):,}" for of_split in counts.values())) for name in shown]
    few = f"the {len(shown)} smallest of {len(names):,} classes" if len(shown) < len(names) else f"{len(names)} classes"
    return markup.folded(few, markup.table(rows)) if len(names) > 10 else markup.table(rows)


def _pictures(splits: Mapping[str, Clips]) -> str:
    clips = max(splits.values(), key=len, default=None)
    if clips is None or not len(clips):
        return ""
    chosen = [Clip(clips, number) for number in choose(clips, _PICTURES, 1)]
    try:
        frames = [clip.preview(1)[0] for clip in chosen]
    except ClipmillError as error:
        return markup.note(f"no picture: {error}")
    return markup.figure(markup.strip(frames), ", ".join(clip.label_name or markup.NO_LABEL for clip in chosen))
