"""Storage whose operations are numbered, one of which goes wrong."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import clipmill.storage
from clipmill.errors import StorageError
from clipmill.storage import LocalStorage

#: Operations that change something.
CHANGING = ("put", "writer", "swap", "copy", "link", "sync", "delete")
READING = ("read", "read_ranges", "stat", "list", "children", "fetch")


class Killed(BaseException):
    """Stands for kill -9: nobody catches it, and nothing that runs afterwards reaches storage."""


class Faults:
    """Counts operations, and lets one of them go wrong.

    Args:
        at: number of the operation, from 0; None for none.
        kind: "fails" raises a StorageError once, before anything is done; "dies" does the
            operation, then ends the process as far as storage can tell.
    """

    def __init__(self, at: int | None = None, kind: str = "fails") -> None:
        self.names: list[str] = []
        self._at = at
        self._kind = kind
        self._dead = False
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def operation(self, name: str, path: str) -> Iterator[None]:
        """One operation, from before it to after it."""
        with self._lock:
            if self._dead:
                raise Killed
            number = len(self.names)
            self.names.append(name)
        if number == self._at and self._kind == "fails":
            raise StorageError(f"{path}: made to fail at operation {number}, {name}")
        yield
        if number == self._at:
            self._dead = True
            raise Killed

    @contextlib.contextmanager
    def installed(self) -> Iterator[Faults]:
        """Every local storage opened in the `with` block is a faulty one."""
        faults = self

        class Faulty(LocalStorage):
            pass

        for name in CHANGING + READING:
            setattr(Faulty, name, _numbered(name, faults))
        real = clipmill.storage.LocalStorage
        clipmill.storage.open_storage.cache_clear()
        clipmill.storage.LocalStorage = Faulty  # type: ignore[misc]
        try:
            yield self
        finally:
            clipmill.storage.LocalStorage = real  # type: ignore[misc]
            clipmill.storage.open_storage.cache_clear()


def _numbered(name: str, faults: Faults) -> Any:
    real = getattr(LocalStorage, name)

    if name in ("writer", "fetch"):

        @contextlib.contextmanager
        def opened(self: LocalStorage, path: str, **how: Any) -> Iterator[Any]:
            with faults.operation(name, path), real(self, path, **how) as file:
                yield file

        return opened

    if name == "list":

        def listed(self: LocalStorage, prefix: str = "") -> Iterator[Any]:
            with faults.operation(name, prefix):
                found = list(real(self, prefix))
            return iter(found)

        return listed

    def called(self: LocalStorage, path: str = "", *rest: Any, **how: Any) -> Any:
        with faults.operation(name, path):
            return real(self, path, *rest, **how)

    return called
