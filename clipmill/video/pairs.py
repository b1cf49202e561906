"""An image and its mask: class indices stay what they are, and nothing is turned or resized."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from clipmill.errors import ClipError
from clipmill.ledger import Reason
from clipmill.options import FrameOptions
from clipmill.video.jpeg import FrameEncoder
from clipmill.video.pictures import DEEP, open_image, reading_image, rgb_of

#: A pair counts as two frames, and so many would come a second.
PAIR_FPS = 25.0
#: By what Pillow multiplies the values of grey PNGs of 2 and 4 bits: indices of classes there.
_STRETCHED = {2: 85, 4: 17}
#: A marker (ITU-T T.81, B.1.1.3) that some cameras put more bytes behind, which are no part of the image.
_END_OF_JPEG = b"\xff\xd9"


class Pair(NamedTuple):
    """An image with its mask.

    Attributes:
        rgb: (height, width, 3) uint8, as stored: not turned.
        mask: (height, width) uint8 or uint16: the indices of a palette, or grey values.
        jpeg: the image's own bytes, where it is a JPEG that every decoder reads.
    """

    rgb: npt.NDArray[np.uint8]
    mask: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    jpeg: bytes | None

    @classmethod
    def opened(cls, name: str, data: bytes, mask_name: str, mask_data: bytes) -> Pair:
        """Read an image and its mask from their bytes.

        Raises:
            ClipError: one of them cannot be read, they differ in size, or the mask has colours.
        """
        with open_image(data, name) as image, reading_image(name):
            plain = image.format == "JPEG" and image.mode in ("RGB", "L") and data.endswith(_END_OF_JPEG)
            jpeg = data if plain else None
            rgb = rgb_of(image, turn=False)
        mask = _indices(mask_data, mask_name)
        if rgb.shape[:2] != mask.shape:
            sizes = f"{rgb.shape[1]}x{rgb.shape[0]} pixels, and its mask {mask.shape[1]}x{mask.shape[0]}"
            raise ClipError(Reason.CORRUPT, f"the image has {sizes}")
        return cls(rgb, mask, jpeg)

    @property
    def width(self) -> int:
        """Of both, in pixels."""
        return int(self.mask.shape[1])

    @property
    def height(self) -> int:
        """Of both, in pixels."""
        return int(self.mask.shape[0])

    def encoded(self, options: FrameOptions) -> tuple[bytes, bytes]:
        """Return image and mask as they are stored: bare pixels, PNGs, or a JPEG and a PNG."""
        if options.encoding == "raw":
            return self.rgb.tobytes(), self.mask.astype(self.mask.dtype.newbyteorder("<")).tobytes()
        if options.encoding == "png":
            return to_png(self.rgb), to_png(self.mask)
        return self.jpeg or _jpeg(self.rgb, options), to_png(self.mask)


def _indices(data: bytes, name: str) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    """Return the values of a mask's pixels, as they are in the file."""
    with open_image(data, name) as image, reading_image(name):
        image.load()
        if image.mode in DEEP:
            return np.asarray(image).astype(np.uint16)
        if image.mode not in ("L", "P", "1"):
            raise ClipError(Reason.CORRUPT, f"the mask {name} has colours: convert them to the indices of classes")
        values = np.asarray(image).astype(np.uint8)
    # Bit depth and kind of colour of a PNG (its specification, 11.2.1); a palette's indices are not stretched.
    if image.format == "PNG" and image.mode == "L":
        values //= np.uint8(_STRETCHED.get(data[24], 1))
    return values


def _jpeg(rgb: npt.NDArray[np.uint8], options: FrameOptions) -> bytes:
    return FrameEncoder(options, rotate=False).encode(av.VideoFrame.from_ndarray(rgb, "rgb24"))


def pixels_of(
    image: memoryview, mask: memoryview, width: int, height: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return image and mask, as in `Pair`, of the bare pixels that `encoded` stores."""
    depth = "<u2" if len(mask) == 2 * width * height else "u1"
    return np.frombuffer(image, "u1").reshape(height, width, 3), np.frombuffer(mask, depth).reshape(height, width)


def to_png(pixels: npt.NDArray[Any]) -> bytes:
    """Encode an image, or a mask of 8 or 16 bits, as a PNG file's bytes."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
