"""A folder that behaves like an object store: not local, no locks, no links."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clipmill.storage import LocalStorage


class Remote:
    """Passes everything on to a folder, and has no `disk`."""

    local = False
    disk = None

    def __init__(self, folder: Path) -> None:
        self._folder = LocalStorage(str(folder))
        self.root = f"s3://bucket{folder}"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._folder, name)
