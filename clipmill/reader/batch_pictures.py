"""Drawing batches: what a notebook shows of a reader, and a step as training gets it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from clipmill.reader import markup
from clipmill.reader.clips import Clips
from clipmill.reader.contact_sheet import Drawing, contact_sheet, visible
from clipmill.reader.loading.recipe import ClipRequest

#: Clips of a batch that a notebook draws.
SHOWN = 4


def field_table(shapes: Mapping[str, tuple[tuple[int | None, ...], Any]]) -> str:
    """Return the fields of a batch with their shapes and types, as HTML."""
    rows = [(name, "x".join(str(n or "?") for n in shape), dtype) for name, (shape, dtype) in shapes.items()]
    return markup.table([("field", "shape", "type"), *rows])


def figures(clips: Clips, numbers: Sequence[int], rows: npt.NDArray[Any]) -> list[str]:
    """Draw some clips, a figure each, as HTML.

    Args:
        clips: the set.
        numbers: of the clips in it.
        rows: their rows of a batch, images or frames.
    """
    drawn = []
    for clip, row in zip(numbers, visible(rows), strict=True):
        frames = row.reshape(-1, *row.shape[-3:])
        some = [frames[number] for number in markup.evenly(len(frames), 2 * SHOWN)]
        caption = f"{clips.ids[clip].as_py()}: {clips.label_names(clip) or markup.NO_LABEL}"
        drawn.append(markup.figure(markup.strip(some), caption))
    return drawn


def sheet(clips: Clips, requests: Iterable[ClipRequest], rows: npt.NDArray[np.generic], views: int) -> Drawing:
    """Draw the clips of a batch below each other, a row for each view.

    Args:
        clips: the set.
        requests: what the rows were asked for.
        rows: (clips, [views,] frames, height, width, 3).
        views: of each clip.
    """
    names = [f"{request.clip_id}  {clips.label_names(request.clip) or markup.NO_LABEL}" for request in requests]
    each = [name for name in names for _ in range(views)]
    # Rows that fill up a host's share of the last batch repeat a clip, and are not drawn.
    frames = visible(rows[: len(names)])
    return Drawing(contact_sheet(frames.reshape(len(each), *frames.shape[-4:]), each))
