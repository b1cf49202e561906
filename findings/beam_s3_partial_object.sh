#!/usr/bin/env bash
# Apache Beam 2.77: an exception inside `with FileSystems.create("s3://...")` publishes the half that was written.
# Input: a local S3 server (moto) with an empty bucket.
# Expected: no object. An upload to an object store becomes visible when it is completed, so a writer that fails can leave
# nothing behind; Beam's gs:// does so.
# Seen: the object is there under its final name, cut short, and a reader cannot tell it from a whole one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    'apache-beam[aws]==2.77.0' 'moto[server]==5.2.5' numpy==2.4.6

venv/bin/python - <<'PYTHON'
import atexit
import os
import socket
import subprocess
import time

os.environ.update(AWS_ACCESS_KEY_ID="key", AWS_SECRET_ACCESS_KEY="secret", AWS_DEFAULT_REGION="us-east-1", AWS_EC2_METADATA_DISABLED="true")
import apache_beam
import boto3
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions


# A local S3 server, on a free port.
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
server = subprocess.Popen(["venv/bin/moto_server", "-H", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
atexit.register(server.terminate)
for _ in range(300):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        break
    except OSError:
        time.sleep(0.1)
endpoint = f"http://127.0.0.1:{port}"
s3 = boto3.client("s3", endpoint_url=endpoint)
s3.create_bucket(Bucket="bucket")
options = [f"--s3_endpoint_url={endpoint}", "--s3_access_key_id=key", "--s3_secret_access_key=secret", "--s3_region_name=us-east-1"]
FileSystems.set_options(PipelineOptions(options))

try:
    with FileSystems.create("s3://bucket/shard.tfrecord") as file:
        file.write(b"the first half")
        raise RuntimeError("the source of the second half is gone")
except RuntimeError as error:
    print("the writer failed:", error)
objects = {entry["Key"]: entry["Size"] for entry in s3.list_objects_v2(Bucket="bucket").get("Contents", [])}
print(f"Beam {apache_beam.__version__}: expected no object, got {objects}")
raise SystemExit(0 if objects == {"shard.tfrecord": 14} else "the behaviour has changed")
PYTHON
