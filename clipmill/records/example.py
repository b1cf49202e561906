"""Records that are a tf.train.Example, with the frames in one of its features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clipmill.records import protobuf
from clipmill.records.base import ClipRecord, FrameFacts, body_size
from clipmill.records.fields import TFDS, VIDEO, Field, frame_facts, frame_keys, frames_of, to_record, values


class ExampleSchema:
    """A tf.train.Example with the frames in one Feature, which opens in TFDS; see `clipmill.records.Schema`.

    Args:
        name, epoch: of the schema.
        fields: every feature but the frames, in the record's order; timestamps and frame_index among them.
        frames: the key of the frames.
        columns: see `clipmill.records.Schema`.
    """

    sequence = False
    placed = numbered = False

    def __init__(self, name: str, epoch: int, fields: Sequence[Field], frames: str, columns: Mapping[str, str]) -> None:
        self.name = name
        self.epoch = epoch
        self.fields = tuple(fields)
        self.frame_keys = frame_keys(frames, fields)
        self.columns = columns

    def head(self, clip: ClipRecord, sizes: Sequence[int]) -> bytes:
        """Return all bytes of the record before the first frame's prefix."""
        known = values(clip)
        entries = b"".join([protobuf.entry(f.key, f.kind.encode(known.get(f.value))) for f in self.fields])
        following = body_size(self, sizes)
        frames = protobuf.last_entry(self.frame_keys.frames, protobuf.opening(1, following), following)
        return protobuf.around(1, entries + frames, following)

    def prefix(self, size: int, number: int = 0) -> bytes:
        """Return the bytes that stand before a frame of `size` bytes."""
        return protobuf.opening(1, size)

    def parse(self, record: bytes) -> tuple[ClipRecord, list[memoryview]]:
        """Return the clip and its encoded frames, views of the record; the inverse of head, prefix and frames.

        Raises:
            DataError: the bytes are no record of this schema.
        """
        found: dict[str, protobuf.Values] = {}
        for features in protobuf.parts(memoryview(record), 1):
            found |= protobuf.parse_features(features)
        return to_record(found, self.fields), frames_of(found, self.frame_keys.frames)

    def parse_head(self, head: bytes | memoryview) -> FrameFacts:
        """Read what a record says of its frames, from its bytes before the first one.

        Raises:
            DataError: the bytes are no head of this schema.
        """
        return frame_facts(protobuf.whole_entries(memoryview(head), 1), self.frame_keys, protobuf.ints)

    def features(self, classes: int) -> dict[str, Any]:
        """Return TFDS's features.json."""
        features = {self.frame_keys.frames: VIDEO, **{field.key: field.kind.tfds(classes) for field in self.fields}}
        return {
            "pythonClassName": TFDS + "features_dict.FeaturesDict",
            "featuresDict": {"features": features},
        }
