#!/usr/bin/env bash
# OpenCV 5.0 seeks to other frames than asked for in an MPEG transport stream.
# Input: 100 numbered frames, H.264 with B-frames, a key frame every 12, in .ts.
# Expected: set(CAP_PROP_POS_FRAMES, i) and read() give frame i, as they do for the same stream in MP4.
# Seen: each of the first nine indices gives frame 8 or 9; read() says True, and no error is raised.
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


def wrong(path):
    """Return the (index, frame got) pairs that differ, over all indices in one random order."""
    capture, pairs = cv2.VideoCapture(path), []
    for i in np.random.default_rng(0).permutation(100).tolist():
        capture.set(cv2.CAP_PROP_POS_FRAMES, i)
        ok, frame = capture.read()
        got = number(frame) if ok else None
        if got != i:
            pairs.append((i, got))
    return sorted(pairs)


print("OpenCV", cv2.__version__)
for path in ("numbers.mp4", "numbers.ts"):
    make(path, "libx264", {"bf": "3", "g": "12"})
mp4, ts = wrong("numbers.mp4"), wrong("numbers.ts")
print("expected: no index wrong")
print(f"seen: MP4 {len(mp4)} of 100 wrong; transport stream {len(ts)} of 100 wrong, (index, frame got): {ts}")
raise SystemExit(0 if not mp4 and len(ts) >= 5 else "the behaviour has changed")
PYTHON
