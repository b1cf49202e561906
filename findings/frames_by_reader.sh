#!/usr/bin/env bash
# Which readers give frame i for index i? Counted for videos with B-frames: all in order, then by index in random order.
# Input: 100 numbered frames as MPEG-4 ASP in AVI (as UCF101 has them) and as H.264 in MP4, MPEG-TS and MP4 with open
# groups of pictures; or the videos that are given as arguments, whose true order is that in which libavcodec puts frames
# out: of those six indices and the last.
# Expected: all of them right.
# Seen: only H.264 in MP4, with closed groups, is right in all readers. In AVI decord, imageio and torchcodec are wrong
# for nearly every index, in MPEG-TS all are for some; torchcodec cannot read the last frame behind open groups.
# Takes 4 GB for torch, and FFmpeg 4 to 8 installed as shared libraries, which torchcodec loads.
set -euo pipefail
videos=()
for video in "$@"; do videos+=("$(realpath -e -- "$video")"); done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    av==18.1.0 decord==0.6.0 imageio==2.38.1 imageio-ffmpeg==0.8.1 numpy==2.4.6 opencv-python-headless==5.0.0.93 \
    torch==2.15.0 torchcodec==0.17.0
venv/bin/uv pip install --quiet --python venv/bin/python --target opencv4 --no-deps opencv-python-headless==4.13.0.92

cat > readers.py <<'PYTHON'
import contextlib
import sys
from importlib.metadata import version

import av
import numpy as np

av.logging.set_level(None)


def picture(number):
    """Return the (64, 128) uint8 picture that shows a number under 256 as eight bars."""
    return np.repeat(np.array([[235 if number >> bit & 1 else 16 for bit in range(8)]], np.uint8), 16, 1).repeat(64, 0)


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


def small(image):
    """Return a picture as (16, 32) float grey values, which tell frames apart whatever converted them."""
    image = np.asarray(image, np.float32)
    grey = image.mean(-1) if image.ndim == 3 else image
    high, wide = grey.shape[0] // 16, grey.shape[1] // 32
    return grey[: 16 * high, : 32 * wide].reshape(16, high, 32, wide).mean((1, 3))


def in_order(path):
    """Iterate over all frames as libavcodec puts them out, in grey."""
    with av.open(path, metadata_errors="replace") as container:
        for packet in container.demux(video=0):
            try:
                yield from (frame.to_ndarray(format="gray") for frame in packet.decode())
            except av.error.FFmpegError:
                pass


class OpenCV:
    def __init__(self, path):
        import cv2

        self.seek = cv2.CAP_PROP_POS_FRAMES
        self.path, self.capture = path, cv2.VideoCapture(path)

    def __getitem__(self, index):
        self.capture.set(self.seek, index)
        return self.capture.read()[1]

    def __iter__(self):
        while (found := self.capture.read())[0]:
            yield found[1]


class Decord:
    def __init__(self, path):
        import decord

        decord.logging.set_level(decord.logging.QUIET)
        self.reader = decord.VideoReader(path)

    def __getitem__(self, index):
        return self.reader[index].asnumpy()

    def __iter__(self):
        return (self[index] for index in range(len(self.reader)))


class ImageIO:
    def __init__(self, path):
        import imageio

        self.reader = imageio.get_reader(path, "ffmpeg")

    def __getitem__(self, index):
        return self.reader.get_data(index)

    def __iter__(self):
        return iter(self.reader)


class TorchCodec:
    def __init__(self, path):
        from torchcodec.decoders import VideoDecoder

        self.decoder = VideoDecoder(path)

    def __getitem__(self, index):
        return self.decoder[index].permute(1, 2, 0).numpy()

    def __iter__(self):
        return (self[index] for index in range(len(self.decoder)))


class FreshTorchCodec(TorchCodec):
    """A new decoder for every frame, as data loaders make them."""

    def __init__(self, path):
        self.path = path
        super().__init__(path)

    def __getitem__(self, index):
        return TorchCodec.__getitem__(TorchCodec(self.path), index)


#: By name: what reads, and the package whose version counts.
READERS = {
    "OpenCV": (OpenCV, "opencv-python-headless"),
    "decord": (Decord, "decord"),
    "imageio-ffmpeg": (ImageIO, "imageio-ffmpeg"),
    "torchcodec": (TorchCodec, "torchcodec"),
    "torchcodec, fresh": (FreshTorchCodec, "torchcodec"),
}


def right(truth, index, image):
    """Return whether no other frame is nearer to a picture than the one that was asked for."""
    far = np.abs(truth - small(image)).mean((1, 2))
    return bool(far[index] <= far.min() + 0.3)


def count(kind, path, truth, indices):
    """Return how many frames are right in order, and of `indices`; an error counts as wrong."""
    straight = by_index = 0
    with contextlib.suppress(Exception):
        for at, image in enumerate(kind(path)):
            straight += at < len(truth) and right(truth, at, image)
    with contextlib.suppress(Exception):
        reader = kind(path)
        for index in indices:
            with contextlib.suppress(Exception):
                by_index += right(truth, index, reader[index])
    return straight, by_index


which, paths = sys.argv[1].split("; "), sys.argv[2:]
own = not paths
if own:
    b_frames = "keyint=12:bframes=3:b-adapt=0:scenecut=0"
    make("asp.avi", "mpeg4", {"bf": "2", "g": "12"})
    make("h264.mp4", "libx264", {"x264-params": b_frames})
    make("h264.ts", "libx264", {"x264-params": b_frames})
    make("open.mp4", "libx264", {"x264-params": f"open-gop=1:{b_frames}"})
    paths = ["asp.avi", "h264.mp4", "h264.ts", "open.mp4"]
truths = {path: np.stack([small(frame) for frame in in_order(path)]) for path in paths}
wrong = set()
for name in which:
    kind, package = READERS[name]
    totals = np.zeros(4, int)
    for path, truth in truths.items():
        random = np.random.default_rng(0).permutation(len(truth) - 1)
        indices = [*random[: 24 if own else 6].tolist(), len(truth) - 1]
        straight, by_index = count(kind, path, truth, indices)
        totals += (straight, len(truth), by_index, len(indices))
        wrong |= {(name, path)} if by_index < len(indices) else set()
        if own:
            found = f"in order {straight} of {len(truth)}, by index {by_index} of {len(indices)}"
            print(f"{name} {version(package)}, {path}: {found}", flush=True)
    if not own:
        print(f"{name} {version(package)}: in order {totals[0]} of {totals[1]}, by index {totals[2]} of {totals[3]}")
expected = {("OpenCV", "h264.ts"), ("decord", "asp.avi"), ("torchcodec", "asp.avi"), ("torchcodec, fresh", "asp.avi")}
if own and wrong & expected != {pair for pair in expected if pair[0] in which}:
    raise SystemExit("the behaviour has changed")
PYTHON

# libav and OpenCV complain of what they make themselves when they seek.
venv/bin/python readers.py "OpenCV; decord; imageio-ffmpeg; torchcodec; torchcodec, fresh" "${videos[@]}" 2>/dev/null
PYTHONPATH=opencv4 venv/bin/python readers.py OpenCV "${videos[@]}" 2>/dev/null
