"""Moving scenery that looks like nothing else, and the copies that others make of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from miniature import Miniature, publish_miniature

from clipmill.pipeline.demo.synthetic import write_video

Frames = Sequence[np.ndarray]


def scenery(seed: int, frames: int = 40, width: int = 160, height: int = 120) -> list[np.ndarray]:
    """Frames (height, width, 3) of a camera that pans over a landscape of its own, 10 a second."""
    noise = np.random.default_rng(seed)
    land = np.full((height, width + 2 * frames, 3), 128.0)
    for cells in (3, 6, 12, 24):
        rough = noise.normal(0, 60 / cells**0.5, (cells, cells * land.shape[1] // height, 3))
        land += cv2.resize(rough, land.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    land = np.clip(land, 0, 255).astype(np.uint8)
    return [land[:, 2 * frame : 2 * frame + width] for frame in range(frames)]


def cropped(frame: np.ndarray) -> np.ndarray:
    """Without a tenth at each side."""
    height, width = frame.shape[:2]
    return frame[height // 10 : height - height // 10, width // 10 : width - width // 10]


def half(frame: np.ndarray) -> np.ndarray:
    """At half the size."""
    return cv2.resize(frame, (frame.shape[1] // 2, frame.shape[0] // 2), interpolation=cv2.INTER_AREA)


def with_logo(frame: np.ndarray) -> np.ndarray:
    """With a bright sign in a corner."""
    frame = frame.copy()
    height, width = frame.shape[:2]
    frame[height // 20 : height // 6, width * 3 // 4 : width * 19 // 20] = (250, 240, 30)
    return frame


#: Copies as people make them: each makes a frame of a frame.
COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "half": half,
    "mirror": lambda frame: frame[:, ::-1],
    "crop": cropped,
    "logo": with_logo,
}


def publish_frames(path: Path, clips: Sequence[Frames], splits: Sequence[str], fps: float = 10.0) -> Miniature:
    """Publish clips of such frames; clip i in split i, with three labels in turn."""

    def draw(clip: int, frame: int, width: int, height: int, label: int) -> np.ndarray:
        return np.ascontiguousarray(clips[clip][frame])

    lengths = [len(frames) for frames in clips]
    sizes = [frames[0].shape[1::-1] for frames in clips]
    return publish_miniature(
        path, clips=len(clips), lengths=lengths, sizes=sizes, splits=splits, fps=fps, draw=draw, dataset=path.name
    )


def write_scenery(folder: Path, clips: dict[str, Frames]) -> None:
    """Write such frames as videos: {path without suffix: frames}; old enough to be noted."""
    long_ago = time.time() - 3600
    for name, frames in clips.items():
        path = folder / f"{name}.avi"
        write_video(path, np.ascontiguousarray(frames), "mpeg4", {"flags": "+qscale", "global_quality": "300"})
        os.utime(path, (long_ago, long_ago))
