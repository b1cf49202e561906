"""What the record schemas share: the kinds of features, and reading a clip back from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from clipmill.errors import DataError
from clipmill.records import protobuf
from clipmill.records.base import ClipRecord, FrameFacts, FrameKeys
from clipmill.records.protobuf import Ints

#: The package of TFDS's own feature classes, as features.json names them.
TFDS = "tensorflow_datasets.core.features."


NEEDED = object()


class Kind(NamedTuple):
    """How a value of a clip is stored in a Feature and read back.

    Attributes:
        encode: value to the bytes of a Feature message.
        decode: a Feature's values, never none of them, to the value.
        tfds: the feature's entry in TFDS's features.json, from the number of classes.
        absent: what a record has that lacks the feature, or its values; `NEEDED` where none may.
    """

    encode: Callable[[Any], bytes]
    decode: Callable[[Any], Any]
    tfds: Callable[[int], dict[str, Any]]
    absent: Any = NEEDED


class Field(NamedTuple):
    """One feature of a record: its key, the value's name (see `values`; "" of a constant), and its kind."""

    key: str
    value: str
    kind: Kind


def _scalar(dtype: str) -> dict[str, Any]:
    return {
        "pythonClassName": TFDS + "scalar.Scalar",
        "tensor": {"dtype": dtype, "encoding": "none", "shape": {}},
    }


def _sequence(feature: dict[str, Any]) -> dict[str, Any]:
    return {
        "pythonClassName": TFDS + "sequence_feature.Sequence",
        "sequence": {"feature": feature, "length": "-1"},
    }


def _micros(seconds: float | None) -> int:
    return -1 if seconds is None else round(seconds * 1e6)


def _seconds(micros: int) -> float | None:
    return None if micros < 0 else micros / 1e6


TEXT = Kind(
    lambda value: protobuf.bytes_feature([value.encode()]),
    lambda found: str(found[0], "utf-8"),
    lambda classes: {"pythonClassName": TFDS + "text_feature.Text", "text": {}},
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
    absent=None,
)
#: An index into the labels, -1 for none, as TFDS has it too.
LABEL = Kind(
    INT.encode,
    INT.decode,
    lambda classes: {
        "pythonClassName": TFDS + "class_label_feature.ClassLabel",
        "classLabel": {"numClasses": str(classes)},
    },
)
#: The indices of a clip's labels, none for an unlabelled one.
LABELS = Kind(protobuf.int_feature, tuple, lambda classes: _sequence(LABEL.tfds(classes)), absent=())
TEXTS = Kind(
    lambda value: protobuf.bytes_feature([text.encode() for text in value]),
    lambda found: tuple(str(text, "utf-8") for text in found),
    lambda classes: _sequence(TEXT.tfds(classes)),
    absent=(),
)
VIDEO = {
    "pythonClassName": TFDS + "video_feature.Video",
    "video": {
        "dtype": "uint8",
        "encodingFormat": "jpeg",
        "shape": {"dimensions": ["-1", "-1", "-1", "3"]},
    },
}


#: Before the name of a value that is stored as a float, and so cannot be read back exactly; and those that can be so.
AS_FLOAT = "float "
FLOATS = ("start", "end", "width", "height", "num_frames")
#: Before the name of a further column of the listing, in the name of its value.
COLUMN = "column "


def values(clip: ClipRecord) -> dict[str, Any]:
    """Return all that a field can store: the record's own attributes, its columns, and what follows from them."""
    columns = {COLUMN + name: text or None for name, text in clip.columns.items()}
    own = {**msgspec.structs.asdict(clip), "num_frames": len(clip.timestamps), "channels": 3}
    return {**own, **{AS_FLOAT + name: own[name] for name in FLOATS}, **columns}


def to_record(
    found: dict[str, protobuf.Values], fields: Sequence[Field], same: Mapping[str, Any] | None = None
) -> ClipRecord:
    """Return the clip that `fields` were written from.

    Args:
        found: the record's features.
        fields: to read.
        same: what records of the schema do not say, since all are alike in it.

    Raises:
        DataError: a feature is missing or of another type.
    """
    names = ClipRecord.__struct_fields__
    got: dict[str, Any] = {**(same or {}), "columns": {}}
    for field in fields:
        if field.value.startswith(COLUMN):
            if found.get(field.key):
                got["columns"][field.value.removeprefix(COLUMN)] = _decoded(found, field)
            continue
        if field.value not in names:
            continue
        if not found.get(field.key):
            if field.kind.absent is not NEEDED:
                got[field.value] = field.kind.absent
                continue
            raise DataError(f"not a record of this schema: it has no {field.key}")
        got[field.value] = _decoded(found, field)
    try:
        return msgspec.convert(got, ClipRecord)
    except msgspec.ValidationError as error:
        raise DataError(f"not a record of this schema: {error}") from None


def _decoded(found: dict[str, protobuf.Values], field: Field) -> Any:
    try:
        return field.kind.decode(found[field.key])
    except (TypeError, ValueError):
        raise DataError(f"not a record of this schema: its {field.key} is of another type") from None


def frames_of(found: dict[str, protobuf.Values], key: str) -> list[memoryview]:
    """Return the frames that a record holds under `key`.

    Raises:
        DataError: there are none, or what is there is no bytes.
    """
    frames = [value for value in found.get(key, []) if isinstance(value, memoryview)]
    if not frames or len(frames) < len(found[key]):
        raise DataError(f"not a record of this schema: it has no frames in {key}")
    return frames


def frame_keys(frames: str, fields: Sequence[Field]) -> FrameKeys:
    """Return the keys of what `fields` have one of for each frame, beside `frames`."""
    by_value = {field.value: field.key for field in fields}
    return FrameKeys(frames, by_value["timestamps"], by_value["frame_index"])


def frame_facts(found: Mapping[str, memoryview], keys: FrameKeys, read: Callable[[memoryview], Ints]) -> FrameFacts:
    """Read the times and numbers of a record's frames.

    Args:
        found: messages by key.
        keys: which to read.
        read: from a message to its numbers.

    Raises:
        DataError: one is missing or damaged, or there are not as many times as numbers.
    """
    for key in (keys.times, keys.numbers):
        if key not in found:
            raise DataError(f"not a record of this schema: it has no {key}")
    facts = FrameFacts(read(found[keys.times]), read(found[keys.numbers]))
    if len(facts.times) != len(facts.numbers):
        counts = f"{len(facts.times)} values of {keys.times} and {len(facts.numbers)} of {keys.numbers}"
        raise DataError(f"not a record of this schema: it has {counts}")
    return facts
