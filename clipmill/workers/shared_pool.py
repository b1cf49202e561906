"""The pool of children that a whole process shares: the look at a listing, and each step of the run after it."""

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
        kill: at once, and let nobody start others: a run that was stopped is still unwinding.
    """
    with _lock:
        pools = list(_pools.values())
        if not kill:
            _pools.clear()
    for pool in pools:
        pool.close(kill=kill)
