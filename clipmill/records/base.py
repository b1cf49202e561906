"""What a record schema is, and what it lays out: the facts of a clip, then its encoded frames.

A schema puts the encoded frames *last* in its record. So a record is `head`
followed, for each frame, by `prefix(size, number)` and the frame's bytes, and the byte
range of every frame follows from the record's end and the frames' sizes alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
import numpy.typing as npt


class ClipRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a record says of a clip, besides its pixels.

    Attributes:
        clip_id, source, label_text: text; source is relative to the root.
        dataset: the data set's name.
        label_index: into label.labels.txt, -1 unlabelled; a tuple, as label_text is, in multi-label schemas.
        start, end: the time range in the source, seconds; None for the whole file.
        fps: frames per second as stored, after sampling.
        width, height: pixels.
        timestamps: microseconds from the clip's start, strictly increasing, one per frame.
        frame_index: number of each frame in decoding order within the clip's range.
        columns: the listing's further columns that are in the record, as text.
    """

    clip_id: str
    source: str
    dataset: str
    label_index: int | tuple[int, ...]
    label_text: str | tuple[str, ...]
    start: float | None
    end: float | None
    fps: float
    width: int
    height: int
    timestamps: list[int]
    frame_index: list[int]
    columns: dict[str, str] = {}


class FrameFacts(NamedTuple):
    """What a record says of each of its frames, besides the pixels.

    Attributes:
        times: (frames,) int64 microseconds from the clip's start, strictly increasing.
        numbers: (frames,) int64 number of each frame in decoding order.
    """

    times: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]


class FrameKeys(NamedTuple):
    """The features of a record that hold one value for each frame.

    Attributes:
        frames: key of the encoded frames.
        times: key of the timestamps.
        numbers: key of the frames' numbers in decoding order.
    """

    frames: str
    times: str
    numbers: str


class Schema(Protocol):
    """One way to lay a clip out in a record.

    Attributes:
        name: as `--schema` has it.
        epoch: raised when the same clip would give other bytes.
        frame_keys: where readers find the frames and what is known of each.
        sequence: whether a record is a tf.train.SequenceExample, with the frames in its feature lists;
            else it is a tf.train.Example.
        placed: whether a file beside the shard says where each frame is, since others wrote the records.
        numbered: whether a frame's prefix depends on its number, and not on its size alone.
        columns: the type (of `COLUMN_TYPES`) of each of the listing's further columns that records hold.
    """

    name: str
    epoch: int
    frame_keys: FrameKeys
    sequence: bool
    placed: bool
    numbered: bool
    columns: Mapping[str, str]

    def head(self, clip: ClipRecord, sizes: Sequence[int]) -> bytes:
        """Return all bytes of the record before the first frame's prefix."""

    def prefix(self, size: int, number: int = 0) -> bytes:
        """Return the bytes that stand before frame `number` of `size` bytes; they differ by number where `numbered`."""

    def parse(self, record: bytes) -> tuple[ClipRecord, list[memoryview]]:
        """Return the clip and its encoded frames, views of the record; the inverse of head, prefix and frames.

        Raises:
            DataError: the bytes are no record of this schema.
        """

    def parse_head(self, head: bytes | memoryview) -> FrameFacts:
        """Read what a record says of its frames, without the frames.

        Args:
            head: the record from its first byte to anywhere in its frames.

        Raises:
            DataError: the bytes are no head of this schema.
        """

    def features(self, classes: int) -> dict[str, Any] | None:
        """Return TFDS's features.json, or None where the records are not tf.train.Example."""


def body_size(schema: Schema, sizes: Sequence[int]) -> int:
    """Return the bytes of a record after its head: the frames of these sizes and their prefixes."""
    return sum(sizes) + sum([len(schema.prefix(size, number)) for number, size in enumerate(sizes)])
