"""The arrays of a batch: which fields there are, their shapes, and rows without a clip of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from clipmill.reader.access.frame_ranges import StoredFrames
from clipmill.reader.loading.buffers import Buffers
from clipmill.reader.loading.recipe import View

Arrays = dict[str, npt.NDArray[Any]]

#: What a batch can hold; `dataset` only in a mix, `reset` only with Chunks, those of `ON_REQUEST` only where named.
FIELDS = ("frames", "label", "mask", "length", "id", "frame_index", "timestamp", "dataset", "reset", "label_source")
ON_REQUEST = ("label_source",)
#: Those that say of each view which frames it has.
OF_VIEWS = ("length", "mask", "frame_index", "timestamp")


def make_arrays(
    fields: Sequence[str],
    rows: int,
    views: int,
    frames: int,
    pixels: tuple[tuple[int, int], npt.DTypeLike] | None,
    buffers: Buffers,
    classes: int | None = None,
) -> Arrays:
    """Make the arrays of a batch; `frames` has arbitrary content, all others are zero.

    Args:
        fields: which of `FIELDS`.
        rows: clips of the batch.
        views: of each clip; an axis only where there are several.
        frames: of each window.
        pixels: (height, width) and dtype of a frame, or None for JPEGs as bytes.
        buffers: where memory for frames comes from.
        classes: how many there are, where clips have lists of labels.
    """
    each = (views,) if views > 1 else ()
    shapes: dict[str, tuple[tuple[int, ...], npt.DTypeLike]] = {
        "frames": ((rows, *each, frames), object),
        "label": ((rows,), np.int64) if classes is None else ((rows, classes), np.float32),
        "mask": ((rows, *each, frames), np.bool_),
        "length": ((rows, *each), np.int64),
        "id": ((rows,), object),
        "frame_index": ((rows, *each, frames), np.int64),
        "timestamp": ((rows, *each, frames), np.int64),
        "dataset": ((rows,), np.int64),
        "reset": ((rows,), np.bool_),
        "label_source": ((rows,), np.int64),
    }
    made: Arrays = {}
    for field in fields:
        if field == "frames" and pixels is not None:
            size, dtype = pixels
            made[field] = buffers.take((rows, *each, frames, *size, 3), dtype)
        else:
            made[field] = np.zeros(*shapes[field])
    return made


def describe_view(field: str, out: npt.NDArray[Any], number: int, view: View, stored: StoredFrames) -> None:
    """Write `mask`, `length`, `frame_index` or `timestamp` of one view to row `number` of `out`."""
    picked = view.picked
    real = picked >= 0
    if field == "length":
        out[number] = np.count_nonzero(real)
    elif field == "mask":
        out[number, : len(picked)] = real
        out[number, len(picked) :] = False
    elif stored.facts is not None:
        values = stored.facts.numbers if field == "frame_index" else stored.facts.times
        out[number, : len(picked)] = np.where(real, values[picked], -1)
        out[number, len(picked) :] = -1


def fill_missing(arrays: Arrays, missing: Sequence[int], rows: int) -> None:
    """Fill rows that have no clip of their own with a copy of one that has, marked as empty.

    Their `length` is 0, their `mask` False and their `id` "". If no row has a clip, they
    are all zero, with label and label_source -1 (but not where label is multi-hot).

    Args:
        arrays: of a batch.
        missing: rows without a clip.
        rows: of the batch.
    """
    good = next((row for row in range(rows) if row not in missing), None)
    for field, array in arrays.items():
        for row in missing:
            if field in ("length", "mask"):
                array[row] = 0
            elif field == "id":
                array[row] = ""
            elif good is not None:
                array[row] = array[good]
            elif array.dtype == object:
                array[row] = b""
            else:
                array[row] = -1 if field in ("label", "label_source") and array.ndim == 1 else 0
