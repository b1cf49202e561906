"""Looking at a source: its codec, its first frame, and how near the JPEG of that frame comes to it."""

from __future__ import annotations

import av
import msgspec

from clipmill.messages import Span
from clipmill.options import FrameOptions
from clipmill.sources.find import find_source, reading_source
from clipmill.sources.looks import Look
from clipmill.sources.pictures import is_pictures, open_pictures
from clipmill.storage import open_storage
from clipmill.video.container import Tally, open_video
from clipmill.video.fidelity import luma_error
from clipmill.video.jpeg import FrameEncoder


def look_at_source(paths: list[str], videos: str, options: FrameOptions) -> Look:
    """Look at a source, and encode its first frame as a build does.

    Args:
        paths: where it may be, relative to the root, most likely first.
        videos: root of the sources.
        options: how the frame is to look.

    Raises:
        ClipError: it is missing, or cannot be opened.
    """
    storage = open_storage(videos)
    at, stat = find_source(storage, paths)
    path = paths[at]
    with reading_source():
        if is_pictures(path, stat.stamp):
            pictures = open_pictures(storage, path)
            found = Look(
                codec="images",
                pixels="rgb24",
                width=pictures.width,
                height=pictures.height,
                fps=float(pictures.fps),
                nbytes=stat.size,
                seconds=pictures.seconds,
            )
            return _with_first(found, next(pictures.frames(Span(first=0, last=1))).frame, options)
        with storage.fetch(path) as file, open_video(file) as video:
            context = video.stream.codec_context
            found = Look(
                codec=context.name,
                pixels=context.pix_fmt or "",
                width=context.width,
                height=context.height,
                fps=float(video.fps),
                nbytes=stat.size,
                seconds=video.duration,
            )
            first = next(video.frames(Tally()), None)
            return found if first is None else _with_first(found, first, options)


def _with_first(found: Look, frame: av.VideoFrame, options: FrameOptions) -> Look:
    encoder = FrameEncoder(options)
    encoded = encoder.encode(frame)
    return msgspec.structs.replace(found, first=encoded, error=luma_error(encoder.luma, encoded))
