#!/usr/bin/env bash
# webdataset 1.0.2 makes one sample of two clips, or two of one, by rules on names and order that raise no error.
# Input: tars of two clips with a video and a class each.
# Expected: two samples, each with a video and its class, or an error.
# Seen: clips that agree up to the first dot of the name (v_1.5x and v_1.7x) become one sample with four fields; a tar whose
# members stand by kind (both videos, then both classes) becomes four samples with half of the fields.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    webdataset==1.0.2 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import io
import tarfile
from importlib.metadata import version

import webdataset


def tar(path, members):
    """Write a tar of (name, bytes) in the order given."""
    with tarfile.open(path, "w") as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def samples(path):
    """Return each sample's key and the names of its fields."""
    rows = webdataset.WebDataset(path, shardshuffle=False)
    return [(row["__key__"], sorted(field for field in row if not field.startswith("__"))) for row in rows]


tar("plain.tar", [("a.avi", b"1"), ("a.cls", b"1"), ("b.avi", b"2"), ("b.cls", b"2")])
tar("dots.tar", [("v_1.5x.avi", b"1"), ("v_1.5x.cls", b"1"), ("v_1.7x.avi", b"2"), ("v_1.7x.cls", b"2")])
tar("by_kind.tar", [("a.avi", b"1"), ("b.avi", b"2"), ("a.cls", b"1"), ("b.cls", b"2")])
print("webdataset", version("webdataset"))
seen = {path: samples(path) for path in ("plain.tar", "dots.tar", "by_kind.tar")}
for path, rows in seen.items():
    print(f"{path}: expected 2 samples of avi and cls; got {rows}")
same = seen == {
    "plain.tar": [("a", ["avi", "cls"]), ("b", ["avi", "cls"])],
    "dots.tar": [("v_1", ["5x.avi", "5x.cls", "7x.avi", "7x.cls"])],
    "by_kind.tar": [("a", ["avi"]), ("b", ["avi"]), ("a", ["cls"]), ("b", ["cls"])],
}
raise SystemExit(0 if same else "the behaviour has changed")
PYTHON
