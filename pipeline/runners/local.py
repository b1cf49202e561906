"""The graph on this machine."""

from __future__ import annotations

import argparse
import logging
import re
import threading
from collections.abc import Sequence
from typing import TypeVar

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from clipmill.errors import ClipmillError, UsageError
from clipmill.pipeline.interrupts import interrupted, stop_event
from clipmill.pipeline.job import Job
from clipmill.pipeline.runners import Paint
from clipmill.transforms import counters
from clipmill.workers.shared_pool import close_children

_View = TypeVar("_View", bound=PipelineOptions)
_PAINT_SECONDS = 0.2
#: What Beam appends to the text of any error.
_WHILE_RUNNING = re.compile(r" \[while running '[^']*'\]$")


def runner(arguments: argparse.Namespace) -> Local:
    """Return the runner for the options of the command line.

    Raises:
        UsageError: an option after -- is none of Beam's, which would pass over it without a word.
    """
    given = PipelineOptions(arguments.beam_words)
    unknown = given.get_all_options(retain_unknown_options=True).keys() - given.get_all_options().keys()
    if unknown:
        raise UsageError(f"-- --{min(unknown)}: Beam has no such option")
    return Local()


class _Options(PipelineOptions):
    """Beam's options, each view of them made once.

    Beam asks for views several times for every transform, and makes each from a parser of its own: a sixth of the
    CPU time of a build of one clip.
    """

    def view_as(self, cls: type[_View]) -> _View:
        """Return the options as those of one class; what is set there is set here."""
        # Beam's class takes options alone as attributes.
        views = self.__dict__.setdefault("_views", {})
        view: _View = views[cls] if cls in views else views.setdefault(cls, super().view_as(cls))
        return view


class Local:
    """Runs on Beam's local runner, in one Beam worker, with our own children.

    FnApiRunner is named, since DirectRunner may try to download another, and run in
    memory with one worker, since its other modes lost rows or hung.
    """

    def check(self, job: Job) -> None:
        """Accept everything: all paths are here."""

    def run(self, job: Job, beam_words: Sequence[str], paint: Paint) -> None:
        """Run a job to its end, good or bad: see `clipmill.pipeline.runners.Runner`."""
        counters.reset()
        close_children()
        failures: list[BaseException] = []

        def work() -> None:
            try:
                pipeline = beam.Pipeline(runner=FnApiRunner(), options=_Options(list(beam_words)))
                job.graph(pipeline, None)
                pipeline.run()
            except BaseException as error:
                failures.append(error)

        # What Beam logs of a failing stage is a stack of its own; the cause is told in one line.
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
        with stop_event() as stop:
            thread = threading.Thread(target=work, name="clipmill-beam", daemon=True)
            try:
                thread.start()
                while thread.is_alive() and not stop.wait(_PAINT_SECONDS):
                    paint(counters.local_counts())
            finally:
                close_children(kill=stop.is_set())
        paint(counters.local_counts())
        if stop.is_set() and job.stop():
            # What is left of it ends with the process.
            thread.join(1)
            if failures or thread.is_alive():
                raise interrupted(job.kept)
        # A run that has ended, or is past the point where its version is published, ends as any other.
        thread.join()
        if failures:
            raise cause(failures[0])


def cause(error: BaseException) -> BaseException:
    """Return our own error behind the layers that Beam wraps around it, or else the error itself."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ClipmillError):
            seen.args = (_WHILE_RUNNING.sub("", str(seen)),)
            return seen
        seen = seen.__cause__ or seen.__context__
    return error
