"""What killed runs left behind: removed when it is a week old and no other run is live."""

from __future__ import annotations

import contextlib
import os
import time

from clipmill.dataset.reuse import PARTS
from clipmill.dataset.run_lock import alone
from clipmill.sources.cache import CACHE, cache_folder, merge_segments
from clipmill.storage import LocalStorage, Storage, is_temporary
from clipmill.storage.concurrent import delete_all

WEEK = 7 * 86400.0


def remove_leftovers(storage: Storage, videos: Storage, run: str) -> int:
    """Remove fragments, parts of clip tables, caches and half-written files that nobody came back for.

    Args:
        storage: of the output.
        videos: root of the sources; what is noted of them stays.
        run: that asks; it has ended well, so it needs none of them.

    Returns:
        How many objects were removed.
    """
    with alone(storage, run) as nobody_else:
        if not nobody_else:
            return 0
        merge_segments(storage, videos)
        before = time.time() - WEEK
        ours = f"{cache_folder(videos)}/"
        old = [
            path
            for folder in ("work/fragments", PARTS, CACHE)
            for path, stat in storage.list(folder)
            if stat.modified < before and not path.startswith(ours)
        ]
        delete_all(storage, old)
        return len(old) + (_remove_half_written(storage.root, before) if isinstance(storage, LocalStorage) else 0)


def _remove_half_written(root: str, before: float) -> int:
    """Files that a killed process of ours was writing, by their names."""
    removed = 0
    for folder, _, names in os.walk(root):
        for name in filter(is_temporary, names):
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError):
                if os.lstat(path).st_mtime < before:
                    os.unlink(path)
                    removed += 1
    return removed
