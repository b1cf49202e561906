#!/usr/bin/env bash
# torchcodec 0.17 gives other frames than asked for in MPEG-4 video with B-frames in AVI, as UCF101 has it.
# Input: 100 numbered frames, MPEG-4 ASP with B-frames, in AVI; and the same packets in Matroska.
# Expected: VideoDecoder(path)[i] is frame i, as it is for the packets in Matroska and as PyAV reads both in order.
# Seen: in AVI a new decoder gives frame i - 1 for index i, a key frame for itself and the two indices before it, and the
# last frame for none; AVI holds no presentation times, and libavformat's are late by the reordering. No error is raised.
# Needs 4 GB for torch, and FFmpeg 4 to 8 installed as shared libraries, which torchcodec loads.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    av==18.1.0 numpy==2.4.6 torch==2.15.0 torchcodec==0.17.0

venv/bin/python - <<'PYTHON'
from importlib.metadata import version

import av
import numpy as np
from torchcodec.decoders import VideoDecoder


def picture(number):
    """Return the (64, 128) uint8 picture that shows a number under 256 as eight bars."""
    return np.repeat(np.array([[235 if number >> bit & 1 else 16 for bit in range(8)]], np.uint8), 16, 1).repeat(64, 0)


def number(picture):
    """Return the number that a (64, 128, ...) picture shows."""
    return sum(1 << bit for bit in range(8) if picture[16:48, 16 * bit + 4 : 16 * bit + 12].mean() > 128)


def make(path, count=100):
    """Write a video of 25 frames a second whose frame i shows i, a key frame every 12."""
    with av.open(path, "w") as container:
        stream = container.add_stream("mpeg4", rate=25, options={"bf": "2", "g": "12"})
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        for i in range(count):
            frame = av.VideoFrame.from_ndarray(picture(i), format="gray").reformat(format="yuv420p")
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def given(path):
    """Return the number that a new decoder gives for each index."""
    return [number(VideoDecoder(path)[i].permute(1, 2, 0).numpy()) for i in range(len(VideoDecoder(path)))]


print("torchcodec", version("torchcodec"), "PyAV", version("av"))
seen = {}
for path in ("numbers.avi", "numbers.mkv"):
    make(path)
    with av.open(path) as container:
        in_order = [number(frame.to_ndarray(format="gray")) for frame in container.decode(video=0)] == list(range(100))
    seen[path] = given(path)
    wrong = [(i, got) for i, got in enumerate(seen[path]) if i != got]
    print(f"{path}: PyAV in order: {in_order}; torchcodec: {len(wrong)} of 100 indices wrong, as {wrong[:4]}")
    print(f"  the last index gives {seen[path][-1]}")
late = [(i, got) for i, got in enumerate(seen["numbers.avi"]) if i != got]
same = sum(got == i - 1 for i, got in late) > 50 and 99 not in seen["numbers.avi"]
raise SystemExit(0 if same and seen["numbers.mkv"] == list(range(100)) else "the behaviour has changed")
PYTHON
