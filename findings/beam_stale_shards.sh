#!/usr/bin/env bash
# Apache Beam 2.77: WriteToTFRecord into a folder that holds an earlier run leaves that run's shards beside its own.
# Input: ten records written with num_shards=5, then ten others to the same prefix with num_shards=3.
# Expected: the second run replaces the first (Beam does delete the files of its own names), or refuses.
# Seen: eight files that one pattern matches; a reader of out-*.tfrecord gets the records of both runs.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    'apache-beam[tfrecord]==2.77.0' numpy==2.4.6

venv/bin/python - <<'PYTHON'
import glob

import apache_beam as beam
from apache_beam.io.tfrecordio import ReadFromTFRecord, WriteToTFRecord


def write(run, shards):
    """Write ten records that name their run."""
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        records = pipeline | beam.Create([f"{run} {i}".encode() for i in range(10)])
        _ = records | WriteToTFRecord("data/out", file_name_suffix=".tfrecord", num_shards=shards)


write("first", 5)
write("second", 3)
with beam.Pipeline(runner="FnApiRunner") as pipeline:
    words = pipeline | ReadFromTFRecord("data/out-*.tfrecord") | beam.Map(lambda record: record.split()[0].decode())
    _ = words | beam.combiners.Count.PerElement() | beam.Map(str) | beam.io.WriteToText("data/counts")
read = sorted(line for path in glob.glob("data/counts*") for line in open(path).read().splitlines())
files = sorted(glob.glob("data/out-*"))
print(f"Beam {beam.__version__}: expected 3 files and 10 records of the second run; got {len(files)} files, records {read}")
raise SystemExit(0 if len(files) == 8 and read == ["('first', 10)", "('second', 10)"] else "the behaviour has changed")
PYTHON
