"""Records that are a tf.train.SequenceExample: scalars in its context, one Feature a frame in its feature lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from clipmill.records import protobuf
from clipmill.records.base import ClipRecord, FrameFacts, body_size
from clipmill.records.fields import Field, frame_facts, frame_keys, frames_of, to_record, values


@lru_cache(maxsize=1 << 14)
def _prefix(size: int) -> bytes:
    value = protobuf.opening(1, size)
    feature = protobuf.around(1, value, size)
    return protobuf.around(1, feature, size)


@lru_cache(maxsize=1 << 14)
def _of_number(number: int) -> bytes:
    # Clips of one rate have the same timestamps, and all have the same frame numbers.
    return protobuf.feature_list([protobuf.int_feature([number])])


class SequenceExampleSchema:
    """A tf.train.SequenceExample with the frames in its last feature list; see `clipmill.records.Schema`.

    Args:
        name, epoch: of the schema.
        context: features that a record has once; one without a value is left out.
        lists: features with one number for each frame; timestamps and frame_index among them.
        frames: the key of the frames.
        constants: values of fields that are the same in every record.
        columns: see `clipmill.records.Schema`.
    """

    sequence = True
    placed = numbered = False

    def __init__(
        self,
        name: str,
        epoch: int,
        context: Sequence[Field],
        lists: Sequence[Field],
        frames: str,
        constants: Mapping[str, Any],
        columns: Mapping[str, str],
    ) -> None:
        self.name = name
        self.epoch = epoch
        self.frame_keys = frame_keys(frames, lists)
        self._context = tuple(context)
        self._lists = tuple(lists)
        self._constants = dict(constants)
        self.columns = columns

    def head(self, clip: ClipRecord, sizes: Sequence[int]) -> bytes:
        """Return all bytes of the record before the first frame's prefix."""
        known = {**values(clip), **self._constants}
        context = b"".join(
            [
                protobuf.entry(f.key, f.kind.encode(known.get(f.value)))
                for f in self._context
                if not f.value or known.get(f.value) is not None
            ]
        )
        lists = b"".join([protobuf.entry(f.key, b"".join(map(_of_number, known[f.value]))) for f in self._lists])
        following = body_size(self, sizes)
        frames = protobuf.last_entry(self.frame_keys.frames, b"", following)
        return protobuf.delimited(1, context) + protobuf.around(2, lists + frames, following)

    def prefix(self, size: int, number: int = 0) -> bytes:
        """Return the bytes that stand before a frame of `size` bytes: its Feature, BytesList and value."""
        return _prefix(size)

    def parse(self, record: bytes) -> tuple[ClipRecord, list[memoryview]]:
        """Return the clip and its encoded frames, views of the record; the inverse of head, prefix and frames.

        Raises:
            DataError: the bytes are no record of this schema.
        """
        found: dict[str, protobuf.Values] = {}
        for context in protobuf.parts(memoryview(record), 1):
            found |= protobuf.parse_features(context)
        for lists in protobuf.parts(memoryview(record), 2):
            for key, features in protobuf.parse_feature_lists(lists).items():
                found[key] = [value for feature in features for value in feature]  # type: ignore[assignment]
        return to_record(found, self._context + self._lists), frames_of(found, self.frame_keys.frames)

    def parse_head(self, head: bytes | memoryview) -> FrameFacts:
        """Read what a record says of its frames, from its bytes before the first one.

        Raises:
            DataError: the bytes are no head of this schema.
        """
        return frame_facts(protobuf.whole_entries(memoryview(head), 2), self.frame_keys, protobuf.list_ints)

    def features(self, classes: int) -> dict[str, Any] | None:
        """Return None: TFDS reads Examples only."""
        return None
