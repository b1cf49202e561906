"""Where a build or an export runs: one module for each runner, imported when it is chosen."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Protocol

from clipmill.pipeline.job import Job

#: The word after --runner for this machine.
LOCAL = "local"
#: By the word after --runner: the module whose `runner(arguments)` makes it.
RUNNERS = {
    LOCAL: "clipmill.pipeline.runners.local",
    "flink": "clipmill.pipeline.runners.flink",
    "dataflow": "clipmill.pipeline.runners.dataflow",
}


#: Takes the counters of a run: rows, sources, clips, frames, failed, shards of a build, kept and bytes of an export.
Paint = Callable[[dict[str, int]], None]


class Runner(Protocol):
    """Runs a graph somewhere."""

    def check(self, job: Job) -> None:
        """Raise for a job that cannot work there.

        Raises:
            ClipmillError: says what is missing, and how to mend it.
        """

    def run(self, job: Job, beam_words: Sequence[str], paint: Paint) -> None:
        """Run a job to its end, good or bad.

        Args:
            beam_words: Beam options from the command line; they win over the runner's own.
            paint: called several times with the counters so far.

        Raises:
            Interrupted: Ctrl-C, or SIGTERM.
            ClipmillError: storage failed, or anything else that ends a run.
        """


def get_runner(arguments: argparse.Namespace) -> Runner:
    """Return the runner that the arguments choose."""
    runner: Runner = import_module(RUNNERS[arguments.runner]).runner(arguments)
    return runner
