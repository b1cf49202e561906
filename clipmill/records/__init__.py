"""Record schemas: how a clip becomes one protocol-buffer record.

A schema puts the encoded frames *last* in its record. So a record is `head`
followed, for each frame, by `prefix(size)` and the frame's bytes, and the byte
range of every frame follows from the record's end and the frames' sizes alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from clipmill.errors import UsageError


class ClipRecord(msgspec.Struct, frozen=True):
    """What a record says of a clip, besides its pixels.

    Attributes:
        clip_id, source, label_text: text; source is relative to the root.
        dataset: the data set's name.
        label_index: into label.labels.txt, -1 unlabelled.
        start, end: the time range in the source, seconds; None for the whole file.
        fps: frames per second as stored, after sampling.
        width, height: pixels.
        timestamps: microseconds from the clip's start, strictly increasing, one per frame.
        frame_index: number of each frame in decoding order within the clip's range.
    """

    clip_id: str
    source: str
    dataset: str
    label_index: int
    label_text: str
    start: float | None
    end: float | None
    fps: float
    width: int
    height: int
    timestamps: list[int]
    frame_index: list[int]


class Schema(Protocol):
    """One way to lay a clip out in a record."""

    name: str
    #: Raised when the same clip would give other bytes.
    epoch: int

    def head(self, clip: ClipRecord, sizes: Sequence[int]) -> bytes:
        """All bytes of the record before the first frame's prefix."""

    def prefix(self, size: int) -> bytes:
        """The bytes that stand before a frame of `size` bytes."""

    def parse(self, record: bytes) -> tuple[ClipRecord, list[bytes]]:
        """The clip and its encoded frames; the inverse of head, prefix and frames."""

    def features(self, classes: int) -> dict[str, Any] | None:
        """TFDS's features.json, or None where the records are not tf.train.Example."""


def get_schema(name: str) -> Schema:
    """The schema of a name.

    Raises:
        UsageError: there is none of that name.
    """
    from clipmill.records.frames import FramesSchema
    from clipmill.records.mediaseq import MediaSequenceSchema
    from clipmill.records.tfds import TfdsSchema

    known: dict[str, Schema] = {s.name: s for s in (TfdsSchema(), FramesSchema(), MediaSequenceSchema())}
    if name not in known:
        raise UsageError(f"--schema {name}: not one of {', '.join(known)}")
    return known[name]
