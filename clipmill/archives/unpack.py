"""Unpacking an archive: detect its kind, refuse dangerous members, continue where an earlier run stopped."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from clipmill.archives.base import Archive, refuse_dangerous
from clipmill.archives.rar_file import RarArchive
from clipmill.archives.tar_file import TarArchive
from clipmill.archives.zip_file import ZipArchive
from clipmill.errors import UsageError


class Unpacked(msgspec.Struct, frozen=True):
    """What was unpacked.

    Attributes:
        files: that the archive holds.
        written: by this run; the others were there.
        nbytes: of all files.
        links: that were left out; videos are read from files.
    """

    files: int
    written: int
    nbytes: int
    links: int


def archive_of(path: str) -> Archive | None:
    """Return the reader of an archive, by the file's first bytes; None if it is no archive.

    ZIP: PKWARE's APPNOTE 4.3; RAR: rarlab's technote ("Rar!", 1A 07, then 00 for version 4 or 01 00 for 5).
    """
    if not os.path.isfile(path):
        return None
    with open(path, "rb") as file:
        head = file.read(8)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return ZipArchive(path)
    if head[:6] == b"Rar!\x1a\x07":
        return RarArchive(path)
    return TarArchive(path) if tarfile.is_tarfile(path) else None


def unpack(path: str, dest: str, tell: Callable[[int, int], None]) -> Unpacked:
    """Unpack an archive.

    A file that is there with its right size is taken as done: files appear whole.

    Args:
        path: of the archive.
        dest: a folder; made where it is not there.
        tell: called with the number of files that are there, and of all.

    Raises:
        UsageError: there is no such file, it is no archive, or a program is missing.
        DataError: the archive is damaged or dangerous.
    """
    if not os.path.isfile(path):
        raise UsageError(f"{path}: no such file")
    archive = archive_of(path)
    if archive is None:
        raise UsageError(f"{path}: not an archive that clipmill reads: zip, tar (gz, bz2, xz) or rar")
    folder = Path(dest)
    folder.mkdir(parents=True, exist_ok=True)
    members = archive.members()
    files = list({member.name: member for member in members if member.kind == "file"}.values())
    todo = [member for member in files if not _is_there(folder / member.name, member.size)]
    missing = {member.name for member in todo}
    rest = [member for member in members if member.kind != "file" or member.name in missing]
    refuse_dangerous(path, rest, shutil.disk_usage(folder).free)
    done = len(files) - len(todo)
    tell(done, len(files))

    def count(_: str) -> None:
        nonlocal done
        done = min(done + 1, len(files))
        tell(done, len(files))

    if todo:
        archive.unpack(todo, folder, count)
    return Unpacked(
        files=len(files),
        written=len(todo),
        nbytes=sum(member.size for member in files),
        links=sum(member.kind == "link" for member in members),
    )


def _is_there(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size
