"""Videos made for a test, and clips made of videos, in this process.

Every picture of a film shows its own number (`miniature.draw_frame`), so that a test
can tell from the pixels of a stored frame which frame of the film it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
import simplejpeg
from miniature import draw_frame, read_code

from clipmill.content_names import clip_key
from clipmill.decoding.decode_span import decode_task
from clipmill.decoding.fragments import joined, read_fragment
from clipmill.errors import ClipError
from clipmill.listings import name_carries_times
from clipmill.messages import WHOLE, ClipTask, ProbedSource, SourceTask, Span
from clipmill.options import FrameOptions
from clipmill.sources.probe import resolve_source
from clipmill.storage import open_storage

SIZE = (96, 64)


def write_film(
    path: Path,
    frames: int = 60,
    codec: str = "libx264",
    options: Mapping[str, str] | None = None,
    *,
    size: tuple[int, int] = SIZE,
    pixels: str = "yuv420p",
    rate: int = 25,
    stamps: Callable[[int], int] | None = None,
    time_base: Fraction | None = None,
    gop: int | None = None,
    b_frames: int | None = None,
    container: Mapping[str, str] | None = None,
) -> Path:
    """Encode a film.

    Args:
        stamps: timestamp of each frame, in units of `time_base`; frame i at i / rate by default.
        container: options of the muxer.
    """
    with av.open(str(path), "w", options=dict(container or {})) as file:
        stream: Any = file.add_stream(codec, rate=rate, options=dict(options or {}))
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        stream.thread_count = 1
        if gop is not None:
            stream.gop_size = gop
        if b_frames is not None:
            stream.max_b_frames = b_frames
        if time_base is not None:
            stream.codec_context.time_base = time_base
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(draw_frame(0, number, *size), "rgb24").reformat(format=pixels)
            if stamps is not None:
                frame.pts = stamps(number)
                frame.time_base = time_base
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def x264(**parameters: int | str) -> dict[str, str]:
    """Options of libx264: a small, fast encoding with these further parameters."""
    chosen = {"keyint": 12, "min_keyint": 4, "bframes": 3, "scenecut": 0, **parameters}
    return {
        "preset": "veryfast",
        "x264-params": ":".join(f"{name.replace('_', '-')}={value}" for name, value in chosen.items()),
    }


class Made(NamedTuple):
    """A clip as it came out.

    Attributes:
        spans: by which it was planned.
        again: decoding did not give what was proven, so it was decoded as one span.
    """

    frames: list[bytes]
    timestamps: list[int]
    frame_index: list[int]
    width: int
    height: int
    fps: float
    bad_packets: int
    digest: str
    spans: list[Span]
    again: bool

    @property
    def content(self) -> tuple[Any, ...]:
        """All that must not depend on how it was planned."""
        return self[:-2]

    def codes(self) -> list[int]:
        """The number that each stored picture shows."""
        return [read_code(jpeg_pixels(frame))[1] for frame in self.frames]


def jpeg_pixels(frame: bytes, colours: str = "RGB") -> np.ndarray:
    """(height, width, channels) uint8, decoded as exactly as libjpeg-turbo can."""
    return simplejpeg.decode_jpeg(frame, colours, fastdct=False, fastupsample=False)


def resolve(
    video: Path,
    options: FrameOptions = FrameOptions(),
    start: float | None = None,
    end: float | None = None,
    *,
    span_frames: int = 0,
    segment_seconds: float | None = None,
    trimmed: str = "no",
) -> ProbedSource:
    """What a source answers that is asked for one clip."""
    named = [[name_carries_times(video.name, start, end)]]
    task = SourceTask([video.name], named, [(start, end)], trimmed, segment_seconds, span_frames, options)
    return resolve_source(task, str(video.parent))


def make_clip(
    video: Path,
    out: Path,
    options: FrameOptions = FrameOptions(),
    start: float | None = None,
    end: float | None = None,
    *,
    span_frames: int = 0,
    seek: bool = True,
    segment_seconds: float | None = None,
    segment: int = 0,
    trimmed: str = "no",
) -> Made:
    """Resolve and decode one clip of a video; `out` must not hold it yet.

    Args:
        span_frames: cut it into spans of about so many frames.
        seek: go by what was planned; else decode it as one span from the file's start.
        trimmed: as in --trimmed.

    Raises:
        ClipError: the clip cannot be made.
    """
    planned = {"span_frames": span_frames, "segment_seconds": segment_seconds, "trimmed": trimmed}
    source = resolve(video, options, start, end, **planned)
    if source.failure is not None:
        raise ClipError(*source.failure)
    plan = source.clips[segment]
    if plan.problem is not None:
        raise ClipError(*plan.problem)
    key = clip_key(source.fingerprint, plan.decode_start, plan.decode_end, options)
    whole = ClipTask(key, video.name, source.stamp, plan.decode_start, plan.decode_end)

    def decode(spans: list[Span]) -> list[Any]:
        tasks = [ClipTask(key, video.name, source.stamp, plan.decode_start, plan.decode_end, span) for span in spans]
        return [decode_task(task, str(video.parent), str(out), options) for task in tasks]

    done = decode(plan.spans if seek else [WHOLE])
    again = any(span.inexact for span in done)
    if again:
        done = [decode_task(whole, str(video.parent), str(out), options)]
    store = open_storage(str(out))
    fragments = [read_fragment(store, span.piece) for span in done]
    return Made(
        frames=[bytes(frame) for _, frames in fragments for frame in frames],
        timestamps=[time for footer, _ in fragments for time in footer.timestamps],
        frame_index=[number for footer, _ in fragments for number in footer.frame_index],
        width=done[0].width,
        height=done[0].height,
        fps=done[0].fps,
        bad_packets=sum(span.bad_packets for span in done),
        digest=joined(store, [span.piece for span in done])[0],
        spans=plan.spans,
        again=again,
    )


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two 8-bit pictures, in decibels; 361 where they are the same."""
    return float(cv2.PSNR(a, np.ascontiguousarray(b)))
