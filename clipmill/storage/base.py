"""What a storage is: objects under a root, written whole or not at all.

Objects are never renamed by a caller, and never changed once written, with one
exception: a pointer moved by `Storage.swap`. Paths are relative to the storage's
root and use "/".
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Protocol


@dataclass(frozen=True)
class Stat:
    """What storage says of one object.

    Attributes:
        size: bytes.
        stamp: changes whenever the content may have (modification time, or e-tag).
        modified: seconds since the epoch.
    """

    size: int
    stamp: str
    modified: float


class Writer(Protocol):
    """A file being written; it appears under its name when the `with` block ends well."""

    def write(self, data: bytes | memoryview) -> int:
        """Append bytes."""


class Disk(Protocol):
    """What a folder of this machine can do beside: locks that die with their process, and links."""

    def path(self, path: str) -> str:
        """Return the file system's path of an object."""

    def hold(self, path: str, data: bytes = b"") -> contextlib.AbstractContextManager[None]:
        """Lock a file, which is made, for the length of a `with` block; waits for whoever holds it."""

    def is_held(self, path: str) -> bool:
        """Tell whether some process holds the lock of a file."""

    def stale(self, folder: str, copies: Mapping[str, str]) -> list[str]:
        """List the names in a folder that `Storage.copy` would make other files of, by one stat for each."""

    def link(self, target: str, name: str) -> None:
        """Put a symbolic link to `target` under a name, in place of any; nothing happens where there are no links."""

    def remove_half_written(self, before: float) -> int:
        """Remove files that a killed process of ours was writing; returns how many.

        Args:
            before: only those last changed before, in seconds since the epoch.
        """


class Storage(Protocol):
    """A root under which objects are read and written.

    A missing object raises FileNotFoundError; everything else that goes wrong
    raises StorageError, which names the object.

    Attributes:
        root: its path or URL.
        local: looking at an object costs microseconds, not a round trip.
        disk: what a folder of this machine can do beside; None where it is none.
    """

    root: str
    local: bool
    disk: Disk | None

    def read(self, path: str, start: int = 0, end: int | None = None) -> bytes:
        """Bytes `start` to `end` (half open, None for the end) of an object."""

    def read_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Several half-open byte ranges of one object, in one request where possible."""

    def borrow_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes | memoryview]:
        """Several half-open byte ranges of one object, perhaps in memory that this thread's next call uses again."""

    def stat(self, path: str) -> Stat | None:
        """Size and stamp, or None if there is no such object."""

    def put(self, path: str, data: bytes, *, durable: bool = True) -> None:
        """Write a whole object, replacing any."""

    def writer(self, path: str, *, durable: bool = True) -> contextlib.AbstractContextManager[Writer]:
        """Write an object piece by piece; it appears whole, or after an exception not at all."""

    def swap(self, path: str, old: bytes | None, new: bytes) -> bool:
        """Replace an object's bytes `old` (None: no object) by `new`; False if it held others."""

    def copy(self, source: str, target: str) -> None:
        """Make `target` the same object as `source`: a hard link where there are such."""

    def sync(self, folder: str) -> None:
        """Make sure that the names in a folder, and those of its parents, outlive a power cut."""

    def delete(self, path: str) -> None:
        """Remove an object, and folders that this leaves empty; nothing happens if there is none."""

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        """All objects below the folder `prefix`, in no order; half-written ones are left out."""

    def children(self, folder: str = "") -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of the folders and of the objects that stand directly in a folder, each sorted."""

    def fetch(self, path: str) -> contextlib.AbstractContextManager[IO[bytes]]:
        """An object as a seekable local file, for the length of a `with` block."""

    def free(self) -> int | None:
        """Free bytes, or None where that means nothing."""
