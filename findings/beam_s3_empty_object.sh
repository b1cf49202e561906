#!/usr/bin/env bash
# Apache Beam 2.77 cannot write an object of no bytes to s3://.
# Input: a local S3 server (moto) with an empty bucket.
# Expected: an empty object, as on a local disk and gs://: markers such as _SUCCESS, and shards without a record, are empty.
# Seen: closing the file raises MalformedXML (a multipart upload that is completed with no parts, which S3 refuses), and
# the upload stays open, which a bucket bills for until it is aborted.
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
    FileSystems.create("s3://bucket/_SUCCESS").close()
    failure = "none"
except Exception as error:
    failure = str(error)
objects = [entry["Key"] for entry in s3.list_objects_v2(Bucket="bucket").get("Contents", [])]
left = len(s3.list_multipart_uploads(Bucket="bucket").get("Uploads", []))
s3.put_object(Bucket="bucket", Key="_BY_BOTO3", Body=b"")
print(f"Beam {apache_beam.__version__}: expected _SUCCESS and no error; got objects {objects}, {left} open upload(s), error: {failure}")
raise SystemExit(0 if "MalformedXML" in failure and objects == [] and left == 1 else "the behaviour has changed")
PYTHON
