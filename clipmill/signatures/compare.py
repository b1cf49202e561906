"""Comparing clips: two are alike where three quarters of the picture agree over all the time that they share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from clipmill.signatures.candidates import CROWD, Hits, Ints, pieces, same_codes
from clipmill.signatures.clip_signatures import Signatures
from clipmill.signatures.frame_codes import BITS, Codes, mirrored, unlike
from clipmill.signatures.moments import RATE

#: Clips are alike whose quarters differ in at most this share of their bits. Those of pictures that have nothing to do
#: with each other differ in about half, and in 40 % at their best alignment (docs/leaks.md).
MOST_UNLIKE = 0.3
#: Of a single pair of samples, before all that the clips share is compared.
_SAMPLE_UNLIKE = 0.4
#: Samples that two clips must share, a second; or all of the shorter clip.
LEAST_SHARED = RATE
#: How far around an alignment a better one is looked for, in samples.
_AROUND = 2 * RATE
#: Pairs of samples that are compared at once, which bounds memory.
_TOGETHER = 1_000_000
#: Alignments whose unlikeness falls into the same step are as good as each other; the longer one is taken.
_STEPS = 2 * BITS


class Alignments(NamedTuple):
    """Ways to lay two clips beside each other.

    Attributes:
        left, right: the clips.
        shift: samples of the left clip before the right one begins; negative where the right one begins first.
        left_view, right_view: which view of each is compared.
        mirrored: whether one of them is mirrored.
        unlike: share of the bits in which they differ.
        shared: samples that they share.
    """

    left: Ints
    right: Ints
    shift: Ints
    left_view: Ints
    right_view: Ints
    mirrored: npt.NDArray[np.bool_]
    unlike: npt.NDArray[np.float64]
    shared: Ints

    def take(self, which: npt.NDArray[Any] | slice) -> Alignments:
        """Return some of them."""
        return Alignments._make(column[which] for column in self)


_NO = np.empty(0, np.int64)
_NONE = Alignments(_NO, _NO, _NO, _NO, _NO, mirrored=np.empty(0, np.bool_), unlike=np.empty(0), shared=_NO)


class Compared(NamedTuple):
    """What a comparison found.

    Attributes:
        alike: the best alignment of each pair of clips that are alike.
        crowded: (clips,) bool, clips of the left set that show what more than `CROWD` samples of the other show, and
            were compared by it with some of these only.
    """

    alike: Alignments
    crowded: npt.NDArray[np.bool_]


def find_alike(left: Signatures, right: Signatures | None = None) -> Compared:
    """Find the pairs of clips that are alike.

    Args:
        left: of a set of clips.
        right: of another set; None compares the clips of `left` with each other, `left` of each pair before `right`.
    """
    other = left if right is None else right
    crowded = np.zeros(left.clips, np.bool_)
    best, further = _NONE, [_NONE]
    for hits in same_codes(left, other):
        crowded[_owners(left, hits.crowded)] = True
        further.append(_best([_judged(left, other, _aligned(left, other, hits, right is None))]))
        if sum(len(some.left) for some in further) > _TOGETHER:
            best, further = _best([best, *further]), [_NONE]
    best = _best([best, *further])
    return Compared(_best([best, *(_judged(left, other, _moved(some)) for some in _parts(best))]), crowded)


def tell_crowded(clips: int) -> str:
    """Return what to tell of clips that were compared with some only of those that share a sample with them."""
    return (
        f"{clips:,} clips show what over {CROWD} samples of others show, as a title card or an empty stage: "
        f"by that they were compared with the first {CROWD} of these only"
    )


def _owners(signatures: Signatures, samples: Ints) -> Ints:
    """Return the clips that samples are of."""
    return np.searchsorted(signatures.begins, samples, side="right") - 1


def _aligned(left: Signatures, right: Signatures, hits: Hits, itself: bool) -> Alignments:
    """Return the alignments that hits suggest, each once, without those whose samples are unlike."""
    codes = left.codes[hits.asked, hits.asked_view]
    codes = mirrored(codes) if hits.mirrored else codes
    hits = hits.take(_near(codes, right.codes[hits.found, hits.found_view]))
    of_left, of_right = _owners(left, hits.asked), _owners(right, hits.found)
    shift = (hits.asked - left.begins[of_left]) - (hits.found - right.begins[of_right])
    flat = np.stack([of_left, of_right, shift, hits.asked_view, hits.found_view])
    if itself:
        flat = np.where(of_left <= of_right, flat, flat[[1, 0, 2, 4, 3]] * np.array([[1], [1], [-1], [1], [1]]))
        flat = flat[:, flat[0] != flat[1]]
    flat = np.unique(flat, axis=1)
    flipped = np.full(flat.shape[1], hits.mirrored)
    return Alignments._make([*flat, flipped, np.zeros(len(flipped)), np.zeros(len(flipped), np.int64)])


def _near(left: Codes, right: Codes) -> npt.NDArray[np.bool_]:
    """Tell which single samples are alike in three quarters, or in both where two show something.

    Args:
        left, right: (samples, QUARTERS).
    """
    seen = (left != 0) & (right != 0)
    near = seen & (unlike(left, right) <= _SAMPLE_UNLIKE * BITS)
    wanted: npt.NDArray[np.bool_] = near.sum(axis=1) >= np.clip(seen.sum(axis=1), 2, 3)
    return wanted


def _parts(found: Alignments) -> Iterator[Alignments]:
    for begin in range(0, len(found.left), _TOGETHER // 32):
        yield found.take(slice(begin, begin + _TOGETHER // 32))


def _moved(found: Alignments) -> Alignments:
    """Return alignments a little before and after those that were found."""
    moves = np.arange(-_AROUND, _AROUND + 1)
    many = found.take(np.repeat(np.arange(len(found.left)), len(moves)))
    return many._replace(shift=many.shift + np.tile(moves, len(found.left)))


def _judged(left: Signatures, right: Signatures, aligned: Alignments) -> Alignments:
    """Return the alignments in which clips are alike, with how unlike they are and how much they share."""
    lengths = left.lengths[aligned.left], right.lengths[aligned.right]
    begins = np.maximum(aligned.shift, 0)
    shared = np.minimum(lengths[0], aligned.shift + lengths[1]) - begins
    enough = shared >= np.minimum(LEAST_SHARED, np.minimum(*lengths))
    aligned = aligned._replace(shared=shared).take(enough & (shared > 0))
    for piece in pieces(aligned.shared, _TOGETHER):
        part = aligned.take(piece)
        aligned.unlike[piece] = _unlike_over_time(left, right, part)
    return aligned.take(aligned.unlike <= MOST_UNLIKE)


def _unlike_over_time(left: Signatures, right: Signatures, part: Alignments) -> npt.NDArray[np.float64]:
    owners = np.repeat(np.arange(len(part.shared)), part.shared)
    begins = np.cumsum(part.shared) - part.shared
    within = np.arange(len(owners)) - begins[owners]
    from_left = (left.begins[part.left] + np.maximum(part.shift, 0))[owners] + within
    from_right = (right.begins[part.right] + np.maximum(-part.shift, 0))[owners] + within
    codes = left.codes[from_left, part.left_view[owners]]
    flipped = part.mirrored[owners]
    codes[flipped] = mirrored(codes[flipped])
    return _unlike(codes, right.codes[from_right, part.right_view[owners]], begins)


def _unlike(left: Codes, right: Codes, begins: Ints) -> npt.NDArray[np.float64]:
    """Return how unlike runs of samples are: the share of bits that differ in the quarter that agrees third best.

    So one quarter may be covered by a logo. Quarters that show nothing for most of the time do not count. Where only
    two count, both must agree; where fewer do, nothing can be said, and the result is 1.

    Args:
        left, right: (samples, QUARTERS).
        begins: where each run begins.
    """
    seen = (left != 0) & (right != 0)
    counts = np.add.reduceat(seen, begins, axis=0, dtype=np.int64)
    bits = np.add.reduceat(np.where(seen, unlike(left, right), 0), begins, axis=0, dtype=np.int64)
    lengths = np.diff(begins, append=len(left))
    shares = np.where(2 * counts >= lengths[:, None], bits / np.maximum(counts, 1) / BITS, np.inf)
    ordered = np.sort(shares, axis=1)
    third = np.where(np.isinf(ordered[:, 2]), ordered[:, 1], ordered[:, 2])
    return np.minimum(third, 1)


def _best(found: Sequence[Alignments]) -> Alignments:
    """Return the best alignment of each pair of clips."""
    joined = Alignments._make(np.concatenate(columns) for columns in zip(*found, strict=True))
    ways = joined.shift, joined.right_view, joined.left_view, joined.mirrored
    order = np.lexsort((*ways, -joined.shared, np.floor(joined.unlike * _STEPS), joined.right, joined.left))
    joined = joined.take(order)
    new = np.ones(len(order), np.bool_)
    new[1:] = (joined.left[1:] != joined.left[:-1]) | (joined.right[1:] != joined.right[:-1])
    return joined.take(new)
