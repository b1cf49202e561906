"""The default quality: luma of at least 40 dB in every frame, in few bytes.

The tables are flat: all frequencies are rounded to multiples of one step. The DCT keeps squared
sums, so a step of q gives a mean square error of about q*q / 12 whatever the frame shows, as long
as its coefficients do not lie between two multiples more often than by chance: 40.9 dB for a step
of 8, and more where most of them are nearly 0.

Two kinds of frames can miss 40 dB: one small tile repeated all over, and frames of a few blocks.
Such an error needs many coefficients that are not 0, so the JPEG is large for its size; one natural
frame in thirty is as large. Such frames are decoded again, and one that misses is encoded with a
step of 4. That needs no check: no coefficient is off by more than 2, which with rounding to whole
levels (at most 1/2) stays below the 2.55 of 40 dB.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from clipmill.video.libjpeg import PlaneEncoder

#: The least PSNR of luma, in dB.
PROMISE = 40.0

#: Quantiser steps. A block's mean is the coefficient 0 over 8, so a step of 8 keeps flat colours to the level.
LUMA = [8] * 64
#: RGB's mean square error is that of luma and 1.9 times that of chroma: by the same sum 34.8 dB.
CHROMA = [8] + [10] * 63
SURE = [4] * 64
#: For frames of a few pixels: what `SURE` promises is of whole blocks, and theirs lie mostly outside.
FINEST = [1] * 64
#: Bytes a pixel above which a frame is looked at; natural ones have 0.15 on average.
_DOUBT = 0.35

_LARGEST_ERROR = 255**2 / 10 ** (PROMISE / 10)


def encode_faithfully(jpeg: PlaneEncoder) -> bytes:
    """Encode the planes of `jpeg` so that their luma keeps the promise."""
    luma = jpeg.planes.luma
    jpeg.use_tables(LUMA, CHROMA)
    encoded = jpeg.encode()
    if len(encoded) <= _DOUBT * luma.size:
        return encoded
    for finer in (SURE, FINEST):
        if luma_error(luma, encoded) <= _LARGEST_ERROR:
            break
        jpeg.use_tables(finer, CHROMA)
        encoded = jpeg.encode()
    return encoded


def luma_error(luma: npt.NDArray[np.uint8], encoded: bytes) -> float:
    """Return the mean squared error of a JPEG's luma, in squared levels.

    Args:
        luma: (height, width) uint8, that was encoded.
    """
    stored = simplejpeg.decode_jpeg(encoded, "GRAY", False, False)[..., 0]
    return cv2.norm(luma, stored, cv2.NORM_L2SQR) / luma.size
