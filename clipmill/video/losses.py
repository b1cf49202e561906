"""What a file names and reading it does not give: packets of its index, tables and blocks, and frames behind them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import takewhile

from clipmill.video.container import BAD_SHARE, Tally, Video
from clipmill.video.structure import blocks
from clipmill.video.timeline import MICROSECONDS

#: An AVI's index points to the head of a chunk, a packet to what is behind that.
_CHUNK_HEAD = 8


def unread(video: Video, tally: Tally) -> int:
    """Count the packets that are in a file's index and were not found on reading the file to its end."""
    named = sum(entry.size > 0 for entry in video.stream.index_entries)
    if video.container.format.name.startswith("mov") and _index_ends_early(video):
        # From the tables that the index is made of; other formats have this number from elsewhere, right or wrong.
        named = max(named, video.stream.frames)
    elif video.container.format.name.startswith("matroska"):
        # After a block that it cannot read, the demuxer goes on with the next cluster.
        at = video.file.tell()
        named = max(named, blocks(video.file, video.size, tally.position))
        video.file.seek(at)
    return max(0, named - tally.packets)


def _index_ends_early(video: Video) -> bool:
    """Return whether an index lacks more of what the file shows than a list of edits leaves out of both."""
    stamps = [entry.timestamp for entry in video.stream.index_entries] or [0]
    return is_short(video, float((max(stamps) - min(stamps)) * video.time_base))


def left_out(video: Video, tally: Tally, times: Sequence[int]) -> int:
    """Count the frames of an MP4 that are decoded and not shown, where the file is to show more.

    A list of edits leaves frames out of the movie and of its length; damaged times leave them out of the movie alone.

    Args:
        times: of all frames that are shown, in microseconds.
    """
    out = sum(entry.is_discard for entry in video.stream.index_entries)
    short = bool(times) and is_short(video, (times[-1] - times[0]) / MICROSECONDS)
    return out if video.container.format.name.startswith("mov") and out > BAD_SHARE * tally.packets and short else 0


def is_short(video: Video, seconds: float) -> bool:
    """Return whether both the stream and the movie claim to show more than is between the first and last frame.

    Not where a longer sound track may be why the movie is longer.
    """
    claimed = min(video.duration or 0.0, (video.container.duration or 0) / MICROSECONDS)
    limit = (1 - BAD_SHARE) * claimed
    others = [stream for stream in video.container.streams if stream.index != video.stream.index]
    longer = any(float((other.duration or 0) * (other.time_base or 0)) > limit for other in others)
    return seconds + float(1 / video.fps) < limit and not longer


def behind_loss(video: Video, broken: int | None) -> int:
    """Count the packets between one that was lost and the next key frame.

    They are read and decoded without an error, from frames that are not there. Lost are packets at the first break
    in the structure, and in AVI those that the index names and the file lacks.

    Args:
        broken: the byte of that break; None where there is none.
    """
    is_avi = video.container.format.name == "avi"
    if broken is None and not is_avi:
        return 0
    with video.again() as again:
        there = [(packet.pos, packet.is_keyframe) for packet in again.packets(Tally()) if packet.pos is not None]
    behind_break = takewhile(lambda packet: not packet[1], (packet for packet in there if packet[0] >= (broken or 0)))
    behind = 0 if broken is None else sum(1 for _ in behind_break)
    return max(behind, _behind_gaps(video, {at for at, _ in there})) if is_avi else behind


def _behind_gaps(video: Video, there: Collection[int]) -> int:
    """Count an AVI's packets between one that only its index has and the next key frame.

    Args:
        there: where the packets are that were read.
    """
    behind = 0
    lacking = False
    for entry in video.stream.index_entries:
        lost = entry.size > 0 and entry.pos + _CHUNK_HEAD not in there
        lacking = lost or (lacking and not entry.is_keyframe)
        behind += lacking and not lost
    return behind
