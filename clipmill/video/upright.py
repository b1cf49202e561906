"""How a player shows a frame: mirrored or not, and turned, by the display matrix that a file or stream carries."""

from __future__ import annotations

from typing import Any, NamedTuple

import av
import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import Type

_NO_FRAME = av.VideoFrame()


class Upright(NamedTuple):
    """What brings a decoded frame into the position in which it is shown.

    Attributes:
        mirrored: it is turned upside down as in a mirror first.
        turns: then it is turned counterclockwise by 90 degrees so often, 0 to 3.
    """

    mirrored: bool = False
    turns: int = 0

    @property
    def as_it_is(self) -> bool:
        """There is nothing to do."""
        return not (self.mirrored or self.turns)

    def apply(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return the pixels, (height, width, ...), as they are shown; a view."""
        return np.rot90(pixels[::-1] if self.mirrored else pixels, self.turns)


def upright(frame: av.VideoFrame) -> Upright:
    """Read a frame's display matrix (ISO/IEC 14496-12, 8.3.2.3), to the nearest quarter turn, as ffmpeg's autorotate.

    A point (x, y) is shown at (ax + cy, bx + dy). A mirror has a negative determinant,
    and does not change where the x axis points to, which is all that the angle says.
    """
    matrix = _display_matrix(frame)
    if not matrix or abs(frame.rotation) > 360:  # no angle: the matrix is none of a rotation
        return Upright()
    a, b, _, c, d = np.frombuffer(matrix, np.int32, 5).tolist()
    return Upright(a * d < b * c, round(frame.rotation / 90) % 4)


def _display_matrix(frame: av.VideoFrame) -> bytes:
    """Return the bytes of a frame's display matrix, or none."""
    data: Any = frame.side_data
    matrix = bytes(data[Type.DISPLAYMATRIX]) if len(data) and Type.DISPLAYMATRIX in data else b""
    # In PyAV a frame and its side data hold each other, and only the garbage collector parts them: over a hundred
    # frames would pile up, 1.3 GB of 4K. So the side data is given another frame to hold.
    data.__init__(_NO_FRAME)
    return matrix
