"""Loading clips of one frame many at a time: for a small image a request and a thread cost more than its pixels.

A clip of one frame needs no look at the head of its record: its only frame is number 0, shown at time 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import simplejpeg

from clipmill.reader.clip_table import ClipTable
from clipmill.reader.loading.batch_arrays import Arrays
from clipmill.reader.loading.decode import BadFrame, fill
from clipmill.reader.loading.loader import Loader
from clipmill.reader.order.batching import Step
from clipmill.reader.sampling.samplers import WholeClip

#: Clips that one thread loads, one after the other.
TOGETHER = 64


def load_stills(epoch: int, step: Step, numbers: Sequence[int], loader: Loader, arrays: Arrays, first: int) -> None:
    """Load clips of one frame into consecutive rows of a batch; see `Stills.load`."""
    Stills(loader, epoch).load(step, numbers, arrays, first)


class Stills:
    """Loads clips of one frame, whole.

    Args:
        loader: of the set.
        epoch: which epoch.
    """

    def __init__(self, loader: Loader, epoch: int) -> None:
        self._loader = loader
        self._epoch = epoch
        recipe = loader.recipe
        whole = isinstance(recipe.sampler, WholeClip) and recipe.views == 1 and loader.decode and not loader.dct_scale
        self._able = whole and loader.clips.table.coming is None

    def suits(self, step: Step) -> bool:
        """Return whether all clips of a step have one frame, and are wanted as they are stored."""
        clips = self._loader.clips
        return self._able and step.frames == 1 and bool((clips.table.frames[clips.rows[step.clips]] == 1).all())

    def load(self, step: Step, numbers: Sequence[int], arrays: Arrays, first: int) -> None:
        """Read and decode clips of a step into consecutive rows of a batch.

        Args:
            numbers: of the clips in the step.
            first: the first one's row.

        Raises:
            DataError: one of them is damaged, or a file is gone.
        """
        clips = self._loader.clips
        table, rows = clips.table, clips.rows[step.clips[numbers]]
        filled = slice(first, first + len(rows))
        for field, array in arrays.items():
            out = array[filled]
            if field == "frames":
                self._decode(step, numbers, rows, out)
            elif field == "label":
                _label(table, rows, out)
            elif field == "label_source":
                out[...] = table.label_source[rows]
            elif field == "id":
                out[...] = table.ids.take(pa.array(rows)).to_pylist()
            elif field == "dataset":
                out[...] = 0 if table.dataset is None else table.dataset[rows]
            else:
                out[...] = field in ("mask", "length")  # one frame is there; its number and its time are 0

    def _decode(self, step: Step, numbers: Sequence[int], rows: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
        table = self._loader.clips.table
        shards = table.shard[rows]
        for shard in np.unique(shards).tolist():
            name, reader = table.shards[shard]
            places = np.flatnonzero(shards == shard)
            found = rows[places]
            begins = table.offset[found]
            blobs = reader.read_only_frames(name, begins, begins + table.length[found], table.frames_at[found])
            for place, blob in zip(places.tolist(), blobs, strict=True):
                if self._loader.recipe.augment:
                    self._augmented(step, numbers[place], blob, out[place : place + 1])
                else:
                    _decode_into(blob, out[place, 0])

    def _augmented(self, step: Step, number: int, blob: bytes | memoryview, out: npt.NDArray[Any]) -> None:
        request = self._loader.request(self._epoch, step, number)
        size = request.height, request.width
        fill(out, self._loader.draw(request, None), {0: memoryview(blob)}, size)


def _label(table: ClipTable, rows: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
    if table.label_lists is None:
        out[...] = table.label[rows]
        return
    places, labels = table.label_lists.pairs(rows)
    out[...] = 0
    out[places[labels >= 0], labels[labels >= 0]] = 1


def _decode_into(blob: bytes | memoryview, out: npt.NDArray[np.uint8]) -> None:
    try:
        made = simplejpeg.decode_jpeg(blob, "RGB", False, False, buffer=out)
    except ValueError as error:
        raise BadFrame(f"it is not a whole JPEG: {error}") from None
    if made.shape != out.shape:
        raise BadFrame(f"it has {made.shape[1]}x{made.shape[0]} pixels, not {out.shape[1]}x{out.shape[0]}")
