"""Decoding only the upper part of a JPEG, where nothing below is wanted, to the same pixels.

A baseline JPEG holds its blocks row by row. If its header says that it is less high, a
decoder stops early and passes over the rest, which it reports as a warning: its first one,
since it reports no other, so damage above is still told apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import simplejpeg

from clipmill.reader.augment import pixel_steps
from clipmill.reader.loading.recipe import View

#: Rows of blocks that are coded together, for every usual chroma subsampling.
ROWS = 16
#: What libjpeg says of the rest.
PASSED_OVER = "extraneous bytes before marker 0xd9"
#: It pays where so much of the height is left out.
WORTH = 1 / 12

_BASELINE = b"\xff\xc0"


def rows_wanted(views: Sequence[View], height: int) -> int:
    """How many rows of a frame of this height have to be decoded: `height`, or fewer."""
    bottom = 0
    for view in views:
        if not view.steps or not isinstance(view.steps[0], pixel_steps.Crop):
            return height
        bottom = max(bottom, view.steps[0].top + view.steps[0].height)
    # Smooth chroma of the last row would need the row below it, so that row is not to be used.
    rows = -(-(bottom + 1) // ROWS) * ROWS
    return rows if rows <= height * (1 - WORTH) else height


def decode_top(jpeg: memoryview, size: tuple[int, int], out: npt.NDArray[np.uint8]) -> bool:
    """Decode the first rows of a JPEG, as many as `out` has.

    Args:
        jpeg: a JPEG of `size`, (height, width).
        size: what its header has to say.
        out: (rows, width, 3) uint8 RGB; all rows but the last become what they are in the whole frame.

    Returns:
        Whether it could be done; if not, `out` holds nothing of use.
    """
    at = _frame_header(jpeg)
    if at is None:
        return False
    data = bytearray(jpeg)
    if (int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(data[at + 7 : at + 9], "big")) != size:
        return False
    data[at + 5 : at + 7] = len(out).to_bytes(2, "big")
    try:
        simplejpeg.decode_jpeg(data, "RGB", False, False, buffer=out)
    except ValueError as warning:
        return str(warning).endswith(PASSED_OVER)
    return False  # there was nothing to pass over: it is less high than it says


def _frame_header(jpeg: memoryview) -> int | None:
    """Where the header of a baseline JPEG's frame begins."""
    at = 2
    while at + 9 < len(jpeg):
        marker = jpeg[at : at + 2]
        if marker == _BASELINE:
            return at
        if marker[0] != 0xFF or (0xC1 <= marker[1] <= 0xCF and marker[1] not in (0xC4, 0xC8, 0xCC)):
            return None
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return None
