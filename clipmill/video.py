"""Opening a video safely, and walking its packets and frames."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import IO

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream

from clipmill.errors import ClipError
from clipmill.extent import declared_size
from clipmill.ledger import Reason

# Demuxers that read one file and nothing else: no playlist, script, image sequence or network.
_DEMUXERS = (
    "3gp,amv,apng,asf,av1,avi,bink,dv,flic,flv,gif,gxf,h261,h263,h264,hevc,ivf,ivr,m4v,matroska,mjpeg,"
    "mov,mp4,mpeg,mpegts,mpegvideo,mxf,nsv,nut,nuv,obu,ogg,pmp,rm,roq,smk,swf,vc1,vivo,vvc,webm,wtv,"
    "yuv4mpegpipe"
)
# Without bitexact 11 of 116 files gave other pixels on other SIMD levels.
_DECODER = {"flags": "+bitexact"}


@dataclass
class Tally:
    """Packets read of the video stream, and those that the decoder refused."""

    packets: int = 0
    bad: int = 0
    last_error: str = ""


@dataclass(frozen=True)
class Video:
    """An open video file and the stream that is decoded.

    Attributes:
        cut_short: the file ends before its own container says it does.
    """

    container: InputContainer
    stream: VideoStream
    cut_short: bool

    @property
    def time_base(self) -> Fraction:
        """Seconds per timestamp unit."""
        return self.stream.time_base or Fraction(1, 1_000_000)

    @property
    def fps(self) -> Fraction:
        """Frames per second as the container has it; 25 where it has none."""
        for rate in (self.stream.average_rate, self.stream.guessed_rate):
            if rate and 0 < rate < 1000:
                return Fraction(rate)
        return Fraction(25)

    @property
    def duration(self) -> float | None:
        """Seconds of video the container claims, or None."""
        if self.stream.duration and self.stream.duration > 0:
            return float(self.stream.duration * self.time_base)
        if self.container.duration and self.container.duration > 0:
            return self.container.duration / av.time_base
        return None

    def packets(self) -> Iterator[av.Packet]:
        """The stream's packets in file order; a demuxer's error ends them."""
        with contextlib.suppress(av.error.FFmpegError, EOFError):
            for packet in self.container.demux(self.stream):
                if packet.size:
                    yield packet

    def frames(self, tally: Tally) -> Iterator[av.VideoFrame]:
        """Frames in the decoder's output order, from where the container stands.

        That order is right where timestamps are not (packed B-frames). A packet
        that fails is counted and passed over: stopping there loses what follows.
        """
        for packet in self.packets():
            tally.packets += 1
            try:
                yield from packet.decode()
            except (av.error.FFmpegError, UnicodeDecodeError) as error:
                tally.bad += 1
                tally.last_error = _describe(error)
        with contextlib.suppress(av.error.FFmpegError):
            yield from self.stream.codec_context.decode(None)


@contextlib.contextmanager
def open_video(file: IO[bytes]) -> Iterator[Video]:
    """Open the best video stream of a file object, one thread, bit-exact.

    libav gets the file object and a list of demuxers, never a path, so that no
    file can make it open another.

    Raises:
        ClipError: empty, not_a_video, no_video_stream, truncated or corrupt.
    """
    size = file.seek(0, 2)
    if not size:
        raise ClipError(Reason.EMPTY, "the file has no bytes")
    declared = declared_size(file, size)
    cut_short = declared is not None and declared > size
    file.seek(0)
    try:
        container = av.open(file, metadata_errors="replace", options={"format_whitelist": _DEMUXERS})
    except (av.error.FFmpegError, UnicodeDecodeError, ValueError) as error:
        if cut_short:
            raise ClipError(Reason.TRUNCATED, f"holds {size:,} of {declared:,} bytes, and its index is gone") from error
        raise ClipError(Reason.NOT_A_VIDEO, _describe(error)) from error
    with container:
        streams = [s for s in container.streams.video if not _is_picture(s)]
        if not streams:
            raise ClipError(Reason.NO_VIDEO_STREAM, "the file has no video stream")
        stream = streams[0]
        if stream.codec_context is None:
            raise ClipError(Reason.CORRUPT, "no decoder reads its video stream")
        stream.codec_context.thread_count = 1
        stream.codec_context.thread_type = "NONE"
        stream.codec_context.options = dict(_DECODER)
        yield Video(container, stream, cut_short or _index_passes(stream, size))


def _index_passes(stream: VideoStream, size: int) -> bool:
    """Whether the index names bytes that the file does not have."""
    return any(entry.pos + entry.size > size for entry in stream.index_entries)


def _is_picture(stream: VideoStream) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _describe(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__
