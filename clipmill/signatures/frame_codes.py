"""Codes of frames: 32 bits for each quarter of a picture, alike for pictures that look alike.

A picture is shrunk to 32x32 grey levels. The bits of a quarter are the signs of the 32 lowest frequencies of its
discrete cosine transform, its mean left out: signs survive another size, another codec and other brightness, as in
pHash (Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010) and PDQ (Facebook, "The
TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm", 2019), which take them of the whole picture.
Quarters have codes of their own so that a logo, a caption or a clock changes those of one quarter alone.

Each frame has the codes of two views: of the whole picture, and of its middle, a tenth cut off at each side. A cropped
copy's whole is like the original's middle. A mirrored copy's codes follow from the original's: left and right change
places, and the frequencies that are odd across change their sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

#: (..., views, quarters) uint32; a quarter that shows nothing has the code 0.
Codes = npt.NDArray[np.uint32]
#: (frames, height, width) or one frame of it, uint8 grey levels.
Grey = npt.NDArray[np.uint8]

#: The whole picture, and its middle.
VIEWS = 2
#: Upper left, upper right, lower left, lower right.
QUARTERS = 4
BITS = 32

#: Side of a quarter, in pixels of the shrunk picture.
_SIDE = 16
#: Share that the middle leaves out at each side.
_CUT = 0.1
#: A quarter whose low frequencies stay below this contrast, in grey levels (root mean square), shows nothing: its signs
#: would be those of noise. A black or white frame has 0, a clear sky about 1, a wall with a shadow on it 3 or more.
_CONTRAST = 3.0
#: Waves are whole numbers of at most 500, pixels of at most 128, and there are 256 of them: so every sum is a whole
#: number below 2**24, which float32 holds exactly, and every processor and library gives the same signs.
_SCALE = 4000
_GREY = 128


def _frequencies() -> list[tuple[int, int]]:
    """Return the (down, across) frequencies of the bits, the lowest first; without the mean."""
    near = [(down, across) for down in range(_SIDE) for across in range(_SIDE)][1:]
    return sorted(near, key=lambda pair: (pair[0] ** 2 + pair[1] ** 2, pair))[:BITS]


def _waves() -> npt.NDArray[np.float32]:
    """Return the DCT-II basis pictures of `_frequencies`, orthonormal, in units of 1 / _SCALE: (pixels, bits)."""
    place = (np.arange(_SIDE) + 0.5) * np.pi / _SIDE
    pictures = [np.outer(np.cos(down * place), np.cos(across * place)) for down, across in _frequencies()]
    flat = np.stack([picture.ravel() / np.linalg.norm(picture) for picture in pictures], axis=1)
    whole: npt.NDArray[np.float32] = np.round(flat * _SCALE).astype(np.float32)
    return whole


_WAVES = _waves()
#: The bits that change in a mirrored picture.
_ODD = np.uint32(sum(1 << bit for bit, (_, across) in enumerate(_frequencies()) if across % 2))
_ONES = np.array([number.bit_count() for number in range(1 << 16)], np.uint8)
#: NumPy has a function for it from 2.0 on.
_count_ones = getattr(np, "bitwise_count", lambda codes: _ONES[codes & 0xFFFF] + _ONES[codes >> 16])


def encode(pictures: Sequence[Grey]) -> Codes:
    """Return the codes of pictures of any sizes: (pictures, VIEWS, QUARTERS).

    Args:
        pictures: each (height, width) uint8 grey levels; those with sides of 32 pixels or more are as good as larger.
    """
    small = np.stack([_shrink(view) for picture in pictures for view in (picture, _middle(picture))])
    quarters = small.reshape(-1, 2, _SIDE, 2, _SIDE).transpose(0, 1, 3, 2, 4).reshape(-1, _SIDE * _SIDE)
    strengths = (quarters.astype(np.float32) - _GREY) @ _WAVES
    codes: Codes = np.packbits(strengths > 0, axis=1, bitorder="little").view("<u4")[:, 0]
    energy = (strengths.astype(np.float64) ** 2).sum(axis=1)
    codes[energy < (_CONTRAST * _SIDE * _SCALE) ** 2] = 0
    return codes.reshape(-1, VIEWS, QUARTERS)


def mirrored(codes: Codes) -> Codes:
    """Return the codes that the pictures would have mirrored, left to right."""
    swapped = codes[..., [1, 0, 3, 2]]
    return np.where(swapped == 0, 0, swapped ^ _ODD)


def unlike(left: Codes, right: Codes) -> npt.NDArray[np.uint8]:
    """Count the bits in which codes differ, from 0 to 32."""
    counted: npt.NDArray[np.uint8] = _count_ones(left ^ right)
    return counted


def _middle(picture: Grey) -> Grey:
    height, width = picture.shape
    down, across = round(height * _CUT), round(width * _CUT)
    return picture[down : height - down, across : width - across]


def _shrink(picture: Grey) -> Any:
    how = cv2.INTER_AREA if min(picture.shape) >= 2 * _SIDE else cv2.INTER_LINEAR
    return cv2.resize(picture, (2 * _SIDE, 2 * _SIDE), interpolation=how)
