"""Tar archives, plain or compressed, by Python's tarfile."""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from clipmill.archives.base import Member, Tell
from clipmill.archives.whole_files import copy_whole
from clipmill.errors import DataError

_DAMAGED = (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError)


class TarArchive:
    """A tar file.

    Args:
        path: of the archive.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def members(self) -> list[Member]:
        """List all members; a compressed archive is read through for it."""
        try:
            with tarfile.open(self._path) as archive:
                return [_member(info) for info in archive]
        except _DAMAGED as error:
            raise DataError(f"{self._path}: cut short or damaged: {error}; download it again") from None

    def unpack(self, members: Sequence[Member], dest: Path, tell: Tell) -> None:
        """Unpack files in the archive's order."""
        wanted = {member.name for member in members}
        try:
            with tarfile.open(self._path) as archive:
                for info in archive:
                    file = archive.extractfile(info) if info.name in wanted and info.isfile() else None
                    if file is not None:
                        wanted.discard(info.name)
                        copy_whole(file, dest / info.name, info.size)
                        tell(info.name)
        except _DAMAGED as error:
            raise DataError(f"{self._path}: cut short or damaged: {error}; download it again") from None


def _member(info: tarfile.TarInfo) -> Member:
    if info.isdir():
        return Member(info.name, 0, "folder")
    if info.issym():
        return Member(info.name, 0, "link", info.linkname)
    if info.islnk():
        # A hard link names its target from the archive's top.
        return Member(info.name, 0, "link", info.linkname if "/" not in info.name else f"/{info.linkname}")
    return Member(info.name, info.size, "file" if info.isfile() else "other")
