"""Bytes a frame and the PSNR of luma of clipmill and of OpenCV's loop, on the same frames of real clips.

The reference is what libavcodec decodes, widened to full range: what a lossless build would store.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import simplejpeg

from clipmill.options import FrameOptions
from clipmill.video.container import Tally, open_video
from clipmill.video.jpeg import _LUMA, FrameEncoder

#: Of each clip's frames, one of so many is looked at.
_STEP = 25


class Fidelity(NamedTuple):
    """What was found: mean bytes a frame, and the mean and the least PSNR of luma in dB."""

    nbytes: float
    mean: float
    worst: float

    def __str__(self) -> str:
        return f"{self.nbytes:8,.0f} bytes a frame, luma {self.mean:.1f} dB on average, {self.worst:.1f} at worst"


def look(videos: Path, most: int = 40) -> tuple[Fidelity, dict[int, Fidelity]]:
    """What clipmill's default keeps of some clips, and what OpenCV's loop keeps at several qualities."""
    files = sorted(path for path in videos.rglob("*") if path.is_file())
    ours: list[tuple[int, float]] = []
    theirs: dict[int, list[tuple[int, float]]] = {quality: [] for quality in (90, *range(95, 101))}
    for path in files[:: max(1, len(files) // most)]:
        capture = cv2.VideoCapture(str(path))
        encoder = FrameEncoder(FrameOptions())
        with open(path, "rb") as file, open_video(file) as video:
            for number, frame in enumerate(video.frames(Tally())):
                read, bgr = capture.read()
                if not read or frame.format.name != "yuv420p" or bgr.shape[:2] != (frame.height, frame.width):
                    break
                if number % _STEP:
                    continue
                plane = np.frombuffer(frame.planes[0], np.uint8).reshape(frame.height, -1)[:, : frame.width]
                luma = _LUMA.table[plane]
                ours.append(_judge(encoder.encode(frame), luma))
                for quality, found in theirs.items():
                    jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
                    found.append(_judge(jpeg, luma))
    return _sum(ours), {quality: _sum(found) for quality, found in theirs.items()}


def equal(ours: Fidelity, theirs: dict[int, Fidelity]) -> int:
    """The least quality of OpenCV's whose mean is ours; 100 where none is."""
    return min((quality for quality, found in theirs.items() if found.mean >= ours.mean), default=100)


def _judge(jpeg: bytes, luma: np.ndarray) -> tuple[int, float]:
    stored = simplejpeg.decode_jpeg(jpeg, "GRAY", False, False)[..., 0]
    return len(jpeg), float(cv2.PSNR(stored, luma))


def _sum(found: list[tuple[int, float]]) -> Fidelity:
    sizes, decibels = zip(*found, strict=True)
    # Frames that are flat are kept exactly: a PSNR without end would drown the mean.
    capped = [min(each, 60.0) for each in decibels]
    return Fidelity(statistics.fmean(sizes), statistics.fmean(capped), min(capped))
