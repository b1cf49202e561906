"""ExportFiles: plan the files of an export, deal them to the workers, write them, finish."""

from __future__ import annotations

from collections.abc import Iterator

import apache_beam as beam
from apache_beam import pvalue

from clipmill.export.base import ExportFile
from clipmill.export.run import ExportTask, Writing, finish, plan_files
from clipmill.transforms.counters import count
from clipmill.transforms.spread import Spread


class ExportFiles(beam.PTransform):
    """Writes every file of an export that is not there yet, and then says that it is whole."""

    def __init__(self, task: ExportTask) -> None:
        super().__init__()
        self._task = task

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        """Add the steps; each worker writes one file at a time."""
        written = (
            root
            | "Start" >> beam.Impulse()
            | "PlanFiles" >> beam.FlatMap(_plan, self._task).with_output_types(ExportFile)
            | "Spread" >> Spread(ExportFile)
            | "WriteFile" >> beam.ParDo(_Write(self._task)).with_output_types(int)
            | "CountFiles" >> beam.CombineGlobally(sum)
        )
        return root | "Once" >> beam.Impulse() | "Finish" >> beam.Map(_finish, self._task, pvalue.AsSingleton(written))


def _plan(_: bytes, task: ExportTask) -> list[ExportFile]:
    return plan_files(task).files


class _Write(beam.DoFn):
    def __init__(self, task: ExportTask) -> None:
        self._task = task

    def setup(self) -> None:
        self._writing = Writing(self._task)

    def process(self, file: ExportFile) -> Iterator[int]:
        if not self._writing.write(file):
            count("kept")
        count("bytes", file.nbytes)
        yield 1


def _finish(_: bytes, task: ExportTask, files: int) -> None:
    finish(task, plan_files(task), files)
