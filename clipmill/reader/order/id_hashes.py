"""Orders of clips by hashes of their ids, so that nothing else decides them.

A clip that is added, left out or of another length moves no other clip relative to the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from clipmill.reader.draws import Word, Words, mix64, round_keys

#: Of the polynomial: odd, so that it has an inverse modulo 2**64.
MULTIPLIER = 0x9E3779B97F4A7C15
#: Ids that are hashed at once; few enough that their powers stay in the processor's cache.
PIECE = 1 << 10


class IdHashes:
    """The hashes of some clips' ids, and orders by them.

    Args:
        ids: (clips,) Arrow strings.
        names: of the members of a mix, which may have the same ids; names, not numbers, tell them apart, so that
            another member moves none of their clips.
        member: (clips,) which member each clip is of; None where there is one.
    """

    def __init__(
        self, ids: pa.ChunkedArray, names: Sequence[str] = ("",), member: npt.NDArray[np.uint8] | None = None
    ) -> None:
        words = np.concatenate([round_keys(1, "member", name) for name in names])
        self._hashes = hash_ids(ids, words[0] if member is None else words[member])
        # Mixing is one to one, so keys are equal only where hashes are: in a million ids once in 37 million sets.
        self._ranks = _ranks(ids) if _any_equal(self._hashes) else None

    def sorted_by(self, *key: Word) -> npt.NDArray[np.int32]:
        """Return (clips,) the clips' numbers, sorted by `mix64(hash ^ word of the key)`, then by id.

        Every order is equally likely over the keys.
        """
        mixed = mix64(self._hashes ^ round_keys(1, "order", *key)[0])
        order = np.argsort(mixed) if self._ranks is None else np.lexsort((self._ranks, mixed))
        return order.astype(np.int32)


def hash_ids(ids: pa.ChunkedArray, member: Words) -> Words:
    """Return (clips,) a 64-bit hash of each id and the word of its member: one for all, or (clips,).

    Of the n bytes b of an id in UTF-8 and the multiplier m, modulo 2**64:

        hash = mix64((b[0] + b[1] m + ... + b[n - 1] m**(n - 1) + m**n) ^ member)

    The last power tells ids apart that differ only in NULs at their end. For many ids at once it is
    a difference of two running sums over all their bytes, divided by the power at which the id begins.
    """
    hashes = np.empty(len(ids), np.uint64)
    powers = inverses = np.empty(0, np.uint64)
    done = 0
    for data, bounds in _pieces(ids):
        if len(powers) <= len(data):
            powers = _powers(MULTIPLIER, len(data) + 1)
            inverses = _powers(pow(MULTIPLIER, -1, 1 << 64), len(data) + 1)
        sums = np.zeros(len(data) + 1, np.uint64)
        np.cumsum(data * powers[: len(data)], out=sums[1:])
        begins, ends = bounds[:-1], bounds[1:]
        values = (sums[ends] - sums[begins]) * inverses[begins] + powers[ends - begins]
        hashes[done : done + len(values)] = values
        done += len(values)
    return mix64(hashes ^ member)


def _pieces(ids: pa.ChunkedArray) -> Iterator[tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]]:
    """Give the bytes of some ids at a time, and (ids + 1,) where in them each begins, and the last ends."""
    for chunk in ids.chunks:
        for first in range(0, len(chunk), PIECE):
            piece = chunk.slice(first, PIECE)
            bounds = np.zeros(len(piece) + 1, np.int64)
            np.cumsum(pc.binary_length(piece).to_numpy(), out=bounds[1:])
            # A slice keeps the bytes of the whole chunk; its offsets say where its own lie.
            width: Any = np.int64 if pa.types.is_large_string(piece.type) else np.int32
            _, offsets, data = piece.buffers()
            begin = int(np.frombuffer(offsets, width, 1, piece.offset * width().itemsize)[0])
            yield np.frombuffer(data or b"", np.uint8, int(bounds[-1]), begin), bounds


def _powers(base: int, count: int) -> Words:
    powers = np.full(count, base, np.uint64)
    powers[0] = 1
    raised: Words = np.multiply.accumulate(powers)
    return raised


def _any_equal(hashes: Words) -> bool:
    ordered = np.sort(hashes)
    return bool((ordered[1:] == ordered[:-1]).any())


def _ranks(ids: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return (clips,) the place of each id among all of them, in the order of their bytes."""
    order = pc.sort_indices(ids).to_numpy()
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks
