#!/usr/bin/env bash
# simplejpeg 1.9.0's encode_jpeg(fastdct=False) writes the same bytes as fastdct=True; up to quality 95 both are the fast DCT's.
# Input: one picture with waves and noise, 4:2:0.
# Expected: fastdct=False uses the accurate DCT, as its documentation says, at every quality.
# Seen: equal bytes at all qualities; at 90 to 95 Pillow's file (accurate DCT, same tables) differs and is nearer to the
# picture; from 96 on simplejpeg's and Pillow's files are the same. libjpeg-turbo decides by quality, the flag does nothing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    simplejpeg==1.9.0 pillow==12.3.0 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import io
from importlib.metadata import version

import numpy as np
import simplejpeg
from PIL import Image


# A picture with waves and noise: (240, 320, 3) uint8 RGB.
y, x = np.mgrid[:240, :320]
waves = np.stack([100 * np.sin(x / 9 + y / 17), 90 * np.cos(y / 7), 80 * np.sin((x + y) / 5)], -1)
picture = (128 + waves + np.random.default_rng(0).normal(0, 12, waves.shape)).clip(0, 255).astype(np.uint8)

luma = np.asarray(Image.fromarray(picture).convert("YCbCr"))[..., 0].astype(float)


def decibels(data):
    """Return the luma PSNR of a JPEG file, decoded by Pillow."""
    decoded = np.asarray(Image.open(io.BytesIO(data)).convert("YCbCr"))[..., 0].astype(float)
    return 10 * np.log10(255**2 / ((decoded - luma) ** 2).mean())


print("simplejpeg", version("simplejpeg"), "Pillow", version("pillow"))
same = True
for quality in (90, 95, 96):
    fast, accurate = (simplejpeg.encode_jpeg(picture, quality, colorsubsampling="420", fastdct=flag) for flag in (True, False))
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    pillow = file.getvalue()
    print(f"quality {quality}: fastdct=True and False give the same bytes: {fast == accurate} (expected False);")
    print(f"  luma {decibels(accurate):.2f} dB with fastdct=False, {decibels(pillow):.2f} dB by Pillow's accurate DCT")
    same &= fast == accurate and (decibels(pillow) - decibels(accurate) > 0.03) == (quality < 96)
raise SystemExit(0 if same else "the behaviour has changed")
PYTHON
