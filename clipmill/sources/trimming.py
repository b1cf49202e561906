"""Whether a file is cut to its row's time range already, and which part of the file the range is.

A file is taken as cut only where that is sure: its name carries the times, or the range
begins past its end, or it ends before the range does and is as long as the range. What
is said of one row depends on no other.
"""

from __future__ import annotations

from typing import NamedTuple

#: How far the length of a file that was cut may be from the range's, in seconds.
TOLERANCE = 0.25
#: `ffmpeg -c copy` begins a cut at the key frame before, up to so many seconds early: x264 puts 250 frames between two.
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
    """Whether a file holds a row's range and, before it, no more than a key frame's distance.

    Args:
        start, end: of the row, in seconds.
        length: of the file, in seconds; None where nobody knows.
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
    """The part of a file that a row asks for.

    Args:
        start, end: of the row, in seconds.
        length: of the file, in seconds; None where nobody knows.
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
    # A cut ends with its range, so what it has more lies before it. Lengths are known to a frame.
    more = 0.0 if length is None else length - ((end or 0.0) - (start or 0.0))
    if 0.75 * frame < more <= (start or 0.0) + frame / 2:
        return Part(round(more - frame / 2, 3), None, True)
    return Part(None, None, True)
