"""Opening a video safely, and reading its packets and frames."""

from __future__ import annotations

import contextlib
import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import IO

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream

from clipmill.errors import ClipError
from clipmill.ledger import Reason
from clipmill.video.declared_size import declared_size
from clipmill.video.first_bytes import HEAD, archive_kind, begins_inside
from clipmill.video.structure import HOLE, broken_at, zeros
from clipmill.video.timeline import GARBAGE, microseconds

# Demuxers that read one file and nothing else: no playlist, script, image sequence or network.
_DEMUXERS = (
    "3gp,amv,apng,asf,av1,avi,bink,dv,flic,flv,gif,gxf,h261,h263,h264,hevc,ivf,ivr,m4v,matroska,mjpeg,"
    "mov,mp4,mpeg,mpegts,mpegvideo,mxf,nsv,nut,nuv,obu,ogg,pmp,rm,roq,smk,swf,vc1,vivo,vvc,webm,wtv,"
    "yuv4mpegpipe"
)
# Without bitexact 11 of 116 files gave other pixels on other SIMD levels.
_DECODER = {"flags": "+bitexact"}
_DEMUXER_ERRORS = (av.error.FFmpegError, OSError, UnicodeDecodeError)
#: A clip may lose this share: of its packets as bad or lost ones, of the bytes that its index names at its end.
BAD_SHARE = 0.05
#: No packet of a lossy codec begins with this many zeros.
_HEADER = 16
#: What holes look like inside a packet, by codec. So many zeros stand only at a packet's end, or before a start code
#: (00 00 01): MPEG rules out longer runs, so that start codes are found, VP8 and VP9 are arithmetic codes. Encoders of
#: MPEG-1 and 2 fill up pictures, but inside one, before slices and their like (01 to B2, B5), there are no zeros.
_ZEROS = bytes(64)
_HOLE = re.compile(rb"\x00{64,}(?=[^\x00\x01])")
_HOLE_OR_SLICES = re.compile(rb"\x00{64,}(?=[^\x00\x01]|\x01[\x01-\xb2\xb5])")
_HOLES = dict.fromkeys(("mpeg4", "h264", "hevc", "vp8", "vp9"), _HOLE)
_HOLES |= dict.fromkeys(("mpeg1video", "mpeg2video"), _HOLE_OR_SLICES)
#: ffmpeg takes the largest of several streams; it adds this many pixels to the default one (`map_auto_video`).
_DEFAULT_STREAM = 5_000_000


@dataclass
class Tally:
    """What was read of the video stream.

    Attributes:
        packets: that held data.
        bad: packets that the decoder refused or that are zeros, and frames that it flags as damaged; and 1 if the
            demuxer stopped with an error.
        behind: packets between a bad one and the next key frame, whose frames are predicted from what is not there.
        predicted: frames that are predicted from a flagged one.
        last_error: of those.
        position: of the last packet, bytes from the file's start.
        flagged: packets that the demuxer takes for damaged.
        holed, hole_bytes: packets with zeros in them that no encoder writes, and how many zeros.
        bytes: of all packets.
    """

    packets: int = 0
    bad: int = 0
    last_error: str = ""
    position: int = -1
    flagged: int = 0
    behind: int = 0
    predicted: int = 0
    holed: int = 0
    hole_bytes: int = 0
    bytes: int = 0
    _after_bad: bool = False

    @property
    def damaged(self) -> int:
        """What is bad, and what is predicted from that; by packets and by frames it is mostly the same."""
        return max(self.bad, self.holed) + max(self.behind, self.predicted)

    def read(self, *, key_frame: bool, flagged: bool, hole: int = 0) -> None:
        """Count a packet that is handed to the decoder; those behind a damaged one are damaged, too.

        Args:
            flagged: the demuxer takes it for damaged.
            hole: zeros in it that no encoder writes.
        """
        self._after_bad = self._after_bad and not key_frame
        self.behind += self._after_bad
        self._after_bad |= flagged or hole > 0
        if hole:
            self.holed += 1
            self.hole_bytes += hole
            self.last_error = "zeros inside a frame"

    def refuse(self, error: Exception) -> None:
        """Count a packet that raised an error."""
        self.lose(_describe(error))

    def lose(self, why: str) -> None:
        """Count a packet without which those behind it cannot be decoded right."""
        self.spoil(why)
        self._after_bad = True

    def spoil(self, why: str) -> None:
        """Count damage that raised no error."""
        self.bad += 1
        self.last_error = why


@dataclass(frozen=True)
class Video:
    """An open video file and the stream that is decoded.

    Attributes:
        file: that is read.
        size: of the file in bytes.
        declared: bytes that the container claims, or None where it does not say.
        indexed: entries of the container's index that lie in the file: its packets where it lists all, else fewer.
    """

    container: InputContainer
    stream: VideoStream
    file: IO[bytes]
    size: int
    declared: int | None
    indexed: int = 0

    @property
    def time_base(self) -> Fraction:
        """Seconds per timestamp unit."""
        return self.stream.time_base or Fraction(1, 1_000_000)

    @property
    def fps(self) -> Fraction:
        """Frames per second as the container has it; 25 where it has none."""
        for rate in (self.stream.average_rate, self.stream.guessed_rate):
            # Not 0 < rate < 1000, since comparing fractions takes longer than reading a packet.
            if rate and 0 < rate.numerator < 1000 * rate.denominator:
                return rate
        return Fraction(25)

    @property
    def duration(self) -> float | None:
        """Seconds of video the container claims, of AVI at least those that its index has; or None."""
        claimed = 0.0
        if self.stream.duration and self.stream.duration > 0:
            claimed = float(self.stream.duration * self.time_base)
        elif self.container.duration and self.container.duration > 0:
            claimed = self.container.duration / av.time_base
        if self.container.format.name == "avi":
            claimed = max(claimed, float(self.indexed / self.fps))
        return claimed or None

    def lead(self, first: int | None = None) -> int:
        """Return the microseconds from the container's start, where its earliest stream starts, to the first frame.

        Args:
            first: timestamp of that frame; by default the stream's start.
        """
        if first is None or self.container.format.name == "avi":
            # AVI's timestamps are of decoding: with B-frames the first frame would seem to be late.
            first = self.stream.start_time
        if first is None or self.container.start_time is None:
            return 0
        lead = microseconds(first, self.time_base) - self.container.start_time
        # Ogg's start is sometimes one frame after the first one, and nothing is shown before time 0.
        return lead if 0 < lead < GARBAGE else 0

    @contextlib.contextmanager
    def again(self) -> Iterator[Video]:
        """Open the same file from its start, and leave this video where it is."""
        at = self.file.tell()
        with open_video(self.file) as video:
            yield video
        self.file.seek(at)

    def packets(self, tally: Tally) -> Iterator[av.Packet[VideoStream]]:
        """Iterate over the stream's packets in file order. An error of the demuxer ends them, and is counted."""
        demuxer = self.container.demux(self.stream)
        while True:
            try:
                packet = next(demuxer)
            except (StopIteration, IndexError):
                # PyAV raises IndexError at the end of a file in which a stream appeared late.
                return
            except _DEMUXER_ERRORS as error:
                return tally.refuse(_unless_of_the_disk(error))
            if packet.size:
                tally.packets += 1
                tally.bytes += packet.size
                tally.position = max(tally.position, packet.pos or 0)
                tally.flagged += packet.is_corrupt
                if packet.has_sidedata("encryption_info"):
                    raise ClipError(Reason.CORRUPT, "its video stream is encrypted: get a copy that is not")
                if self._is_hole(packet):
                    tally.lose("zeros where its frame should be")
                else:
                    hole = self._zeros_inside(packet)
                    tally.read(key_frame=packet.is_keyframe, flagged=packet.is_corrupt, hole=hole)
                    yield packet

    def _is_hole(self, packet: av.Packet[VideoStream]) -> bool:
        """Return whether a packet begins with zeros where every lossy codec has a header."""
        return (
            not any(memoryview(packet)[:_HEADER]) and packet.size >= _HEADER and self.stream.codec_context.codec.lossy
        )

    def _zeros_inside(self, packet: av.Packet[VideoStream]) -> int:
        """Count the zeros in a packet that no encoder writes, as a lost block of a disk or a download leaves them."""
        hole = _HOLES.get(self.stream.codec_context.name)
        data = bytes(packet) if hole else b""
        at = data.find(_ZEROS)
        return sum(run.end() - run.start() for run in hole.finditer(data, at)) if hole and at >= 0 else 0

    def frames(self, tally: Tally) -> Iterator[av.VideoFrame]:
        """Iterate over frames in the decoder's output order, from where the container is.

        That order is right where timestamps are not (packed B-frames). A packet
        that fails is counted and skipped: stopping there would lose what follows.
        """
        for packet in self.packets(tally):
            yield from self._decode(packet, tally)
        yield from self._decode(None, tally)

    def _decode(self, packet: av.Packet[VideoStream] | None, tally: Tally) -> list[av.VideoFrame]:
        try:
            return self.stream.codec_context.decode(packet)
        except MemoryError:
            raise
        except (av.error.FFmpegError, UnicodeDecodeError) as error:
            if packet is not None or not isinstance(error, EOFError):
                tally.refuse(error)
            return []

    def seek(self, stamp: int) -> None:
        """Go to the last key frame at or before a timestamp, with the decoder as after decoding from the start.

        So the file's first packet is decoded first. It may hold what all others need:
        parameter sets, and the encoder's name, by which libavcodec works around bugs of old x264.
        """
        for packet in self.packets(Tally()):
            packet.decode()
            break
        self.container.seek(stamp, stream=self.stream)

    def is_cut_short(self, tally: Tally) -> bool:
        """Return whether a file that was read to its end is shorter than its container or its index says."""
        if self.declared is not None and self.declared > self.size:
            return True
        named = unread = 0
        for entry in self.stream.index_entries:
            if entry.pos + entry.size > self.size:
                return True
            named += entry.size
            # Some demuxers do not say where their packets were.
            unread += entry.size if entry.pos > tally.position > 0 else 0
        return unread > BAD_SHARE * named

    def broken_at(self, tally: Tally, *, short: bool = False) -> int | None:
        """Find the byte where the structure breaks; None for a break behind good packets with little after it.

        Args:
            short: frames seem to be missing, so that what is behind the packets is no padding.
        """
        at = self.file.tell()
        broken = broken_at(self.file, self.size)
        self.file.seek(at)
        # Some writers fill the disk's last block with anything.
        little = broken is not None and self.size - broken < BAD_SHARE * self.size
        if broken is None or (little and broken > tally.position and not (tally.damaged or short)):
            return None
        return broken


@contextlib.contextmanager
def open_video(file: IO[bytes]) -> Iterator[Video]:
    """Open the video stream of a file object that ffmpeg would take, one thread, bit-exact.

    libav gets the file object and a list of demuxers, never a path, so no file
    (a playlist, a reference movie) can make it open another one.

    Raises:
        ClipError: empty, not_a_video, no_video_stream, truncated or corrupt.
    """
    size = file.seek(0, 2)
    if not size:
        raise ClipError(Reason.EMPTY, "the file has no bytes")
    declared = declared_size(file, size)
    file.seek(0)
    head = file.read(HEAD)
    if kind := archive_kind(head):
        raise ClipError(Reason.NOT_A_VIDEO, f"a {kind} archive: unpack it, and list the videos in it (clipmill unpack)")
    if not any(head):
        # Raw streams may have frames after zeros, so libav would accept such a file.
        raise _damage_or(Reason.NOT_A_VIDEO, "no video format begins with zeros", file, size, declared)
    file.seek(0)
    try:
        container = av.open(file, "r", metadata_errors="replace", options={"format_whitelist": _DEMUXERS})
    except (*_DEMUXER_ERRORS, ValueError) as error:
        _unless_of_the_disk(error)
        message = f"no video format that clipmill reads ({_describe(error)})"
        raise _damage_or(Reason.NOT_A_VIDEO, message, file, size, declared) from error
    with container:
        if begins_inside(container.format.name, head):
            message = "the file begins with something else than a video, which is damaged or packed into it"
            raise _damage_or(Reason.NOT_A_VIDEO, message, file, size, declared)
        streams = [stream for stream in container.streams.video if not _is_picture(stream)]
        if not streams:
            raise _damage_or(Reason.NO_VIDEO_STREAM, "the file has no video stream", file, size, declared)
        readable = [stream for stream in streams if stream.codec_context is not None]
        if not readable:
            raise ClipError(Reason.CORRUPT, "no decoder reads its video stream")
        stream = max(readable, key=_prominence)
        stream.codec_context.thread_count = 1
        stream.codec_context.thread_type = "NONE"
        stream.codec_context.options = dict(_DECODER)
        indexed = sum(entry.pos + entry.size <= size for entry in stream.index_entries)
        yield Video(container, stream, file, size, declared, indexed)


def _damage_or(reason: Reason, message: str, file: IO[bytes], size: int, declared: int | None) -> ClipError:
    """Return why a file has no readable video: it was cut before its index, has holes, or else this reason."""
    if declared is not None and declared > size:
        return ClipError(Reason.TRUNCATED, f"holds {size:,} of at least {declared:,} bytes, and its index is gone")
    file.seek(0)
    head = file.read(HOLE)
    broken = broken_at(file, size)
    if broken is not None or (head and not any(head)):
        empty = zeros(file, size)
        if BAD_SHARE * size < empty <= size - HOLE:
            return ClipError(
                Reason.TRUNCATED, f"{empty:,} of its {size:,} bytes are zeros, as an interrupted download leaves them"
            )
    if broken:
        return ClipError(Reason.CORRUPT, f"its structure breaks at byte {broken:,} ({message})")
    return ClipError(reason, message)


def _prominence(stream: VideoStream) -> int:
    """Return by what ffmpeg chooses a stream; the first of those that have the most."""
    is_default = bool(stream.disposition & av.stream.Disposition.default)
    return stream.codec_context.width * stream.codec_context.height + _DEFAULT_STREAM * is_default


def _is_picture(stream: VideoStream) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _describe(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__


def _unless_of_the_disk(error: Exception) -> Exception:
    """Return an error that the file's bytes caused, such as a seek to a negative position; raise one of the disk."""
    if isinstance(error, OSError) and not isinstance(error, av.error.FFmpegError) and error.errno != errno.EINVAL:
        raise error
    return error
