#!/usr/bin/env bash
# TensorFlow 2.21's decode_and_crop_jpeg gives other pixels at a crop's left and right edge than decoding and then cropping.
# Input: one picture with waves and noise, as a JPEG of quality 90 with 4:2:0 chroma.
# Expected: decode_and_crop_jpeg(data, window) equals decode_jpeg(data)[window], as its documentation says.
# Seen: equal for most windows; where a window begins or ends on a block of the file (columns 16 to 128), its first and last
# column differ by up to a dozen levels, for libjpeg-turbo's chroma upsampling there does not see the neighbouring block.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    tensorflow==2.21.0 simplejpeg==1.9.0 numpy==2.4.6
export TF_CPP_MIN_LOG_LEVEL=3

venv/bin/python - <<'PYTHON'
import numpy as np
import simplejpeg
import tensorflow as tf


# A picture with waves and noise: (240, 320, 3) uint8 RGB.
y, x = np.mgrid[:240, :320]
waves = np.stack([100 * np.sin(x / 9 + y / 17), 90 * np.cos(y / 7), 80 * np.sin((x + y) / 5)], -1)
picture = (128 + waves + np.random.default_rng(0).normal(0, 12, waves.shape)).clip(0, 255).astype(np.uint8)

data = simplejpeg.encode_jpeg(picture, 90, colorsubsampling="420")
whole = tf.io.decode_jpeg(data).numpy().astype(int)
print("TensorFlow", tf.__version__)
columns = {}
for left in (13, 16):
    top, height, width = 8, 112, 112
    cropped = tf.image.decode_and_crop_jpeg(data, [top, left, height, width]).numpy().astype(int)
    difference = abs(cropped - whole[top : top + height, left : left + width]).max(-1)
    columns[left] = sorted(set(np.nonzero(difference)[1].tolist()))
    print(f"crop of columns {left} to {left + width}: expected no difference; columns that differ: {columns[left]}, by up to {difference.max()}")
raise SystemExit(0 if columns == {13: [], 16: [0, 111]} else "the behaviour has changed")
PYTHON
