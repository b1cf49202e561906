"""The interface of all storages: objects under a root, written whole or not at all.

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
    """What only a folder of this machine can do: locks that end with their process, and links."""

    def path(self, path: str) -> str:
        """Return the file system's path of an object."""

    def hold(self, path: str, data: bytes = b"") -> contextlib.AbstractContextManager[None]:
        """Make and lock a file for the length of a `with` block; waits while another process holds it."""

    def is_held(self, path: str) -> bool:
        """Return whether some process holds the lock of a file."""

    def stale(self, folder: str, copies: Mapping[str, str]) -> list[str]:
        """List the names in a folder that are not the copies they should be, by one stat for each."""

    def link(self, target: str, name: str) -> None:
        """Make `name` a symbolic link to `target`, replacing any; does nothing where the disk has no links."""

    def hard_link(self, outside: str, path: str) -> None:
        """Make an object the same file as one elsewhere on this disk, which must not be changed after that.

        Raises:
            OSError: no such link can be made, as between two disks.
        """

    def remove_half_written(self, before: float) -> int:
        """Remove files that a killed clipmill was writing; returns how many.

        Args:
            before: only those last changed before, in seconds since the epoch.
        """


class Storage(Protocol):
    """A root under which objects are read and written.

    A missing object raises FileNotFoundError; all other errors are raised as
    StorageError, which names the object.

    Attributes:
        root: its path or URL.
        local: whether looking at an object costs microseconds, not a round trip.
        disk: what only a folder of this machine can do; None for object stores.
    """

    root: str
    local: bool
    disk: Disk | None

    def read(self, path: str, start: int = 0, end: int | None = None) -> bytes:
        """Read bytes `start` to `end` (half open, None for the end) of an object."""

    def read_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Read several half-open byte ranges of one object, in one request where possible."""

    def borrow_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes | memoryview]:
        """Read several half-open byte ranges of one object, perhaps into memory that this thread's next call reuses."""

    def stat(self, path: str) -> Stat | None:
        """Return size and stamp, or None if there is no such object."""

    def put(self, path: str, data: bytes, *, durable: bool = True) -> None:
        """Write a whole object, replacing any."""

    def writer(self, path: str, *, durable: bool = True) -> contextlib.AbstractContextManager[Writer]:
        """Write an object piece by piece; it appears whole at the end, or not at all after an exception."""

    def swap(self, path: str, old: bytes | None, new: bytes) -> bool:
        """Replace an object's bytes `old` (None: no object) by `new`; returns False if it holds others."""

    def copy(self, source: str, target: str) -> None:
        """Make `target` a copy of `source`: a hard link where the disk has them."""

    def sync(self, folder: str) -> None:
        """Make the names in a folder, and those of its parents, survive a power cut."""

    def delete(self, path: str) -> None:
        """Remove an object, and folders that this leaves empty; does nothing if there is none."""

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        """Iterate over all objects below the folder `prefix`, in no order; half-written ones are left out."""

    def children(self, folder: str = "") -> tuple[tuple[str, ...], tuple[str, ...]]:
        """List the names of the folders and of the objects directly in a folder, each sorted."""

    def fetch(self, path: str) -> contextlib.AbstractContextManager[IO[bytes]]:
        """Give an object as a seekable local file, for the length of a `with` block."""

    def free(self) -> int | None:
        """Return the free bytes, or None for object stores."""
