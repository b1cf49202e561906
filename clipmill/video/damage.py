"""Whether a clip is whole, judged by its packets, its index and its structure, never by a header's count alone."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import pairwise

from clipmill.errors import ClipError
from clipmill.ledger import Reason
from clipmill.video.container import BAD_SHARE, Video
from clipmill.video.frames import Walk
from clipmill.video.losses import behind_loss, is_short, left_out, unread
from clipmill.video.timeline import MICROSECONDS

#: A time between two frames that is longer than this many times the median is a gap.
_GAP = 1.5
#: Demuxers that find the ends of packets in the stream itself.
_PARSED = frozenset(("mpeg", "mpegts", "mpegvideo", "m4v", "h264", "hevc"))


def judge(walk: Walk, video: Video, times: Sequence[int]) -> int:
    """Raise ClipError for a clip that is not whole.

    Args:
        walk: over the clip, from the file's start.
        times: of all the file's frames up to there, in microseconds.

    Returns:
        Packets that were bad, or lost.

    Raises:
        ClipError: truncated or corrupt.
    """
    tally = walk.tally
    frames = len(times) - walk.span.first
    if walk.reached_end and video.is_cut_short(tally):
        raise ClipError(Reason.TRUNCATED, f"truncated after {frames} frames: the file ends before its own index does")
    if frames <= 0:
        raise ClipError(Reason.CORRUPT, f"no frame could be decoded ({tally.last_error or 'the stream is empty'})")
    bad, packets = tally.damaged - walk.before.damaged, tally.packets - walk.before.packets
    if bad > packets * BAD_SHARE:
        raise ClipError(Reason.CORRUPT, f"{bad} of {packets} packets could not be decoded well ({tally.last_error})")
    lost = _lost(walk, video, times)
    if bad + lost > (packets + lost) * BAD_SHARE:
        raise ClipError(
            Reason.CORRUPT, f"about {lost} of {frames + lost} frames are lost: the file has holes where they should be"
        )
    return bad + lost


def _lost(walk: Walk, video: Video, times: Sequence[int]) -> int:
    """Count the frames that the file should hold and lacks, and those behind them that are predicted from them.

    They are known by the file's index, or by the gap around a break in it.
    """
    tally = walk.tally
    lost = unread(video, tally) if walk.reached_end else 0
    if walk.reached_end:
        lost = max(lost, left_out(video, tally, times))
    short = walk.reached_end and is_short(video, (times[-1] - times[0]) / MICROSECONDS)
    broken = video.broken_at(tally, short=short)
    if broken is not None or tally.flagged or tally.holed:
        lost = max(lost, _missing(walk, video, times, broken))
    return lost and lost + max(0, behind_loss(video, broken) - tally.damaged)


def _missing(walk: Walk, video: Video, times: Sequence[int], broken: int | None) -> int:
    """Count the frames that are missing in a file that is known to be damaged, by the times of the others."""
    tally = walk.tally
    usual = statistics.median(b - a for a, b in pairwise(times)) if len(times) > 1 else MICROSECONDS / video.fps
    gaps = [b - a for a, b in pairwise(times[walk.span.first :])]
    behind = 0
    if walk.reached_end:
        # The container's duration is trusted only here, where something is known to be missing.
        gaps.append(round((video.duration or 0) * MICROSECONDS) - times[-1])
        if broken is not None and broken > tally.position:
            behind = round(len(times) * (video.size - broken) / broken)
    # Where a stream's bytes alone say where a packet ends, whole frames can lie in a hole without a trace.
    parsed = video.container.format.name in _PARSED
    inside = round(tally.hole_bytes * tally.packets / tally.bytes) if parsed else 0
    return max(behind, inside, sum(round(gap / usual) - 1 for gap in gaps if gap > _GAP * usual))
