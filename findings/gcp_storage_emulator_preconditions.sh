#!/usr/bin/env bash
# gcp-storage-emulator 2026.7.19 accepts writes whose ifGenerationMatch does not hold.
# Input: an object, then two more uploads of it with ifGenerationMatch=0 ("only if there is none") and =12345.
# Expected: 412 Precondition Failed for both, as Cloud Storage answers: locks and pointers are built on it.
# Seen: 200 for both; the object holds the last one's bytes. A test of two writers against it proves nothing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    gcp-storage-emulator==2026.7.19

venv/bin/python - <<'PYTHON'
import atexit
import socket
import subprocess
import time
import urllib.error
import urllib.request
from importlib.metadata import version

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
command = ["venv/bin/gcp-storage-emulator", "start", "--host=127.0.0.1", f"--port={port}", "--in-memory"]
server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
atexit.register(server.terminate)
for _ in range(300):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        break
    except OSError:
        time.sleep(0.1)


def ask(method, path, data=None, kind="text/plain"):
    """Return the status and body of a request."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": kind}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


print("gcp-storage-emulator", version("gcp-storage-emulator"))
ask("POST", "/storage/v1/b?project=p", b'{"name": "bucket"}', "application/json")
upload = "/upload/storage/v1/b/bucket/o?uploadType=media&name=pointer"
statuses = [ask("POST", upload + condition, b"data" + condition.encode())[0] for condition in ("", "&ifGenerationMatch=0", "&ifGenerationMatch=12345")]
held = ask("GET", "/storage/v1/b/bucket/o/pointer?alt=media")[1]
print("expected statuses [200, 412, 412] and the object's first bytes; got", statuses, held)
raise SystemExit(0 if statuses == [200, 200, 200] and held.endswith(b"12345") else "the behaviour has changed")
PYTHON
