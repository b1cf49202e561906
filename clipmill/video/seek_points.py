"""Proving at which key frames decoding may begin and give the same frames as decoding from the start.

A pass over the packets, without decoding, proves for most modern files that frame i
is the packet with the i-th smallest timestamp, and at which key frames decoding may
begin. Then a clip in the middle of a long video costs only its own frames, and a
long clip can be cut into spans for several workers. `clipmill.video.frames` checks every
decoded frame against the proof; where it fails, files are decoded from their start.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from av.video.codeccontext import VideoCodecContext

from clipmill.video.container import Tally, Video
from clipmill.video.losses import unread
from clipmill.video.timeline import Timeline, frame_times, in_order

# A key frame of these resets every reference.
_CLEAN_KEYS = frozenset({"vp8", "libvpx", "vp9", "libvpx-vp9", "av1", "libdav1d"})


def prove(video: Video) -> Timeline | None:
    """Return the timeline that the packets prove, or None where a file must be decoded from its start."""
    context = video.stream.codec_context
    nals = _Nals(_NAL_TYPES[context.name], context.extradata or b"") if context.name in _NAL_TYPES else None
    if nals is None and context.name not in _CLEAN_KEYS:
        return None
    if context.name == "h264" and _is_444(context):
        return None
    tally = Tally()
    stamps: list[int] = []
    keys: list[int] = []
    for packet in video.packets(tally):
        # The proof needs one frame for each packet. An edit list (ISO/IEC 14496-12, 8.6.6) marks packets that are
        # decoded and not shown: counted as frames, they would raise the numbers of all later frames.
        if packet.pts is None or packet.is_corrupt or packet.is_discard:
            return None
        empties = nals is None or nals.empty_the_decoder(bytes(packet))
        if packet.is_keyframe and empties:
            keys.append(len(stamps))
        elif not stamps:
            return None
        stamps.append(packet.pts)
    times = in_order(stamps, video.time_base)
    if not stamps or times is None or tally.bad or tally.holed or video.is_cut_short(tally) or unread(video, tally):
        return None
    return Timeline(times, min(stamps), _closed(stamps, keys), video.lead(min(stamps)))


def packet_times(video: Video) -> Timeline:
    """Return when the packets in a file are shown, about: nothing is proven."""
    tally = Tally()
    with video.again() as other:
        stamps = [packet.pts if packet.pts is not None else packet.dts for packet in other.packets(tally)]
    known = [stamp for stamp in stamps if stamp is not None]
    times = frame_times(stamps, video.time_base, video.fps)
    return Timeline(times, lead=video.lead(min(known) if len(known) == len(stamps) and known else None))


def _is_444(context: VideoCodecContext) -> bool:
    """Return whether H.264 is 4:4:4, which old x264 wrote wrongly: its pixels depend on what was decoded before."""
    pixels = context.format
    return pixels is None or (len(pixels.components) > 1 and pixels.chroma_width(16) == 16)


def _closed(stamps: list[int], keys: list[int]) -> list[tuple[int, int]]:
    """Return the key frames that are shown after all earlier packets and before all later ones."""
    # In an open GOP some pictures follow the key frame in the file, are shown before it, and refer to pictures before
    # it (H.265, 3: leading pictures). Example: packets shown at 0 1 2 | 5 3 4 6. A decoder that begins at 5 drops
    # or garbles 3 and 4.
    clean = []
    least_after = list(stamps)
    for position in range(len(stamps) - 2, -1, -1):
        least_after[position] = min(stamps[position], least_after[position + 1])
    greatest = stamps[0] - 1
    at = 0
    for key in keys:
        greatest = max(greatest, max(stamps[at:key], default=greatest))
        at = key
        if greatest < stamps[key] == least_after[key]:
            # All earlier packets are shown earlier, so the packet's place is its frame's number.
            clean.append((key, stamps[key]))
    return clean


class _NalTypes(NamedTuple):
    """How a codec numbers its NAL units.

    Attributes:
        mask, shift: take the type out of a unit's first byte.
        length_at: where extradata has the size of the units' lengths, less 1, in its two lowest bits.
        empty: units that empty the decoder.
        lasting: parameter sets.
        sei: supplemental information.
    """

    mask: int
    shift: int
    length_at: int
    empty: tuple[int, ...]
    lasting: tuple[int, ...]
    sei: int


_NAL_TYPES = {
    # H.264 table 7-1 (IDR; SPS, PPS; SEI) and ISO/IEC 14496-15 5.3.3.1.2
    "h264": _NalTypes(0x1F, 0, 4, (5,), (7, 8), 6),
    # H.265 table 7-1 (IDR_W_RADL, IDR_N_LP; VPS, SPS, PPS; prefix SEI) and ISO/IEC 14496-15 8.3.3.1.2
    "hevc": _NalTypes(0x7E, 1, 21, (19, 20), (32, 33, 34), 39),
}


class _Nals:
    """Reads the NAL units of a stream, packet by packet from its first one.

    Two things stay in force after a key frame: parameter sets, and the name of x264, by
    which libavcodec works around bugs of old versions. Both must be those of the container
    or of the first packet, which is decoded before each seek. After a change of them no
    key frame counts: a decoder that begins there would use the old ones.
    """

    def __init__(self, types: _NalTypes, extradata: bytes) -> None:
        self._types = types
        self._extradata = extradata
        # libavcodec's rule: extradata with start codes (Annex B) begins with zeros, that with lengths does not.
        prefixed = len(extradata) > types.length_at and (any(extradata[:2]) or extradata[2] > 1)
        self._length_size = (extradata[types.length_at] & 3) + 1 if prefixed else 0
        self._known: bytes | None = None
        self._changed = False

    def empty_the_decoder(self, packet: bytes) -> bool:
        """Return whether the packets from this one on depend on no earlier packet but the first."""
        empties = False
        lasting = []
        for start, end in self._units(packet):
            kind = (packet[start] & self._types.mask) >> self._types.shift
            empties |= kind in self._types.empty
            names_x264 = kind == self._types.sei and packet.find(b"x264 - core", start, end) >= 0
            if names_x264 or kind in self._types.lasting:
                lasting.append((kind, packet[start:end].rstrip(b"\0")))
        if self._known is None:
            self._known = b"".join(unit for _, unit in lasting)
            if not any(kind in self._types.lasting for kind, _ in lasting):
                self._known += self._extradata
        self._changed |= any(unit not in self._known for _, unit in lasting)
        return empties and not self._changed

    def _units(self, packet: bytes) -> Iterator[tuple[int, int]]:
        """Iterate over first byte and end of each unit, after lengths (ISO/IEC 14496-15) or start codes (Annex B)."""
        if self._length_size:
            at = 0
            while at + self._length_size < len(packet):
                start = at + self._length_size
                at = start + int.from_bytes(packet[at:start], "big")
                yield start, min(at, len(packet))
            return
        code = packet.find(b"\0\0\1")
        while 0 <= code < len(packet) - 3:
            start = code + 3
            code = packet.find(b"\0\0\1", start)
            yield start, code if code >= 0 else len(packet)
