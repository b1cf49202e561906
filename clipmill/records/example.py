"""What the record schemas share: kinds of features, and records that are a tf.train.Example."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from clipmill.errors import DataError
from clipmill.records import ClipRecord, Schema, protobuf

_TFDS = "tensorflow_datasets.core.features."


class Kind(NamedTuple):
    """How a value of a clip is stored in a Feature and read back.

    Attributes:
        encode: value to the bytes of a Feature message.
        decode: a Feature's values, never none of them, to the value.
        tfds: the feature's entry in TFDS's features.json, from the number of classes.
        optional: a record without the feature has None.
    """

    encode: Callable[[Any], bytes]
    decode: Callable[[Any], Any]
    tfds: Callable[[int], dict[str, Any]]
    optional: bool = False


class Field(NamedTuple):
    """One feature of a record: its key, the value's name (see `values`), and its kind."""

    key: str
    value: str
    kind: Kind


def _scalar(dtype: str) -> dict[str, Any]:
    return {
        "pythonClassName": _TFDS + "scalar.Scalar",
        "tensor": {"dtype": dtype, "encoding": "none", "shape": {}},
    }


def _sequence(feature: dict[str, Any]) -> dict[str, Any]:
    return {
        "pythonClassName": _TFDS + "sequence_feature.Sequence",
        "sequence": {"feature": feature, "length": "-1"},
    }


def _micros(seconds: float | None) -> int:
    return -1 if seconds is None else round(seconds * 1e6)


def _seconds(micros: int) -> float | None:
    return None if micros < 0 else micros / 1e6


TEXT = Kind(
    lambda value: protobuf.bytes_feature([value.encode()]),
    lambda found: str(found[0], "utf-8"),
    lambda classes: {"pythonClassName": _TFDS + "text_feature.Text", "text": {}},
)
INT = Kind(
    lambda value: protobuf.int_feature([value]),
    lambda found: found[0],
    lambda classes: _scalar("int64"),
)
INTS = Kind(protobuf.int_feature, list, lambda classes: _sequence(_scalar("int64")))
FLOAT = Kind(
    lambda value: protobuf.float_feature([value]),
    lambda found: found[0],
    lambda classes: _scalar("float32"),
)
#: Seconds or None, stored as whole microseconds or -1, so that a fixed-length parse finds a value.
SECONDS = Kind(
    lambda value: protobuf.int_feature([_micros(value)]),
    lambda found: _seconds(found[0]),
    lambda classes: _scalar("int64"),
    optional=True,
)
#: An index into the labels, -1 for none, as TFDS has it too.
LABEL = Kind(
    INT.encode,
    INT.decode,
    lambda classes: {
        "pythonClassName": _TFDS + "class_label_feature.ClassLabel",
        "classLabel": {"numClasses": str(classes)},
    },
)
_VIDEO = {
    "pythonClassName": _TFDS + "video_feature.Video",
    "video": {
        "dtype": "uint8",
        "encodingFormat": "jpeg",
        "shape": {"dimensions": ["-1", "-1", "-1", "3"]},
    },
}


def values(clip: ClipRecord) -> dict[str, Any]:
    """All that a field can store: the record's own attributes, and what follows from them."""
    return {**msgspec.structs.asdict(clip), "num_frames": len(clip.timestamps), "channels": 3}


def to_record(found: dict[str, protobuf.Values], fields: Sequence[Field]) -> ClipRecord:
    """The clip that `fields` were written from.

    Raises:
        DataError: a feature is missing or of another type.
    """
    names = ClipRecord.__struct_fields__
    got: dict[str, Any] = {}
    for field in fields:
        if field.value not in names:
            continue
        if not found.get(field.key):
            if field.kind.optional:
                got[field.value] = None
                continue
            raise DataError(f"not a record of this schema: it has no {field.key}")
        try:
            got[field.value] = field.kind.decode(found[field.key])
        except (TypeError, ValueError):
            raise DataError(f"not a record of this schema: its {field.key} is of another type") from None
    try:
        return msgspec.convert(got, ClipRecord)
    except msgspec.ValidationError as error:
        raise DataError(f"not a record of this schema: {error}") from None


def frames_of(found: dict[str, protobuf.Values], key: str) -> list[bytes]:
    """The frames that a record holds under `key`.

    Raises:
        DataError: there are none, or what is there is no bytes.
    """
    frames = [bytes(value) for value in found.get(key, []) if isinstance(value, memoryview)]
    if not frames or len(frames) < len(found[key]):
        raise DataError(f"not a record of this schema: it has no frames in {key}")
    return frames


def body(schema: Schema, sizes: Sequence[int]) -> int:
    """Bytes of a record after its head: the frames of these sizes and their prefixes."""
    return sum(sizes) + sum([len(schema.prefix(size)) for size in sizes])


class ExampleSchema:
    """Records that are a tf.train.Example with the frames in one Feature, and open in TFDS.

    Args:
        name, epoch: as in `clipmill.records.Schema`.
        fields: every feature but the frames, in the record's order.
        frames: the key of the frames.
    """

    def __init__(self, name: str, epoch: int, fields: Sequence[Field], frames: str) -> None:
        self.name = name
        self.epoch = epoch
        self.fields = tuple(fields)
        self.frames = frames

    def head(self, clip: ClipRecord, sizes: Sequence[int]) -> bytes:
        """All bytes of the record before the first frame's prefix."""
        known = values(clip)
        entries = b"".join([protobuf.entry(f.key, f.kind.encode(known[f.value])) for f in self.fields])
        following = body(self, sizes)
        frames = protobuf.last_entry(self.frames, protobuf.opening(1, following), following)
        return protobuf.around(1, entries + frames, following)

    def prefix(self, size: int) -> bytes:
        """The bytes that stand before a frame of `size` bytes."""
        return protobuf.opening(1, size)

    def parse(self, record: bytes) -> tuple[ClipRecord, list[bytes]]:
        """The clip and its encoded frames; the inverse of head, prefix and frames.

        Raises:
            DataError: the bytes are no record of this schema.
        """
        found: dict[str, protobuf.Values] = {}
        for features in protobuf.parts(memoryview(record), 1):
            found |= protobuf.parse_features(features)
        return to_record(found, self.fields), frames_of(found, self.frames)

    def features(self, classes: int) -> dict[str, Any]:
        """TFDS's features.json."""
        features = {self.frames: _VIDEO, **{field.key: field.kind.tfds(classes) for field in self.fields}}
        return {
            "pythonClassName": _TFDS + "features_dict.FeaturesDict",
            "featuresDict": {"features": features},
        }
