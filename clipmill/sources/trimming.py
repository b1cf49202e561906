"""Deciding whether a file is already cut to its row's time range, and which part of it the range is.

A file is taken as cut only where that is sure: its name carries the times, or the range
begins past its end, or it ends before the range does and is as long as the range. The
answer for one row depends on no other row.
"""

from __future__ import annotations

from typing import NamedTuple

#: Seconds by which the length of a cut file may differ from its range's.
TOLERANCE = 0.25
#: Seconds by which `ffmpeg -c copy`, which begins at the key frame before, may be early: x264 has one in 250 frames.
LEAD = 10.0


class Part(NamedTuple):
    """What to decode of a file.

    Attributes:
        start, end: seconds in the file, half open; both None for the whole file.
        trimmed: whether the file was taken as cut already; None where the row has no times.
    """

    start: float | None
    end: float | None
    trimmed: bool | None


def is_trimmed(start: float | None, end: float | None, length: float | None, named: bool) -> bool:
    """Return whether a file is a row's range and, before it, no more than the distance between key frames.

    Args:
        start, end: of the row, in seconds.
        length: of the file, in seconds; None if unknown.
        named: whether the file's name carries the times.
    """
    if start is None or end is None:
        return False
    if length is None:
        return named
    if named or length <= start:
        return length <= end - start + LEAD
    return length < end and abs(length - (end - start)) <= TOLERANCE


def part_of_file(
    start: float | None, end: float | None, length: float | None, frame: float, named: bool, mode: str
) -> Part:
    """Return the part of a file that a row asks for.

    Args:
        start, end: of the row, in seconds.
        length: of the file, in seconds; None if unknown.
        frame: how long a frame is shown, in seconds.
        named: whether the file's name carries the times.
        mode: of --trimmed: "auto", "yes" or "no".
    """
    if start is None and end is None:
        return Part(None, None, None)
    if mode == "yes":
        return Part(None, None, True)
    if mode == "no" or not is_trimmed(start, end, length, named):
        return Part(start, end, False)
    # A cut ends with its range, so anything more is before the range. Lengths are known to one frame.
    more = 0.0 if length is None else length - ((end or 0.0) - (start or 0.0))
    if 0.75 * frame < more <= (start or 0.0) + frame / 2:
        return Part(round(more - frame / 2, 3), None, True)
    return Part(None, None, True)
