"""From a decoded frame to its JPEG.

8-bit 4:2:0 in BT.601 goes to the encoder as planes, since that is what a JPEG
holds: only the range is widened (ITU-R BT.601 limited range to JFIF full range).
Everything else goes through RGB by swscale, asked for exactness.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import simplejpeg
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from clipmill.options import FrameOptions
from clipmill.video import geometry
from clipmill.video.geometry import Geometry

if TYPE_CHECKING:
    import av
    import numpy.typing as npt

    Plane = npt.NDArray[np.uint8]

# AVColorSpace values that mean BT.601 here: unspecified is taken as BT.601, as libav and OpenCV do.
_BT601 = (2, 5, 6)
_FULL_RANGE = 2
# Without FULL_CHR_H_INT swscale's RGB comes out 1 to 2.4 levels too dark; with it, right to half a level.
_EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT | Interpolation.FULL_CHR_H_INT


def _widening(low: int, high: int, centre: int) -> tuple[float, float, Plane]:
    """Scale, offset and clipped 256-entry table that take [low, high] to the full 8-bit range."""
    scale = 255 / (high - low)
    offset = centre - scale * centre if centre else -scale * low
    table = np.clip(np.round(np.arange(256) * scale + offset), 0, 255).astype(np.uint8)
    return scale, offset, table


_LUMA = _widening(16, 235, 0)
_CHROMA = _widening(16, 240, 128)


def _saturating(plane: Plane, widening: tuple[float, float, Plane]) -> Plane:
    scale, offset, _ = widening
    return cv2.addWeighted(plane, scale, plane, 0, offset)  # type: ignore[return-value]


def _by_table(plane: Plane, widening: tuple[float, float, Plane]) -> Plane:
    return cv2.LUT(plane, widening[2])  # type: ignore[return-value]


def _agrees() -> bool:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    return all(np.array_equal(_saturating(ramp, w), w[2][ramp]) for w in (_LUMA, _CHROMA))


# The table is the definition. Saturating arithmetic is four times faster and gives the same
# 256 values where it was checked; that is checked here, on the processor that will run it.
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
        self._reformatter = VideoReformatter()

    @property
    def size(self) -> tuple[int, int]:
        """Stored (width, height) in pixels; known after the first frame."""
        assert self._geometry is not None, "no frame was encoded yet"
        return self._geometry.width, self._geometry.height

    def encode(self, frame: av.VideoFrame) -> bytes:
        """One frame as a JPEG (baseline, 4:2:0, full-range BT.601)."""
        turns = _quarter_turns(frame) if self._rotate else 0
        if self._first_size is None:
            self._first_size = frame.width, frame.height
            upright = (frame.height, frame.width) if turns % 2 else (frame.width, frame.height)
            self._geometry = geometry.plan_geometry(*upright, self._options)
        same_size = (frame.width, frame.height) == self._first_size
        if self._planes_will_do(frame, turns) and same_size:
            return self._encode_planes(frame, turns)
        return self._encode_rgb(frame, turns, same_size)

    def _planes_will_do(self, frame: av.VideoFrame, turns: int) -> bool:
        return (
            frame.format.name in ("yuv420p", "yuvj420p")
            and frame.colorspace in _BT601
            # Turning odd-sized planes would shift their chroma by half a sample.
            and (turns == 0 or (frame.width % 2 == 0 and frame.height % 2 == 0))
        )

    def _encode_planes(self, frame: av.VideoFrame, turns: int) -> bytes:
        planes = [_plane(plane) for plane in frame.planes]
        if turns:
            planes = [np.ascontiguousarray(np.rot90(plane, turns)) for plane in planes]
        planes = self._lay_out(planes)
        if frame.format.name != "yuvj420p" and frame.color_range != _FULL_RANGE:
            planes = [_widen(planes[0], _LUMA), _widen(planes[1], _CHROMA), _widen(planes[2], _CHROMA)]
        assert self._geometry is not None
        if self._geometry.has_bars:
            planes = self._bars(planes)
        return bytes(simplejpeg.encode_jpeg_yuv_planes(_whole_pairs(planes[0]), *planes[1:], self._options.quality))

    def _lay_out(self, planes: list[Plane]) -> list[Plane]:
        """Resize and crop 4:2:0 planes, chroma at half of every length."""
        g = self._geometry
        assert g is not None
        if (planes[0].shape[1], planes[0].shape[0]) != (g.scaled_width, g.scaled_height):
            half = (_half(g.scaled_width), _half(g.scaled_height))
            luma, *chroma = planes
            planes = [_resize(luma, g.scaled_width, g.scaled_height), *(_resize(c, *half) for c in chroma)]
        if (g.scaled_width, g.scaled_height) == (g.width, g.height):
            return planes
        left, top = max(g.left, 0), max(g.top, 0)
        cut = [planes[0][top : top + g.height, left : left + g.width]]
        for chroma_plane in planes[1:]:
            cut.append(chroma_plane[top // 2 : top // 2 + _half(g.height), left // 2 : left // 2 + _half(g.width)])
        return cut

    def _bars(self, planes: list[Plane]) -> list[Plane]:
        """Black bars around full-range planes."""
        g = self._geometry
        assert g is not None
        left, top = max(-g.left, 0), max(-g.top, 0)
        luma = np.zeros((g.height, g.width), np.uint8)
        luma[top : top + planes[0].shape[0], left : left + planes[0].shape[1]] = planes[0]
        barred = [luma]
        for plane in planes[1:]:
            chroma = np.full((_half(g.height), _half(g.width)), 128, np.uint8)
            chroma[top // 2 : top // 2 + plane.shape[0], left // 2 : left // 2 + plane.shape[1]] = plane
            barred.append(chroma)
        return barred

    def _encode_rgb(self, frame: av.VideoFrame, turns: int, same_size: bool) -> bytes:
        g = self._geometry
        assert g is not None and self._first_size is not None
        rgb = self._to_rgb(frame)
        if not same_size:
            rgb = _resize(rgb, *self._first_size)
        if turns:
            rgb = np.rot90(rgb, turns)
        rgb = np.ascontiguousarray(rgb)
        if (rgb.shape[1], rgb.shape[0]) != (g.scaled_width, g.scaled_height):
            rgb = _resize(rgb, g.scaled_width, g.scaled_height)
        left, top = max(g.left, 0), max(g.top, 0)
        rgb = rgb[top : top + g.height, left : left + g.width]
        if g.has_bars:
            barred = np.zeros((g.height, g.width, 3), np.uint8)
            barred[-min(g.top, 0) :, -min(g.left, 0) :][: rgb.shape[0], : rgb.shape[1]] = rgb
            rgb = barred
        rgb = np.ascontiguousarray(rgb)
        return bytes(simplejpeg.encode_jpeg(rgb, self._options.quality, "RGB", "420"))

    def _to_rgb(self, frame: av.VideoFrame) -> Plane:
        converted = self._reformatter.reformat(
            frame,
            format="rgb24",
            src_colorspace=_matrix(frame),
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=ColorRange.JPEG,
            interpolation=_EXACT,
            threads=1,
        )
        return _plane(converted.planes[0], channels=3)


def _quarter_turns(frame: av.VideoFrame) -> int:
    """How often the display matrix turns a frame counterclockwise by 90 degrees; 0 where it is no rotation."""
    return round(frame.rotation / 90) % 4 if abs(frame.rotation) <= 360 else 0


def _whole_pairs(luma: Plane) -> Plane:
    """Luma whose buffer goes on to whole pairs of rows and columns: TurboJPEG reads those (tj3YUVPlaneWidth)."""
    height, width = luma.shape
    if height % 2 or width % 2:
        luma = cv2.copyMakeBorder(luma, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)  # type: ignore[assignment]
    return luma[:height, :width]


def _matrix(frame: av.VideoFrame) -> Colorspace:
    """The YCbCr matrix of a frame as swscale names it (AVColorSpace has more names than matrices)."""
    return {1: Colorspace.ITU709, 4: Colorspace.FCC, 7: Colorspace.SMPTE240M, 9: Colorspace.BT2020,
            10: Colorspace.BT2020}.get(int(frame.colorspace), Colorspace.ITU601)  # fmt: skip


def _plane(plane: Any, channels: int = 1) -> Plane:
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height]
    pixels = rows[:, : plane.width * channels]
    return pixels if channels == 1 else pixels.reshape(plane.height, plane.width, channels)


def _resize(pixels: Plane, width: int, height: int) -> Plane:
    shrinks = width * height < pixels.shape[0] * pixels.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(pixels, (width, height), interpolation=how)  # type: ignore[return-value]


def _half(length: int) -> int:
    return (length + 1) // 2
