"""PlanShards: sort by (frames, clip id) in each split, and cut into shards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam
import msgspec
from apache_beam import pvalue

from clipmill.options import BuildOptions
from clipmill.planning import plan_split
from clipmill.rows import Clip, ShardPlan, Verdict


class PlanShards(beam.PTransform):
    """Plans the shards of each split: `ShardPlan` rows.

    Args:
        verdict: a PCollection of one `Verdict`; behind a closed gate there is no plan.
    """

    def __init__(self, options: BuildOptions, verdict: beam.PCollection) -> None:
        super().__init__()
        self._options = options
        self._verdict = verdict

    def expand(self, clips: beam.PCollection) -> beam.PCollection:
        """`Clip` rows; they stay packed while they are sorted, since a split's are all held at once."""
        return (
            clips
            | "BySplit" >> beam.Map(_packed).with_output_types(tuple[str, bytes])
            | "GroupSplit" >> beam.GroupByKey()
            | "Plan"
            >> beam.FlatMap(_plan, self._options, pvalue.AsSingleton(self._verdict)).with_output_types(ShardPlan)
        )


def _packed(clip: Clip) -> tuple[str, bytes]:
    return clip.split, msgspec.msgpack.encode(clip)


def _plan(grouped: tuple[str, Iterable[bytes]], options: BuildOptions, verdict: Verdict) -> Iterator[ShardPlan]:
    if verdict.is_open:
        yield from plan_split(grouped[0], grouped[1], options)
