from __future__ import annotations

import io
import struct

import google_crc32c
import pytest

from clipmill.errors import DataError
from clipmill.records.tfrecord import FRAMING, BadRecord, after, before, masked, read_records


def framed(data: bytes) -> bytes:
    return before(len(data)) + data + after(google_crc32c.value(data))


def test_framing_is_that_of_tensorflow():
    # Written by tf.io.TFRecordWriter; tests/test_readers_tensorflow.py writes and compares them anew.
    assert framed(b"").hex() == "000000000000000029039807d8ea82a2"
    assert framed(b"abc").hex() == "0300000000000000b099490e6162636e57f121"


def test_mask_rotates_and_adds():
    assert masked(0) == 0xA282EAD8
    assert masked(0xFFFF8000) == (0x0001FFFF + 0xA282EAD8) & 0xFFFFFFFF


def test_records_come_back_with_their_offsets(tmp_path):
    payloads = [b"", b"one", bytes(range(256)) * 50]
    data = b"".join(map(framed, payloads))
    offsets = [0, FRAMING, 2 * FRAMING + 3]
    assert list(read_records(data, "x")) == list(zip(offsets, payloads, strict=True))
    (tmp_path / "x").write_bytes(data)
    with open(tmp_path / "x", "rb") as file:
        assert list(read_records(file, "x")) == list(zip(offsets, payloads, strict=True))
    assert list(read_records(b"", "x")) == []


def test_every_flipped_bit_is_found_and_its_record_named():
    first, second = framed(b"first record"), framed(b"the second")
    for at in range(len(first + second)):
        for bit in range(8):
            data = bytearray(first + second)
            data[at] ^= 1 << bit
            with pytest.raises(BadRecord) as caught:
                list(read_records(bytes(data), "shards/a.tfrecord"))
            offset = 0 if at < len(first) else len(first)
            assert caught.value.offset == offset
            assert str(caught.value).startswith(f"shards/a.tfrecord: record at byte {offset}: ")
            assert isinstance(caught.value, DataError)


def test_every_truncation_is_found():
    first, second = framed(b"first record"), framed(b"the second")
    data = first + second
    for length in range(1, len(data)):
        if length == len(first):
            assert len(list(read_records(data[:length], "x"))) == 1
            continue
        with pytest.raises(BadRecord, match="the file ends") as caught:
            list(read_records(data[:length], "x"))
        assert caught.value.offset == (0 if length < len(first) else len(first))


def test_a_bad_payload_says_where_the_next_record_begins():
    data = bytearray(framed(b"first") + framed(b"second"))
    data[14] ^= 1
    with pytest.raises(BadRecord, match="the checksum of its data is wrong") as caught:
        list(read_records(bytes(data), "x"))
    assert caught.value.end == 5 + FRAMING
    data[14] ^= 1
    data[3] ^= 1
    with pytest.raises(BadRecord, match="the checksum of its length is wrong") as caught:
        list(read_records(bytes(data), "x"))
    assert caught.value.end is None


def test_an_absurd_length_allocates_nothing():
    raw = struct.pack("<Q", 1 << 62)

    class Counting(io.BytesIO):
        most = 0

        def read(self, size: int | None = -1) -> bytes:
            self.most = max(self.most, size or 0)
            return super().read(size)

    file = Counting(raw + struct.pack("<I", masked(google_crc32c.value(raw))) + b"x" * 100)
    with pytest.raises(BadRecord, match="bytes short of its end"):
        list(read_records(file, "x"))
    assert file.most < 100
