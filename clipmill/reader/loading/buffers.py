"""Memory for batches that is reused when no array in it is left, and that worker processes can write to."""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
import threading
import weakref
from itertools import count
from typing import Any, NamedTuple

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
        return type(self), (self._keep,)

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
        block = self._new(size)
        if len(self._blocks) < self._keep:
            self._blocks.append(block)
        return block

    def _new(self, size: int) -> npt.NDArray[np.uint8]:
        return np.empty(size, np.uint8)

    @staticmethod
    def _references(blocks: list[npt.NDArray[np.uint8]]) -> list[int]:
        return [sys.getrefcount(block) for block in blocks]


class Place(NamedTuple):
    """An array in a block of shared memory, as another process finds it.

    Attributes:
        path: opens the block.
        serial: of the block: a path may come to mean another one.
        offset: of the array's first byte in the block.
    """

    path: str
    serial: int
    offset: int


class SharedBuffers(Buffers):
    """Gives arrays in blocks of memory that other processes of this user can open.

    On Linux the blocks are anonymous files in memory, which the size of /dev/shm (64 MB in a container) does not limit;
    elsewhere they are temporary files.
    """

    def __init__(self, keep: int) -> None:
        super().__init__(keep)
        self._serials = count()
        self._shared: dict[int, tuple[weakref.ref[Any], str]] = {}

    def _new(self, size: int) -> npt.NDArray[np.uint8]:
        if hasattr(os, "memfd_create"):
            number = os.memfd_create("clipmill")
            path = f"/proc/{os.getpid()}/fd/{number}"
        else:
            number, path = tempfile.mkstemp(prefix="clipmill-")
        os.ftruncate(number, size)
        block = np.frombuffer(mmap.mmap(number, size), np.uint8)
        serial = next(self._serials)
        self._shared[serial] = weakref.ref(block), path
        weakref.finalize(block, _forget, self._shared, serial, number)
        return block

    def place(self, array: npt.NDArray[Any]) -> Place | None:
        """Return where an array lies, or None for one that this has not given."""
        address = array.ctypes.data
        for serial, (reference, path) in list(self._shared.items()):
            block = reference()
            if block is not None and 0 <= address - block.ctypes.data < block.nbytes:
                return Place(path, serial, address - block.ctypes.data)
        return None

    def serials(self) -> frozenset[int]:
        """Return the blocks that there are."""
        return frozenset(self._shared)


def _forget(shared: dict[int, tuple[weakref.ref[Any], str]], serial: int, number: int) -> None:
    _, path = shared.pop(serial)
    os.close(number)
    if not path.startswith("/proc/"):
        os.unlink(path)
