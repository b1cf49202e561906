"""Encoding a decoded frame as a JPEG.

8-bit 4:2:0 in BT.601 goes to the encoder as planes, since that is what a JPEG
holds: only the range is widened (ITU-R BT.601 limited range to JFIF full range).
All else is converted to RGB by swscale, in its exact modes, and then to planes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
from av.video.reformatter import ColorRange, VideoReformatter

from clipmill.options import FrameOptions
from clipmill.video import geometry
from clipmill.video.fidelity import encode_faithfully
from clipmill.video.geometry import Geometry
from clipmill.video.libjpeg import PlaneEncoder, Planes
from clipmill.video.upright import Upright, upright

if TYPE_CHECKING:
    import av
    import numpy.typing as npt

    Plane = npt.NDArray[np.uint8]

# AVColorSpace values that mean BT.601 here: unspecified is taken as BT.601, as libav and OpenCV do.
_BT601 = (2, 5, 6)
_FULL_RANGE = 2
# Without FULL_CHR_H_INT swscale's RGB comes out 1 to 2.4 levels too dark; with it, right to half a level.
# The numbers of swscale.h, since PyAV 17 has no names for the last three, and none for BT.2020.
_ITU601 = 5
_BILINEAR, _ACCURATE_RND, _BITEXACT, _FULL_CHR_H_INT = 2, 1 << 18, 1 << 19, 1 << 13
_EXACT = _BILINEAR | _ACCURATE_RND | _BITEXACT | _FULL_CHR_H_INT


class _Widening(NamedTuple):
    """What takes a limited range to the full one of 8 bits: scale and offset, (1, 2), and the clipped (256,) table."""

    line: npt.NDArray[np.float64]
    table: Plane


def _widening(low: int, high: int, centre: int) -> _Widening:
    """Return what takes [low, high] to the full 8-bit range, with `centre` (chroma) kept."""
    scale = 255 / (high - low)
    offset = centre - scale * centre if centre else -scale * low
    table = np.clip(np.round(np.arange(256) * scale + offset), 0, 255).astype(np.uint8)
    return _Widening(np.array([[scale, offset]]), table)


_LUMA = _widening(16, 235, 0)
_CHROMA = _widening(16, 240, 128)


def _saturating(plane: Plane, widening: _Widening, out: Plane) -> None:
    # With one channel this is the saturating conversion of OpenCV's C++, which it does not offer to Python by name.
    cv2.transform(plane, widening.line, out)


def _by_table(plane: Plane, widening: _Widening, out: Plane) -> None:
    cv2.LUT(plane, widening.table, out)


def _agrees() -> bool:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    out = np.empty_like(ramp)
    for widening in (_LUMA, _CHROMA):
        _saturating(ramp, widening, out)
        if not np.array_equal(out, widening.table[ramp]):
            return False
    return True


# The table is the definition. Saturating arithmetic takes less than half the time and gave the same 256
# values on every processor tried; it is checked here, on the processor that runs it.
_widen = _saturating if _agrees() else _by_table


class FrameEncoder:
    """Encodes the frames of one clip, all to the size that its first frame decides.

    Args:
        options: size, fit and quality.
        rotate: whether the display rotation is applied.
    """

    def __init__(self, options: FrameOptions, *, rotate: bool = True) -> None:
        self._options = options
        self._rotate = rotate
        self._first_size: tuple[int, int] | None = None
        self._geometry: Geometry | None = None
        self._jpeg: PlaneEncoder | None = None
        self._reformatter = VideoReformatter()

    @property
    def size(self) -> tuple[int, int]:
        """Stored (width, height) in pixels; known after the first frame."""
        assert self._geometry is not None, "no frame was encoded yet"
        return self._geometry.width, self._geometry.height

    @property
    def luma(self) -> Plane:
        """The luma of the frame that was encoded last, (height, width) uint8, as it went into the JPEG."""
        assert self._jpeg is not None, "no frame was encoded yet"
        return self._jpeg.planes.luma

    def encode(self, frame: av.VideoFrame) -> bytes:
        """Encode one frame as a JPEG: baseline, 4:2:0, full-range BT.601, with restart intervals."""
        shown = upright(frame) if self._rotate else Upright()
        if self._first_size is None:
            self._first_size = frame.width, frame.height
            turned = (frame.height, frame.width) if shown.turns % 2 else (frame.width, frame.height)
            self._geometry = geometry.plan_geometry(*turned, self._options)
            self._jpeg = PlaneEncoder(self._geometry.width, self._geometry.height)
            if self._options.quality is not None:
                self._jpeg.use_quality(self._options.quality)
        same_size = (frame.width, frame.height) == self._first_size
        if self._planes_will_do(frame, shown) and same_size:
            self._put_planes(frame, shown)
        else:
            self._put_rgb(frame, shown, same_size)
        assert self._jpeg is not None
        return encode_faithfully(self._jpeg) if self._options.quality is None else self._jpeg.encode()

    def _planes_will_do(self, frame: av.VideoFrame, shown: Upright) -> bool:
        return (
            frame.format.name in ("yuv420p", "yuvj420p")
            and frame.colorspace in _BT601
            # Turning or mirroring odd-sized planes would shift their chroma by half a sample.
            and (shown.as_it_is or (frame.width % 2 == 0 and frame.height % 2 == 0))
        )

    def _put_planes(self, frame: av.VideoFrame, shown: Upright) -> None:
        assert self._geometry is not None and self._jpeg is not None
        planes = [_plane(plane) for plane in frame.planes]
        if not shown.as_it_is:
            planes = [np.ascontiguousarray(shown.apply(plane)) for plane in planes]
        planes = self._lay_out(planes)
        rooms: Sequence[Plane] = self._jpeg.planes
        if self._geometry.has_bars:
            rooms = self._within_bars()
        limited = frame.format.name != "yuvj420p" and frame.color_range != _FULL_RANGE
        for plane, room, widening in zip(planes, rooms, (_LUMA, _CHROMA, _CHROMA), strict=True):
            if limited:
                _widen(plane, widening, room)
            else:
                room[...] = plane

    def _lay_out(self, planes: list[Plane]) -> list[Plane]:
        """Resize and crop 4:2:0 planes, chroma at half of every length."""
        g = self._geometry
        assert g is not None
        if (planes[0].shape[1], planes[0].shape[0]) != (g.scaled_width, g.scaled_height):
            half = (_half(g.scaled_width), _half(g.scaled_height))
            luma, *chroma = planes
            scaled = geometry.resize(luma, g.scaled_width, g.scaled_height)
            planes = [scaled, *(geometry.resize(plane, *half) for plane in chroma)]
        if (g.scaled_width, g.scaled_height) == (g.width, g.height):
            return planes
        left, top = max(g.left, 0), max(g.top, 0)
        cut = [planes[0][top : top + g.height, left : left + g.width]]
        for chroma_plane in planes[1:]:
            cut.append(chroma_plane[top // 2 : top // 2 + _half(g.height), left // 2 : left // 2 + _half(g.width)])
        return cut

    def _within_bars(self) -> list[Plane]:
        """Paint the encoder's planes black, and return what the bars leave free."""
        g = self._geometry
        assert g is not None and self._jpeg is not None
        left, top = max(-g.left, 0), max(-g.top, 0)
        luma, *chroma = self._jpeg.planes
        luma[...] = 0
        free = [luma[top : top + g.scaled_height, left : left + g.scaled_width]]
        for plane in chroma:
            plane[...] = 128
            free.append(
                plane[top // 2 : top // 2 + _half(g.scaled_height), left // 2 : left // 2 + _half(g.scaled_width)]
            )
        return free

    def _put_rgb(self, frame: av.VideoFrame, shown: Upright, same_size: bool) -> None:
        g = self._geometry
        assert g is not None and self._first_size is not None
        rgb = self._to_rgb(frame)
        if not same_size:
            rgb = geometry.resize(rgb, *self._first_size)
        rgb = geometry.lay_out(np.ascontiguousarray(shown.apply(rgb)), g)
        assert self._jpeg is not None
        _split(rgb, self._jpeg.planes)

    def _to_rgb(self, frame: av.VideoFrame) -> Plane:
        converted = self._reformatter.reformat(
            frame,
            format="rgb24",
            src_colorspace=_matrix(frame),
            dst_colorspace=_ITU601,
            dst_color_range=ColorRange.JPEG,
            interpolation=_EXACT,
            threads=1,
        )
        return _plane(converted.planes[0], channels=3)


def _split(rgb: Plane, planes: Planes) -> None:
    """Convert RGB to full-range BT.601 planes (ITU-T T.871), chroma as the mean of each two by two pixels."""
    height, width = rgb.shape[:2]
    luma, *chroma = cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb))
    planes.luma[...] = luma
    for whole, plane in zip(reversed(chroma), planes[1:], strict=True):
        even = cv2.copyMakeBorder(whole, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        cv2.resize(even, plane.shape[::-1], plane, interpolation=cv2.INTER_AREA)


def _matrix(frame: av.VideoFrame) -> int:
    """Return the YCbCr matrix of a frame as swscale numbers it (AVColorSpace has more numbers than matrices)."""
    return {1: 1, 4: 4, 7: 7, 9: 9, 10: 9}.get(int(frame.colorspace), _ITU601)


def _plane(plane: Any, channels: int = 1) -> Plane:
    shape: tuple[int, ...] = (plane.height, plane.width)
    strides: tuple[int, ...] = (plane.line_size, channels)
    if channels > 1:
        shape, strides = (*shape, channels), (*strides, 1)
    pixels: Plane = np.ndarray(shape, np.uint8, plane, 0, strides)
    return pixels


def _half(length: int) -> int:
    return (length + 1) // 2
