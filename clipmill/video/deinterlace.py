"""Deinterlacing by libavfilter's bwdif: one frame of each, and only of frames that are marked as interlaced.

Of the two fields that are woven in a frame the first keeps its lines; those of the second are made anew from
lines above and below and from the frames before and after (https://ffmpeg.org/ffmpeg-filters.html#bwdif).
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache

import av
import av.error
from av.filter import Graph

from clipmill.video.frames import Shown

#: Width, height and pixel format: frames of others need another graph.
_Kind = tuple[int, int, str]


def deinterlaced(frames: Iterable[Shown]) -> Iterator[Shown]:
    """Yield as many frames, with the same numbers and times.

    The first and the last of `frames` have no neighbour on one side, so these must be the clip's own: its bytes
    would depend on how it is cut into spans else. Frames whose format is not in planes are left as they are.
    """
    waiting: deque[Shown] = deque()
    graph: Graph | None = None
    kind: _Kind | None = None
    for number, shown in enumerate(frames):
        frame = shown.frame
        if (now := _kind(frame)) != kind:
            yield from _taken(graph, waiting, end=True)
            graph, kind = (_graph(*now) if _knows(now[2]) else None), now
        if graph is None:
            yield shown
            continue
        waiting.append(shown)
        # Only their order counts, and a stream may have no times.
        frame.pts, frame.time_base = number, Fraction(1, 25)
        graph.push(frame)
        yield from _taken(graph, waiting)
    yield from _taken(graph, waiting, end=True)


def _kind(frame: av.VideoFrame) -> _Kind:
    return frame.width, frame.height, frame.format.name


def _graph(width: int, height: int, pixels: str) -> Graph:
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=width, height=height, format=av.VideoFormat(pixels, width, height), time_base=Fraction(1, 25)
    )
    bwdif = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
    graph.link_nodes(source, bwdif, graph.add("buffersink")).configure()
    return graph


def _taken(graph: Graph | None, waiting: deque[Shown], *, end: bool = False) -> Iterator[Shown]:
    """Yield the frames that a graph has ready, at the end all of them."""
    if graph is None:
        return
    if end:
        graph.push(None)
    with contextlib.suppress(av.error.BlockingIOError, av.error.EOFError):
        while waiting:
            frame = graph.vpull()
            yield waiting.popleft()._replace(frame=frame)


@lru_cache(maxsize=64)
def _knows(pixels: str) -> bool:
    """Return whether bwdif takes a pixel format as it is; else libavfilter converts frames before it."""
    graph = _graph(16, 16, pixels)
    frame = av.VideoFrame(16, 16, pixels)
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    graph.push(frame)
    graph.push(None)
    return graph.vpull().format.name == pixels
