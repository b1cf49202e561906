"""What of a video's look is left alone when it is stored: the shape of its pixels, and HDR."""

from __future__ import annotations

from fractions import Fraction

from av.video.reformatter import ColorPrimaries, ColorTrc

from clipmill.video.container import Tally, Video
from clipmill.video.upright import upright

_HDR_TRANSFER = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)  # PQ, HLG
#: A pixel that is told to be wider or higher than this is taken for square: the header is wrong.
_ODDEST = 8
#: Sizes are rounded to whole and even pixels, which headers make up for.
_ROUNDED = 0.01


def pixel_aspect(video: Video) -> float | None:
    """Return the width of a pixel over its height, upright; None where it is square (to 1 %) or not said.

    Reads the first frame of a video whose pixels are not square, for its display matrix.
    """
    ratio = Fraction(video.stream.sample_aspect_ratio or 1)
    if abs(ratio - 1) < _ROUNDED or not 1 / Fraction(_ODDEST) <= ratio <= _ODDEST:
        return None
    with video.again() as again:
        first = next(again.frames(Tally()), None)
    turned = first is not None and upright(first).turns % 2
    return float(1 / ratio if turned else ratio)


def is_hdr(video: Video) -> bool:
    """Return whether a video is in PQ, HLG or BT.2020, which look flat or pale until they are tone-mapped."""
    context = video.stream.codec_context
    return context.color_trc in _HDR_TRANSFER or context.color_primaries == ColorPrimaries.BT2020
