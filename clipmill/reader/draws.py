"""Random numbers as pure functions of a key, the same on every machine and in every process.

They come from BLAKE2b and splitmix64, which never change, and not from a numpy
Generator, whose streams may change between releases (NEP 19).
"""

from __future__ import annotations

import hashlib
import struct
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

#: What a key is made of: seed, epoch, clip id, ...
Word: TypeAlias = int | str
Ints: TypeAlias = npt.NDArray[np.int64]
Words: TypeAlias = npt.NDArray[np.uint64]

_WORDS = struct.Struct("<8Q")


def digest(*words: Word) -> bytes:
    """Return 64 bytes that depend only on the words, and on where one ends and the next begins."""
    return hashlib.blake2b("\x1f".join(map(str, words)).encode("utf-8", "surrogatepass")).digest()


def fraction(*words: Word) -> float:
    """Return a number in [0, 1) that depends only on the words."""
    hashed = hashlib.sha256("\x1f".join(map(str, words)).encode()).digest()
    return int.from_bytes(hashed[:7], "big") / (1 << 56)


class Draws:
    """A stream of random numbers that belongs to one key.

    Args:
        key: seed, epoch, clip id, and what the numbers are for.
        view: which view of the clip they are for; part of the key.
    """

    __slots__ = ("_block", "_digest", "_left", "view")

    def __init__(self, *key: Word, view: int = 0) -> None:
        self.view = view
        self._digest = digest(*key, view)
        self._block = 0
        self._left = list(_WORDS.unpack(self._digest))

    def random(self) -> float:
        """Draw the next number, uniform in [0, 1), a multiple of 2**-53."""
        if not self._left:
            self._block += 1
            again = hashlib.blake2b(self._digest + self._block.to_bytes(8, "little"))
            self._left = list(_WORDS.unpack(again.digest()))
        return int(self._left.pop() >> 11) * 2.0**-53

    def uniform(self, low: float, high: float) -> float:
        """Draw the next number, uniform in [low, high)."""
        return low + (high - low) * self.random()

    def below(self, count: int) -> int:
        """Draw the next whole number, uniform in 0 .. count - 1."""
        return int(self.random() * count)

    def chance(self, probability: float) -> bool:
        """Draw True with this probability."""
        return self.random() < probability

    def generator(self) -> np.random.Generator:
        """Return a numpy generator of the same key, for functions of the user's own."""
        key = hashlib.blake2b(self._digest, digest_size=16, person=b"generator").digest()
        return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


def mix64(words: Words) -> Words:
    """Return a hash of each 64-bit word: the finalizer of splitmix64 (Steele, Lea, Flood, OOPSLA 2014)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Words = words ^ (words >> np.uint64(31))
    return mixed


def round_keys(count: int, *key: Word) -> Words:
    """Return `count` 64-bit words that depend only on the key."""
    raw = b"".join(digest(*key, block) for block in range(-(-count // 8)))
    return np.frombuffer(raw, "<u8")[:count].astype(np.uint64)
