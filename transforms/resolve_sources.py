"""ResolveSources: stat, hash and probe each source once; number the labels; plan the clips."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam import pvalue

from clipmill.dataset.account import Counted, Key, key
from clipmill.errors import ClipError
from clipmill.ledger import Failure, Reason
from clipmill.listings.label_table import LabelTable
from clipmill.listings.paths import is_image
from clipmill.messages import CachedProbe, ClipRow, ClipTask, ProbedSource, ResolvedClip, SourceRows, SourceTask
from clipmill.options import BuildOptions
from clipmill.sources.cache import RENEW, Notes, recall_source
from clipmill.sources.clips import settle, source_tasks
from clipmill.storage import open_storage
from clipmill.transforms.children import InChildren, in_global_window
from clipmill.transforms.counters import count
from clipmill.workers.jobs import Job, ResolveJob, ResolveManyJob


class _Asked(NamedTuple):
    video: str
    rows: list[ClipRow]
    task: SourceTask
    known: list[CachedProbe]
    found: str
    at: float


class ResolveSources(beam.PTransform):
    """Turns the rows of each source into clips to make.

    Args:
        labels: a PCollection of one `LabelTable`.

    Returns:
        jobs ((clip key, `ResolvedClip`)), tasks ((clip key, `ClipTask`), one per span), failures
        (`Failure`), counts ((`Key`, number) of videos, and of the clips that --segment-seconds adds), and absent
        (`SourceRows` that are not where their rows say).
    """

    def __init__(self, options: BuildOptions, labels: beam.PCollection) -> None:
        super().__init__()
        self._options = options
        self._labels = labels

    def expand(self, sources: beam.PCollection) -> dict[str, beam.PCollection]:
        """Resolve sources, each as one job in a child."""
        resolved = sources | "Resolve" >> beam.ParDo(
            _Resolve(self._options), pvalue.AsSingleton(self._labels)
        ).with_output_types(
            tuple[str, ResolvedClip],
            tasks=tuple[str, ClipTask],
            failures=Failure,
            counts=tuple[Key, int],
            absent=SourceRows,
        ).with_outputs("tasks", "failures", "counts", "absent", main="jobs")
        return {name: resolved[name] for name in ("jobs", "tasks", "failures", "counts", "absent")}


class _Resolve(InChildren):
    """Resolves known sources here, and all others in a child.

    On object stores a child also checks whether a known source changed, since that takes a round trip.
    """

    def __init__(self, options: BuildOptions) -> None:
        super().__init__(options)
        self._label_index: dict[str, int] = {}

    def start_bundle(self) -> None:
        super().start_bundle()
        self._counts: Counter[Key] = Counter()
        self._videos = open_storage(self._options.videos)
        self._notes = Notes(open_storage(self._options.out), self._videos)

    def process(self, source: SourceRows, labels: LabelTable) -> Iterator[Any]:
        if len(self._label_index) != len(labels.names):
            self._label_index = {name: index for index, name in enumerate(labels.names)}
        for rows, task in source_tasks(source.rows, self._options, source.found):
            asked = _Asked(source.video, rows, task, source.known, source.found, time.time())
            answer = self._recall(asked) if self._videos.local else None
            if answer is not None:
                yield from self.finished(asked, answer)
            else:
                yield from self.fly_together(asked) if is_image(task.paths[0]) else self.fly(asked)

    def _recall(self, asked: _Asked) -> ProbedSource | ClipError | None:
        try:
            known = recall_source(self._videos, asked.task, asked.known)
        except ClipError as missing:
            return missing
        return None if known is None else known.source

    def job(self, asked: _Asked) -> Job:
        return ResolveJob(asked.task, self._options.videos, asked.known)

    def job_of_many(self, asked: Sequence[_Asked]) -> Job:
        return ResolveManyJob([one.task for one in asked], self._options.videos, [one.known for one in asked])

    def finished(self, asked: _Asked, result: Any) -> Iterator[Any]:
        if not asked.found:  # else it was counted when it was absent
            self._counts[key(asked.rows[0].split, Counted.VIDEOS)] += 1
        if isinstance(result, ProbedSource):
            self._note(asked, result)
        elif result.reason == Reason.MISSING and not asked.found:
            yield pvalue.TaggedOutput("absent", SourceRows(asked.video, asked.rows, asked.known))
            return
        resolved = settle(asked.rows, result, self._label_index, self._options)
        for job, tasks in resolved.jobs:
            yield job.whole.clip_key, job
            count("tasks", len(tasks))
            for task in tasks:
                yield pvalue.TaggedOutput("tasks", (task.clip_key, task))
        for failure in resolved.failures:
            yield pvalue.TaggedOutput("failures", failure)
        for split, more in resolved.segments.items():
            self._counts[key(split, Counted.SEGMENTS)] += more
        count("sources")
        count("failed", len(resolved.failures))

    def _note(self, asked: _Asked, source: ProbedSource) -> None:
        for known in asked.known:
            if known.source == source and known.noted > asked.at - RENEW:
                count("known")
                return
        self._notes.add(asked.video, asked.task, source, asked.at)

    def finish_bundle(self) -> Iterator[Any]:
        yield from super().finish_bundle()
        for counted in self._counts.items():
            yield pvalue.TaggedOutput("counts", in_global_window(counted))
        self._notes.write()
