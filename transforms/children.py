"""The base of DoFns that run jobs in child processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from typing import Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

from clipmill.options import BuildOptions
from clipmill.transforms.counters import tell
from clipmill.workers.jobs import Job
from clipmill.workers.pool import landed
from clipmill.workers.shared_pool import children


class InChildren(beam.DoFn):
    """Runs one job per element in a child, with a bounded number in flight.

    Results come out as jobs finish; `finish_bundle` waits for the last ones.
    """

    def __init__(self, options: BuildOptions) -> None:
        self._options = options
        self._flying: dict[Future[Any], Any] = {}

    def prepare(self, element: Any) -> tuple[Any, Job]:
        """Return what to keep of an element until its job is done, and the job."""
        raise NotImplementedError

    def finished(self, kept: Any, result: Any) -> Iterable[Any]:
        """Return the outputs of a finished job; `result` is a ClipError where the clip failed."""
        raise NotImplementedError

    def start_bundle(self) -> None:
        """Drop the jobs that a failed bundle left."""
        self._flying = {}

    def fly(self, element: Any) -> Iterator[Any]:
        """Start an element's job, and yield the outputs of jobs that finished meanwhile."""
        kept, job = self.prepare(element)
        pool = children(self._options.workers, self._options.timeout)
        self._flying[pool.submit(job)] = kept
        if len(self._flying) > pool.most_in_flight:
            yield from self._landed()

    def finish_bundle(self) -> Iterator[Any]:
        """Wait for the jobs in flight."""
        while self._flying:
            for output in self._landed():
                if isinstance(output, beam.pvalue.TaggedOutput):
                    yield beam.pvalue.TaggedOutput(output.tag, in_global_window(output.value))
                else:
                    yield in_global_window(output)
        tell(self._options, last=True)

    def _landed(self) -> Iterator[Any]:
        for kept, result in landed(self._flying):
            yield from self.finished(kept, result)
        tell(self._options)


def in_global_window(value: Any) -> WindowedValue:
    """Wrap a value for `finish_bundle`, which must give a window and a timestamp."""
    return WindowedValue(value, MIN_TIMESTAMP, [GlobalWindow()])
