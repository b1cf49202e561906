"""Small videos whose every frame shows its own number, 0 to 4095, as twelve blocks: white is a one.

What was stored can be told from what should have been, after any container, range, rate or
resize, and also where a frame was turned or mirrored and turned back.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import simplejpeg

WIDTH, HEIGHT = 192, 64
_BITS = 12
_FAST = {"libx264": {"preset": "ultrafast", "g": "12", "bf": "2"}, "libvpx": {"deadline": "realtime", "cpu-used": "8"}}


def picture(number: int) -> np.ndarray:
    """The picture of a number: (64, 192, 3) uint8 RGB."""
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for bit in range(_BITS):
        image[8:40, 8 + bit * 14 : 20 + bit * 14] = 235 if number >> bit & 1 else 16
    return image


def number(image: np.ndarray) -> int:
    """The number that a (64, 192, 3) picture shows."""
    blocks = [image[14:34, 11 + bit * 14 : 17 + bit * 14].mean() for bit in range(_BITS)]
    return sum(1 << bit for bit, level in enumerate(blocks) if level > 128)


def numbers(frames: Sequence[bytes]) -> list[int]:
    """The numbers that JPEGs show."""
    return [number(simplejpeg.decode_jpeg(frame)) for frame in frames]


def write(
    path: Path,
    frames: int = 60,
    *,
    codec: str = "libx264",
    rate: int = 25,
    times: Sequence[int] | None = None,
    start: int = 0,
    sound: bool = False,
    options: Mapping[str, str] | None = None,
) -> Path:
    """Write a video, whose container its name tells.

    Args:
        times: of each frame in milliseconds; by default evenly spaced.
        start: milliseconds that are added to each.
        sound: with a sound track, from 0 to the last frame.
    """
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream(codec, rate=rate, options=dict(options or _FAST.get(codec, {})))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.thread_count = 1
        tick = Fraction(1, rate) if times is None else Fraction(1, 1000)
        stream.codec_context.time_base = tick
        times = times if times is not None else [round(1000 * n / rate) for n in range(frames)]
        if sound:
            _write_sound(file, (start + times[-1]) / 1000)
        for n, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(n), "rgb24")
            frame.pts, frame.time_base = round(Fraction(start + time, 1000) / tick), tick
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def _write_sound(file: Any, seconds: float) -> None:
    stream = file.add_stream("vorbis" if file.format.name in ("ogg", "webm") else "mp2", rate=48000, layout="stereo")
    if stream.codec_context.name == "vorbis":
        stream.codec_context.options = {"strict": "-2"}
    size = 1152
    for n in range(int(seconds * 48000 / size) + 1):
        format = "fltp" if stream.codec_context.name == "vorbis" else "s16"
        shape = (2, size) if format == "fltp" else (1, 2 * size)
        samples = av.AudioFrame.from_ndarray(np.zeros(shape, np.float32 if format == "fltp" else np.int16), format)
        samples.rate, samples.pts, samples.time_base = 48000, n * size, Fraction(1, 48000)
        file.mux(stream.encode(samples))
    file.mux(stream.encode(None))


def set_matrix(mp4: Path, a: int, b: int, c: int, d: int) -> Path:
    """Write a display matrix into the first track header: (x, y) is shown at (ax + cy, bx + dy)."""
    data = bytearray(mp4.read_bytes())
    at = data.index(b"tkhd") + 44  # ISO/IEC 14496-12, 8.3.2, version 0
    one = 1 << 16
    data[at : at + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    mp4.write_bytes(data)
    return mp4
