"""RAR archives: rarfile reads the directory, a program of the system unpacks, and every member's checksum is checked.

No program on Linux reads all of them. Tried on Debian 12, a file of each kind: unar 1.10 is right on RAR 4, also solid,
and on plain RAR 5, and wrong on solid RAR 5; bsdtar 3.6 is right on RAR 5, also solid, refuses solid RAR 4, and can
write wrong bytes of RAR 4. So unar unpacks RAR 4 and archives of several volumes, bsdtar RAR 5 of one volume; and no
file is taken whose checksum is not the archive's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import rarfile

from clipmill.archives.base import Member, Tell
from clipmill.archives.whole_files import copy_whole
from clipmill.errors import DataError, UsageError

_CHUNK = 4 << 20
#: Where the program writes, below the destination; what is there is not yet checked.
_STAGING = ".unpacking"
#: RAR 5's redirections that stand for a file's content: a hard link, and a copy.
_SAME_CONTENT = (rarfile.RAR5_XREDIR_HARD_LINK, rarfile.RAR5_XREDIR_FILE_COPY)
#: Debian's packages of the programs.
_PACKAGES = {"unar": "unar", "bsdtar": "libarchive-tools"}


class RarArchive:
    """A RAR file, or the first of several volumes.

    Args:
        path: of the archive.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def members(self) -> list[Member]:
        """List all members."""
        known = {info.filename: info for info in self._read().infolist()}
        return [_member(known, info) for info in known.values()]

    def unpack(self, members: Sequence[Member], dest: Path, tell: Tell) -> None:
        """Unpack all members at once, and move those that are wanted and right to their places."""
        archive = self._read()
        known = {info.filename: info for info in archive.infolist()}
        staging = dest / _STAGING
        staging.mkdir(parents=True, exist_ok=True)
        for name, info in known.items():
            # Remove what a stopped run left half written; the program skips files that are whole.
            there = staging / name
            if there.is_file() and there.stat().st_size != info.file_size:
                there.unlink()
        program = program_for(archive)
        said = self._run(program, staging, tell)
        bad = []
        for member in members:
            original = _original(known, known[member.name])
            if original is None or not _is_right(staging / original.filename, original):
                bad.append(member.name)
                continue
            with open(staging / original.filename, "rb") as file:
                copy_whole(file, dest / member.name, member.size)
        shutil.rmtree(staging)
        if bad:
            more = f" and {len(bad) - 1:,} others" if len(bad) > 1 else ""
            last = f"; {program} said: {said[-1]}" if said else ""
            raise DataError(f"{self._path}: its member {bad[0]!r}{more} was not unpacked, or came out damaged{last}")

    def _read(self) -> Any:
        try:
            return rarfile.RarFile(self._path)
        except (rarfile.Error, OSError) as error:
            raise DataError(f"{self._path}: cut short or damaged: {error}; download it again") from None

    def _run(self, program: str, staging: Path, tell: Tell) -> list[str]:
        """Run the program; return the lines that it wrote."""
        if shutil.which(program) is None:
            raise UsageError(f"{self._path}: {program} is needed to unpack it: apt-get install {_PACKAGES[program]}")
        archive = os.path.abspath(self._path)
        commands = {
            "unar": ["unar", "-force-skip", "-no-directory", "-output-directory", str(staging), archive],
            "bsdtar": ["bsdtar", "-x", "-v", "-k", "-f", archive, "-C", str(staging)],
        }
        lines = []
        with subprocess.Popen(
            commands[program],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line.strip())
                tell(line.strip())
        return [line for line in lines if line]


def program_for(archive: Any) -> str:
    """Return the program that unpacks an archive correctly: "unar" or "bsdtar"."""
    with open(archive.volumelist()[0], "rb") as file:
        version_5 = file.read(8) == b"Rar!\x1a\x07\x01\x00"
    return "bsdtar" if version_5 and len(archive.volumelist()) == 1 else "unar"


def _member(known: Mapping[str, Any], info: Any) -> Member:
    if info.is_dir():
        return Member(info.filename, 0, "folder")
    redirect = getattr(info, "file_redir", None)
    if info.is_symlink() or (redirect and redirect[0] not in _SAME_CONTENT):
        return Member(info.filename, 0, "link", redirect[2] if redirect else "")
    original = _original(known, info)
    return Member(info.filename, original.file_size if original else 0, encrypted=info.needs_password())


def _original(known: Mapping[str, Any], info: Any) -> Any:
    """Return the entry that holds a file's bytes, for a hard link or a copy the other file's; None if there is none."""
    redirect = getattr(info, "file_redir", None)
    return known.get(redirect[2]) if redirect else info


def _is_right(path: Path, info: Any) -> bool:
    """Return whether a file has the size and the checksum that the archive says."""
    if not path.is_file() or path.is_symlink() or path.stat().st_size != info.file_size:
        return False
    blake, crc = getattr(info, "blake2sp_hash", None), 0
    digest = rarfile.Blake2SP() if blake else None
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            crc = zlib.crc32(chunk, crc)
            if digest is not None:
                digest.update(chunk)
    if digest is not None:
        return bool(digest.digest() == blake)
    return info.CRC is None or crc == info.CRC
