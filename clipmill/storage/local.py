"""Storage in folders of this machine."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from clipmill.errors import StorageError
from clipmill.storage.base import Disk, Stat, Writer
from clipmill.storage.borrowed import borrow_ranges

_TMP = re.compile(r"\.[0-9a-f]{12}\.tmp$")
#: Errors of a file system without links, or with no more links for this file.
_NO_LINKS = (errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS, errno.EXDEV)


class LocalStorage:
    """A folder. Writes go to a temporary file beside the target, which is then renamed."""

    local = True

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)
        self.disk: Disk | None = self

    def path(self, path: str) -> str:
        return os.path.join(self.root, path)

    def read(self, path: str, start: int = 0, end: int | None = None) -> bytes:
        with self._errors(path), open(self.path(path), "rb") as file:
            file.seek(start)
            return file.read() if end is None else file.read(end - start)

    def read_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        with self._errors(path), open(self.path(path), "rb", buffering=0) as file:
            return [os.pread(file.fileno(), end - start, start) for start, end in ranges]

    def borrow_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes | memoryview]:
        with self._errors(path):
            return borrow_ranges(self.path(path), ranges)

    def stat(self, path: str) -> Stat | None:
        try:
            found = os.stat(self.path(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _storage_error(self.path(path), error) from error
        if not os.path.isfile(self.path(path)):
            return None
        return Stat(found.st_size, str(found.st_mtime_ns), found.st_mtime)

    def put(self, path: str, data: bytes, *, durable: bool = True) -> None:
        with self.writer(path, durable=durable) as file:
            file.write(data)

    @contextlib.contextmanager
    def writer(self, path: str, *, durable: bool = True) -> Iterator[Writer]:
        target = self.path(path)
        temporary = _temporary(target)
        with self._errors(path):
            file = _create(temporary)
        try:
            with self._errors(path):
                yield file
                file.flush()
                if durable:
                    os.fsync(file.fileno())
                file.close()
                os.replace(temporary, target)
                if durable:
                    _sync_folder(os.path.dirname(target))
        except BaseException:
            with contextlib.suppress(OSError):
                file.close()
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def swap(self, path: str, old: bytes | None, new: bytes) -> bool:
        # The lock is on a file of its own, since the target is replaced; the system releases it when its process ends.
        with self._errors(path):
            os.makedirs(self.root, exist_ok=True)
            with open(self.path(path) + ".lock", "ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                try:
                    held: bytes | None = self.read(path)
                except FileNotFoundError:
                    held = None
                if held != old:
                    return False
                self.put(path, new)
                return True

    def copy(self, source: str, target: str) -> None:
        temporary = _temporary(self.path(target))
        with self._errors(target):
            os.makedirs(os.path.dirname(temporary), exist_ok=True)
            try:
                try:
                    os.link(self.path(source), temporary)
                except OSError as error:
                    if error.errno not in _NO_LINKS:
                        raise
                    _copy_file(self.path(source), temporary)
                os.replace(temporary, self.path(target))
            finally:
                # rename(2) between two names of the same file does nothing and leaves both
                with contextlib.suppress(OSError):
                    os.unlink(temporary)

    def hard_link(self, outside: str, path: str) -> None:
        target = self.path(path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.link(outside, target)
        _sync_folder(os.path.dirname(target))

    @contextlib.contextmanager
    def hold(self, path: str, data: bytes = b"") -> Iterator[None]:
        with self._errors(path):
            file = _create_or_open(self.path(path))
        with file:
            with self._errors(path):
                fcntl.flock(file, fcntl.LOCK_EX)
                file.write(data)
                file.flush()
            yield

    def is_held(self, path: str) -> bool:
        try:
            with open(self.path(path), "rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:  # held; or another user's, so it may be held
            return True
        return False

    def remove_half_written(self, before: float) -> int:
        removed = 0
        for folder, _, names in os.walk(self.root):
            for name in filter(is_temporary, names):
                path = os.path.join(folder, name)
                with contextlib.suppress(OSError):
                    if os.lstat(path).st_mtime < before:
                        os.unlink(path)
                        removed += 1
        return removed

    def stale(self, folder: str, copies: Mapping[str, str]) -> list[str]:
        # A copy that is no link counts as right if it has its source's size and is not older.
        # Where the source is gone, no copy can be made.
        with self._errors(folder), os.scandir(self.path(folder)) as entries:
            there = {entry.name: entry for entry in entries}
            return [name for name, source in copies.items() if _is_stale(there.get(name), self.path(source))]

    def link(self, target: str, name: str) -> None:
        temporary = _temporary(self.path(name))
        with self._errors(name):
            try:
                os.symlink(target, temporary)
            except OSError as error:
                if error.errno in _NO_LINKS:
                    return
                raise
            try:
                os.replace(temporary, self.path(name))
            except OSError:
                os.unlink(temporary)
                raise

    def sync(self, folder: str) -> None:
        path = self.path(folder).rstrip("/")
        with self._errors(folder):
            while True:
                _sync_folder(path)
                if path == self.root:
                    break
                path = os.path.dirname(path)
            # The root may be new, so its own name is synced too. If its parent cannot be read, we did not make it.
            with contextlib.suppress(PermissionError):
                _sync_folder(os.path.dirname(self.root))

    def delete(self, path: str) -> None:
        with self._errors(path), contextlib.suppress(FileNotFoundError):
            os.unlink(self.path(path))
        folder = os.path.dirname(path)
        with contextlib.suppress(OSError):  # not empty
            while folder:
                os.rmdir(self.path(folder))
                folder = os.path.dirname(folder)

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        top = self.path(prefix) if prefix else self.root
        for folder, _, names in os.walk(top, onerror=self._raise_unless_missing):
            for name in names:
                full = os.path.join(folder, name)
                if is_temporary(name):
                    continue
                try:
                    found = os.stat(full)
                except OSError as error:
                    if error.errno in (errno.ENOENT, errno.ELOOP):  # a broken link is no object
                        continue
                    raise _storage_error(full, error) from error
                stat = Stat(found.st_size, str(found.st_mtime_ns), found.st_mtime)
                yield os.path.relpath(full, self.root), stat

    def children(self, folder: str = "") -> tuple[tuple[str, ...], tuple[str, ...]]:
        folders: set[str] = set()
        files: set[str] = set()
        try:
            with os.scandir(self.path(folder)) as entries:
                for entry in entries:
                    (folders if _is_folder(entry) else files).add(entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return (), ()
        except OSError as error:
            raise _storage_error(self.path(folder), error) from error
        return tuple(sorted(folders)), tuple(sorted(name for name in files if not is_temporary(name)))

    @contextlib.contextmanager
    def fetch(self, path: str) -> Iterator[IO[bytes]]:
        with self._errors(path):
            file = io.BufferedReader(_File(self.path(path)))
        with file:
            yield file

    def free(self) -> int | None:
        folder = Path(self.root)
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free

    @contextlib.contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _storage_error(self.path(path), error) from error

    def _raise_unless_missing(self, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise _storage_error(error.filename, error) from error


class _File(io.FileIO):
    """A file whose read errors name it, since the caller may be writing another file in the same block."""

    def readinto(self, buffer: Any, /) -> int | None:
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise _storage_error(str(self.name), error) from error

    def readall(self) -> bytes:
        try:
            return super().readall()
        except OSError as error:
            raise _storage_error(str(self.name), error) from error


def _storage_error(path: str, error: OSError) -> StorageError:
    return StorageError(f"{path}: {error.strerror or error}")


def _is_stale(entry: os.DirEntry[str] | None, path: str) -> bool:
    try:
        source = os.stat(path)
    except FileNotFoundError:
        return False
    if entry is None or entry.inode() == source.st_ino:
        return entry is None
    copy = entry.stat()
    return copy.st_size != source.st_size or copy.st_mtime_ns < source.st_mtime_ns


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or into a folder without permission: opening it will say so
        return False


def _temporary(path: str) -> str:
    return f"{path}.{secrets.token_hex(6)}.tmp"


def _copy_file(source: str, target: str) -> None:
    with open(source, "rb") as reader, open(target, "xb") as writer:
        shutil.copyfileobj(reader, writer, 8 << 20)
        writer.flush()
        os.fsync(writer.fileno())


def _create(path: str) -> IO[bytes]:
    for _ in range(10):
        # Mostly the folder is there, and to look for it first takes as long as to make the file.
        with contextlib.suppress(FileNotFoundError):
            return open(path, "xb")
        # Another process may remove the folder again, since it is empty.
        os.makedirs(os.path.dirname(path), exist_ok=True)
    return open(path, "xb")


def _create_or_open(path: str) -> IO[bytes]:
    while True:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        # Another process may remove the folder in between, if it is empty.
        with contextlib.suppress(FileNotFoundError):
            return open(path, "ab")


def _sync_folder(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_temporary(name: str) -> bool:
    """Return whether a file's name is that of one being written."""
    return bool(_TMP.search(name))
