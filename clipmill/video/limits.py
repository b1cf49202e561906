"""Limits of one clip, and the errors of clips that hold too much or nothing."""

from __future__ import annotations

from clipmill.errors import ClipError
from clipmill.layout import MAX_RECORD
from clipmill.ledger import Reason

#: Above this libav would need gigabytes for its reference frames.
MAX_PIXELS = 64 << 20
#: Leaves room in a record for all that is not pixels.
MAX_FRAME_BYTES = MAX_RECORD - (32 << 20)


def refuse_giants(width: int, height: int) -> None:
    """Raise ClipError for a frame of more than `MAX_PIXELS`."""
    if width * height > MAX_PIXELS:
        raise ClipError(Reason.TOO_LARGE, f"{width}x{height} is over {MAX_PIXELS:,} pixels")


def too_large(width: int, height: int) -> ClipError:
    """Return the error of a clip whose record would be above 1 GiB."""
    return ClipError(
        Reason.TOO_LARGE,
        f"more than 1 GiB of {width}x{height} frames in one record: cut the video with --segment-seconds "
        "or --max-frames, or store less with --short-side",
    )


def nothing_in_range(start: float | None, end: float | None, seconds: float) -> ClipError:
    """Return the error of a time range without a frame.

    Args:
        seconds: when the file's last frame is shown.
    """
    wanted = f"{start or 0:g} to {'the end' if end is None else f'{end:g}'} s"
    reason = Reason.OUT_OF_RANGE if (start or 0) > seconds else Reason.TOO_SHORT
    return ClipError(reason, f"no frame in {wanted}: the video is {seconds:.1f} s long (see --trimmed)")
