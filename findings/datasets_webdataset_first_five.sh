#!/usr/bin/env bash
# Hugging Face datasets 5.2.0 drops what a WebDataset tar holds if the first five samples do not have it.
# Input: a tar of seven samples; the last two have a field of their own (a caption), and another key in their JSON.
# Expected: the columns of all samples, None where a sample has none, as for a field that is missing later; or an error.
# Seen: captions and the further key are gone without a warning, streaming or not: the schema is taken from five samples.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    datasets==5.2.0 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import io
import json
import os
import tarfile

import datasets


def tar(path, members):
    """Write a tar of (name, bytes) in the order given."""
    with tarfile.open(path, "w") as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


members = []
for i in range(7):
    late = {"source": "phone"} if i >= 5 else {}
    members += [(f"{i}.cls", b"%d" % i), (f"{i}.json", json.dumps({"number": i, **late}).encode())]
    members += [(f"{i}.txt", b"a caption")] if late else []
tar("seven.tar", members)
datasets.disable_progress_bars()
print("datasets", datasets.__version__)
same = True
for streaming in (False, True):
    loaded = datasets.load_dataset(
        "webdataset", data_files={"train": os.path.abspath("seven.tar")}, split="train", cache_dir="cache", streaming=streaming
    )
    last = list(loaded)[-1]
    print(f"streaming {streaming}: expected txt and json.source in the last sample, got fields {sorted(last)}, json {last['json']}")
    same &= "txt" not in last and last["json"] == {"number": 6} and last["cls"] == 6
raise SystemExit(0 if same else "the behaviour has changed")
PYTHON
