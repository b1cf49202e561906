"""The base of samplers: pure functions of a clip's length, its times and a random key."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from clipmill.errors import UsageError
from clipmill.reader.draws import Draws, Ints

Bools: TypeAlias = npt.NDArray[np.bool_]


class Lengths(NamedTuple):
    """What the clip table says of the clips' lengths.

    Attributes:
        ids: (clips,) clip ids, anything that can be iterated.
        frames: (clips,) int64.
        seconds: (clips,) how long each is shown, its last frame as long as the one before it.
    """

    ids: Any
    frames: Ints
    seconds: npt.NDArray[Any]


class ClipTimes(NamedTuple):
    """What a sampler knows of the clip it picks from.

    Attributes:
        clip_id: its id.
        frames: how many it has.
        times: (frames,) int64 microseconds from its start, increasing; None unless the
            sampler is `timed`.
        chunk: how many chunks of it were given before (see `Chunks`).
    """

    clip_id: str
    frames: int
    times: Ints | None = None
    chunk: int = 0


class Sampler(msgspec.Struct, frozen=True, tag=True):
    """Base of all samplers; derive your own from it, with a `pick`.

    Attributes:
        timed: whether `pick` needs the clip's times.
    """

    timed: ClassVar[bool] = False

    @property
    def views(self) -> int:
        """Windows that each clip gives; with several, arrays have an axis for them."""
        return 1

    @property
    def policy(self) -> str:
        """The policy for short clips."""
        return getattr(self, "short", "pad")

    @property
    def length(self) -> int | None:
        """Frames of every window, or None where it depends on the clip."""
        return None

    def counts(self, clips: Lengths) -> Ints:
        """Return (clips,) frames that each gives, as far as the clip table tells; batches are planned with it."""
        return clips.frames if self.length is None else np.full_like(clips.frames, self.length)

    def filled(self, clips: Lengths) -> Ints:
        """Return (clips,) how many of the frames that each gives are not left empty."""
        return self.counts(clips)

    def too_short(self, clips: Lengths) -> Bools:
        """Return (clips,) whether each is too short, so that the policy for short clips applies."""
        return np.zeros(len(clips.frames), bool)

    def pick(self, clip: ClipTimes, draws: Draws) -> Ints:
        """Pick the frames of one view: numbers, (length,) int64; `draws.view` says which view.

        Frames that are left empty are -1 and stand at the end.
        """
        raise NotImplementedError


def positive(**values: float) -> None:
    """Raise UsageError for a parameter that is not positive."""
    for name, value in values.items():
        if not value > 0:
            raise UsageError(f"{name}={value}: must be positive")
