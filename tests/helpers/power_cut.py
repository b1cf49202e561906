"""A disk that loses power between two operations, and with it what nobody synced.

A name in a folder is safe once the folder was synced, the bytes of a file once the file
was. At the cut some or all of the rest is taken back, as a file system may do: names
return to what they were, in each folder the latest first, and unsynced files are cut
short. So much freedom no single file system uses.
"""

from __future__ import annotations

import builtins
import contextlib
import os
import random
import shutil
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

#: What is lost: all unsynced names and bytes; only bytes; of each a part that is drawn.
MODES = ("all", "bytes", "some")


class PowerCut(BaseException):
    """Nobody catches it, and nothing that runs afterwards reaches the disk."""


class Disk:
    """Watches a folder, and cuts the power before one of the operations that change it.

    Args:
        root: what is below it may be lost.
        shadow: a folder on the same file system, for what may have to be restored.
        at: number of the operation, from 0; None for none.
    """

    def __init__(self, root: Path, shadow: Path, at: int | None = None) -> None:
        self.operations: list[str] = []
        self._root = f"{root}/"
        self._shadow = shadow
        self._at = at
        self._dead = False
        self._lock = threading.RLock()
        #: By folder: how to take back each change of its names that is not synced, oldest first.
        self._names: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self._unsynced: set[int] = set()
        self._backups = 0

    @contextlib.contextmanager
    def plugged_in(self) -> Iterator[Disk]:
        """Operations in the `with` block are watched."""
        real = {name: getattr(os, name) for name in ("mkdir", "rmdir", "unlink", "replace", "link", "symlink", "fsync")}
        self._real = real
        real_open = builtins.open
        os.mkdir = self._watched("mkdir", 0, self._made_folder)
        os.rmdir = self._watched("rmdir", 0, self._removed_folder)
        os.unlink = self._watched("unlink", 0, self._changed)
        os.replace = self._watched("replace", 1, self._changed)
        os.link = self._watched("link", 1, self._changed)
        os.symlink = self._watched("symlink", 1, self._changed)
        os.fsync = self._fsync
        builtins.open = self._opener(real_open)  # type: ignore[assignment]
        try:
            yield self
        finally:
            builtins.open = real_open
            for name, function in real.items():
                setattr(os, name, function)

    def lose(self, mode: str, seed: int) -> None:
        """Take back what the cut took; see `MODES`."""
        drawn = random.Random(seed)
        for changes in reversed(list(self._names.values())):
            kept = len(changes) if mode == "bytes" else drawn.randint(0, len(changes)) if mode == "some" else 0
            for take_back in reversed(changes[kept:]):
                take_back()
        for folder, _, names in os.walk(self._root):
            for name in names:
                path = os.path.join(folder, name)
                found = os.lstat(path)
                if found.st_ino in self._unsynced and (mode != "some" or drawn.random() < 0.5):
                    os.truncate(path, found.st_size // 2)

    def _step(self, name: str, path: str) -> None:
        if self._dead:
            raise PowerCut
        if len(self.operations) == self._at:
            self._dead = True
            raise PowerCut
        self.operations.append(f"{name} {path}")

    def _watched(self, name: str, which: int, note: Callable[[str], Callable[[], None]]) -> Any:
        real = getattr(os, name)

        def operation(*arguments: Any, **more: Any) -> Any:
            path = os.fspath(arguments[which])
            if not self._ours(path):
                return real(*arguments, **more)
            with self._lock:
                self._step(name, path)
                take_back = note(path)
                result = real(*arguments, **more)
                self._names[os.path.dirname(path)].append(take_back)
                return result

        return operation

    def _ours(self, path: Any) -> bool:
        return isinstance(path, str) and path.startswith(self._root)

    def _opener(self, real_open: Any) -> Any:
        def opened(path: Any, mode: str = "r", *arguments: Any, **more: Any) -> Any:
            if not self._ours(path) or mode[0] not in "xwa":
                return real_open(path, mode, *arguments, **more)
            with self._lock:
                self._step("open", path)
                take_back = self._changed(path)
                file = real_open(path, mode, *arguments, **more)
                self._names[os.path.dirname(path)].append(take_back)
                self._unsynced.add(os.fstat(file.fileno()).st_ino)
                return file

        return opened

    def _fsync(self, handle: int) -> None:
        path = os.readlink(f"/proc/self/fd/{handle}")
        with self._lock:
            if self._ours(f"{path}/"):
                self._step("fsync", path)
                self._names.pop(path, None)
                self._unsynced.discard(os.fstat(handle).st_ino)
        # Not the real one: what is lost is decided here.

    def _changed(self, path: str) -> Callable[[], None]:
        """How to give a name back what it stands for now."""
        backup = None
        if os.path.lexists(path):
            self._backups += 1
            backup = str(self._shadow / str(self._backups))
            self._real["link"](path, backup, follow_symlinks=False)

        def take_back() -> None:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                os.unlink(path)
            if backup is not None:
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    os.link(backup, path, follow_symlinks=False)

        return take_back

    def _made_folder(self, path: str) -> Callable[[], None]:
        # Whatever was synced in it: without its own name nobody finds it.
        return lambda: shutil.rmtree(path, ignore_errors=True)

    def _removed_folder(self, path: str) -> Callable[[], None]:
        return lambda: os.makedirs(path, exist_ok=True)
