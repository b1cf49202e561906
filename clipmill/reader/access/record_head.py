"""The times and numbers of a clip's frames, from the head of its record.

A record ends with its frames, so everything else can be read without them: the
messages that hold the frames are then cut short, and what stands before is whole.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from clipmill.errors import DataError
from clipmill.reader.draws import Ints
from clipmill.records import Schema
from clipmill.records.example import ExampleSchema

_Bytes = npt.NDArray[np.uint8]


class Head(NamedTuple):
    """What a record says of its frames, one number each.

    Attributes:
        times: (frames,) int64 microseconds from the clip's start, strictly increasing.
        numbers: (frames,) int64 number of each frame in decoding order.
    """

    times: Ints
    numbers: Ints


def read_head(schema: Schema, head: bytes | memoryview, frames: int) -> Head:
    """Times and numbers out of the bytes of a record before its first frame.

    Args:
        schema: of the record.
        head: from the record's first byte to anywhere in its frames.
        frames: how many frames the clip has.

    Raises:
        DataError: they are not there, or not as many.
    """
    keys = _keys(schema)
    try:
        found = {key: value for key, value in _entries(memoryview(head)) if key in keys}
    except IndexError:
        raise DataError(f"not a record of schema {schema.name}: its head is damaged") from None
    columns = []
    for key in keys:
        if key not in found:
            raise DataError(f"not a record of schema {schema.name}: it has no {key.decode()}")
        try:
            numbers = _numbers(found[key], listed=not isinstance(schema, ExampleSchema))
        except IndexError:
            raise DataError(f"not a record of schema {schema.name}: its {key.decode()} is damaged") from None
        if len(numbers) != frames:
            raise DataError(f"{key.decode()} has {len(numbers)} values for {frames} frames")
        columns.append(numbers)
    return Head(*columns)


def _keys(schema: Schema) -> tuple[bytes, bytes]:
    if isinstance(schema, ExampleSchema):
        by_value = {field.value: field.key.encode() for field in schema.fields}
        return by_value["timestamps"], by_value["frame_index"]
    return b"image/timestamp", b"image/frame_index"


def _entries(message: memoryview) -> list[tuple[bytes, memoryview]]:
    """Keys and values of the entries of Features or FeatureLists that are whole."""
    at, end = 0, len(message)
    inside = False
    out = []
    while at < end:
        _, at = _varint(message, at)
        length, at = _varint(message, at)
        if at + length > end:  # what holds the frames: first the message around all entries, then the frames' own
            if inside:
                break
            inside = True
            continue
        if inside:
            key_length, key_at = _varint(message, at + 1)
            value_at = key_at + key_length
            _, value_begin = _varint(message, value_at + 1)
            out.append((bytes(message[key_at:value_at]), message[value_begin : at + length]))
        at += length
    return out


def _numbers(value: memoryview, listed: bool) -> Ints:
    """The int64 values of a Feature, or of a FeatureList with one in each Feature."""
    if not listed:
        return _varints(np.frombuffer(_payload(_payload(value)), np.uint8))
    at, packed = 0, []
    while at < len(value):
        length, begin = _varint(value, at + 1)
        packed.append(_payload(_payload(value[begin : begin + length])))
        at = begin + length
    return _varints(np.frombuffer(b"".join(packed), np.uint8))


def _payload(message: memoryview) -> memoryview:
    """The bytes of a message's only field."""
    length, at = _varint(message, 1)
    return message[at : at + length]


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _varints(data: _Bytes) -> Ints:
    """All base-128 varints of a run of bytes, at once."""
    if not len(data):
        return np.empty(0, np.int64)
    if data[-1] >= 128:
        raise IndexError("the last number is cut short")
    last = np.flatnonzero(data < 128)
    first = np.concatenate([[0], last[:-1] + 1])
    shift = 7 * (np.arange(len(data)) - np.repeat(first, last - first + 1))
    return np.asarray(np.add.reduceat((data & 127).astype(np.int64) << shift, first), np.int64)
