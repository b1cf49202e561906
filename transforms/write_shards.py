"""WriteShards: serialize Examples, write each shard with its indexes, and its part of the clip table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam

from clipmill.dataset.shard_rows import keep_shard_rows
from clipmill.errors import ClipError, StorageError
from clipmill.layout import read_manifest
from clipmill.messages import ShardPlan, ShardWritten
from clipmill.options import BuildOptions
from clipmill.shards.write import published_shard
from clipmill.storage import open_storage
from clipmill.transforms.children import InChildren
from clipmill.transforms.counters import count
from clipmill.transforms.spread import Spread
from clipmill.workers.jobs import Job, ShardJob


class WriteShards(beam.PTransform):
    """Writes the planned shards that are not there yet: `ShardWritten` rows.

    Args:
        base: the published version, whose shards are known to be whole, or None.
    """

    def __init__(self, options: BuildOptions, base: str | None) -> None:
        super().__init__()
        self._options = options
        self._base = base

    def expand(self, plans: beam.PCollection) -> beam.PCollection:
        """Write `ShardPlan` rows, spread over the workers."""
        return (
            plans
            | "Spread" >> Spread(ShardPlan)
            | "Write" >> beam.ParDo(_Write(self._options, self._base)).with_output_types(ShardWritten)
        )


class _Write(InChildren):
    def __init__(self, options: BuildOptions, base: str | None) -> None:
        super().__init__(options)
        self._base = base

    def start_bundle(self) -> None:
        super().start_bundle()
        self._storage = open_storage(self._options.out)
        self._published = read_manifest(self._storage, self._base).shards if self._base else {}

    def process(self, plan: ShardPlan) -> Iterator[ShardWritten]:
        entry = self._published.get(plan.shard)
        done = None if entry is None else published_shard(self._storage, plan, entry)
        if done is None:
            yield from self.fly(plan)
        else:
            yield keep_shard_rows(self._storage, self._options, plan, done, durable=False)

    def job(self, plan: ShardPlan) -> Job:
        options = self._options
        return ShardJob(
            shard=plan.shard, schema=options.record_schema, dataset=options.name, clips=plan.clips, out=options.out
        )

    def finished(self, plan: ShardPlan, result: Any) -> Iterator[ShardWritten]:
        if isinstance(result, ClipError):
            raise StorageError(f"shard {plan.shard}: {result.message}; run the build again")
        count("shards")
        yield keep_shard_rows(self._storage, self._options, plan, result, durable=True)
