"""TFRecord framing, without TensorFlow.

A record is: u64 length | u32 masked CRC-32C of the length | data | u32 masked CRC-32C
of the data, all little-endian; see tensorflow/core/lib/io/record_writer.h. Files are
never compressed, since other readers seek in them.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from typing import IO

import google_crc32c

from clipmill.errors import DataError

#: Bytes before the data, after it, and both.
BEFORE, AFTER = 12, 4
FRAMING = BEFORE + AFTER

_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")


class BadRecord(DataError):
    """A record that is cut short or fails its checksum.

    What to do: copy the file again from where it is whole, or delete it and build again.

    Attributes:
        file, offset: the file's name and where in it the record begins.
        end: where the next record begins; None if the record's length cannot be trusted.
    """

    def __init__(self, file: str, offset: int, what: str, end: int | None = None) -> None:
        super().__init__(f"{file}: record at byte {offset}: {what}")
        self.file = file
        self.offset = offset
        self.what = what
        self.end = end


def masked(crc: int) -> int:
    """Mask a CRC-32C as TFRecord files store it."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def before(length: int) -> bytes:
    """Return the 12 bytes before `length` bytes of data."""
    raw = _U64.pack(length)
    return raw + _U32.pack(masked(google_crc32c.value(raw)))


def after(crc: int) -> bytes:
    """Return the 4 bytes after data with this CRC-32C."""
    return _U32.pack(masked(crc))


def read_record(file: IO[bytes], offset: int, size: int, name: str) -> bytes:
    """Read the data of the record at `offset` of a file of `size` bytes.

    Args:
        file: open, seekable; read from `offset` on.
        offset: where the record's length stands.
        size: of the whole file; no more than that is ever read.
        name: the file's, for errors.

    Raises:
        BadRecord: the file ends inside the record, or a checksum is wrong.
    """
    file.seek(offset)
    head = file.read(BEFORE)
    if len(head) < BEFORE:
        raise BadRecord(name, offset, f"the file ends {BEFORE - len(head)} bytes short of its length")
    length = _length(head, name, offset)
    end = offset + length + FRAMING
    if end > size:
        raise BadRecord(name, offset, f"the file ends {end - size} bytes short of its end")
    data = file.read(length)
    tail = file.read(AFTER)
    if len(data) < length or len(tail) < AFTER:
        raise BadRecord(name, offset, "the file became shorter while it was read")
    _check_data(data, tail, name, offset)
    return data


def check_record(head: bytes, data: bytes, tail: bytes, name: str, offset: int) -> None:
    """Check a record whose parts have been read: its length and two checksums.

    Args:
        head, data, tail: the `BEFORE` bytes before the data, the data, and the `AFTER` bytes after it.
        name: the file's, for errors.
        offset: where the record begins, for errors.

    Raises:
        BadRecord: a part is cut short, the length is another one, or a checksum is wrong.
    """
    if len(head) < BEFORE or len(tail) < AFTER:
        raise BadRecord(name, offset, "the file ends inside of it")
    if _length(head, name, offset) != len(data):
        raise BadRecord(name, offset, f"its length is not that of the {len(data)} bytes that it should have")
    _check_data(data, tail, name, offset)


def _length(head: bytes, name: str, offset: int) -> int:
    if masked(google_crc32c.value(head[:8])) != _U32.unpack_from(head, 8)[0]:
        raise BadRecord(name, offset, "the checksum of its length is wrong")
    return int(_U64.unpack_from(head)[0])


def _check_data(data: bytes, tail: bytes, name: str, offset: int) -> None:
    if masked(google_crc32c.value(data)) != _U32.unpack(tail)[0]:
        raise BadRecord(name, offset, "the checksum of its data is wrong", offset + len(data) + FRAMING)


def read_records(file: IO[bytes] | bytes, name: str) -> Iterator[tuple[int, bytes]]:
    """Iterate over offset and data of every record of a TFRecord file, in order.

    Args:
        file: open and seekable, or the whole file's bytes.
        name: the file's, for errors.

    Raises:
        BadRecord: the file ends inside a record, or a checksum is wrong.
    """
    opened = io.BytesIO(file) if isinstance(file, bytes) else file
    size = opened.seek(0, os.SEEK_END)
    offset = 0
    while offset < size:
        data = read_record(opened, offset, size, name)
        yield offset, data
        offset += len(data) + FRAMING
