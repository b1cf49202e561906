"""Finding which share of every batch this process takes."""

from __future__ import annotations

import json
import os
import sys

from clipmill.errors import UsageError

#: Rank and world size as launchers set them: torchrun and Horovod, Slurm, Open MPI, MPICH and Intel MPI.
VARIABLES = (
    ("RANK", "WORLD_SIZE"),
    ("HOROVOD_RANK", "HOROVOD_SIZE"),
    ("JAX_PROCESS_ID", "JAX_NUM_PROCESSES"),
    ("SLURM_PROCID", "SLURM_NTASKS"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
)

_said: set[tuple[int, int]] = set()


def resolve(hosts: tuple[int, int] | str | None) -> tuple[int, int]:
    """Return (index, count) of this host.

    Args:
        hosts: (index, count), "auto" to read the launcher's environment variables, or None for a single host.

    Raises:
        UsageError: `hosts` is none of these.
    """
    if hosts is None:
        return 0, 1
    if hosts == "auto":
        return _from_environment()
    if isinstance(hosts, str) or len(hosts) != 2 or not 0 <= hosts[0] < hosts[1]:
        raise UsageError(f"hosts={hosts!r}: give (index, count) with 0 <= index < count, or 'auto'")
    return hosts[0], hosts[1]


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _from_environment() -> tuple[int, int]:
    found, where = (0, 1), "no launcher's variables are set"
    for rank, size in VARIABLES:
        if rank in os.environ and size in os.environ:
            found, where = (int(os.environ[rank]), int(os.environ[size])), f"{rank} and {size}"
            break
    else:
        if "TF_CONFIG" in os.environ:
            found, where = _from_tensorflow(os.environ["TF_CONFIG"]), "TF_CONFIG"
    if found not in _said:
        _said.add(found)
        print(f"clipmill: reading as host {found[0]} of {found[1]} ({where})", file=sys.stderr)
    return found


def _from_tensorflow(text: str) -> tuple[int, int]:
    """Return (index, count) of a tf.distribute cluster; a chief, if there is one, comes before the workers."""
    config = json.loads(text)
    cluster, task = config.get("cluster", {}), config.get("task", {})
    chiefs = len(cluster.get("chief", []))
    workers = len(cluster.get("worker", []))
    index = int(task.get("index", 0)) + (chiefs if task.get("type") == "worker" else 0)
    return index, max(1, chiefs + workers)
