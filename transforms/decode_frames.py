"""DecodeFrames: decode, sample, resize and encode, one fragment for each span of a clip, small images in packs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam import pvalue

from clipmill.decoding.fragments import fragment_path, remembered_failure
from clipmill.errors import ClipError
from clipmill.ledger import Reason
from clipmill.messages import ClipTask, Piece, SpanDone, Verdict
from clipmill.options import BuildOptions
from clipmill.sources.pictures import is_small_image
from clipmill.storage import open_storage
from clipmill.transforms.children import InChildren
from clipmill.transforms.counters import count
from clipmill.transforms.spread import Spread
from clipmill.workers.jobs import DecodeJob, Job, PackJob


class DecodeFrames(beam.PTransform):
    """Decodes spans in child processes.

    Args:
        verdict: a PCollection of one `Verdict`; nothing is decoded behind a closed gate.

    Returns:
        (clip key, `SpanDone`); a failure is one too.
    """

    def __init__(self, options: BuildOptions, verdict: beam.PCollection) -> None:
        super().__init__()
        self._options = options
        self._verdict = verdict

    def expand(self, tasks: beam.PCollection) -> beam.PCollection:
        """Decode `ClipTask` rows."""
        return (
            tasks
            | "Spread" >> Spread(ClipTask)
            | "Decode"
            >> beam.ParDo(_Decode(self._options), pvalue.AsSingleton(self._verdict)).with_output_types(
                tuple[str, SpanDone]
            )
        )


class _Decode(InChildren):
    def __init__(self, options: BuildOptions) -> None:
        super().__init__(options)

    def process(self, task: ClipTask, verdict: Verdict) -> Iterator[Any]:
        if not verdict.is_open:
            return
        failure = self._remembered(task)
        if failure is None:
            yield from self.fly_together(task) if is_small_image(task.path, task.size) else self.fly(task)
        else:
            yield from self.finished(task, ClipError(*failure))

    def _remembered(self, task: ClipTask) -> tuple[str, str] | None:
        """Return how the clip failed before; on local disks, where looking is cheap, that saves a child's work."""
        storage = open_storage(self._options.out)
        path = fragment_path(task.clip_key, task.span.number, task.span.of)
        return remembered_failure(storage, path) if storage.local else None

    def job(self, task: ClipTask) -> Job:
        return DecodeJob(task, self._options.videos, self._options.out, self._options.frames)

    def job_of_many(self, tasks: Sequence[ClipTask]) -> Job:
        return PackJob(list(tasks), self._options.videos, self._options.out, self._options.frames)

    def finished(self, task: ClipTask, result: Any) -> Iterator[tuple[str, SpanDone]]:
        if isinstance(result, ClipError):
            failure = (Reason(result.reason).value, result.message)
            result = SpanDone(task.clip_key, task.span.number, task.span.of, Piece(""), failure=failure)
            count("failed")
        count("frames", result.frames)
        count("spans")
        yield task.clip_key, result
