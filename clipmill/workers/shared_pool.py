"""The pool of children that a whole process shares: the estimate first, then each stage of the run."""

from __future__ import annotations

import threading

from clipmill.options import BuildOptions
from clipmill.workers.confinement import Confinement, confinement
from clipmill.workers.pool import Pool

_pools: dict[tuple[int, float, Confinement | None], Pool] = {}
_lock = threading.Lock()


def children(options: BuildOptions, *, writes: bool = True) -> Pool:
    """Return this process's pool for such a build, or a plan, started when it is first asked for."""
    kind = options.workers, options.timeout, confinement(options.videos, options.out if writes else "")
    with _lock:
        pool = _pools.get(kind)
        if pool is None:
            pool = _pools[kind] = Pool(options.workers, options.timeout, confined=kind[2])
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
