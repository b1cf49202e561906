#!/usr/bin/env bash
# Ray Data 2.60.0: `read_tfrecords` makes a list of one value a bare value, so a column's type depends on the lengths of the
# lists that happen to stand in a file.
# Input: Examples with the feature "video", a bytes list of two or three values or of one, in files of the first kind, of the
# second kind, and of both.
# Expected: lists everywhere, as the records have them.
# Seen: lists, bare bytes, and an ArrowConversionError; two files that are read together give lists in some rows and bytes in
# others.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python "ray[data]==2.60.0" tensorflow==2.21.0 crc32c

RAY_DEDUP_LOGS=0 TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python - 2>log <<'PYTHON' || { tail -n 3 log; exit 1; }
from importlib.metadata import version

import ray
import tensorflow as tf

VIDEOS = {"several": [[b"a0", b"a1"], [b"b0", b"b1", b"b2"]], "one": [[b"c0"]], "both": [[b"a0", b"a1"], [b"c0"]]}


def write(name):
    with tf.io.TFRecordWriter(name) as writer:
        for frames in VIDEOS[name]:
            feature = {"video": tf.train.Feature(bytes_list=tf.train.BytesList(value=frames))}
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())


def read(*names):
    try:
        return [type(row["video"]).__name__ for row in ray.data.read_tfrecords(list(names)).take_all()]
    except Exception as error:
        return ["ArrowConversionError"] if "ArrowConversionError" in str(error) else [type(error).__name__]


for name in VIDEOS:
    write(name)
ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
seen = [read("several"), read("one"), read("both"), read("several", "one")]
print("ray", version("ray"), "tensorflow", version("tensorflow"))
for files, kinds in zip(("lists of several", "lists of one", "both in a file", "two files"), seen, strict=True):
    print(f"{files}: expected lists, got", *kinds)
as_described = seen == [["list", "list"], ["bytes"], ["ArrowConversionError"], ["list", "list", "bytes"]]
raise SystemExit(0 if as_described else "the behaviour has changed")
PYTHON
