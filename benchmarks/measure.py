"""Measuring a command from outside: CPU of its whole process tree, wall time, and peak memory."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from pathlib import Path
from typing import NamedTuple

_POLL_SECONDS = 0.1


class Cost(NamedTuple):
    """What a command took.

    Attributes:
        cpu: seconds, user and system, of the command and all its descendants.
        wall: seconds.
        pss: peak bytes of the tree's memory, where shared pages count once; 0 if not asked for.
    """

    cpu: float
    wall: float
    pss: int


def measure(command: list[str], *, memory: bool = False, env: dict[str, str] | None = None) -> Cost:
    """Run a command to its end.

    Args:
        memory: also follow its memory; reading that costs some CPU of ours, not of the command's.

    Raises:
        subprocess.CalledProcessError: it failed; carries what it printed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **(env or {})}
    )
    peak = [0]
    done = threading.Event()

    def follow() -> None:
        while not done.wait(_POLL_SECONDS):
            peak[0] = max(peak[0], tree_pss(process.pid))

    watcher = threading.Thread(target=follow)
    if memory:
        watcher.start()
    output, _ = process.communicate()
    done.set()
    if memory:
        watcher.join()
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, wall, peak[0])


def tree_pss(root: int) -> int:
    """Proportional set size of a process and its descendants, bytes."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    total = 0
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        waiting += children.get(pid, [])
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) << 10 for line in rollup.splitlines() if line.startswith("Pss:"))
    return total
