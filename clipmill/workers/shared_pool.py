"""The pool of children that a whole process shares: the estimate first, then each stage of the run."""

from __future__ import annotations

import threading

from clipmill.workers.pool import Pool

_pools: dict[tuple[int, float], Pool] = {}
_lock = threading.Lock()


def children(workers: int, timeout: float) -> Pool:
    """Return this process's pool, started when it is first asked for."""
    with _lock:
        pool = _pools.get((workers, timeout))
        if pool is None:
            pool = _pools[workers, timeout] = Pool(workers, timeout)
        return pool


def close_children(*, kill: bool = False) -> None:
    """End all children of this process.

    Args:
        kill: at once, and without starting new ones: a stopped run still asks for children while it ends.
    """
    with _lock:
        pools = list(_pools.values())
        if not kill:
            _pools.clear()
    for pool in pools:
        pool.close(kill=kill)
