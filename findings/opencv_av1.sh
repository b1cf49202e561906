#!/usr/bin/env bash
# The OpenCV 5.0 wheel opens AV1 video, reports size and frame count, and reads not one frame.
# Input: 30 frames of AV1 in MP4.
# Expected: either VideoCapture.isOpened() is False, or read() gives frames.
# Seen: isOpened() True, 128x64, 30 frames claimed, none read; PyAV reads 30.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    av==18.1.0 opencv-python-headless==5.0.0.93 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import av
import cv2
import numpy as np


def picture(number):
    """Return the (64, 128) uint8 picture that shows a number under 256 as eight bars."""
    return np.repeat(np.array([[235 if number >> bit & 1 else 16 for bit in range(8)]], np.uint8), 16, 1).repeat(64, 0)


def number(picture):
    """Return the number that a (64, 128, ...) picture shows."""
    return sum(1 << bit for bit in range(8) if picture[16:48, 16 * bit + 4 : 16 * bit + 12].mean() > 128)


def make(path, codec, options, count=100):
    """Write a video of 25 frames a second whose frame i shows i."""
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        for i in range(count):
            frame = av.VideoFrame.from_ndarray(picture(i), format="gray").reformat(format="yuv420p")
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


make("numbers.mp4", "libsvtav1", {"preset": "12"}, count=30)
with av.open("numbers.mp4") as container:
    decoded = sum(1 for _ in container.decode(video=0))
capture = cv2.VideoCapture("numbers.mp4")
claimed, read = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0
while capture.read()[0]:
    read += 1
print(f"OpenCV {cv2.__version__}: opened {capture.isOpened()}, claims {claimed} frames, expected {decoded} read, got {read}")
raise SystemExit(0 if (decoded, claimed, capture.isOpened(), read) == (30, 30, True, 0) else "the behaviour has changed")
PYTHON
