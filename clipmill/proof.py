"""From where decoding gives exactly the frames that decoding from the start gives.

A pass over the packets, without decoding, shows for most modern files that frame i
is the packet with the i-th smallest timestamp, and at which key frames decoding may
begin. Then a clip in the middle of a long video costs only its own frames, and a
long clip can be cut into spans for several workers. `clipmill.walk` holds what is
decoded against it; where the proof fails, files are decoded from their start.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from clipmill.timeline import Timeline, microseconds
from clipmill.video import Tally, Video

# A key frame of these resets every reference.
_CLEAN_KEYS = frozenset({"vp8", "libvpx", "vp9", "libvpx-vp9", "av1", "libdav1d"})
_LONGEST = 1 << 62  # microseconds


def prove(video: Video) -> Timeline | None:
    """Walk the packets and return the timeline, or None where decoding from the start is the only way."""
    codec = video.stream.codec_context.name
    state = _NAL_STATES[codec](video) if codec in _NAL_STATES else None
    if state is None and codec not in _CLEAN_KEYS:
        return None
    tally = Tally()
    stamps: list[int] = []
    keys: list[int] = []
    for packet in video.packets(tally):
        if packet.pts is None or packet.is_corrupt or packet.is_discard:
            return None
        is_clean = state is None or state.is_clean(bytes(packet))
        if packet.is_keyframe and is_clean:
            keys.append(len(stamps))
        stamps.append(packet.pts)
    if not keys or keys[0] != 0 or tally.bad or video.is_cut_short(tally):
        return None
    order = sorted(stamps)
    times = [microseconds(stamp - order[0], video.time_base) for stamp in order]
    if times[-1] > _LONGEST or any(a >= b for a, b in pairwise(times)):
        return None
    return Timeline(times, order[0], _closed(stamps, keys))
