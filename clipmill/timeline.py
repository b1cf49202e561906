"""When each frame of a file is shown, and from where decoding gives exactly those frames.

A pass over the packets, without decoding, proves for most modern files that
frame i is the packet with the i-th smallest timestamp and that decoding may
begin at certain key frames. Then a clip in the middle of a long video costs only
its own frames, and a long clip can be cut into spans for several workers. Where
the proof fails, files are decoded from their start.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import msgspec

from clipmill.rows import Span
from clipmill.video import Video

MICROSECONDS = 1_000_000
# NAL unit types that empty the decoder: H.264 7.4.1.2.4 (IDR), H.265 7.4.2.2 (IDR_W_RADL, IDR_N_LP).
_CLEAN_NALS = {"h264": (0x1F, 0, (5,)), "hevc": (0x7E, 1, (19, 20))}
# A key frame of these resets every reference.
_CLEAN_KEYS = frozenset({"vp8", "vp9", "av1"})


class Timeline(msgspec.Struct, frozen=True):
    """When every frame of a file is shown.

    Attributes:
        times: microseconds from the first frame, strictly increasing, one per frame.
        origin: timestamp of the first frame in the stream's units; None where nothing is proven.
        clean: (frame number, timestamp) of the key frames where decoding may begin.
    """

    times: list[int]
    origin: int | None = None
    clean: list[tuple[int, int]] = []

    def spans(self, start: float | None, end: float | None, most: int | None = None, longest: int = 0) -> list[Span]:
        """The spans of the clip shown in [start, end) seconds; none if no frame is.

        Args:
            most: only so many frames from its first on.
            longest: cut it at clean key frames into spans of about so many frames; 0 never does.
        """
        first = 0 if start is None else bisect_left(self.times, round(start * MICROSECONDS))
        last = len(self.times) if end is None else bisect_left(self.times, round(end * MICROSECONDS))
        if most is not None:
            last = min(last, first + most)
        if first >= last:
            return []
        numbers = [number for number, _ in self.clean]
        cuts = [first]
        for number in numbers[bisect_right(numbers, first) : bisect_left(numbers, last)]:
            if longest and number - cuts[-1] >= longest and last - number >= longest:
                cuts.append(number)
        cuts.append(last)
        pieces = list(zip(cuts[:-1], cuts[1:], strict=True))
        return [self._span(part, len(pieces), *piece, first) for part, piece in enumerate(pieces)]

    def _span(self, part: int, of: int, first: int, last: int, clip_first: int) -> Span:
        before = [key for key in self.clean if key[0] <= first]
        seek_frame, seek = before[-1] if before and before[-1][0] else (0, None)
        until = self.times[last] if last < len(self.times) else None
        return Span(part, of, first, last, clip_first, self.times[clip_first], until, seek, seek_frame, self.origin)


def prove(video: Video) -> Timeline | None:
    """Walk the packets and return the timeline, or None where decoding from the start is the only way."""
    if video.cut_short:
        return None
    codec = video.stream.codec_context.name.replace("libdav1d", "av1")
    codec = {"libvpx": "vp8", "libvpx-vp9": "vp9"}.get(codec, codec)
    if codec not in _CLEAN_NALS and codec not in _CLEAN_KEYS:
        return None
    stamps: list[int] = []
    keys: list[int] = []
    for packet in video.packets():
        if packet.pts is None or packet.is_corrupt or packet.is_discard:
            return None
        if packet.is_keyframe and _is_clean(packet, codec, video):
            keys.append(len(stamps))
        stamps.append(packet.pts)
    if not keys or keys[0] != 0:
        return None
    order = sorted(stamps)
    times = [_microseconds(stamp - order[0], video.time_base) for stamp in order]
    if any(a >= b for a, b in zip(times, times[1:], strict=False)):
        return None
    return Timeline(times, order[0], _closed(stamps, keys))


def _closed(stamps: list[int], keys: list[int]) -> list[tuple[int, int]]:
    """The key frames that all earlier packets precede and all later ones follow in time."""
    clean = []
    least_after = [0] * len(stamps)
    least = stamps[-1]
    for position in range(len(stamps) - 1, -1, -1):
        least = min(least, stamps[position])
        least_after[position] = least
    greatest = None
    at = 0
    for key in keys:
        for stamp in stamps[at:key]:
            greatest = stamp if greatest is None else max(greatest, stamp)
        at = key
        if least_after[key] == stamps[key] and (greatest is None or greatest < stamps[key]):
            # All earlier packets are shown earlier, so the packet's place is its frame's number.
            clean.append((key, stamps[key]))
    return clean


def _is_clean(packet: av.Packet, codec: str, video: Video) -> bool:
    if codec in _CLEAN_KEYS:
        return True
    mask, shift, types = _CLEAN_NALS[codec]
    return any((unit & mask) >> shift in types for unit in _nal_headers(bytes(packet), codec, video))


def _nal_headers(data: bytes, codec: str, video: Video) -> Iterator[int]:
    """First byte of each NAL unit, length-prefixed (ISO/IEC 14496-15) or after start codes (Annex B)."""
    extradata = video.stream.codec_context.extradata or b""
    if extradata[:1] == b"\x01":
        width = (extradata[4 if codec == "h264" else 21] & 3) + 1
        at = 0
        while at + width < len(data):
            length = int.from_bytes(data[at : at + width], "big")
            yield data[at + width]
            at += width + length
        return
    at = data.find(b"\x00\x00\x01")
    while at >= 0 and at + 3 < len(data):
        yield data[at + 3]
        at = data.find(b"\x00\x00\x01", at + 3)


def strictly_increasing(times: Iterable[int]) -> list[int]:
    """Sort, and raise ties by 1."""
    out: list[int] = []
    for time in sorted(times):
        out.append(time if not out or time > out[-1] else out[-1] + 1)
    return out


def _microseconds(ticks: int, time_base: Fraction) -> int:
    return (ticks * time_base.numerator * MICROSECONDS * 2 + time_base.denominator) // (2 * time_base.denominator)


def frame_times(stamps: list[int | None], time_base: Fraction, fps: Fraction) -> list[int]:
    """Microseconds from the first frame, strictly increasing, for frames in output order.

    Timestamps are sorted and dealt out in output order, since that order is right
    where they are not. Where any is missing, frames are taken as evenly spaced.
    """
    known = [stamp for stamp in stamps if stamp is not None]
    if len(known) < len(stamps):
        return [round(number * MICROSECONDS / fps) for number in range(len(stamps))]
    origin = min(known, default=0)
    return strictly_increasing(_microseconds(stamp - origin, time_base) for stamp in known)


def frame_time(stamp: int, origin: int, time_base: Fraction) -> int:
    """Microseconds from the file's first frame of one proven timestamp."""
    return _microseconds(stamp - origin, time_base)
