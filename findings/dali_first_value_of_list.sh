#!/usr/bin/env bash
# DALI 2.4's TFRecord reader gives the first value of a list of bytes and drops the others without a word (on the CPU).
# Input: Examples whose feature `frames` holds three values, as TFDS and others write videos, and `times` three integers.
# Expected: all values, or an error, since FixedLenFeature(()) says one value and there are three.
# Seen: the first frame alone; lists of integers (VarLenFeature) come whole.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    nvidia-dali-cuda120==2.4.0 tfrecord==1.14.6 google-crc32c==1.9.0 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import struct

import google_crc32c
import numpy as np
import nvidia.dali
import nvidia.dali.tfrecord as tfrec
from nvidia.dali import fn, pipeline_def
from tfrecord import example_pb2


def record(data):
    """Return data in TFRecord's framing: length, its masked CRC-32C, data, its masked CRC-32C."""

    def masked(part):
        crc = google_crc32c.value(part)
        return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)

    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


with open("two.tfrecord", "wb") as file, open("two.idx", "w") as index:
    for i in range(2):
        example = example_pb2.Example()
        example.features.feature["frames"].bytes_list.value.extend([b"first %d" % i, b"second", b"third"])
        example.features.feature["times"].int64_list.value.extend([10, 20, 30])
        data = record(example.SerializeToString())
        index.write(f"{file.tell()} {len(data)}\n")
        file.write(data)


@pipeline_def(batch_size=2, num_threads=1, device_id=None)
def pipeline():
    features = {"frames": tfrec.FixedLenFeature((), tfrec.string, ""), "times": tfrec.VarLenFeature(tfrec.int64, 0)}
    read = fn.readers.tfrecord(path="two.tfrecord", index_path="two.idx", features=features)
    return read["frames"], read["times"]


built = pipeline()
built.build()
frames, times = (output.as_array() if name == "times" else [bytes(np.asarray(output.at(i))) for i in range(2)] for name, output in zip(("frames", "times"), built.run()))
print("DALI", nvidia.dali.__version__)
print("expected of the first record: 3 frames and 3 times, or an error; got", frames[:1], times[0].tolist())
same = frames == [b"first 0", b"first 1"] and times.tolist() == [[10, 20, 30]] * 2
raise SystemExit(0 if same else "the behaviour has changed")
PYTHON
