"""WriteShards: serialize Examples, write each shard with its indexes, and its part of the clip table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam

from clipmill.ahead import do_all
from clipmill.clip_table import further_columns, part
from clipmill.errors import ClipError, StorageError
from clipmill.jobs import Job, ShardJob
from clipmill.options import BuildOptions
from clipmill.published import part_path
from clipmill.rows import ShardDone, ShardPlan, ShardWritten
from clipmill.storage import open_storage
from transforms.children import InChildren
from transforms.counters import count


class WriteShards(beam.PTransform):
    """Writes the planned shards that are not there yet: `ShardWritten` rows."""

    def __init__(self, options: BuildOptions) -> None:
        super().__init__()
        self._options = options

    def expand(self, plans: beam.PCollection) -> beam.PCollection:
        """`ShardPlan` rows, spread by a shuffle."""
        return (
            plans
            | "Spread" >> beam.Reshuffle()
            | "Write" >> beam.ParDo(_Write(self._options)).with_output_types(ShardWritten)
        )


class _Write(InChildren):
    def __init__(self, options: BuildOptions) -> None:
        super().__init__(options.workers, options.timeout)
        self._options = options

    def process(self, plan: ShardPlan) -> Iterator[ShardWritten]:
        yield from self.fly(plan)

    def prepare(self, plan: ShardPlan) -> tuple[ShardPlan, Job]:
        options = self._options
        return plan, ShardJob(plan.shard, options.schema, options.name, plan.clips, options.out)

    def finished(self, plan: ShardPlan, result: Any) -> Iterator[ShardWritten]:
        if isinstance(result, ClipError):
            raise StorageError(f"shard {plan.shard}: {result.message}; run the build again")
        done: ShardDone = result
        storage = open_storage(self._options.out)
        path = part_path(self._options.run, plan.shard, self._options.schema)
        storage.put(path, part(plan.shard, plan.clips, done.places))
        # The shard is durable and its part names every clip in it, so the fragments can go.
        do_all(storage.delete, _fragments(plan, shared=False))
        count("shards")
        yield ShardWritten(
            plan.split,
            plan.band,
            plan.number,
            plan.shard,
            plan.digest,
            done.entry,
            path,
            further_columns(plan.clips),
            _fragments(plan, shared=True),
        )


def _fragments(plan: ShardPlan, *, shared: bool) -> list[str]:
    return [piece.path for clip in plan.clips for piece in clip.pieces if not piece.schema and clip.shared == shared]
