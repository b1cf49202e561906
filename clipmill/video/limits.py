"""What one clip may take."""

from __future__ import annotations

from clipmill.errors import ClipError
from clipmill.ledger import Reason
from clipmill.shards.shard_file import MAX_RECORD

#: Above this libav would need gigabytes for its reference frames.
MAX_PIXELS = 64 << 20
#: Leaves room in a record for all that is not pixels.
MAX_FRAME_BYTES = MAX_RECORD - (32 << 20)


def too_large(width: int, height: int) -> ClipError:
    """The error of a record that no reader would want to hold."""
    return ClipError(
        Reason.TOO_LARGE,
        f"more than 1 GiB of {width}x{height} frames in one record: cut the video with --segment-seconds "
        "or --max-frames, or store less with --short-side",
    )
