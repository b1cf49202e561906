"""Removing what killed runs left, when it is a week old and no other run is live."""

from __future__ import annotations

import time

from clipmill.dataset.reuse import PARTS
from clipmill.dataset.run_lock import alone
from clipmill.signatures.clip_signatures import WORK
from clipmill.sources.cache import CACHE, cache_folder, merge_note_files
from clipmill.storage import Storage
from clipmill.storage.concurrent import delete_all

WEEK = 7 * 86400.0


def remove_leftovers(storage: Storage, videos: Storage, run: str) -> int:
    """Remove fragments, signatures, parts of clip tables, caches and half-written files that no run used for a week.

    Args:
        storage: of the output.
        videos: root of the sources; the notes on them stay.
        run: the caller's id; it has ended well, so it needs none of them.

    Returns:
        How many objects were removed.
    """
    with alone(storage, run) as is_alone:
        if not is_alone:
            return 0
        merge_note_files(storage, videos)
        before = time.time() - WEEK
        ours = f"{cache_folder(videos)}/"
        old = [
            path
            for folder in ("work/fragments", WORK, PARTS, CACHE)
            for path, stat in storage.list(folder)
            if stat.modified < before and not path.startswith(ours)
        ]
        delete_all(storage, old)
        return len(old) + (storage.disk.remove_half_written(before) if storage.disk else 0)
