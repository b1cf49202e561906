"""The interface of all archives: a list of members, known before a byte is unpacked."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from clipmill.errors import DataError

#: Called with the name of each member that is there.
Tell = Callable[[str], None]


class Member(NamedTuple):
    """One member of an archive.

    Attributes:
        name: its path in the archive, with "/".
        size: bytes when unpacked.
        kind: "file", "folder", "link", or "other" (a device, a socket).
        target: where a link leads, as the archive has it.
        encrypted: a password is needed.
    """

    name: str
    size: int
    kind: str = "file"
    target: str = ""
    encrypted: bool = False


class Archive(Protocol):
    """An archive of one kind."""

    def members(self) -> list[Member]:
        """List all members, in the archive's order.

        Raises:
            DataError: the archive's directory cannot be read.
        """

    def unpack(self, members: Sequence[Member], dest: Path, tell: Tell) -> None:
        """Unpack files to their names below `dest`, each whole and checked or not at all.

        Args:
            members: the files that are wanted.
            dest: holds no file of these names.
            tell: called as each is there.

        Raises:
            DataError: a member is damaged; names it.
            UsageError: a program that this needs is not installed.
        """


def refuse_dangerous(path: str, members: Iterable[Member], free: int) -> None:
    """Raise DataError for members that must not be unpacked.

    Args:
        path: the archive's, for errors.
        free: bytes that the disk has for what is to be unpacked.
    """
    total = 0
    for member in members:
        if leaves(member.name):
            raise DataError(f"{path}: its member {member.name!r} would be written outside the folder; unpacked nothing")
        if member.kind == "link" and leaves(posixpath.join(posixpath.dirname(member.name), member.target)):
            raise DataError(
                f"{path}: its member {member.name!r} is a link out of the folder, to {member.target!r}; "
                "unpacked nothing"
            )
        if member.kind == "other":
            raise DataError(f"{path}: its member {member.name!r} is not a file, folder or link; unpacked nothing")
        if member.encrypted:
            raise DataError(f"{path}: its member {member.name!r} is encrypted; unpack it with its own program")
        total += member.size
    if total > free:
        raise DataError(
            f"{path}: its members take {total / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free; unpacked nothing"
        )


def leaves(name: str) -> bool:
    """Return whether a member's path leads out of the folder that the archive is unpacked to."""
    name = name.replace("\\", "/")
    flat = posixpath.normpath(name)
    return name.startswith("/") or flat == ".." or flat.startswith("../") or name[1:2] == ":"
