"""GroupFramesPerClip: a clip's spans, decoded or reused, become one clip with its true length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam import pvalue

from clipmill.decoding.assemble_clips import group_frames
from clipmill.ledger import Failure
from clipmill.messages import Clip, ResolvedClip, SpanDone
from clipmill.options import BuildOptions
from clipmill.storage import open_storage
from clipmill.transforms.counters import count
from clipmill.transforms.joining import JoinByKey


class GroupFramesPerClip(beam.PTransform):
    """Joins jobs and spans by clip key.

    Returns:
        clips (`Clip`), failures (`Failure`), and again ((clip key, `ResolvedClip`): to be decoded as one span).
    """

    def __init__(self, options: BuildOptions) -> None:
        super().__init__()
        self._options = options

    def expand(self, joined: dict[str, beam.PCollection]) -> dict[str, beam.PCollection]:
        """Join "jobs" ((clip key, `ResolvedClip`)) with "spans" ((clip key, `SpanDone`))."""
        grouped = (
            joined
            | "Join" >> JoinByKey(jobs=ResolvedClip, spans=SpanDone)
            | "Group"
            >> beam.FlatMap(_group, self._options)
            .with_output_types(Clip, failures=Failure, again=tuple[str, ResolvedClip])
            .with_outputs("failures", "again", main="clips")
        )
        return {name: grouped[name] for name in ("clips", "failures", "again")}


def _group(joined: tuple[str, dict[str, list[Any]]], options: BuildOptions) -> Iterator[Any]:
    key, found = joined
    for row in group_frames(found["jobs"], found["spans"], open_storage(options.out), options):
        if isinstance(row, Clip):
            count("clips")
            yield row
        elif isinstance(row, Failure):
            yield pvalue.TaggedOutput("failures", row)
        else:
            yield pvalue.TaggedOutput("again", (key, row))
