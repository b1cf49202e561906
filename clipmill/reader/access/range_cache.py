"""Caching byte ranges of remote objects on a local disk.

Objects of a data set never change, so what was read once can be kept. Each object is
cut into blocks, each with a sparse file of its own:

    <cache>/<hash of root and object>/<block>
        u32 x SLOTS   CRC-32C of each page that is there, 0 where it is not; little-endian
        bytes         the block's pages, with holes where pages are not there

A page counts as there only if its checksum fits, so a process may be killed at any
moment, and several may write the same page: they write the same bytes. When the files
take more than the limit, the least recently used ones are deleted; a process that is
reading one can read on.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import google_crc32c
import numpy as np
import numpy.typing as npt

from clipmill.storage import Stat

PAGE = 4096
SLOTS = 2048
BLOCK = PAGE * SLOTS
HEAD = 4 * SLOTS
#: Bytes that a process adds before it checks the cache's size; at most a 20th of the limit.
BETWEEN_SWEEPS = 256 << 20
#: A sweep leaves this share of the limit.
KEPT = 0.9

log = logging.getLogger("clipmill.reader")


class ReadableStorage(Protocol):
    """The part of `clipmill.storage.Storage` that a reader needs."""

    root: str
    local: bool

    def read(self, path: str, start: int = 0, end: int | None = None) -> bytes:
        """Read bytes `start` to `end` (half open, None for the end) of an object."""

    def read_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Read several half-open byte ranges of one object."""

    def borrow_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes | memoryview]:
        """Read several half-open byte ranges, perhaps into memory that this thread's next call uses again."""

    def stat(self, path: str) -> Stat | None:
        """Return size and stamp, or None if there is no such object."""


class _Run(NamedTuple):
    """Consecutive pages of an object, and which of them are filled."""

    first: int
    data: bytearray
    there: npt.NDArray[np.bool_]


class CachedStorage:
    """Keeps what is read in ranges from a remote storage on a local disk; reads of whole objects are passed on.

    Args:
        storage: the remote storage.
        folder: on a local disk; other data sets and processes may use the same.
        limit: bytes that the folder may take, and for a moment what each process adds between sweeps.
    """

    local = False

    def __init__(self, storage: ReadableStorage, folder: str, limit: int) -> None:
        self.root = storage.root
        self._storage = storage
        self._folder = os.path.abspath(folder)
        self._limit = limit
        self._added = 0
        self._complained = False
        os.makedirs(self._folder, exist_ok=True)

    def read(self, path: str, start: int = 0, end: int | None = None) -> bytes:
        """Read bytes of an object; through the cache where an end is given."""
        if end is None:
            return self._storage.read(path, start)
        return self.read_ranges(path, [(start, end)])[0]

    def stat(self, path: str) -> Stat | None:
        """Return size and stamp of the remote object."""
        return self._storage.stat(path)

    def read_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Read several half-open byte ranges of one object; what is not cached is read in one request."""
        runs = _runs(ranges)
        for run in runs:
            self._load(path, run)
        missing = [(run, begin, end) for run in runs for begin, end in _gaps(run.there)]
        if missing:
            wanted = [((run.first + begin) * PAGE, (run.first + end) * PAGE) for run, begin, end in missing]
            # The last page may end past the object; storage then gives what there is.
            for (run, begin, end), blob in zip(missing, self._storage.read_ranges(path, wanted), strict=True):
                run.data[begin * PAGE : begin * PAGE + len(blob)] = blob
                self._store(path, run, begin, end)
        return [_cut(runs, start, end) for start, end in ranges]

    def borrow_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes | memoryview]:
        """Read as `read_ranges` does; the result stays valid."""
        return self.read_ranges(path, ranges)

    def _load(self, path: str, run: _Run) -> None:
        """Fill those pages of a run that are cached."""
        for file, begin, count, slot in self._blocks(path, run.first, 0, len(run.there)):
            with contextlib.suppress(OSError):
                fd = os.open(file, os.O_RDONLY)
                try:
                    sums = np.frombuffer(os.pread(fd, 4 * count, 4 * slot), "<u4")
                    if not sums.any():
                        continue
                    place = memoryview(run.data)[begin * PAGE : (begin + count) * PAGE]
                    os.preadv(fd, [place], HEAD + slot * PAGE)
                    for number in np.flatnonzero(sums).tolist():
                        page = place[number * PAGE : (number + 1) * PAGE]
                        run.there[begin + number] = _checksum(page) == sums[number]
                    os.utime(file)
                finally:
                    os.close(fd)

    def _store(self, path: str, run: _Run, first: int, last: int) -> None:
        """Keep pages `first` to `last` of a run."""
        try:
            for file, begin, count, slot in self._blocks(path, run.first, first, last):
                pages = memoryview(run.data)[begin * PAGE : (begin + count) * PAGE]
                sums = [_checksum(pages[at : at + PAGE]) for at in range(0, len(pages), PAGE)]
                os.makedirs(os.path.dirname(file), exist_ok=True)
                fd = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
                try:
                    os.pwrite(fd, pages, HEAD + slot * PAGE)
                    os.pwrite(fd, np.array(sums, "<u4").tobytes(), 4 * slot)
                finally:
                    os.close(fd)
                self._added += count * PAGE
            if self._added > min(BETWEEN_SWEEPS, self._limit // 20):
                self._added = 0
                self._sweep()
        except OSError as error:
            # A cache that cannot be written must not end a training.
            if not self._complained:
                log.warning("%s: cannot be used as a cache: %s", self._folder, error.strerror or error)
            self._complained = True

    def _blocks(self, path: str, run_first: int, first: int, last: int) -> Iterator[tuple[str, int, int, int]]:
        """Iterate over files that hold pages `first` to `last` of a run: name, first page, how many, first slot."""
        name = hashlib.sha256(f"{self.root}\n{path}".encode()).hexdigest()[:32]
        while first < last:
            block, slot = divmod(run_first + first, SLOTS)
            count = min(last - first, SLOTS - slot)
            yield os.path.join(self._folder, name, str(block)), first, count, slot
            first += count

    def _sweep(self) -> None:
        """Delete the least recently used files if all take too much; skipped while another process does it."""
        with open(os.path.join(self._folder, "lock"), "ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            found = []
            for folder, _, names in os.walk(self._folder):
                for name in names:
                    with contextlib.suppress(FileNotFoundError):
                        stat = os.stat(os.path.join(folder, name))
                        found.append((stat.st_mtime_ns, stat.st_blocks * 512, os.path.join(folder, name)))
            size = sum(taken for _, taken, _ in found)
            if size <= self._limit:
                return
            for _, taken, file in sorted(found):
                if size <= KEPT * self._limit:
                    break
                if os.path.basename(file) != "lock":
                    os.unlink(file)
                    size -= taken


def _runs(ranges: Sequence[tuple[int, int]]) -> list[_Run]:
    """Return the pages that ranges touch, in runs of neighbours."""
    spans: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        begin, stop = start // PAGE, -(-end // PAGE)
        if spans and begin <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(stop, spans[-1][1]))
        else:
            spans.append((begin, stop))
    return [_Run(begin, bytearray((stop - begin) * PAGE), np.zeros(stop - begin, np.bool_)) for begin, stop in spans]


def _gaps(there: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return begin and end of each run of pages that are not there."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], there, [True]]).astype(np.int8)))
    return [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]


def _cut(runs: Sequence[_Run], start: int, end: int) -> bytes:
    """Return bytes out of the run that holds them."""
    run = next(run for run in runs if run.first * PAGE <= start and end <= run.first * PAGE + len(run.data))
    return bytes(memoryview(run.data)[start - run.first * PAGE : end - run.first * PAGE])


def _checksum(page: memoryview) -> int:
    """Return the CRC-32C of a page, never 0, which means that the page is not there."""
    return int(google_crc32c.value(bytes(page))) or 1
