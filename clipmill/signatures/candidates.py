"""Candidates: pairs of samples of two clips that have the same code in some quarter.

An index of exact 32-bit codes, as in multi-index hashing (Norouzi, Punjani, Fleet, "Fast exact search in Hamming space
with multi-index hashing", 2014): two pictures that differ in few bits nearly always agree in one of their parts. Here a
part is a quarter of the picture, so they also meet where others differ in many bits, as under a caption.

The index holds half of the samples of each clip, and is asked for all: so of two clips that begin at different moments,
samples meet that are at most half of 1 / RATE seconds apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from clipmill.signatures.clip_signatures import Signatures
from clipmill.signatures.frame_codes import QUARTERS, VIEWS, mirrored
from clipmill.signatures.moments import RATE

Ints = npt.NDArray[np.int64]

#: A code meets so many samples that have it, those of the first clips: where more have it, as a title card or an empty
#: stage, each clip still meets some, and a million of them do not meet each other.
CROWD = 200
#: Of each clip's samples, those that the index holds: two a second.
_EVERY = RATE // 2
#: Clips that are looked up at once, which bounds memory.
_TOGETHER = 20_000

_SHIFT, _OWNERS = np.uint64(32), np.uint64((1 << 32) - 1)


class Hits(NamedTuple):
    """Pairs of samples with the same code in some quarter.

    Attributes:
        asked, found: sample of the clip looked up, and of the clip in the index.
        asked_view, found_view: which views have it.
        mirrored: whether those looked up were mirrored.
    """

    asked: Ints
    asked_view: Ints
    found: Ints
    found_view: Ints
    mirrored: bool

    def take(self, which: npt.NDArray[np.bool_]) -> Hits:
        """Return some of them."""
        return Hits(self.asked[which], self.asked_view[which], self.found[which], self.found_view[which], self.mirrored)


def same_codes(left: Signatures, right: Signatures) -> Iterator[Hits]:
    """Iterate over the pairs of samples that agree in some quarter, some clips of `left` at a time."""
    for quarter in range(QUARTERS):
        index = _Index(right, quarter)
        for begin in range(0, left.clips, _TOGETHER):
            some = left.take(slice(begin, begin + _TOGETHER))
            places = some.samples
            codes = left.codes[places]
            first = within(some) == 0
            for flipped in (False, True):
                asked = (mirrored(codes) if flipped else codes)[:, :, quarter]
                samples, views = np.nonzero(_new(asked, first))
                wanted, owners = index.find(asked[samples, views])
                yield Hits(places[samples[wanted]], views[wanted], owners // VIEWS, owners % VIEWS, flipped)


class _Index:
    """The codes of one quarter of a set of clips, sorted.

    Args:
        signatures: of the clips.
        quarter: which.
    """

    def __init__(self, signatures: Signatures, quarter: int) -> None:
        number = within(signatures)
        held = number % _EVERY == 0
        samples = signatures.samples[held].astype(np.uint32)
        codes = signatures.codes[samples, :, quarter]
        new = _new(codes, number[held] == 0)
        owners = samples[:, None] * VIEWS + np.arange(VIEWS, dtype=np.uint32)
        # Code and owner in one number: these sort three times as fast as an order of codes is found.
        self._entries = codes[new].astype(np.uint64) << _SHIFT | owners[new]
        self._entries.sort()

    def find(self, wanted: npt.NDArray[np.uint32]) -> tuple[Ints, Ints]:
        """Return (place in `wanted`, owner) for entries with these codes; an owner is sample * VIEWS + view."""
        codes = wanted.astype(np.uint64)
        begins = np.searchsorted(self._entries, codes << _SHIFT)
        counts = np.searchsorted(self._entries, (codes << _SHIFT) + _OWNERS, side="right") - begins
        counts = np.minimum(counts, CROWD)
        places = np.repeat(np.arange(len(wanted)), counts)
        ranks = np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
        return places, (self._entries[np.repeat(begins, counts) + ranks] & _OWNERS).astype(np.int64)


def within(signatures: Signatures) -> Ints:
    """Return the number of each sample in its clip."""
    return signatures.samples - np.repeat(signatures.begins, signatures.lengths)


def _new(codes: npt.NDArray[np.uint32], first: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Tell which codes show something and differ from those of the sample before: what stands still is looked up once.

    Args:
        codes: (samples, VIEWS) of one quarter.
        first: (samples,) whether each is the first of its clip.
    """
    new: npt.NDArray[np.bool_] = codes != 0
    new[1:] &= (codes[1:] != codes[:-1]) | first[1:, None]
    return new
