"""Defaults that each run computes: its id, and the cores of this machine."""

from __future__ import annotations

import os
import secrets
import sys
import time


def new_run() -> str:
    """Return an id that no other run has; ids sort by the time when their runs began."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + "-" + secrets.token_hex(3)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
