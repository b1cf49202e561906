#!/usr/bin/env bash
# PyAV 18.1.0: looking at `frame.side_data` keeps decoded frames alive until Python's cyclic garbage collector runs.
# Input: 120 frames of 1920x1080 in MPEG-4, written by the script.
# Expected: a frame that nobody holds is freed at once, as it is where side_data is not looked at.
# Seen: frame and side data refer to each other, so that reference counting frees neither. A loop that decodes and looks at
# side data, as one does for the display matrix, holds up to hundreds of frames: 3 MB each here, 12 MB each in 4K.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    av==18.1.0 numpy==2.3.5

venv/bin/python - <<'PYTHON'
import gc

import av
import numpy as np

print("PyAV", av.__version__)
with av.open("film.mp4", "w") as out:
    stream = out.add_stream("mpeg4", rate=25)
    stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
    for number in range(120):
        image = np.full((1080, 1920, 3), number, np.uint8)
        out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
    out.mux(stream.encode())


def kept(look):
    """Return how many of the frames that were let go of are still there."""
    gc.collect()
    gc.disable()
    with av.open("film.mp4") as file:
        for frame in file.decode(video=0):
            if look:
                frame.side_data
        del frame
    there = sum(isinstance(thing, av.VideoFrame) for thing in gc.get_objects())
    gc.enable()
    return there, gc.collect()


plain, looked = kept(False), kept(True)
print(f"frames that nobody holds: expected 0 both times, got {plain[0]} without and {looked[0]} with side_data")
print(f"objects that the cyclic collector then freed: {plain[1]} and {looked[1]}")
raise SystemExit(0 if looked[1] - plain[1] >= 120 else "the behaviour has changed")
PYTHON
