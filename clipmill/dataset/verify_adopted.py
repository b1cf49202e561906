"""Checking a record that others wrote against its row of the clip table and its entries in the .places file."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from clipmill.records.foreign import AdoptedSchema, read_foreign
from clipmill.records.tfrecord import AFTER


def foreign_problems(
    schema: AdoptedSchema, data: bytes, row: dict[str, Any], places: npt.NDArray[np.void] | None
) -> list[str]:
    """Return what is wrong with a record that was adopted, as sentences whose subject is the record.

    The table may say more than the record: an id that was made up, the name of a class, the size of frames.

    Args:
        schema: of the record.
        data: of the record, without its framing.
        row: of the clip table.
        places: of the record's frames; None where they cannot be read.

    Raises:
        DataError: it holds no clip.
    """
    clip = read_foreign(data, schema.keys)
    labels = row["label_index"] if isinstance(row["label_index"], list) else [row["label_index"]]
    problems = []
    if clip.labels and list(clip.labels) != labels:
        problems.append(f"its labels are {list(clip.labels)}, in the clip table {labels}")
    for name, said in (("clip_id", clip.clip_id), ("source", clip.source)):
        if said and said != row[name]:
            problems.append(f"its {name} is {said!r}, in the clip table {row[name]!r}")
    if len(clip.frames) != row["frames"]:
        return [*problems, f"{len(clip.frames)} frames, {row['frames']} in the clip table"]
    if places is not None:
        ends = clip.begins + np.array([len(frame) for frame in clip.frames])
        if places["behind"].tolist() != (len(data) + AFTER - ends).tolist():
            problems.append("its frames are not where the .places file says")
        times = places["time"].tolist()
        if any(one >= other for one, other in pairwise(times)) or times != clip.times.tolist():
            problems.append("its times are not those of the .places file")
    return problems
