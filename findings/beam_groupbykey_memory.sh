#!/usr/bin/env bash
# Apache Beam 2.77's local FnApiRunner takes several times a collection's size in memory at a GroupByKey.
# Input: values of 1 MiB that the pipeline makes itself, 8 of them and 108 of them, in four keys.
# Expected: 100 MiB more data cost about 100 MiB more memory, or less: values could go to disk.
# Seen: about four times that. Nothing spills, and the values of every stage boundary are held whole: a local pipeline whose
# frames pass a shuffle needs several times its data in memory.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    apache-beam==2.77.0 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import subprocess
import sys

import apache_beam

PIPELINE = '''
import os, resource, sys
import apache_beam as beam
count = int(sys.argv[1])
with beam.Pipeline(runner="FnApiRunner") as pipeline:
    values = pipeline | beam.Create(range(count)) | beam.Map(lambda i: (i % 4, os.urandom(1 << 20)))
    _ = values | beam.GroupByKey() | beam.MapTuple(lambda key, group: sum(map(len, group)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)
'''
small, large = (int(subprocess.check_output([sys.executable, "-c", PIPELINE, count], stderr=subprocess.DEVNULL)) for count in ("8", "108"))
times = (large - small) / 100
print(f"Beam {apache_beam.__version__}: peak {small} MiB for 8 MiB, {large} MiB for 108 MiB: expected 1 more for each, got {times:.1f}")
raise SystemExit(0 if times > 2.5 else "the behaviour has changed")
PYTHON
