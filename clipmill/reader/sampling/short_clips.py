"""The policies for clips with fewer frames than a sampler wants."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from clipmill.errors import UsageError
from clipmill.reader.draws import Ints

#: A frame that is not there: zeros in the batch, False in its mask.
NOTHING = -1


def loop(wanted: Ints, frames: int) -> Ints:
    """Start again from the clip's first frame."""
    return wanted % frames


def hold(wanted: Ints, frames: int) -> Ints:
    """Repeat the clip's last frame."""
    return np.minimum(wanted, frames - 1)


def pad(wanted: Ints, frames: int) -> Ints:
    """Leave the rest empty."""
    return np.where(wanted < frames, wanted, NOTHING)


def keep_out(wanted: Ints, frames: int) -> Ints:
    """Repeat the last frame: `drop` and `error` sort clips out by their length before any is read."""
    # A clip that is shorter by its timestamps than by the table's frame rate still comes here.
    return hold(wanted, frames)


SHORT: dict[str, Callable[[Ints, int], Ints]] = {
    "loop": loop,
    "hold": hold,
    "pad": pad,
    "drop": keep_out,
    "error": keep_out,
}


def check(policy: str) -> None:
    """Raise UsageError for an unknown policy."""
    if policy not in SHORT:
        raise UsageError(f"short={policy!r}: not one of {', '.join(SHORT)}")


def fit(wanted: Ints, frames: int, policy: str) -> Ints:
    """Replace frames past the end of a clip of `frames` frames by a policy; `NOTHING` marks those left empty."""
    if not len(wanted) or wanted[-1] < frames:
        return wanted
    return SHORT[policy](wanted, frames)
