#!/usr/bin/env bash
# OpenCV 5.0's CAP_PROP_FRAME_COUNT and CAP_PROP_FPS are made up for Matroska files with a variable frame rate.
# Input: 90 numbered frames in 7 s, 30 of 33 ms and 60 of 100 ms, in .mkv and .mp4 (nominal 30 a second).
# Expected: a count of 90 and about 13 frames a second, as OpenCV gives for the same frames in MP4.
# Seen: for .mkv 30 frames a second and 208 frames, the duration times that rate; 90 can be read.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    av==18.1.0 opencv-python-headless==5.0.0.93 numpy==2.4.6

venv/bin/python - <<'PYTHON'
from fractions import Fraction

import av
import cv2
import numpy as np


def picture(number):
    """Return the (64, 128) uint8 picture that shows a number under 256 as eight bars."""
    return np.repeat(np.array([[235 if number >> bit & 1 else 16 for bit in range(8)]], np.uint8), 16, 1).repeat(64, 0)


def number(picture):
    """Return the number that a (64, 128, ...) picture shows."""
    return sum(1 << bit for bit in range(8) if picture[16:48, 16 * bit + 4 : 16 * bit + 12].mean() > 128)


def make(path, times):
    """Write a video whose frame i shows i and is due at times[i] milliseconds."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for i, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(i), format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


# 30 frames of 33 ms, then 60 of 100 ms, as phones write them when the light goes.
times = [33 * i for i in range(30)] + [990 + 100 * i for i in range(60)]

print("OpenCV", cv2.__version__)
seen = {}
for path in ("numbers.mkv", "numbers.mp4"):
    make(path, times)
    capture = cv2.VideoCapture(path)
    claimed, rate, read = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS), 0
    while capture.read()[0]:
        read += 1
    print(f"{path}: expected 90 frames at about 13 a second; claimed {claimed:.0f} at {rate:.2f}, read {read}")
    seen[path] = (claimed > 180, rate > 29, read)
expected = {"numbers.mkv": (True, True, 90), "numbers.mp4": (False, False, 90)}
raise SystemExit(0 if seen == expected else "the behaviour has changed")
PYTHON
