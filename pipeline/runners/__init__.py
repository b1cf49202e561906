"""Where a build runs: one module for each runner, imported when it is chosen."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Protocol

from clipmill.options import BuildOptions

#: By the word after --runner: the module whose `runner(arguments)` makes it.
RUNNERS = {
    "local": "clipmill.pipeline.runners.local",
    "flink": "clipmill.pipeline.runners.flink",
    "dataflow": "clipmill.pipeline.runners.dataflow",
}


#: Takes the counters of a run: rows, sources, clips, frames, failed, shards.
Paint = Callable[[dict[str, int]], None]


class Runner(Protocol):
    """Runs the graph somewhere."""

    def check(self, options: BuildOptions) -> None:
        """Raise for options that cannot work there.

        Raises:
            ClipmillError: says what is missing, and how to mend it.
        """

    def run(self, options: BuildOptions, base: str | None, beam_words: Sequence[str], paint: Paint) -> None:
        """Run a build to its end, good or bad.

        Args:
            base: the version that is published now.
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
