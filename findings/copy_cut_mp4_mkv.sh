#!/usr/bin/env bash
# FFmpeg's muxers (libavformat 62, PyAV 18.1.0): the same cut without re-encoding holds other frames as MP4 than as MKV.
# Input: 20 s of H.264 at 25 frames per second with a key frame each 5 s; its packets from the key frame before 7 s on, for 10 s
# from there, copied with times that begin at the cut, as `ffmpeg -ss 7 -t 10 -c copy` does.
# Expected: two files that show the same frames, since a suffix should not change a clip.
# Seen: in MP4 an edit list hides the 50 frames between the key frame and the cut; Matroska has none, shifts all times to
# begin at 0, and shows them: 250 frames against 300, and the first is another one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    av==18.1.0 numpy==2.3.5

venv/bin/python - <<'PYTHON'
from fractions import Fraction

import av
import numpy as np

print("PyAV", av.__version__, "libavformat", av.library_versions["libavformat"])
with av.open("film.mp4", "w") as out:
    stream = out.add_stream("libx264", rate=25)
    stream.width, stream.height, stream.pix_fmt, stream.gop_size = 64, 64, "yuv420p", 125
    stream.options = {"bf": "0", "sc_threshold": "0"}
    for number in range(500):
        image = np.full((64, 64, 3), number // 2, np.uint8)
        out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
    out.mux(stream.encode())


def cut(path, begin, end):
    """Copy the packets from the key frame before `begin` up to `end`, seconds, with times that begin at the cut."""
    with av.open("film.mp4") as file, av.open(path, "w") as out:
        source = file.streams.video[0]
        stream = out.add_stream_from_template(source)
        file.seek(int(begin / source.time_base), stream=source)
        for packet in file.demux(source):
            if packet.pts is None or packet.pts * source.time_base >= end:
                continue
            shift = int(begin / packet.time_base)
            packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, stream
            out.mux(packet)


shown = {}
for suffix in ("mp4", "mkv"):
    cut(f"cut.{suffix}", Fraction(7), Fraction(17))
    with av.open(f"cut.{suffix}") as file:
        frames = [frame.to_ndarray(format="gray") for frame in file.decode(video=0)]
    shown[suffix] = len(frames), int(frames[0].mean())
    print(f"{suffix}: {len(frames)} frames, the first of grey level {shown[suffix][1]}")
raise SystemExit(0 if (shown["mp4"][0], shown["mkv"][0]) == (250, 300) else "the behaviour has changed")
PYTHON
