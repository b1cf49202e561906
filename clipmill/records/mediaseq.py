"""`mediaseq`: a SequenceExample with the keys of DMVR, MediaPipe and the TensorFlow Model Garden.

Keys: https://github.com/google-ai-edge/mediapipe/tree/master/mediapipe/util/sequence and
https://github.com/google-deepmind/dmvr. Both names of the label's text are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from clipmill.records import ClipRecord, protobuf
from clipmill.records.example import FLOAT, INT, INTS, SECONDS, TEXT, Field, body, frames_of, to_record, values

_CONTEXT = (
    Field("example/id", "clip_id", TEXT),
    Field("example/dataset_name", "dataset", TEXT),
    Field("clip/data_path", "source", TEXT),
    Field("clip/media_id", "clip_id", TEXT),
    Field("clip/label/index", "label_index", INT),
    Field("clip/label/text", "label_text", TEXT),
    Field("clip/label/string", "label_text", TEXT),
    Field("clip/start/timestamp", "start", SECONDS),
    Field("clip/end/timestamp", "end", SECONDS),
    Field("image/format", "format", TEXT),
    Field("image/channels", "channels", INT),
    Field("image/colorspace", "colorspace", TEXT),
    Field("image/height", "height", INT),
    Field("image/width", "width", INT),
    Field("image/frame_rate", "fps", FLOAT),
)
_FRAMES = "image/encoded"
_LISTS = (
    Field("image/timestamp", "timestamps", INTS),
    # Known to no other reader; in the same form as the timestamps.
    Field("image/frame_index", "frame_index", INTS),
)


@lru_cache(maxsize=1 << 14)
def _prefix(size: int) -> bytes:
    value = protobuf.opening(1, size)
    feature = protobuf.around(1, value, size)
    return protobuf.around(1, feature, size)


class MediaSequenceSchema:
    """A SequenceExample: scalars in its context, one Feature a frame in `image/encoded`."""

    name = "mediaseq"
    epoch = 1

    def head(self, clip: ClipRecord, sizes: Sequence[int]) -> bytes:
        """All bytes of the record before the first frame's prefix."""
        known = {**values(clip), "format": "JPEG", "colorspace": "RGB"}
        context = b"".join(
            [protobuf.entry(f.key, f.kind.encode(known[f.value])) for f in _CONTEXT if known[f.value] is not None]
        )
        lists = b"".join(
            [
                protobuf.entry(f.key, protobuf.feature_list([protobuf.int_feature([n]) for n in known[f.value]]))
                for f in _LISTS
            ]
        )
        following = body(self, sizes)
        frames = protobuf.last_entry(_FRAMES, b"", following)
        return protobuf.delimited(1, context) + protobuf.around(2, lists + frames, following)

    def prefix(self, size: int) -> bytes:
        """The bytes that stand before a frame of `size` bytes: its Feature, BytesList and value."""
        return _prefix(size)

    def parse(self, record: bytes) -> tuple[ClipRecord, list[bytes]]:
        """The clip and its encoded frames; the inverse of head, prefix and frames.

        Raises:
            DataError: the bytes are no record of this schema.
        """
        found: dict[str, protobuf.Values] = {}
        for context in protobuf.parts(memoryview(record), 1):
            found |= protobuf.parse_features(context)
        for lists in protobuf.parts(memoryview(record), 2):
            for key, features in protobuf.parse_feature_lists(lists).items():
                found[key] = [value for feature in features for value in feature]  # type: ignore[assignment]
        return to_record(found, _CONTEXT + _LISTS), frames_of(found, _FRAMES)

    def features(self, classes: int) -> dict[str, Any] | None:
        """None: TFDS reads Examples only."""
        return None
