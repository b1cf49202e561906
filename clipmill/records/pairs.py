"""`pairs`: an Example with an image and its mask, as files or, with `--encoding raw`, as bare pixels.

A pair counts as a clip of two frames, the image and the mask, each in a feature of its own at the end of the record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clipmill.errors import DataError, UsageError
from clipmill.layout import RAW
from clipmill.records import protobuf
from clipmill.records.base import ClipRecord, FrameFacts, FrameKeys, body_size
from clipmill.records.fields import INT, LABEL, LABELS, TEXT, TEXTS, Field, to_record, values

#: What a pair's clip says of its two frames: there is no time in it.
FPS, TIMES, NUMBERS = 25.0, [0, 40_000], [0, 1]


class PairsSchema:
    """Keys `image/encoded` and `mask/encoded`, or `image_raw` and `mask_raw`; see `clipmill.records.Schema`.

    Raw pixels are rows from the top: (height, width, 3) uint8 RGB, and (height, width) uint8, or little-endian uint16
    where there are twice as many bytes.
    """

    sequence = placed = False
    numbered = True
    epoch = 1
    columns: Mapping[str, str] = {}

    def __init__(self, name: str, multi_label: bool, declared: str = "") -> None:
        if declared:
            raise UsageError(f"--record-columns {declared}: records of --schema pairs hold no further columns")
        self.name = name
        self._keys = ("image_raw", "mask_raw") if RAW in name else ("image/encoded", "mask/encoded")
        self.frame_keys = FrameKeys(self._keys[0], "", "")
        self.fields = (
            Field("height", "height", INT),
            Field("width", "width", INT),
            Field("id", "clip_id", TEXT),
            Field("source", "source", TEXT),
            Field("dataset", "dataset", TEXT),
            Field("label", "label_index", LABELS if multi_label else LABEL),
            Field("label_text", "label_text", TEXTS if multi_label else TEXT),
        )

    def head(self, clip: ClipRecord, sizes: Sequence[int]) -> bytes:
        """Return all bytes of the record before the image's prefix."""
        known = values(clip)
        entries = b"".join([protobuf.entry(f.key, f.kind.encode(known[f.value])) for f in self.fields])
        return protobuf.around(1, entries, body_size(self, sizes))

    def prefix(self, size: int, number: int = 0) -> bytes:
        """Return the bytes before the image (0) or the mask (1): the beginning of its feature."""
        return protobuf.last_entry(self._keys[number], protobuf.around(1, protobuf.opening(1, size), size), size)

    def parse(self, record: bytes) -> tuple[ClipRecord, list[memoryview]]:
        """Return the pair's facts, and its image and mask.

        Raises:
            DataError: the bytes are no record of this schema.
        """
        found: dict[str, protobuf.Values] = {}
        for features in protobuf.parts(memoryview(record), 1):
            found |= protobuf.parse_features(features)
        frames = [value for key in self._keys for value in found.get(key, ()) if isinstance(value, memoryview)]
        if len(frames) != len(self._keys):
            raise DataError(f"not a record of this schema: it has no {' and '.join(self._keys)}")
        same: dict[str, Any] = {"start": None, "end": None, "fps": FPS, "timestamps": TIMES, "frame_index": NUMBERS}
        return to_record(found, self.fields, same), frames

    def parse_head(self, head: bytes | memoryview) -> FrameFacts:
        """Return the times and numbers that every pair has."""
        return FrameFacts(np.array(TIMES, np.int64), np.array(NUMBERS, np.int64))

    def features(self, classes: int) -> None:
        """Return None: TFDS has no feature for masks that keeps every depth."""
        return None
