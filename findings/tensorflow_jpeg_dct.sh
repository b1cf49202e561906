#!/usr/bin/env bash
# TensorFlow 2.21 decodes JPEG with the fast DCT by default: other pixels than Pillow, OpenCV and simplejpeg give.
# Input: one picture with waves and noise, as a JPEG of quality 90, 4:2:0.
# Expected: tf.io.decode_jpeg and tf.io.decode_image give the pixels that the other libjpeg-turbo based readers give.
# Seen: they differ in more than half of all values; with dct_method="INTEGER_ACCURATE" all are equal. decode_image has no
# such argument.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    tensorflow==2.21.0 simplejpeg==1.9.0 opencv-python-headless==5.0.0.93 pillow==12.3.0 numpy==2.4.6
export TF_CPP_MIN_LOG_LEVEL=3

venv/bin/python - <<'PYTHON'
import io

import cv2
import numpy as np
import simplejpeg
import tensorflow as tf
from PIL import Image


# A picture with waves and noise: (240, 320, 3) uint8 RGB.
y, x = np.mgrid[:240, :320]
waves = np.stack([100 * np.sin(x / 9 + y / 17), 90 * np.cos(y / 7), 80 * np.sin((x + y) / 5)], -1)
picture = (128 + waves + np.random.default_rng(0).normal(0, 12, waves.shape)).clip(0, 255).astype(np.uint8)

data = simplejpeg.encode_jpeg(picture, 90, colorsubsampling="420")
accurate = tf.io.decode_jpeg(data, dct_method="INTEGER_ACCURATE").numpy().astype(int)
others = {
    "Pillow": np.asarray(Image.open(io.BytesIO(data))),
    "OpenCV": cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1],
    "simplejpeg": simplejpeg.decode_jpeg(data),
    "tf.io.decode_jpeg": tf.io.decode_jpeg(data).numpy(),
    "tf.io.decode_image": tf.io.decode_image(data).numpy(),
}
print("TensorFlow", tf.__version__)
differ = {name: float((pixels.astype(int) != accurate).mean()) for name, pixels in others.items()}
for name, share in differ.items():
    print(f"{name} against decode_jpeg(dct_method='INTEGER_ACCURATE'): expected 0 % of values to differ, {share:.0%} do")
same = all((share > 0.3) == name.startswith("tf.") and (share == 0) != name.startswith("tf.") for name, share in differ.items())
raise SystemExit(0 if same else "the behaviour has changed")
PYTHON
