"""Samples of a clip: the frames that it shows at the moments of a signature, as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from clipmill.errors import DataError
from clipmill.reader.clip_table import ClipTable
from clipmill.signatures.moments import every_moment, shown_at


def read_samples(table: ClipTable, row: int, which: Sequence[int] | None = None) -> list[Any]:
    """Read samples of a clip: a JPEG for each; samples that show the same frame are the same object.

    Args:
        table: the clips.
        row: which clip.
        which: numbers of moments, increasing; by default all.

    Raises:
        DataError: the clip cannot be read.
    """
    reader, place = table.frame_reader(row), table.place(row)
    read = reader.ranges_of(place.shard)
    try:
        located = reader.locate(place)
        facts = reader.read_facts(located, read)
        shown = shown_at(facts.times, every_moment(facts.times) if which is None else np.array(which))
        encoded = reader.read_frames(located, read, np.unique(shown).tolist(), facts).encoded
    except DataError as error:
        raise DataError(f"{table.ids[row].as_py()}: {error}") from None
    return [encoded[frame] for frame in shown.tolist()]
