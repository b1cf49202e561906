"""A user's own record schema, declared in a TOML file: which key holds which field, and of which type.

    record = "example"          # or "sequence_example"
    frames = "jpegs"            # the key of the frames

    [features]                  # in the order that they have in the record
    "name" = { field = "clip_id" }
    "label" = { field = "label_index" }
    "begin" = { field = "start", type = "float" }
    "caption" = { column = "caption" }
    "views" = { column = "views", type = "int64" }
    "format" = { value = "JPEG" }

What clipmill itself must find in a record and the file does not name is stored as `clipmill/FIELD`: other readers pass
over keys that they do not know. So reruns, verification, the reader and exports treat such a data set like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from clipmill.errors import UsageError
from clipmill.layout import COLUMN_TYPES, OWN
from clipmill.records import protobuf
from clipmill.records.base import ClipRecord, Schema
from clipmill.records.columns import KINDS
from clipmill.records.example import ExampleSchema
from clipmill.records.fields import (
    AS_FLOAT,
    COLUMN,
    FLOAT,
    FLOATS,
    INT,
    INTS,
    LABEL,
    LABELS,
    SECONDS,
    TEXT,
    TEXTS,
    Field,
    Kind,
)
from clipmill.records.sequence_example import SequenceExampleSchema

#: By field: its own type, which can be read back, and its kind; of lists of labels the second kind.
_FIELDS: dict[str, tuple[str, Kind, Kind]] = {
    "clip_id": ("text", TEXT, TEXT),
    "source": ("text", TEXT, TEXT),
    "dataset": ("text", TEXT, TEXT),
    "label_index": ("int64", LABEL, LABELS),
    "label_text": ("text", TEXT, TEXTS),
    "start": ("int64", SECONDS, SECONDS),
    "end": ("int64", SECONDS, SECONDS),
    "fps": ("float", FLOAT, FLOAT),
    "width": ("int64", INT, INT),
    "height": ("int64", INT, INT),
    "num_frames": ("int64", INT, INT),
    "channels": ("int64", INT, INT),
    "timestamps": ("int64", INTS, INTS),
    "frame_index": ("int64", INTS, INTS),
}
_PER_FRAME = ("timestamps", "frame_index")
#: Seconds, -1 for none, as the whole microseconds that are kept of them.
_FLOAT_SECONDS = Kind(
    lambda value: FLOAT.encode(-1.0 if value is None else round(value * 1e6) / 1e6), FLOAT.decode, FLOAT.tfds
)
_HINT = 'such as "label" = { field = "label_index", type = "int64" }'


class _Feature(msgspec.Struct, frozen=True, array_like=True):
    """One feature: `what` is a field, a column or a constant value, and `type` how it is stored."""

    key: str
    kind: Literal["field", "column", "value"]
    what: str | int | float
    type: str


class _Declaration(msgspec.Struct, frozen=True, array_like=True):
    """What the file says."""

    record: Literal["example", "sequence_example"]
    frames: str
    features: list[_Feature]


def own_name(values: Mapping[str, Any], where: str) -> str:
    """Return the name of the schema that a TOML file declares; it holds all that the file says.

    Args:
        values: as the file has them.
        where: the file, for errors.

    Raises:
        UsageError: says which key is wrong.
    """
    record, frames, features = values.get("record", "example"), values.get("frames"), values.get("features")
    odd = sorted(values.keys() - {"record", "frames", "features"})
    if odd:
        raise UsageError(f"{where}: {odd[0]}: there are record, frames and [features] alone")
    if record not in ("example", "sequence_example"):
        raise UsageError(f"{where}: record = {record!r}: not one of example, sequence_example")
    if not isinstance(frames, str) or not frames:
        raise UsageError(f'{where}: frames: name the key of the frames, as frames = "jpegs"')
    if not isinstance(features, dict):
        raise UsageError(f"{where}: features: there is no table [features] of keys, {_HINT}")
    found = [_feature(key, said, f"{where}: features.{key}") for key, said in features.items()]
    if frames in features:
        raise UsageError(f"{where}: features.{frames}: this is the key of the frames")
    declared = _Declaration(record, frames, found)
    for feature in _completed(declared):
        if feature.key in features and feature not in found:
            raise UsageError(f"{where}: features.{feature.key}: clipmill itself stores {feature.what} under this key")
    return f"{OWN}:{msgspec.json.encode(declared).decode()}"


def own_schema(name: str, multi_label: bool, declared: str) -> Schema:
    """Return the schema that a name declares.

    Raises:
        UsageError: the name does not come from `own_name`.
    """
    try:
        said = msgspec.json.decode(declared, type=_Declaration)
    except msgspec.DecodeError as error:
        raise UsageError(f"--schema {name}: is no declaration ({error}); name a TOML file") from None
    features = _completed(said)
    fields = [_field(feature, multi_label) for feature in features]
    columns = {str(feature.what): feature.type for feature in features if feature.kind == "column"}
    if said.record == "example":
        return ExampleSchema(name, 1, _one_label(fields), said.frames, columns)
    lists = [field for field in fields if field.value in _PER_FRAME]
    context = [field for field in fields if field.value not in _PER_FRAME]
    return SequenceExampleSchema(name, 1, context, lists, said.frames, {}, columns)


def _feature(key: str, said: Any, where: str) -> _Feature:
    kinds = [kind for kind in ("field", "column", "value") if isinstance(said, dict) and kind in said]
    if not key or len(kinds) != 1 or said.keys() - {*kinds, "type"}:
        raise UsageError(f"{where}: give one of field, column and value, and perhaps a type, {_HINT}")
    kind, what, asked = kinds[0], said[kinds[0]], said.get("type")
    if kind == "value":
        names = {str: "text", int: "int64", float: "float"}
        if type(what) not in names or asked not in (None, names[type(what)]):
            raise UsageError(f"{where}: a value is a text, a whole number or a float, whose type is its own")
        return _Feature(key, "value", what, names[type(what)])
    if not isinstance(what, str) or not what:
        raise UsageError(f"{where}: {kind} = {what!r}: not a name")
    if kind == "column":
        if "," in what:
            raise UsageError(f"{where}: column {what!r}: a column with a comma in its name cannot be stored")
        types: tuple[str, ...] = COLUMN_TYPES
        own = "text"
    elif what not in _FIELDS:
        raise UsageError(f"{where}: field {what!r}: not one of {', '.join(_FIELDS)}")
    else:
        own = _FIELDS[what][0]
        types = (own, "float") if what in FLOATS else (own,)
    if asked is not None and asked not in types:
        raise UsageError(f"{where}: type = {asked!r}: {kind} {what} is stored as {' or '.join(types)}")
    return _Feature(key, "column" if kind == "column" else "field", what, asked or own)


def _completed(said: _Declaration) -> list[_Feature]:
    """Return the features that are declared, then those that clipmill itself needs and that are not among them."""
    there = {f.what for f in said.features if f.kind == "field" and f.type == _FIELDS[str(f.what)][0]}
    needed = [name for name in ClipRecord.__struct_fields__ if name in _FIELDS and name not in there]
    return [*said.features, *(_Feature(f"clipmill/{name}", "field", name, _FIELDS[name][0]) for name in needed)]


def _field(feature: _Feature, multi_label: bool) -> Field:
    what = str(feature.what)
    if feature.kind == "column":
        return Field(feature.key, COLUMN + what, KINDS[feature.type])
    if feature.kind == "value":
        return Field(feature.key, "", _constant(feature.what))
    own, single, several = _FIELDS[what]
    if feature.type != own:
        return Field(feature.key, AS_FLOAT + what, _FLOAT_SECONDS if what in ("start", "end") else FLOAT)
    return Field(feature.key, what, several if multi_label else single)


def _constant(value: str | int | float) -> Kind:
    if isinstance(value, str):
        message, kind = protobuf.bytes_feature([value.encode()]), TEXT
    elif isinstance(value, int):
        message, kind = protobuf.int_feature([value]), INT
    else:
        message, kind = protobuf.float_feature([value]), FLOAT
    return kind._replace(encode=lambda nothing: message)


def _one_label(fields: list[Field]) -> list[Field]:
    """Return fields of which one alone is TFDS's label; the index of the label under further keys is a number."""
    plain = {LABEL: INT, LABELS: INTS}
    seen = False
    found = []
    for field in fields:
        label = field.kind in (LABEL, LABELS)
        found.append(field._replace(kind=plain[field.kind]) if label and seen else field)
        seen = seen or label
    return found
