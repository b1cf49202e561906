"""The plain loop people write: VideoCapture, imencode, one file per clip; one thread.

python -m benchmarks.opencv_loop VIDEOS OUT [QUALITY]
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2

QUALITY = 95


def convert(videos: Path, out: Path, quality: int = QUALITY) -> int:
    """Convert every video of a folder; returns how many frames there were."""
    cv2.setNumThreads(1)
    frames = 0
    for path in sorted(videos.rglob("*.*")):
        if not path.is_file():
            continue
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        target = out / path.relative_to(videos).with_suffix(".jpegs")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            while True:
                ok, frame = capture.read()
                if not ok:
                    break
                _, jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
                file.write(jpeg.tobytes())
                frames += 1
    return frames


if __name__ == "__main__":
    print(convert(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:])))
