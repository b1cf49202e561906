#!/usr/bin/env bash
# decord 0.6.0 gives other frames than asked for, by random access, where a video has B-frames.
# Two ordinary files of 100 numbered frames: MPEG-4 ASP with B-frames in AVI (as UCF101 has them), and H.264 with open
# groups of pictures in MP4.
# Expected: reader[i] is frame i, and get_batch([50, 10, 99, 3]) frames 50, 10, 99 and 3.
# Seen: after a seek many indices give a frame near the one that was asked for, without an error; PyAV reads all in order.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    av==18.1.0 decord==0.6.0 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import av
import decord
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
    reader = decord.VideoReader(path)
    order = [int(i) for i in np.random.default_rng(0).permutation(len(reader))]
    return len(reader), [(i, got) for i in order if (got := number(reader[i].asnumpy())) != i]


make("asp.avi", "mpeg4", {"bf": "2", "g": "12"})
make("open.mp4", "libx264", {"x264-params": "open-gop=1:keyint=12:bframes=3:b-adapt=0:scenecut=0"})
print("decord", decord.__version__, "PyAV", av.__version__)
changed = False
for path in ("asp.avi", "open.mp4"):
    with av.open(path) as container:
        in_order = [number(frame.to_ndarray(format="gray")) for frame in container.decode(video=0)] == list(range(100))
    length, pairs = wrong(path)
    batch = [number(frame) for frame in decord.VideoReader(path).get_batch([50, 10, 99, 3]).asnumpy()]
    print(f"{path}: PyAV in order: {in_order}; decord: {length} frames, {len(pairs)} of 100 indices wrong, as {pairs[:4]}")
    print(f"  expected get_batch([50, 10, 99, 3]) = [50, 10, 99, 3], got {batch}")
    changed |= not in_order or length != 100 or len(pairs) < 10 or batch == [50, 10, 99, 3]
raise SystemExit("the behaviour has changed" if changed else 0)
PYTHON
