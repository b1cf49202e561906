"""Looking at the folder that --out names, before any work."""

from __future__ import annotations

import os

from clipmill import layout
from clipmill.errors import UsageError
from clipmill.pipeline.report import words
from clipmill.storage import Storage

#: What stands in an output; a folder that has other things in it and none of these is somebody else's.
_OURS = {layout.CURRENT, "runs", "shards", "versions", "work"}


def check_out(storage: Storage, *, writes: bool = True) -> None:
    """Raise UsageError, before any work, for a path that cannot be written or holds something else."""
    at = f"--out {words.place(storage.root)}"
    if storage.disk is not None:
        if os.path.exists(storage.root) and not os.path.isdir(storage.root):
            raise UsageError(f"{at}: this is a file; name a folder")
        folder = storage.root
        while not os.path.exists(folder):
            folder = os.path.dirname(folder)
        needed = os.R_OK | os.X_OK | (os.W_OK if writes else 0)
        if not os.path.isdir(folder) or not os.access(folder, needed):
            raise UsageError(f"{at}: nothing can be {'written' if writes else 'read'} in {folder}")
    folders, files = storage.children()
    there = {name for name in (*folders, *files) if not name.startswith(".") and name != "lost+found"}
    if there and not there & _OURS:
        raise UsageError(
            f"{at}: this folder has other files in it, such as {min(there)}; name a new folder, or one inside it"
        )
