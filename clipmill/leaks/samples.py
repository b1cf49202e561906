"""Samples of a clip: the frames that it shows at 0, 1 / RATE, 2 / RATE, ... seconds, as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from clipmill.errors import DataError
from clipmill.reader.clip_table import ClipTable

#: Samples a second. Two copies of a clip that begin at different moments are compared at moments up to half the time
#: between samples apart. At 4 a second the codes of what moves fast still agree; at 2 they do not (docs/leaks.md).
RATE = 4
_STEP = 1_000_000 // RATE
#: What a clip shows after a day is not sampled: times in records that others wrote may be anything.
_LONGEST = 24 * 3600 * 1_000_000


def read_samples(table: ClipTable, row: int, which: Sequence[int] | None = None) -> list[Any]:
    """Read samples of a clip: a JPEG for each; samples that show the same frame are the same object.

    Args:
        table: the clips.
        row: which clip.
        which: numbers of samples, increasing; by default all, from 0 to the last that begins before the clip's end.

    Raises:
        DataError: the clip cannot be read.
    """
    reader, place = table.frame_reader(row), table.place(row)
    read = reader.ranges_of(place.shard)
    try:
        located = reader.locate(place)
        facts = reader.read_facts(located, read)
        moments = np.arange(0, min(facts.times[-1], _LONGEST) + 1, _STEP) if which is None else np.array(which) * _STEP
        shown: npt.NDArray[np.int64] = np.searchsorted(facts.times, moments, side="right") - 1
        encoded = reader.read_frames(located, read, np.unique(shown).tolist(), facts).encoded
    except DataError as error:
        raise DataError(f"{table.ids[row].as_py()}: {error}") from None
    return [encoded[frame] for frame in shown.tolist()]
