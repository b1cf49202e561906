"""Candidates: pairs of samples of two clips that have the same code in some quarter.

An index of exact 32-bit codes, as in multi-index hashing (Norouzi, Punjani, Fleet, "Fast exact search in Hamming space
with multi-index hashing", 2014): two pictures that differ in few bits nearly always agree in one of their parts. Here a
part is a quarter of the picture, so they also meet where others differ in many bits, as under a caption.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from clipmill.signatures.clip_signatures import Signatures
from clipmill.signatures.frame_codes import QUARTERS, VIEWS, mirrored

Ints = npt.NDArray[np.int64]

#: A code meets so many samples that have it, those of the first clips: where more have it, as a title card or an empty
#: stage, each clip still meets some, and a million of them do not meet each other.
CROWD = 200
#: Clips that are looked up at once, and pairs of samples that come of it at once, which bounds memory.
_CLIPS, _HITS = 20_000, 1_000_000
#: The most leading bits of a code by which those that the index lacks are told at once: 2**28 bytes of memory.
_LEADING = 28

_SHIFT, _LOW = np.uint64(32), np.uint64((1 << 32) - 1)


class Hits(NamedTuple):
    """Pairs of samples with the same code in some quarter.

    Attributes:
        asked, found: sample of the clip looked up, and of the clip in the index.
        asked_view, found_view: which views have it.
        mirrored: whether those looked up were mirrored.
        crowded: samples looked up that met only some of those with their code, because more than `CROWD` have it.
    """

    asked: Ints
    asked_view: Ints
    found: Ints
    found_view: Ints
    mirrored: bool
    crowded: Ints

    def take(self, which: npt.NDArray[np.bool_]) -> Hits:
        """Return some of the pairs."""
        return self._replace(
            asked=self.asked[which],
            asked_view=self.asked_view[which],
            found=self.found[which],
            found_view=self.found_view[which],
        )


def same_codes(left: Signatures, right: Signatures) -> Iterator[Hits]:
    """Iterate over the pairs of samples that agree in some quarter, some at a time."""
    for quarter in range(QUARTERS):
        index = _Index(right, quarter)
        for some in _some(left):
            places = some.samples
            codes = left.codes[places]
            first = _firsts(some)
            for flipped in (False, True):
                asked = (mirrored(codes) if flipped else codes)[:, :, quarter]
                samples, views = np.nonzero(_new(asked, first))
                for wanted, owners, crowded in index.find(asked[samples, views]):
                    yield Hits(
                        places[samples[wanted]],
                        views[wanted],
                        owners // VIEWS,
                        owners % VIEWS,
                        flipped,
                        places[samples[crowded]],
                    )


class _Index:
    """The codes of one quarter of a set of clips, sorted.

    Args:
        signatures: of the clips.
        quarter: which.
    """

    def __init__(self, signatures: Signatures, quarter: int) -> None:
        # Code and owner in one number: these sort three times as fast as an order of codes is found.
        entries = np.empty(int(signatures.lengths.sum()) * VIEWS, np.uint64)
        filled = 0
        for some in _some(signatures):
            new = _entries(some, quarter)
            entries[filled : filled + len(new)] = new
            filled += len(new)
        self._entries = entries[:filled]
        self._entries.sort()
        # An eighth of them or less is there.
        leading = min(_LEADING, (8 * len(self._entries)).bit_length())
        self._rest = np.uint64(64 - leading)
        self._leading = np.zeros(1 << leading, np.bool_)
        for begin in range(0, len(self._entries), _HITS):
            self._leading[self._entries[begin : begin + _HITS] >> self._rest] = True

    def find(self, wanted: npt.NDArray[np.uint32]) -> Iterator[tuple[Ints, Ints, Ints]]:
        """Iterate over (place in `wanted`, owner) for entries with these codes, and the places that met only some.

        An owner is sample * VIEWS + view.
        """
        # In the order of codes, neighbours in the index are looked at after each other: that is what caches are for.
        asked = wanted.astype(np.uint64) << _SHIFT | np.arange(len(wanted), dtype=np.uint64)
        asked.sort()
        asked = asked[self._leading[asked >> self._rest]]
        places, codes = (asked & _LOW).astype(np.int64), asked & ~_LOW
        begins = np.searchsorted(self._entries, codes)
        counts = np.searchsorted(self._entries, codes | _LOW, side="right") - begins
        some = counts > 0
        places, begins, counts = places[some], begins[some], counts[some]
        crowded = counts > CROWD
        counts = np.minimum(counts, CROWD)
        for piece in pieces(counts, _HITS):
            of = np.repeat(np.arange(piece.start, piece.stop), counts[piece])
            ranks = np.arange(len(of)) - np.repeat(np.cumsum(counts[piece]) - counts[piece], counts[piece])
            owners = (self._entries[begins[of] + ranks] & _LOW).astype(np.int64)
            yield places[of], owners, places[piece][crowded[piece]]


def pieces(counts: Ints, most: int) -> Iterator[slice]:
    """Cut a row of things into pieces whose counts come to about `most` together."""
    ends = np.cumsum(counts)
    cuts = np.searchsorted(ends, np.arange(most, ends[-1] if len(ends) else 0, most), side="right")
    bounds = np.unique([0, *cuts.tolist(), len(counts)]).tolist()
    yield from map(slice, bounds[:-1], bounds[1:])


def _some(signatures: Signatures) -> Iterator[Signatures]:
    for begin in range(0, signatures.clips, _CLIPS):
        yield signatures.take(slice(begin, begin + _CLIPS))


def _entries(signatures: Signatures, quarter: int) -> npt.NDArray[np.uint64]:
    samples = signatures.samples
    codes = signatures.codes[samples, :, quarter]
    new = _new(codes, _firsts(signatures))
    owners = samples[:, None] * VIEWS + np.arange(VIEWS)
    entries: npt.NDArray[np.uint64] = codes[new].astype(np.uint64) << _SHIFT | owners[new].astype(np.uint64)
    return entries


def _firsts(signatures: Signatures) -> npt.NDArray[np.bool_]:
    """Tell which samples are the first of their clip."""
    firsts: npt.NDArray[np.bool_] = signatures.samples == np.repeat(signatures.begins, signatures.lengths)
    return firsts


def _new(codes: npt.NDArray[np.uint32], first: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Tell which codes show something and differ from those of the sample before: what stands still is looked up once.

    Args:
        codes: (samples, VIEWS) of one quarter.
        first: (samples,) whether each is the first of its clip.
    """
    new: npt.NDArray[np.bool_] = codes != 0
    new[1:] &= (codes[1:] != codes[:-1]) | first[1:, None]
    return new
