"""Protocol-buffer wire format, as far as records need it, without TensorFlow.

Messages, as in tensorflow/core/example/{feature,example}.proto:

    Example          { Features features = 1; }
    SequenceExample  { Features context = 1; FeatureLists feature_lists = 2; }
    Features         { map<string, Feature> feature = 1; }
    FeatureLists     { map<string, FeatureList> feature_list = 1; }
    FeatureList      { repeated Feature feature = 1; }
    Feature          { BytesList = 1 | FloatList = 2 | Int64List = 3; }, each { repeated value = 1; }

A map entry is a message { key = 1; value = 2; }. The encoding itself:
https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from clipmill.errors import DataError

#: What one Feature holds: its bytes values as views of the record, its floats or its ints.
Values: TypeAlias = list[memoryview] | list[float] | list[int]
Ints: TypeAlias = npt.NDArray[np.int64]
#: What to do with a field that ends past its message: refuse the message, take what is there, or stop before it.
WhenCut: TypeAlias = Literal["refuse", "take", "stop"]

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
_SMALL = [bytes([value]) for value in range(128)]
#: Packed numbers of more bytes than this are decoded by NumPy, which is faster only then.
_FEW_BYTES = 48


def varint(value: int) -> bytes:
    """Return a base-128 varint; negative numbers as their 64-bit two's complement."""
    if 0 <= value < 128:
        return _SMALL[value]
    value &= 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


@lru_cache(maxsize=1 << 14)  # the frames of a data set have few sizes, and each is asked for several times
def opening(number: int, length: int) -> bytes:
    """Return tag and length of field `number`, whose `length` bytes follow."""
    return varint(number << 3 | _DELIMITED) + varint(length)


def delimited(number: int, payload: bytes) -> bytes:
    """Return field `number` with a payload of bytes: a string, a message, packed numbers."""
    return opening(number, len(payload)) + payload


def around(number: int, first: bytes, following: int) -> bytes:
    """Return field `number` that begins with `first`; the `following` bytes after that are still to come."""
    return opening(number, len(first) + following) + first


def bytes_feature(values: Iterable[bytes]) -> bytes:
    """Return a Feature message that holds byte strings."""
    return delimited(1, b"".join([delimited(1, value) for value in values]))


def float_feature(values: Sequence[float]) -> bytes:
    """Return a Feature message that holds numbers, rounded to float32."""
    return delimited(2, delimited(1, struct.pack(f"<{len(values)}f", *values)))


def int_feature(values: Iterable[int]) -> bytes:
    """Return a Feature message that holds int64 numbers."""
    return delimited(3, delimited(1, b"".join([varint(value) for value in values])))


def feature_list(features: Iterable[bytes]) -> bytes:
    """Return a FeatureList message of these Features."""
    return b"".join([delimited(1, feature) for feature in features])


def entry(key: str, message: bytes) -> bytes:
    """Return one entry of Features or FeatureLists."""
    return delimited(1, delimited(1, key.encode()) + delimited(2, message))


def last_entry(key: str, first: bytes, following: int) -> bytes:
    """Return an entry whose message begins with `first`; the `following` bytes after that are still to come."""
    return around(1, delimited(1, key.encode()) + around(2, first, following), following)


def parse_features(message: memoryview) -> dict[str, Values]:
    """Return the features of a Features message, by key.

    Raises:
        DataError: the bytes are no such message.
    """
    return {key: _feature(value) for key, value in _entries(message)}


def parse_feature_lists(message: memoryview) -> dict[str, list[Values]]:
    """Return the lists of a FeatureLists message, by key.

    Raises:
        DataError: the bytes are no such message.
    """
    return {key: [_feature(feature) for feature in parts(message, 1)] for key, message in _entries(message)}


def parts(message: memoryview, number: int) -> list[memoryview]:
    """Return the payloads of field `number`, all of them; other fields are passed over.

    Raises:
        DataError: the bytes are no message.
    """
    return [value for found, value in _fields(message) if found == number and isinstance(value, memoryview)]


def whole_entries(record: memoryview, number: int) -> dict[str, memoryview]:
    """Return the whole entries of the Features or FeatureLists in field `number` of a record that is cut short.

    A record's frames are the last entry of its last field. So in its first bytes two messages are cut: that field,
    which is taken as far as it goes, and in it the frames' entry, where the search stops.

    Returns:
        Feature or FeatureList messages by key, not yet decoded.

    Raises:
        DataError: the bytes are not the beginning of a record.
    """
    found: dict[str, memoryview] = {}
    for field, value in _fields(record, "take"):
        if field == number and isinstance(value, memoryview):
            found |= dict(_entries(value, "stop"))
    return found


def ints(feature: memoryview) -> Ints:
    """Return the int64 numbers of a Feature message; none where it holds something else.

    Raises:
        DataError: the bytes are no such message.
    """
    lists = parts(feature, 3)
    return _unpacked(_packed(lists[-1])) if lists else np.empty(0, np.int64)


def list_ints(feature_list: memoryview) -> Ints:
    """Return the int64 numbers of all Features of a FeatureList message, one after the other.

    Raises:
        DataError: the bytes are no such message.
    """
    packed: list[bytes | memoryview] = []
    for feature in parts(feature_list, 1):
        size = len(feature)
        # A Feature as `int_feature` writes it for one number: a clip has hundreds, so they are not taken apart.
        as_written = 4 < size < 128 and feature[:4] == bytes((0x1A, size - 2, 0x0A, size - 4))
        if as_written and feature[-1] < 128:
            packed.append(feature[4:])
        else:
            packed += [_packed(found) for found in parts(feature, 3)[-1:]]
    return _unpacked(b"".join(packed))


def _entries(message: memoryview, when_cut: WhenCut = "refuse") -> Iterator[tuple[str, memoryview]]:
    for number, item in _fields(message, when_cut):
        if number != 1 or not isinstance(item, memoryview):
            continue
        key = value = memoryview(b"")
        for field, payload in _fields(item):
            if field == 1 and isinstance(payload, memoryview):
                key = payload
            elif field == 2 and isinstance(payload, memoryview):
                value = payload
        try:
            yield str(key, "utf-8"), value
        except UnicodeDecodeError:
            raise DataError("not a record: a feature's name is not UTF-8") from None


def _feature(message: memoryview) -> Values:
    kinds = [(number, value) for number, value in _fields(message) if number in (1, 2, 3)]
    if not kinds:
        return []
    kind, values = kinds[-1]
    if not isinstance(values, memoryview):
        raise DataError("not a record: a feature is not a list")
    if kind == 1:
        return parts(values, 1)
    return _floats(values) if kind == 2 else _unpacked(_packed(values)).tolist()


def _floats(message: memoryview) -> list[float]:
    out: list[float] = []
    for number, value in _fields(message):
        if number == 1 and isinstance(value, memoryview):
            if len(value) % 4:
                raise DataError("not a record: a list of floats ends in the middle of one")
            out += struct.unpack(f"<{len(value) // 4}f", value)
    return out


def _packed(int64_list: memoryview) -> bytes:
    """Return the varints of an Int64List message, also where a writer did not pack them."""
    values = [value for number, value in _fields(int64_list) if number == 1]
    if any(isinstance(value, memoryview) and value and value[-1] >= 128 for value in values):
        raise DataError("not a record: a number does not end")  # what follows would be taken for its end
    return b"".join([value if isinstance(value, memoryview) else varint(value) for value in values])


def _unpacked(varints: bytes) -> Ints:
    """Return the numbers of a run of varints."""
    if len(varints) > _FEW_BYTES:
        return _unpacked_at_once(varints)
    found, at, message = [], 0, memoryview(varints)
    while at < len(message):
        value, at = _read_varint(message, at)
        found.append(value - (1 << 64) if value >> 63 else value)
    return np.array(found, np.int64)


def _unpacked_at_once(varints: bytes) -> Ints:
    """Return the numbers of a run of varints: seven bits of each byte, shifted to their place and added up."""
    data = np.frombuffer(varints, np.uint8)
    last = np.flatnonzero(data < 128)
    first = np.concatenate([[0], last[:-1] + 1])
    if data[-1] >= 128 or int((last - first).max()) >= 10:
        raise DataError("not a record: a number does not end")
    shift = 7 * (np.arange(len(data)) - np.repeat(first, last - first + 1))
    return np.asarray(np.add.reduceat((data & 127).astype(np.int64) << shift, first), np.int64)


def _fields(message: memoryview, when_cut: WhenCut = "refuse") -> Iterator[tuple[int, int | memoryview]]:
    """Iterate over number and value of every field: an int for a varint, else the bytes."""
    at, end = 0, len(message)
    while at < end:
        # Most tags and lengths are one byte; a call for each would double the time.
        tag, at = (message[at], at + 1) if message[at] < 128 else _read_varint(message, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _read_varint(message, at)
            yield tag >> 3, value
            continue
        if kind == _DELIMITED:
            short = at < end and message[at] < 128
            length, at = (message[at], at + 1) if short else _read_varint(message, at)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise DataError(f"not a record: wire type {kind}")
        if at + length > end:
            if when_cut == "refuse":
                raise DataError("not a record: a field ends past its message")
            if when_cut == "stop":
                return
        yield tag >> 3, message[at : at + length]
        at += length


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 70:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
    raise DataError("not a record: a number does not end")
