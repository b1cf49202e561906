"""Ctrl-C that something swallows still stops a run."""

from __future__ import annotations

import subprocess
import sys

SWALLOWED = """
import contextlib, os, signal
from clipmill.pipeline.interrupts import remember_interrupts, stop_event

signal.signal(signal.SIGINT, {handler})
remember_interrupts()
with contextlib.suppress(KeyboardInterrupt):
    os.kill(os.getpid(), signal.SIGINT)
with stop_event() as stop:
    print(stop.is_set())
"""


def stopped(handler: str) -> str:
    command = [sys.executable, "-c", SWALLOWED.format(handler=handler)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_ctrl_c_before_a_run_counts_though_it_was_swallowed():
    assert stopped("signal.default_int_handler") == "True"


def test_a_command_that_ignores_ctrl_c_goes_on_doing_so():
    assert stopped("signal.SIG_IGN") == "False"
