#!/usr/bin/env bash
# OpenCV 5.0.0.93: imread reads a JPEG that is cut in half as a whole picture, its lower part grey, without an error.
# Input: a picture of 256x256 as a baseline JPEG of quality 90, and the first half of its bytes (what an interrupted
# download or a full disk leaves).
# Expected: None, as imdecode gives for the very same bytes, or an error, as Pillow raises.
# Seen: imread gives an array of 256x256 whose lower part is one colour; a line of libjpeg's on standard error is all that
# tells it. imdecode gives None. Pillow 12.3.0 raises OSError: image file is truncated.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    numpy==2.4.6 opencv-python-headless==5.0.0.93 pillow==12.3.0

venv/bin/python - <<'PYTHON'
import io
from importlib.metadata import version

import cv2
import numpy as np
from PIL import Image

print("OpenCV", version("opencv-python-headless"), "Pillow", version("pillow"))
rng = np.random.default_rng(0)
picture = cv2.resize(rng.integers(0, 256, (32, 32, 3), np.uint8), (256, 256), interpolation=cv2.INTER_CUBIC)
whole = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
half = whole[: len(whole) // 2]
decoded = cv2.imdecode(np.frombuffer(half, np.uint8), cv2.IMREAD_COLOR)
with open("half.jpg", "wb") as file:
    file.write(half)
read = cv2.imread("half.jpg")
shape = None if read is None else read.shape
plain_rows = 0 if read is None else sum((read[row] == read[-1, -1]).all() for row in range(256))
print(f"imread: expected None or an error, got an array of {shape}; {plain_rows} of its rows are one colour")
print(f"imdecode of the same bytes: {decoded if decoded is None else decoded.shape}")
try:
    Image.open(io.BytesIO(half)).load()
    raised = ""
except OSError as error:
    raised = str(error)
print(f"Pillow: {raised}")
as_described = decoded is None and plain_rows > 64 and "truncated" in raised
raise SystemExit(0 if as_described else "the behaviour has changed")
PYTHON
