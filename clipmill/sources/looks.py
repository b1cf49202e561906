"""What a look at a source finds; apart from what looks, so that whoever only reads it loads no decoder."""

from __future__ import annotations

import msgspec


class Look(msgspec.Struct, frozen=True, array_like=True):
    """What a source is, and its first frame.

    Attributes:
        codec: as libav names it, such as h264; "images" for images.
        pixels: libav's pixel format, such as yuv420p; images are read as rgb24.
        width, height: of the first frame as coded, before it is turned.
        fps: frames per second, as the container has it.
        nbytes: of the file, or of a folder's images.
        seconds: as the container has it; None where it does not say.
        first: the first frame as a JPEG; b"" where none was decoded.
        error: mean squared error of that JPEG's luma, in squared levels of 8 bits, beside the frame it was made of.
    """

    codec: str
    pixels: str
    width: int
    height: int
    fps: float
    nbytes: int
    seconds: float | None
    first: bytes = b""
    error: float = 0.0
