#!/usr/bin/env bash
# OpenCV 5.0's VideoCapture changes the primaries of BT.2020 video to BT.709 and clips; PyAV, imageio and decord do not.
# Input: one colour (Y 120, U 90, V 200), 8-bit H.264 at high quality, tagged as BT.601, BT.709 and BT.2020.
# Expected: the matrix of the tag is applied, by all readers alike, to within rounding.
# Seen: alike for BT.601 and BT.709. For BT.2020 PyAV gives the matrix alone, OpenCV other colours with a channel at 255.
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


def make(path, matrix, primaries, transfer):
    """Write three frames of one colour, tagged."""
    planes = np.concatenate([np.full(64 * 128, 120), np.full(32 * 64, 90), np.full(32 * 64, 200)]).astype(np.uint8)
    tags = f"colormatrix={matrix}:colorprim={primaries}:transfer={transfer}"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "1", "x264-params": tags})
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        for i in range(3):
            frame = av.VideoFrame.from_ndarray(planes.reshape(96, 128), format="yuv420p")
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


print("OpenCV", cv2.__version__, "PyAV", av.__version__)
apart = {}
for tags in (("smpte170m",) * 3, ("bt709",) * 3, ("bt2020nc", "bt2020", "bt2020-10")):
    make("colour.mp4", *tags)
    with av.open("colour.mp4") as container:
        ours = next(container.decode(video=0)).to_ndarray(format="rgb24")[30, 60].astype(int)
    theirs = cv2.VideoCapture("colour.mp4").read()[1][30, 60, ::-1].astype(int)
    apart[tags[0]] = int(abs(ours - theirs).max())
    print(f"{tags[0]}: PyAV {ours.tolist()}, OpenCV {theirs.tolist()}: expected alike, {apart[tags[0]]} levels apart")
same = apart["smpte170m"] <= 2 and apart["bt709"] <= 2 and apart["bt2020nc"] > 8
raise SystemExit(0 if same else "the behaviour has changed")
PYTHON
