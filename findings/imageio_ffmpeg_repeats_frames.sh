#!/usr/bin/env bash
# imageio's FFMPEG plugin (2.38.1 with imageio-ffmpeg 0.8.1) repeats frames of videos with a variable frame rate.
# Input: 90 numbered frames in 7 s, 30 of 33 ms and 60 of 100 ms, in MP4 (nominal 30 a second).
# Expected: 90 pictures, each once, as imageio's own pyav plugin gives.
# Seen: 210 pictures; the slow frames come two or three times, for ffmpeg fills up to the nominal rate.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    av==18.1.0 imageio==2.38.1 imageio-ffmpeg==0.8.1 numpy==2.4.6

venv/bin/python - <<'PYTHON'
from collections import Counter
from fractions import Fraction

import av
import imageio
import imageio.v3 as iio
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

make("numbers.mp4", times)
print("imageio", imageio.__version__)
seen = {plugin: [number(image) for image in iio.imiter("numbers.mp4", plugin=plugin)] for plugin in ("pyav", "FFMPEG")}
for plugin, numbers in seen.items():
    times_seen = Counter(Counter(numbers).values())
    print(f"{plugin}: expected 90 pictures, got {len(numbers)}; of the frames, how many came n times: {dict(times_seen)}")
same = seen["pyav"] == list(range(90)) and len(seen["FFMPEG"]) > 180 and sorted(set(seen["FFMPEG"])) == list(range(90))
raise SystemExit(0 if same else "the behaviour has changed")
PYTHON
