#!/usr/bin/env bash
# The PyPI package tfrecord 1.14.6 cuts trailing zero bytes off the values of a list of bytes.
# Input: an Example with one feature of two values, the first of which ends in two zero bytes.
# Expected: the bytes that were written, as for a feature with one value.
# Seen: a NumPy array of type S, which has no way to hold trailing zeros: they are gone. (Raw frames, masks and padded
# files end in zeros; a JPEG does not.)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    tfrecord==1.14.6 google-crc32c==1.9.0 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import struct
from importlib.metadata import version

import google_crc32c
from tfrecord import example_pb2
from tfrecord.reader import tfrecord_loader


def record(data):
    """Return data in TFRecord's framing: length, its masked CRC-32C, data, its masked CRC-32C."""

    def masked(part):
        crc = google_crc32c.value(part)
        return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)

    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


written = [b"black frame\0\0", b"a longer frame"]
example = example_pb2.Example()
example.features.feature["list"].bytes_list.value.extend(written)
example.features.feature["single"].bytes_list.value.append(written[0])
with open("one.tfrecord", "wb") as file:
    file.write(record(example.SerializeToString()))
(read,) = tfrecord_loader("one.tfrecord", None, {"list": "byte", "single": "byte"})
print("tfrecord", version("tfrecord"))
print("a single value: expected", written[0], "got", read["single"])
print("a list: expected", written, "got", list(read["list"]), read["list"].dtype)
same = read["single"] == written[0] and list(read["list"]) == [written[0].rstrip(b"\0"), written[1]]
raise SystemExit(0 if same else "the behaviour has changed")
PYTHON
