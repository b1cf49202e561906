"""Moments at which a clip is sampled: 0, 1 / RATE, 2 / RATE, ... seconds, and the frames that it shows then."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: Samples a second. Two copies of a clip that begin at different moments are compared at moments up to half the time
#: between samples apart. At 4 a second the codes of what moves fast still agree; at 2 they do not (docs/leaks.md).
RATE = 4
_STEP = 1_000_000 // RATE
#: What a clip shows after a day is not sampled: times in records that others wrote may be anything.
_LONGEST = 24 * 3600 * 1_000_000


def every_moment(times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the numbers of a clip's moments: from 0 to the last that begins before its last frame.

    Args:
        times: (frames,) microseconds, increasing, from 0.
    """
    return np.arange(min(int(times[-1]), _LONGEST) // _STEP + 1)


def shown_at(times: npt.NDArray[np.int64], moments: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the frame that a clip shows at each moment: numbers of frames.

    Args:
        times: (frames,) microseconds, increasing, from 0.
        moments: numbers of moments.
    """
    return np.searchsorted(times, moments * _STEP, side="right") - 1
