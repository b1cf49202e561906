"""ResolveSources: stat, hash and probe each source once; number the labels; plan the clips."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam import pvalue

from clipmill.jobs import Job, ResolveJob
from clipmill.ledger import Failure
from clipmill.options import BuildOptions
from clipmill.resolving import settle, source_tasks
from clipmill.rows import ClipJob, ClipRow, ClipTask, LabelTable
from transforms.children import InChildren
from transforms.counters import count


class ResolveSources(beam.PTransform):
    """Turns the rows of each source into clips to make.

    Args:
        labels: a PCollection of one `LabelTable`.

    Returns:
        jobs ((clip key, `ClipJob`)), tasks ((clip key, `ClipTask`), one per span), failures
        (`Failure`), and segments ((split, how many clips --segment-seconds adds)).
    """

    def __init__(self, options: BuildOptions, labels: beam.PCollection) -> None:
        super().__init__()
        self._options = options
        self._labels = labels

    def expand(self, sources: beam.PCollection) -> dict[str, beam.PCollection]:
        """One job in a child for each source."""
        resolved = (
            sources
            | "Resolve"
            >> beam.ParDo(_Resolve(self._options), pvalue.AsSingleton(self._labels))
            .with_output_types(
                tuple[str, ClipJob], tasks=tuple[str, ClipTask], failures=Failure, segments=tuple[str, int]
            )
            .with_outputs("tasks", "failures", "segments", main="jobs")
        )
        return {name: resolved[name] for name in ("jobs", "tasks", "failures", "segments")}


class _Resolve(InChildren):
    def __init__(self, options: BuildOptions) -> None:
        super().__init__(options.workers, options.timeout)
        self._options = options
        self._label_index: dict[str, int] = {}

    def process(self, source: tuple[str, list[ClipRow]], labels: LabelTable) -> Iterator[Any]:
        if len(self._label_index) != len(labels.names):
            self._label_index = {name: index for index, name in enumerate(labels.names)}
        for group in source_tasks(source[1], self._options):
            yield from self.fly(group)

    def prepare(self, group: Any) -> tuple[list[ClipRow], Job]:
        rows, task = group
        return rows, ResolveJob(task, self._options.videos)

    def finished(self, rows: list[ClipRow], result: Any) -> Iterator[Any]:
        resolved = settle(rows, result, self._label_index, self._options)
        for job, tasks in resolved.jobs:
            yield job.whole.clip_key, job
            for task in tasks:
                yield pvalue.TaggedOutput("tasks", (task.clip_key, task))
        for failure in resolved.failures:
            yield pvalue.TaggedOutput("failures", failure)
        if resolved.segments:
            yield pvalue.TaggedOutput("segments", (rows[0].split, resolved.segments))
        count("sources")
        count("failed", len(resolved.failures))
