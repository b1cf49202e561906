"""Cutting a smaller JPEG out of a larger one along its restart intervals, so that a crop decodes little else.

A decoder resets at a restart marker, so the bits between two markers give the same blocks in any
picture (ITU-T T.81, E.1.4). clipmill's frames have markers at the end of each row of blocks, and
mostly in its middle too. The intervals that a crop covers, renumbered, after a header with the
smaller size, are a JPEG whose pixels are those of the whole one, except the outermost: upsampling
blends chroma with that of the next pixel, which is outside of the cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from clipmill.reader.augment import pixel_steps
from clipmill.reader.loading.recipe import View

#: Pixels that are coded together in 4:2:0, each way.
_MCU = 16
#: Cutting is worth its time where at least this share of the picture is left out.
_LEAST_SAVED = 1 / 12
_RESTARTS = [b"\xff" + bytes([0xD0 + number]) for number in range(8)]
_END = b"\xff\xd9"
#: Length, precision, height and width of a frame header precede this: three components, luma with 2x2 samples.
_COMPONENTS = b"\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"


class Box(NamedTuple):
    """A part of a frame in pixels; `right` and `bottom` lie outside."""

    left: int
    top: int
    right: int
    bottom: int


class _Plan(NamedTuple):
    """How to cut all JPEGs that begin with `header`."""

    header: bytes
    smaller: bytes
    box: Box
    wanted: list[int]


def crop_of(views: Sequence[View]) -> Box | None:
    """Return what the views' crops cover together, or None where a view wants more."""
    crops = [view.steps[0] for view in views if view.steps and isinstance(view.steps[0], pixel_steps.Crop)]
    if len(crops) < len(views) or not crops:
        return None
    return Box(
        min(crop.left for crop in crops),
        min(crop.top for crop in crops),
        max(crop.left + crop.width for crop in crops),
        max(crop.top + crop.height for crop in crops),
    )


class Cutter:
    """Cuts JPEGs of one size to what is wanted of them.

    Args:
        wanted: whose pixels have to be those of the whole JPEG.
        size: (height, width) of the JPEGs.
    """

    def __init__(self, wanted: Box, size: tuple[int, int]) -> None:
        self._wanted = wanted
        self._size = size
        self._header = b""
        self._plan: _Plan | None = None

    def cut(self, jpeg: memoryview) -> tuple[bytes, Box] | None:
        """Return a JPEG of a part, and its box; None where a part cannot be cut out, or would save little."""
        data = bytes(jpeg)
        if not self._header or not data.startswith(self._header):
            self._header, self._plan = _scan_header(data), None
            if self._header:
                self._plan = _plan(self._header, self._wanted, self._size)
        if self._plan is None:
            return None
        bounds = _bounds(data, len(self._header), self._plan.wanted[-1])
        if bounds is None:
            return None
        parts = [self._plan.smaller]
        for number, interval in enumerate(self._plan.wanted):
            if number:
                parts.append(_RESTARTS[(number - 1) % 8])
            parts.append(data[bounds[interval] : bounds[interval + 1] - 2])
        parts.append(_END)
        return b"".join(parts), self._plan.box


def _bounds(data: bytes, start: int, last: int) -> list[int] | None:
    """Return where intervals 0 to `last` begin, and the next one would; None where a marker is missing."""
    bounds = [start]
    for number in range(last + 1):
        found = data.find(_RESTARTS[number % 8], bounds[-1])
        if found < 0:
            # Only the last interval of all ends without a marker.
            if number < last or not data.endswith(_END):
                return None
            found = len(data) - 2
        bounds.append(found + 2)
    return bounds


def _scan_header(data: bytes) -> bytes:
    """Return all bytes before the entropy-coded data; none if the header is damaged."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == 0xDA:
            return data[:end]
        at = end
    return b""


def _plan(header: bytes, wanted: Box, size: tuple[int, int]) -> _Plan | None:
    frame = interval = 0
    at = 2
    while header[at + 1] != 0xDA:
        if header[at + 1] == 0xC0:
            frame = at
        elif header[at + 1] == 0xDD:
            interval = int.from_bytes(header[at + 4 : at + 6], "big")
        at += 2 + int.from_bytes(header[at + 2 : at + 4], "big")
    if not frame or not interval or header[frame + 9 : frame + 19] != _COMPONENTS:
        return None
    height, width = size
    if header[frame + 5 : frame + 9] != height.to_bytes(2, "big") + width.to_bytes(2, "big"):
        return None
    in_row = -(-width // _MCU)
    if in_row % interval:
        return None
    first, last = _covered(wanted.left, wanted.right, width, _MCU * interval)
    upper, lower = _covered(wanted.top, wanted.bottom, height, _MCU)
    each = _MCU * interval
    box = Box(first * each, upper * _MCU, min(last * each, width), min(lower * _MCU, height))
    if (box.right - box.left) * (box.bottom - box.top) > (1 - _LEAST_SAVED) * width * height:
        return None
    smaller = bytearray(header)
    smaller[frame + 5 : frame + 7] = (box.bottom - box.top).to_bytes(2, "big")
    smaller[frame + 7 : frame + 9] = (box.right - box.left).to_bytes(2, "big")
    row = in_row // interval
    chosen = [row * y + x for y in range(upper, lower) for x in range(first, last)]
    return _Plan(header, bytes(smaller), box, chosen)


def _covered(start: int, end: int, length: int, step: int) -> tuple[int, int]:
    """Return which steps of a side hold [start, end), and one pixel more except at the edges of the picture."""
    return max(0, start - 1) // step, -(-min(length, end + 1) // step)
