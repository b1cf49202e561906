#!/usr/bin/env bash
# array_record 0.8.6: a file whose writer was not closed opens as a data set of no records.
# Input: 100 records written with ArrayRecordWriter, which is not closed but goes out of scope (as after an exception in
# the loop that writes: the class is no context manager).
# Expected: the records, as for a Python file, or an error when the file is opened.
# Seen: no error anywhere; the reader says 0 records. A job that counts what it can read sees an empty, valid shard.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    array-record==0.8.6

venv/bin/python - <<'PYTHON'
import gc
import os
from importlib.metadata import version

from array_record.python import array_record_module


def write(path, close):
    """Write 100 records."""
    writer = array_record_module.ArrayRecordWriter(path, "group_size:1")
    for i in range(100):
        writer.write(b"record %d" % i)
    if close:
        writer.close()


print("array_record", version("array-record"))
counts = {}
for close in (True, False):
    path = f"closed_{close}.array_record"
    write(path, close)
    gc.collect()
    reader = array_record_module.ArrayRecordReader(path)
    counts[close] = reader.num_records()
    print(f"closed: {close}: expected 100 records or an error, got {counts[close]} ({os.path.getsize(path)} bytes)")
raise SystemExit(0 if counts == {True: 100, False: 0} else "the behaviour has changed")
PYTHON
