"""The base of DoFns that run jobs in child processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from itertools import repeat
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

from clipmill.errors import ClipError
from clipmill.options import BuildOptions
from clipmill.transforms.counters import tell
from clipmill.workers.jobs import Job
from clipmill.workers.pool import landed
from clipmill.workers.shared_pool import children

#: Small elements that one job does.
_TOGETHER = 128


class _Together(NamedTuple):
    """The elements of one job."""

    elements: list[Any]


class InChildren(beam.DoFn):
    """Runs one job per element in a child, or one for many small elements, with a bounded number in flight.

    Results come out as jobs finish; `finish_bundle` waits for the last ones.
    """

    def __init__(self, options: BuildOptions) -> None:
        self._options = options
        self._flying: dict[Future[Any], Any] = {}
        self._small: list[Any] = []

    def job(self, element: Any) -> Job:
        """Return the job of an element."""
        raise NotImplementedError

    def job_of_many(self, elements: Sequence[Any]) -> Job:
        """Return the job of several elements, which gives a list of results, None for each that needs its own job."""
        raise NotImplementedError

    def finished(self, element: Any, result: Any) -> Iterable[Any]:
        """Return the outputs of an element whose job is done; `result` is a ClipError where the clip failed."""
        raise NotImplementedError

    def start_bundle(self) -> None:
        """Drop the jobs that a failed bundle left."""
        self._flying = {}
        self._small = []

    def fly(self, element: Any) -> Iterator[Any]:
        """Start an element's job, and yield the outputs of jobs that finished meanwhile."""
        yield from self._start(element, self.job(element))

    def fly_together(self, element: Any) -> Iterator[Any]:
        """Keep a small element until there are enough for a job, and yield the outputs of jobs that finished."""
        self._small.append(element)
        if len(self._small) == _TOGETHER:
            yield from self._fly_small()

    def finish_bundle(self) -> Iterator[Any]:
        """Wait for the jobs in flight."""
        for output in self._rest():
            if isinstance(output, beam.pvalue.TaggedOutput):
                yield beam.pvalue.TaggedOutput(output.tag, in_global_window(output.value))
            else:
                yield in_global_window(output)
        tell(self._options, last=True)

    def _rest(self) -> Iterator[Any]:
        yield from self._fly_small()
        while self._flying:
            yield from self._landed()

    def _fly_small(self) -> Iterator[Any]:
        elements, self._small = self._small, []
        if elements:
            yield from self._start(_Together(elements), self.job_of_many(elements))

    def _start(self, element: Any, job: Job) -> Iterator[Any]:
        pool = children(self._options)
        self._flying[pool.submit(job)] = element
        if len(self._flying) > pool.most_in_flight:
            yield from self._landed()

    def _landed(self) -> Iterator[Any]:
        # A list, since elements that get a job of their own change what is in flight.
        for element, result in list(landed(self._flying)):
            if isinstance(element, _Together):
                yield from self._finished_together(element.elements, result)
            else:
                yield from self.finished(element, result)
        tell(self._options)

    def _finished_together(self, elements: Sequence[Any], results: Any) -> Iterator[Any]:
        """Yield the outputs of elements that one job did, and start jobs for those that it did not do."""
        # One element at which the child crashed or hung must not cost the others.
        each = repeat(None) if isinstance(results, ClipError) else results
        for element, result in zip(elements, each, strict=False):
            yield from self.fly(element) if result is None else self.finished(element, result)


def in_global_window(value: Any) -> WindowedValue:
    """Wrap a value for `finish_bundle`, which must give a window and a timestamp."""
    return WindowedValue(value, MIN_TIMESTAMP, [GlobalWindow()])
