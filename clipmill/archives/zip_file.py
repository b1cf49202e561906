"""ZIP archives, by Python's zipfile, which checks each member's CRC-32."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from clipmill.archives.base import Member, Tell
from clipmill.archives.whole_files import copy_whole
from clipmill.errors import DataError


class ZipArchive:
    """A ZIP file.

    Args:
        path: of the archive.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def members(self) -> list[Member]:
        """List all members."""
        try:
            with zipfile.ZipFile(self._path) as archive:
                return [_member(archive, info) for info in archive.infolist()]
        except zipfile.BadZipFile as error:
            raise DataError(f"{self._path}: cut short or damaged: {error}; download it again") from None

    def unpack(self, members: Sequence[Member], dest: Path, tell: Tell) -> None:
        """Unpack files one after the other."""
        with zipfile.ZipFile(self._path) as archive:
            for member in members:
                try:
                    with archive.open(member.name) as file:
                        copy_whole(file, dest / member.name, member.size)
                except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
                    raise DataError(f"{self._path}: its member {member.name!r} is damaged: {error}") from None
                tell(member.name)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    mode = info.external_attr >> 16
    encrypted = bool(info.flag_bits & 1)
    if info.is_dir():
        return Member(info.filename, 0, "folder")
    if stat.S_ISLNK(mode) and not encrypted:
        return Member(info.filename, 0, "link", archive.read(info).decode("utf-8", "replace"))
    other = stat.S_IFMT(mode) not in (0, stat.S_IFREG)
    return Member(info.filename, info.file_size, "other" if other else "file", encrypted=encrypted)
