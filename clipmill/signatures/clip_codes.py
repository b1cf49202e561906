"""Making the codes of a clip's samples from their JPEGs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import simplejpeg

from clipmill.signatures.frame_codes import Codes, encode

#: JPEGs are decoded at an eighth of their size, or the smallest multiple of it whose sides have so many pixels.
_LEAST_SIDE = 28


def codes_of(samples: Sequence[Any]) -> Codes:
    """Return the codes of samples: (samples, VIEWS, QUARTERS).

    Args:
        samples: a JPEG for each; those that show one frame are the same object, and decoded once.

    Raises:
        ValueError: a frame is not a whole JPEG.
    """
    frames = {id(jpeg): jpeg for jpeg in samples}
    numbers = {frame: number for number, frame in enumerate(frames)}
    codes = encode([_grey(jpeg) for jpeg in frames.values()])
    return codes[[numbers[id(jpeg)] for jpeg in samples]]


def _grey(jpeg: Any) -> npt.NDArray[np.uint8]:
    picture: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(jpeg, "GRAY", True, True, _LEAST_SIDE, _LEAST_SIDE, 8)
    return picture[..., 0]
