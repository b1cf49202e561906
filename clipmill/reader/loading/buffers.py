"""Memory for batches that is reused when no array in it is left."""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

#: TensorFlow uses an array without a copy only if it begins at a multiple of this.
ALIGN = 64


class Buffers:
    """Gives arrays in a few large blocks of memory.

    A block is free when no array in it is left, nor a TensorFlow or PyTorch tensor made
    from one: all of them hold a reference to the block. So a batch stays valid as long as
    it is held, and memory is not mapped again for each batch.

    Args:
        keep: blocks to keep; more are made while more batches are held.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._blocks: list[npt.NDArray[np.uint8]] = []
        self._lock = threading.Lock()
        self._idle = self._references([np.empty(1, np.uint8)])[0]

    def __reduce__(self) -> tuple[type[Buffers], tuple[int]]:
        return Buffers, (self._keep,)

    def take(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Return an array with arbitrary content."""
        dtype = np.dtype(dtype)
        size = int(np.prod(shape)) * dtype.itemsize
        with self._lock:
            block = self._free(size + ALIGN)
        begin = -block.ctypes.data % ALIGN
        return block[begin : begin + size].view(dtype).reshape(shape)

    def _free(self, size: int) -> npt.NDArray[np.uint8]:
        idle = [n for n, count in enumerate(self._references(self._blocks)) if count <= self._idle]
        fitting = [n for n in idle if self._blocks[n].nbytes >= size]
        if fitting:
            return self._blocks[min(fitting, key=lambda n: self._blocks[n].nbytes)]
        if idle and len(self._blocks) >= self._keep:
            del self._blocks[idle[0]]
        block = np.empty(size, np.uint8)
        if len(self._blocks) < self._keep:
            self._blocks.append(block)
        return block

    @staticmethod
    def _references(blocks: list[npt.NDArray[np.uint8]]) -> list[int]:
        return [sys.getrefcount(block) for block in blocks]
