"""Decoding only a part of a JPEG, where the rest is not used: its upper rows, or a shrunk picture.

**Upper rows** give the same pixels as the whole picture. A baseline JPEG holds its blocks
row by row, so with fewer rows in (a copy of) its header, a decoder stops early. libjpeg then
warns of bytes where it expects the end of the picture. libjpeg-turbo reports only the first
warning of a picture: if it is this one, nothing above was damaged. With any other warning, or
none, the whole picture is decoded.

**Shrunk pictures** come from fewer DCT coefficients of each block: at a half, a quarter or
an eighth of the size, which is faster and blurs before it shrinks. The pixels differ from
those of a whole decoding (by a few levels on photographs, more at edges), and crops move by up to half
a shrunk pixel. So this is done only with `dct_scale=True`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import simplejpeg

from clipmill.reader.augment import pixel_steps
from clipmill.reader.loading.recipe import View

#: Rows of blocks that are coded together: 8 pixels, times the 2 of 4:2:0, which is the most in use.
BLOCK_ROWS = 16
#: How libjpeg's warning ends when it skips the rest of the picture.
PASSED_OVER = "extraneous bytes before marker 0xd9"
#: Decoding upper rows copies the JPEG, so it is worth it where at least this share of the height is left out.
LEAST_SAVED = 1 / 12
#: Sides can be divided by these in the DCT domain, the largest first.
SHRINK_FACTORS = (8, 4, 2)

_BASELINE = b"\xff\xc0"


def rows_wanted(views: Sequence[View], height: int) -> int:
    """Return how many rows of a frame of this height have to be decoded: `height`, or fewer."""
    bottom = 0
    for view in views:
        if not view.steps or not isinstance(view.steps[0], pixel_steps.Crop):
            return height
        bottom = max(bottom, view.steps[0].top + view.steps[0].height)
    # Upsampling blends the chroma of each row with that of the next. The last row decoded has no next one here,
    # so it differs from the whole picture's and must lie below every crop.
    rows = -(-(bottom + 1) // BLOCK_ROWS) * BLOCK_ROWS
    return rows if rows <= height * (1 - LEAST_SAVED) else height


def decode_top(jpeg: memoryview, size: tuple[int, int], out: npt.NDArray[np.uint8]) -> bool:
    """Decode the upper rows of a JPEG, as many as `out` has.

    Args:
        jpeg: a JPEG of `size`, (height, width).
        size: that its header must have.
        out: (rows, width, 3) uint8 RGB; all rows but the last become what they are in the whole frame.

    Returns:
        Whether that worked; if not, `out` has no meaning and the whole JPEG must be decoded.
    """
    at = _frame_header(jpeg)
    if at is None:
        return False
    # The header: marker (2 bytes), length (2), precision (1), height (2), width (2), all big-endian; ITU-T T.81, B.2.2.
    data = bytearray(jpeg)
    if (int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(data[at + 7 : at + 9], "big")) != size:
        return False
    data[at + 5 : at + 7] = len(out).to_bytes(2, "big")
    try:
        simplejpeg.decode_jpeg(data, "RGB", False, False, buffer=out)
    except ValueError as warning:
        return str(warning).endswith(PASSED_OVER)
    return False  # No bytes were left over: the picture has fewer rows than its header says.


def shrink(views: Sequence[View], size: tuple[int, int]) -> tuple[int, tuple[int, int], list[View]]:
    """Find how much smaller the frames of a clip can be decoded without losing pixels that its views want.

    Args:
        views: of the clip.
        size: (height, width) of its frames.

    Returns:
        The factor (1, 2, 4 or 8), the size of the frames then, and the views for frames of that size.
    """
    for factor in SHRINK_FACTORS:
        small = -(-size[0] // factor), -(-size[1] // factor)
        steps = [_shrunk(view.steps, factor, small) for view in views]
        if all(found is not None for found in steps):
            pairs = zip(views, steps, strict=True)
            return factor, small, [View(view.picked, found) for view, found in pairs if found is not None]
    return 1, size, list(views)


def _shrunk(steps: list[pixel_steps.Op], factor: int, small: tuple[int, int]) -> list[pixel_steps.Op] | None:
    """Return the steps for shrunk frames, or None where the first resizing would have to enlarge them."""
    if len(steps) > 1 and isinstance(steps[0], pixel_steps.Crop) and isinstance(steps[1], pixel_steps.Resized):
        crop, resized, rest = steps[0], steps[1], steps[2:]
        left, top = round(crop.left / factor), round(crop.top / factor)
        wide = min(max(1, round(crop.width / factor)), small[1] - left)
        tall = min(max(1, round(crop.height / factor)), small[0] - top)
        first: list[pixel_steps.Op] = [pixel_steps.Crop(left, top, wide, tall)]
    elif steps and isinstance(steps[0], pixel_steps.Resized):
        resized, rest = steps[0], steps[1:]
        tall, wide = small
        first = []
    else:
        return None
    if resized.height > tall or resized.width > wide:
        return None
    return [*first, resized._replace(old_height=tall, old_width=wide), *rest]


def _frame_header(jpeg: memoryview) -> int | None:
    """Return where the frame header (SOF0) of a baseline JPEG begins, or None for any other JPEG."""
    at = 2
    while at + 9 < len(jpeg):
        marker = jpeg[at : at + 2]
        if marker == _BASELINE:
            return at
        # SOF1 to SOF15 are other codings than baseline; C4, C8 and CC in their range are tables, not frames.
        if marker[0] != 0xFF or (0xC1 <= marker[1] <= 0xCF and marker[1] not in (0xC4, 0xC8, 0xCC)):
            return None
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return None
